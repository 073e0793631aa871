"""What SIP costs in a plain call: two endpoints back to back, INVITE to BYE, with all their timers.

Seven messages, each written once and read once: just what a back-to-back user agent does for a
call, which has one leg on either side.
"""

import time
from typing import Final

from sip.endpoint import Endpoint, EndpointConfig
from sip.events import InviteReceived, Output, Send, SessionAnswered, SessionEnded
from sip.flow import Flow
from sip.headers import NameAddr
from sip.tokens import Tokens

Figure = tuple[str, float, str]
ROUNDS: Final = 7
CALLS: Final = 1_000
CALL_SECONDS: Final = 20.0
CALLS_PER_SECOND: Final = 100.0

_CALLER: Final = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
_CALLEE: Final = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
_FROM: Final = NameAddr.parse('"Olena" <sip:101@192.0.2.1>')
_TO: Final = NameAddr.parse("<sip:901@192.0.2.2>")
_SDP: Final = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)


class Pair:
    """A caller and a callee who answers at once."""

    def __init__(self) -> None:
        self.caller = Endpoint(EndpointConfig(), Tokens(b"caller"), None)
        self.callee = Endpoint(EndpointConfig(), Tokens(b"callee"), None)
        self.answered = 0
        self.ended = 0

    def call(self, name: str, now: float) -> None:
        uri = "sip:901@192.0.2.2"
        outputs = self.caller.invite(
            name, uri=uri, flow=_CALLER, from_=_FROM, to=_TO, body=_SDP, now=now
        )
        self._to_callee(outputs, now)

    def hangup(self, name: str, now: float) -> None:
        self._to_callee(self.caller.hangup(name, now), now)

    def wait(self, until: float) -> None:
        for endpoint in (self.caller, self.callee):
            while (deadline := endpoint.next_deadline) is not None and deadline <= until:
                outputs = endpoint.on_time(deadline)
                assert not outputs, outputs  # Nothing is sent again: nothing was lost.

    def _to_callee(self, outputs: list[Output], now: float) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self._to_caller(self.callee.on_datagram(output.data, _CALLEE, now), now)
            else:
                self.answered += isinstance(output, SessionAnswered)
                self.ended += isinstance(output, SessionEnded)

    def _to_caller(self, outputs: list[Output], now: float) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self._to_callee(self.caller.on_datagram(output.data, _CALLER, now), now)
            elif isinstance(output, InviteReceived):
                self._to_caller(self.callee.ring(output.session, now), now)
                self._to_caller(self.callee.answer(output.session, _SDP, now), now)


def run() -> list[Figure]:
    times = [_round() for _ in range(ROUNDS)]
    return [("sip_call_cpu_us", round(min(times) * 1e6 / CALLS, 1), "us")]


def _round() -> float:
    """Seconds of CPU for all calls, of which many are up at a time."""
    pair = Pair()
    begin = time.process_time()
    for number in range(CALLS + int(CALL_SECONDS * CALLS_PER_SECOND)):
        now = number / CALLS_PER_SECOND
        pair.wait(now)
        if number < CALLS:
            pair.call(f"c{number}", now)
        ended = number - int(CALL_SECONDS * CALLS_PER_SECOND)
        if ended >= 0:
            pair.hangup(f"c{ended}", now)
    pair.wait(1e9)
    spent = time.process_time() - begin
    assert pair.answered == pair.ended == CALLS, (pair.answered, pair.ended)
    assert not any(pair.caller.leftovers().values()), pair.caller.leftovers()
    return spent
