"""One subscription, seen by the notifier: RFC 6665 §4.2.

   SUBSCRIBE
       v
    OFFERED --- refused, never answered -----------------------> ENDED
       |   \\                                                      ^
    accepted \\-- accepted for 0 s: a mere question (§4.4.3)       |
       |       \\                                                  |
       v        v                                                 |
    ACTIVE -> LAST  the next NOTIFY is the last one               |
       |  \\       \\                                               |
       |   \\       +-- NOTIFY sent --> ENDING -- answered --------+
       |    \\-- expired, ended by us ---^                         |
       +------- the subscriber is gone (a NOTIFY failed) ---------+

A SUBSCRIBE within the dialog prolongs it; with `Expires: 0` it leads to LAST. At most one NOTIFY
is under way (RFC 6665 has no numbers for its own, and datagrams overtake each other): another one
waits, and a third takes the place of the second. Who must not lose one waits for `Notified`.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sip.building import MAGIC_COOKIE, contact_of, via_of
from sip.dialog import Dialog
from sip.errors import LocalError, RemoteError
from sip.events import EndedBy, Notified, Subscribed, SubscriptionEnded, SubscriptionRefreshed
from sip.flow import Flow
from sip.message import Request, Response, respond
from sip.session import Reply, Start
from sip.states import Named

SECONDS_MAX: Final = 2**31  # What is larger means this.
ANSWER_SECONDS: Final = 32.0  # 64*T1: the client has given up; nor may its last NOTIFY wait longer.

# Of a NOTIFY: the subscription or its dialog is gone (RFC 6665 §4.2.2, RFC 5057 §5.1); with the
# others it goes on, and the next NOTIFY may do better.
GONE: Final = frozenset({404, 405, 408, 410, 416, *range(480, 486), 489, 501, 502, 604})


class State(Named):
    OFFERED = "not answered yet"
    ACTIVE = "active"
    LAST = "the next NOTIFY is the last"
    ENDING = "the last NOTIFY is under way"
    ENDED = "ended"


_S = State
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    _S.OFFERED: frozenset({_S.ACTIVE, _S.LAST, _S.ENDED}),
    _S.ACTIVE: frozenset({_S.LAST, _S.ENDING, _S.ENDED}),
    _S.LAST: frozenset({_S.ENDING, _S.ENDED}),
    _S.ENDING: frozenset({_S.ENDED}),
    _S.ENDED: frozenset(),
}


class Waiting(NamedTuple):
    """A NOTIFY that goes out when the one before is answered."""

    body: bytes
    content_type: str
    state: str  # "active", "pending" or "terminated".
    reason: str


SubscriptionOutput = (
    Start | Reply | Subscribed | SubscriptionRefreshed | Notified | SubscriptionEnded
)


class Subscription:
    """Its name and key is its local tag: unguessable, and in every message of its dialog."""

    __slots__ = (
        "_branch",
        "_request",
        "_sent",
        "_transaction",
        "_waiting",
        "dialog",
        "event",
        "expires_at",
        "flow",
        "local_tag",
        "next_deadline",
        "seconds_max",
        "state",
    )

    def __init__(
        self, transaction: str, request: Request, local_tag: str, flow: Flow, now: float
    ) -> None:
        """May raise RemoteError: the request makes no dialog."""
        if request.contact is None:
            raise RemoteError("SUBSCRIBE needs one Contact")  # RFC 6665 §4.1.2.1, §4.4.1.
        self.state = State.OFFERED
        self.local_tag = local_tag
        self.flow = flow  # Where the subscriber was last heard.
        self.event = request.first.get("Event", "")  # As it came, its id included.
        self.dialog = Dialog.uas(request, local_tag)
        self.expires_at = 0.0
        self.seconds_max = 0  # The longest that its user grants.
        self.next_deadline: float | None = now + ANSWER_SECONDS
        self._transaction = transaction
        self._request: Request | None = request  # Until it is answered.
        self._branch = ""  # Of the NOTIFY under way.
        self._sent = 0  # NOTIFYs, for the next branch.
        self._waiting: Waiting | None = None

    def __repr__(self) -> str:
        return f"<Subscription {self.local_tag} {self.event} {self.state.name}>"

    @property
    def gone(self) -> bool:
        return self.state is State.ENDED

    @property
    def notifying(self) -> bool:
        """A NOTIFY is under way."""
        return self._branch != ""

    # --- commands ---------------------------------------------------------------------------

    def accept(
        self, seconds: int, now: float, headers: Iterable[tuple[str, str]] = ()
    ) -> list[SubscriptionOutput]:
        """For so long at most; the first NOTIFY is to follow at once (§4.2.1.2)."""
        if self.state is not State.OFFERED:
            return []
        request = self._take_request()
        self.seconds_max = seconds
        granted = self._grant(request, now)
        self._become(State.ACTIVE if granted else State.LAST)
        return [self._ok(self._transaction, request, granted, headers)]

    def reject(
        self, status: int, headers: Iterable[tuple[str, str]] = ()
    ) -> list[SubscriptionOutput]:
        if self.state is not State.OFFERED:
            return []
        response = respond(
            self._take_request(), status, to_tag=self.local_tag, headers=tuple(headers)
        )
        self._become(State.ENDED)
        return [Reply(self._transaction, response)]

    def notify(
        self, body: bytes, content_type: str, now: float, state: str = "active", reason: str = ""
    ) -> list[SubscriptionOutput]:
        """Tell the subscriber; `state` "terminated" ends the subscription (§4.2.2)."""
        if self.state is State.OFFERED:
            raise LocalError(f"NOTIFY before an answer: {self}")
        if self.state not in (State.ACTIVE, State.LAST):
            return []
        if self.state is State.LAST:
            state, reason = "terminated", reason or "timeout"
        if self._waiting is not None and self._waiting.state == "terminated" != state:
            return []  # The last word has been said.
        self._waiting = Waiting(body, content_type, state, reason)
        return [] if self.notifying else self._send(now)

    def drop(self) -> list[SubscriptionOutput]:
        """Forget it without a word: its subscriber has another one."""
        return self._end()

    # --- what comes in ----------------------------------------------------------------------

    def belongs(self, request: Request) -> bool:
        """Whether a request with our tag is of this dialog (RFC 3261 §12.2.2)."""
        dialog = self.dialog
        return (
            self.state is not State.ENDED
            and request.call_id == dialog.call_id
            and request.from_tag == dialog.remote_tag
        )

    def check(self, request: Request) -> None:
        """Raises RemoteError for a request within the dialog that cannot be served."""
        if request.method != "SUBSCRIBE":
            raise RemoteError(f"{request.method} to a notifier", status=405)
        if self.state is not State.ACTIVE:
            raise RemoteError("the subscription is over", status=481)
        if _event_id(request.first.get("Event", "")) != _event_id(self.event):
            raise RemoteError("one subscription a dialog", status=403)  # RFC 6665 §4.5.2.
        self.dialog.check_remote_cseq(request)

    def on_subscribe(
        self, transaction: str, request: Request, flow: Flow, now: float
    ) -> list[SubscriptionOutput]:
        """Longer, or no more (§4.2.1.4); `check` has been passed."""
        self.flow = flow
        self.dialog.refresh_target(request)
        granted = self._grant(request, now)
        if not granted:
            self._become(State.LAST)
        return [
            self._ok(transaction, request, granted),
            SubscriptionRefreshed(self.local_tag),
        ]

    def on_response(self, branch: str, response: Response, now: float) -> list[SubscriptionOutput]:
        """To a NOTIFY of ours."""
        if branch != self._branch or response.status < 200:
            return []
        self._branch = ""
        if response.status in GONE or self.state is State.ENDING:
            return self._end()
        return self._go_on(now)

    def on_failure(self, branch: str, by: EndedBy, now: float) -> list[SubscriptionOutput]:
        """Such a NOTIFY was not answered, or could not be sent."""
        return self._end() if branch == self._branch else []

    def on_time(self, now: float) -> list[SubscriptionOutput]:
        """Its time is over: the subscriber did not come back, or our user never answered."""
        match self.state:
            case State.OFFERED:
                return self.reject(500)
            case State.ACTIVE | State.LAST:
                self.next_deadline = None
                if self.state is State.ACTIVE:
                    self._become(State.LAST)
                return self.notify(b"", "", now)
            case State.ENDING | State.ENDED:
                return []

    # --- inside -----------------------------------------------------------------------------

    def _take_request(self) -> Request:
        request, self._request = self._request, None
        assert request is not None, self
        return request

    def _grant(self, request: Request, now: float) -> int:
        """Never longer than asked for (§4.2.1.1)."""
        asked = expires_of(request)
        granted = self.seconds_max if asked is None else min(asked, self.seconds_max)
        self.expires_at = now + granted
        self.next_deadline = now + (granted or ANSWER_SECONDS)
        return granted

    def _ok(
        self,
        transaction: str,
        request: Request,
        granted: int,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Reply:
        lines = [("Contact", contact_of(self.flow)), ("Expires", str(granted)), *headers]
        return Reply(transaction, respond(request, 200, to_tag=self.local_tag, headers=lines))

    def _send(self, now: float) -> list[SubscriptionOutput]:
        waiting, self._waiting = self._waiting, None
        assert waiting is not None, self
        ends = waiting.state == "terminated"
        told = f"{waiting.state};reason={waiting.reason}" if waiting.reason else waiting.state
        if not ends:
            told = f"{told};expires={max(0, round(self.expires_at - now))}"
        lines = [
            ("Contact", contact_of(self.flow)),
            ("Event", self.event),
            ("Subscription-State", told),
        ]
        if waiting.body:
            lines.append(("Content-Type", waiting.content_type))
        self._sent += 1
        self._branch = f"{MAGIC_COOKIE}{self.local_tag}.{self._sent}"
        via = via_of(self.flow, self._branch)
        if ends:
            self._become(State.ENDING)
        return [Start(self.dialog.request("NOTIFY", via, lines, waiting.body))]

    def _go_on(self, now: float) -> list[SubscriptionOutput]:
        if self._waiting is not None:
            return self._send(now)
        return [Notified(self.local_tag)]

    def _end(self) -> list[SubscriptionOutput]:
        if self.state is State.ENDED:
            return []
        self._become(State.ENDED)
        return [SubscriptionEnded(self.local_tag)]

    def _become(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], (self, state)
        self.state = state
        if state in (State.ENDING, State.ENDED):
            self.next_deadline = None
            self._waiting = None
        if state is State.ENDED:
            self._branch = ""


def package_of(request: Request) -> str:
    """The event package asked for; packages are compared byte by byte (RFC 6665 §8.2.1)."""
    return request.first.get("Event", "").partition(";")[0].strip(" \t")


def expires_of(request: Request) -> int | None:
    """Seconds; None when absent or malformed."""
    text = request.first.get("Expires")
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return SECONDS_MAX if len(text) > 10 else min(int(text), SECONDS_MAX)


def _event_id(event: str) -> tuple[str, str]:
    """Package and id, which together are what a subscription is for."""
    package, _, params = event.partition(";")
    for param in params.split(";"):
        name, _, value = param.partition("=")
        if name.strip(" \t").lower() == "id":
            return package.strip(" \t"), value.strip(" \t")
    return package.strip(" \t"), ""
