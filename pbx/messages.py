"""Text messages from one extension to another: MESSAGE, pager mode (RFC 3428).

A message goes to all devices of the extension, and the sender hears 200 as soon as one of them has
it. While none has said anything the sender is not kept waiting for ever: 202, the message is still
on its way (§7). Nothing is stored: who cannot be reached gets no message, and the sender a 480.
"""

from dataclasses import dataclass
from typing import Any, Final

from pbx.deadlines import Deadlines
from pbx.devices import devices_of
from pbx.plan import Plan
from sip.endpoint import Endpoint
from sip.events import RequestDone, RequestReceived
from sip.flow import Flow
from sip.headers import NameAddr
from sip.message import Headers, Request
from sip.registration import Registrar
from sip.uri import Uri

Item = Any
"""For the work queue of the exchange."""

PART: Final = "messages"  # Of the keys of our requests.
BODY_BYTES_MAX: Final = 1_300  # RFC 3428 §8: of what may get lost on a full line.
TYPES: Final = (
    *("text/plain", "text/html", "message/cpim"),
    *("application/im-iscomposing+xml", "message/imdn+xml"),
)
ANSWER_SECONDS: Final = 8.0
"""Then the sender hears 202. Over UDP the message has gone out five times by then, and the sender's
own patience ends after 32 s."""

RELAYS_MAX: Final = 2_000  # Messages under way at a time,
SENDER_MAX: Final = 20  # and those of one sender: people type slower.
RETRY_SECONDS: Final = 5

# What a device says about the message rather than about itself is passed on.
_ABOUT_IT: Final = frozenset({413, 415, 488, 493, 603, 606})


@dataclass(slots=True)
class Relay:
    """One message under way."""

    transaction: str  # Of the sender, who waits.
    sender: str
    devices: int  # That have not answered.
    status: int = 480  # To answer when nobody takes it.


class Messages:
    def __init__(self, endpoint: Endpoint, registrar: Registrar) -> None:
        self._endpoint = endpoint
        self._registrar = registrar
        self._plan: Plan | None = None
        self._relays: dict[str, Relay] = {}
        self._senders: dict[str, int] = {}  # Messages under way of each.
        self.deadlines = Deadlines()
        self._number = 0

    def __len__(self) -> int:
        return len(self._relays)

    @property
    def next_deadline(self) -> float | None:
        return self.deadlines.next_deadline

    def configure(self, plan: Plan, now: float) -> list[Item]:
        self._plan = plan
        return []

    def on_message(self, event: RequestReceived, now: float) -> list[Item]:
        """A MESSAGE outside calls; its sender has been let in."""
        request = event.request
        to = Uri.parse(request.uri).user_unescaped
        sender = event.username or event.flow.remote[0]
        status, headers = self._why_not(request, to, sender)
        if status:
            return [*self._endpoint.respond(event.transaction, status, now, headers)]
        return self._relay(event, sender, to, now)

    def on_done(self, event: RequestDone, now: float) -> list[Item]:
        """What a device said; None: nothing, for 32 s."""
        name = event.key.split(":")[1]
        relay = self._relays.get(name)
        if relay is None:
            return []
        relay.devices -= 1
        status = 480 if event.response is None else event.response.status
        if status < 300:
            return self._answer(name, 200, now)
        if status in _ABOUT_IT:
            relay.status = status
        return [] if relay.devices else self._answer(name, relay.status, now)

    def on_time(self, now: float) -> list[Item]:
        due = self.deadlines.take_expired(now)
        return [item for _, name in due for item in self._answer(name, 202, now)]

    # --- inside

    def _why_not(self, request: Request, to: str, sender: str) -> tuple[int, Headers]:
        """The status to refuse it with; 0: nothing is wrong with it."""
        if self._plan is None or to not in self._plan.extensions:
            return 404, []
        kind = request.first.get("Content-Type", "text/plain").partition(";")[0].strip().lower()
        if len(request.body) > BODY_BYTES_MAX:
            return 413, []
        if kind not in TYPES:
            return 415, [("Accept", ", ".join(TYPES))]
        if request.first.get("Content-Encoding", "identity").lower() != "identity":
            return 415, [("Accept-Encoding", "identity")]
        if len(self._relays) >= RELAYS_MAX or self._senders.get(sender, 0) >= SENDER_MAX:
            return 503, [("Retry-After", str(RETRY_SECONDS))]
        return 0 if devices_of(self._plan, self._registrar, to) else 480, []

    def _relay(self, event: RequestReceived, sender: str, to: str, now: float) -> list[Item]:
        assert self._plan is not None
        devices = devices_of(self._plan, self._registrar, to)
        self._number += 1
        name = str(self._number)
        self._relays[name] = Relay(event.transaction, sender, len(devices))
        self._senders[sender] = self._senders.get(sender, 0) + 1
        self.deadlines.start("answer", name, now + ANSWER_SECONDS)
        items: list[Item] = []
        for uri, flow, routes in devices:
            items += self._endpoint.request(
                f"{PART}:{name}",
                "MESSAGE",
                uri=uri,
                flow=flow,
                from_=self._from(event, flow),
                to=NameAddr("", Uri("sip", to, flow.remote[0], None)),
                headers=routes,
                body=event.request.body,
                content_type=event.request.first.get("Content-Type", "text/plain"),
                now=now,
            )
        return items

    def _from(self, event: RequestReceived, flow: Flow) -> NameAddr:
        """An extension is who it is, whatever it says; whom we trust may say who it is."""
        assert self._plan is not None
        host, port = flow.local
        known = self._plan.extensions.get(event.username or "")
        if known is not None:
            return NameAddr(known.name, Uri("sip", known.id, host, port or None))
        claimed = event.request.from_
        user = event.username or claimed.uri.user or "anonymous"
        return NameAddr(claimed.display, Uri("sip", user, host, port or None))

    def _answer(self, name: str, status: int, now: float) -> list[Item]:
        relay = self._relays.pop(name)
        self.deadlines.stop("answer", name)
        self._senders[relay.sender] -= 1
        if not self._senders[relay.sender]:
            del self._senders[relay.sender]
        return [*self._endpoint.respond(relay.transaction, status, now)]
