"""A trusted peer written down message by message, for what our own phone would never send."""

from sip.flow import Address
from sip.message import Message, Request, Response
from sip.parser import parse
from tests.exchange.office import SERVER
from tests.sim.world import World

HERE: Address = ("10.9.0.1", 5060)

SDP = """v=0
o=- 1 1 IN IP4 10.9.0.1
s=-
c=IN IP4 10.9.0.1
t=0 0
m=audio 4000 RTP/AVP {types}
"""
PLAIN = SDP.format(types="0 8").replace("\n", "\r\n").encode()
G729 = SDP.format(types="18").replace("\n", "\r\n").encode()


class Trunk:
    """One call to us. `inbox` holds what came back, for all of its calls."""

    def __init__(
        self, world: World, caller: str = "0501234567", call_id: str = "a-call-of-the-trunk"
    ) -> None:
        self.world = world
        self.caller = caller
        self.call_id = call_id
        self.inbox = world.inboxes.setdefault(HERE, [])
        self.branches = 0
        self.cseq = 10
        self.to_tag = ""
        self.to = ""

    def invite(self, number: str, body: bytes) -> None:
        self.to = f"<sip:{number}@{SERVER[0]}>"
        self._send("INVITE", 1, body, number)

    def ack(self, body: bytes = b"") -> None:
        self._send("ACK", 1, body)

    def bye(self) -> None:
        self._send("BYE", 2)

    def info(self, body: bytes) -> None:
        """A key, if we were allowed to press one."""
        self.cseq += 1
        _ = self.answer(200)
        self._send("INFO", self.cseq, body, kind="application/dtmf-relay")

    def refer(self, number: str) -> None:
        self.cseq += 1
        _ = self.answer(200)
        to = f"<sip:{number}@{SERVER[0]}>"
        self._send("REFER", self.cseq, more=(("Refer-To", to),))

    def messages(self) -> list[Message]:
        messages = (parse(data) for data in self.inbox)
        return [message for message in messages if message.call_id == self.call_id]

    def statuses(self) -> list[int]:
        """Each once, however often it was repeated."""
        return list(dict.fromkeys(m.status for m in self.messages() if isinstance(m, Response)))

    def answer(self, status: int) -> Response:
        """The first response with this status; its tag is used from now on."""
        for message in self.messages():
            if isinstance(message, Response) and message.status == status:
                self.to_tag = f";tag={message.to_tag}"
                return message
        raise AssertionError(f"no {status} in {self.statuses()}")

    def _send(
        self,
        method: str,
        cseq: int,
        body: bytes = b"",
        number: str = "",
        kind: str = "application/sdp",
        more: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.branches += 1
        branch = f"z9hG4bK-{self.call_id}-{self.branches}"
        user = f"{number}@" if number else ""
        headers = [
            ("Via", f"SIP/2.0/UDP {HERE[0]}:{HERE[1]};branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.caller}@{HERE[0]}>;tag=t1"),
            ("To", f"{self.to}{self.to_tag}"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{HERE[0]}:{HERE[1]}>"),
        ]
        headers += more
        if body:
            headers.append(("Content-Type", kind))
        request = Request(method, f"sip:{user}{SERVER[0]}", headers, body)
        self.world.send(HERE, bytes(request))
