"""Session timers: both sides know within a bounded time that the other is gone (RFC 4028).

Nothing here happens to a peer that does not know them: it is asked by `Supported: timer` alone.
Who refreshes does so at half of the interval, by UPDATE if the peer takes that, else by a
re-INVITE with the same description. Who hears nothing hangs up before the interval is over.
"""

import re
from typing import Final, NamedTuple

from sip.building import contact_of, via_of
from sip.dialog import Dialog
from sip.errors import ParseError
from sip.events import EndedBy
from sip.flow import Flow
from sip.message import Message, Request, Response
from sip.session import SessionOutput, Start, State, Timer
from sip.session_reinvite import Offering, OfferingSession, follow
from sip.timers import TimerConfig

SECONDS_MIN: Final = 90  # RFC 4028 §4: no smaller interval or Min-SE is allowed.
SECONDS_LEAST: Final = 30  # What we believe of a peer that grants less: refreshes cost.
SECONDS_MAX: Final = 86_400  # A day; whoever wants more does not want any.
MARGIN_SECONDS_MAX: Final = 32.0  # RFC 4028 §10: so long before the end we hang up.
RETRY_SECONDS: Final = 5.0  # Until the next try, when something else is under way or refused.

_EXPIRES: Final = re.compile(r"([0-9]{1,10})[ \t]*(?:;(.*))?", re.DOTALL)
_REFRESHER: Final = re.compile(r"(?:^|;)[ \t]*refresher[ \t]*=[ \t]*(uac|uas)\b", re.IGNORECASE)


class SessionExpires(NamedTuple):
    """RFC 4028 §4."""

    seconds: int
    refresher: str = ""  # "uac" or "uas": of the request that it is about; "" is open.

    @classmethod
    def parse(cls, value: str) -> "SessionExpires":
        match = _EXPIRES.fullmatch(value.strip(" \t"))
        if match is None:
            raise ParseError(f"bad Session-Expires {value[:64]!r}")
        refresher = _REFRESHER.search(match[2] or "")
        return cls(int(match[1]), "" if refresher is None else refresher[1].lower())

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else f"{self.seconds}"


def knows_timer(message: Message) -> bool:
    """Whether the sender supports session timers."""
    lists = (name for name in ("Supported", "Require") if name in message.first)
    return any(tag.lower() == "timer" for name in lists for tag in message.values(name))


def asked_seconds(message: Message) -> SessionExpires | None:
    """The Session-Expires of a message; None if there is none, or none that can be read."""
    value = message.first.get("Session-Expires")
    try:
        return None if value is None else SessionExpires.parse(value)
    except ParseError:
        return None


def least_seconds(message: Message) -> int:
    """Its Min-SE."""
    digits = message.first.get("Min-SE", "").partition(";")[0].strip()
    plain = digits.isascii() and digits.isdigit() and len(digits) <= 10
    return max(int(digits), SECONDS_MIN) if plain else SECONDS_MIN


def too_brief(request: Request, min_se: int) -> bool:
    """Whether to answer 422 (RFC 4028 §9)."""
    asked = asked_seconds(request)
    return asked is not None and asked.seconds < min_se and knows_timer(request)


class Timing:
    """Of one session."""

    __slots__ = (
        "branch",
        "interval",
        "least",
        "ours",
        "refreshing",
        "retried",
        "updates",
        "wanted",
    )

    def __init__(self, wanted: int, least: int) -> None:
        self.wanted = wanted  # Seconds that we ask for ...
        self.least = least  # ... and below which nobody goes.
        self.interval = 0  # As agreed; 0: the peer does not know timers.
        self.ours = False  # We refresh.
        self.updates = False  # By UPDATE.
        self.retried = False  # A 422 of the first INVITE.
        self.branch = ""  # Of an UPDATE that refreshes.
        self.refreshing = False  # The offer under way is none of the user's.

    def note_methods(self, message: Message) -> None:
        """What the peer takes, if it says so in this message."""
        if "Allow" in message.first:
            self.updates = any(method.upper() == "UPDATE" for method in message.values("Allow"))


class TimedSession(OfferingSession):
    """A session that ends when its peer has vanished."""

    __slots__ = ("_timing",)

    def __init__(
        self, name: str, state: State, call_id: str, local_tag: str, flow: Flow, config: TimerConfig
    ) -> None:
        super().__init__(name, state, call_id, local_tag, flow, config)
        self._timing: Timing | None = None  # Not wanted.

    def use_timer(self, wanted: int, least: int) -> None:
        """Before it is answered. The INVITE of a session that we begin asks for it already."""
        self._timing = Timing(max(wanted, least), least)

    # --- what is agreed, in a 2xx ----------------------------------------------------------

    def _timing_headers(self) -> list[tuple[str, str]]:
        """Of a request of ours, which refreshes the session (§7.4)."""
        timing = self._timing
        if timing is None or not timing.interval:
            return []
        asked = SessionExpires(timing.interval, "uac" if timing.ours else "uas")
        lines = [("Supported", "timer"), ("Session-Expires", str(asked))]
        return [*lines, ("Min-SE", str(timing.least))] if timing.least > SECONDS_MIN else lines

    def _on_refreshed(self, response: Response, now: float) -> None:
        """A 2xx to an INVITE or UPDATE of ours (§7.2)."""
        timing = self._timing
        if timing is None:
            return
        agreed = asked_seconds(response)
        timing.interval = 0 if agreed is None else max(SECONDS_LEAST, agreed.seconds)
        timing.ours = agreed is not None and agreed.refresher != "uas"
        timing.note_methods(response)
        self._start_timing(now)

    def _refreshed_by_peer(self, request: Request, now: float) -> list[tuple[str, str]]:
        """A request of the peer that our 2xx is about to answer: the headers of that (§9)."""
        timing = self._timing
        if timing is None or request.method == "PRACK":
            return []
        timing.note_methods(request)
        if not knows_timer(request):
            timing.interval = 0
            self._start_timing(now)
            return []
        asked = asked_seconds(request)
        least = max(timing.least, least_seconds(request))
        seconds = timing.wanted if asked is None else min(asked.seconds, timing.wanted)
        timing.interval = _sane(max(seconds, least))
        # Whoever asks for a timer can refresh, and so the work is spread over the phones.
        refresher = (asked.refresher if asked is not None else "") or "uac"
        timing.ours = refresher == "uas"
        self._start_timing(now)
        lines = [("Session-Expires", str(SessionExpires(timing.interval, refresher)))]
        return lines if timing.ours else [("Require", "timer"), *lines]

    def _start_timing(self, now: float) -> None:
        timing = self._timing
        self._timers.stop(Timer.REFRESH, Timer.EXPIRES)
        if timing is None or not timing.interval:
            return
        margin = min(MARGIN_SECONDS_MAX, timing.interval / 3)
        self._timers.start(Timer.EXPIRES, now + timing.interval - margin)
        if timing.ours:
            self._timers.start(Timer.REFRESH, now + timing.interval / 2)

    # --- refreshes -------------------------------------------------------------------------

    def _on_timer(self, timer: Timer, now: float) -> list[SessionOutput]:
        if timer is Timer.REFRESH:
            return self._refresh(now)
        if timer is Timer.EXPIRES and self.state is State.CONFIRMED:
            return [*self._bye(now), *self._report(408, EndedBy.TIMEOUT)]
        return super()._on_timer(timer, now)

    def _refresh(self, now: float) -> list[SessionOutput]:
        timing, dialog = self._timing, self.dialog
        if timing is None or dialog is None or self.over:
            return []
        if self.state is not State.CONFIRMED or self.offering is not Offering.IDLE:
            self._timers.start(Timer.REFRESH, now + RETRY_SECONDS)
            return []
        if timing.updates:
            return self._send_update(timing, dialog)
        timing.refreshing = True
        self._offer = self._local_body
        return self._send_offer()

    def _send_update(self, timing: Timing, dialog: Dialog) -> list[SessionOutput]:
        timing.branch = self._new_branch()
        headers = [("Contact", contact_of(self.flow)), *self._timing_headers()]
        return [Start(dialog.request("UPDATE", via_of(self.flow, timing.branch), headers))]

    def resend(self, request: Request) -> Request | None:
        timing = self._timing
        if timing is None or request.branch != timing.branch or self.over:
            return super().resend(request)
        if self.dialog is None:
            return None
        renewed = self._renew(request, self.dialog)
        timing.branch = renewed.branch
        return renewed

    def on_response(self, branch: str, response: Response, now: float) -> list[SessionOutput]:
        timing = self._timing
        if timing is None or branch != timing.branch:
            return super().on_response(branch, response, now)
        if response.status < 200 or self.over:
            return []
        timing.branch = ""
        if response.status < 300:
            if self.dialog is not None:
                follow(self.dialog, response)
            self._on_refreshed(response, now)
            return []
        return self._on_refresh_refused(response.status, response, now)

    def on_failure(self, branch: str, by: EndedBy, now: float) -> list[SessionOutput]:
        timing = self._timing
        if timing is None or branch != timing.branch or self.over:
            return super().on_failure(branch, by, now)
        timing.branch = ""
        return self._on_refresh_refused(408 if by is EndedBy.TIMEOUT else 503, None, now)

    def _on_refresh_refused(
        self, status: int, response: Response | None, now: float
    ) -> list[SessionOutput]:
        timing = self._timing
        assert timing is not None, self
        if status in (408, 481) and self.state is State.CONFIRMED:
            by = EndedBy.REMOTE if status == 481 else EndedBy.TIMEOUT
            return [*self._bye(now), *self._report(status, by, response)]
        if status == 422 and response is not None:
            timing.interval = _sane(max(timing.interval, least_seconds(response)))
        elif status in (405, 501):
            timing.updates = False  # It said that it takes UPDATE, and does not.
        self._timers.start(Timer.REFRESH, now + RETRY_SECONDS)
        return []

    def _tell_answered(self, response: Response) -> list[SessionOutput]:
        if self._is_refreshing():
            return []
        return super()._tell_answered(response)

    def _tell_refused(self, status: int, now: float) -> list[SessionOutput]:
        if not self._is_refreshing():
            return super()._tell_refused(status, now)
        if not self._timers.runs(Timer.REFRESH):  # Else the peer's own request has refreshed it.
            self._timers.start(Timer.REFRESH, now + RETRY_SECONDS)
        return []

    def _on_offer_refused(self, response: Response, now: float) -> list[SessionOutput]:
        timing = self._timing
        if timing is not None and response.status == 422:
            timing.interval = _sane(max(timing.interval, least_seconds(response)))
        return super()._on_offer_refused(response, now)

    def _is_refreshing(self) -> bool:
        """Whether the exchange that ends here was a refresh: nobody asked for it."""
        timing = self._timing
        if timing is None or not timing.refreshing:
            return False
        timing.refreshing = False
        return True


def _sane(seconds: int) -> int:
    return min(max(seconds, SECONDS_MIN), SECONDS_MAX)
