"""Our registration with a provider: RFC 3261 §10.2, with the back-off of RFC 5626 §4.5.

    OFF --start--> TRYING ---2xx---> REGISTERED --time--> REFRESHING --2xx--> REGISTERED
                   |  ^  \\               |                   |
                   |  |   next server    flow lost           no answer: TRYING elsewhere
              all  |  time               |                   |
           servers v  |                  v                   v
                  WAITING <--------------+-------------------+
    stop from anywhere: LEAVING (Expires: 0) or OFF

One server at a time, the best one first: the others are for when it fails. The machine decides
when to send which REGISTER; `trunks` makes the message. Challenges are answered by the endpoint.
"""

from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final

from sip.errors import ParseError
from sip.headers import parse_contacts
from sip.message import Response
from sip.resolver import End

EXPIRES_MAX: Final = 86_400  # What a provider may ask for by 423.
EXPIRES_MIN: Final = 20  # A shorter grant would make us a flood.
MARGIN_SECONDS: Final = 40.0  # Before the end: time for one REGISTER to fail (timer F), and more.
WAIT_SECONDS_FIRST: Final = 15.0  # RFC 5626 §4.5 says 30; a call centre is deaf meanwhile.
WAIT_SECONDS_MAX: Final = 300.0  # The same says 1800.
REFUSED_SECONDS: Final = 300.0  # A wrong password, tried often, is an attack to the other side.
LOST_SECONDS: Final = 2.0  # Connections are lost by all at once when a server restarts.
RETRY_AFTER_MAX: Final = 3600.0
CSEQ_STEP: Final = 16  # A lost request may have been sent again for several challenges.


class State(Enum):
    OFF = "off"
    TRYING = "trying"
    REGISTERED = "registered"
    REFRESHING = "refreshing"
    WAITING = "waiting"
    LEAVING = "leaving"


_S = State
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    _S.OFF: frozenset({_S.TRYING}),
    _S.TRYING: frozenset({_S.TRYING, _S.REGISTERED, _S.WAITING, _S.LEAVING, _S.OFF}),
    _S.REGISTERED: frozenset({_S.REFRESHING, _S.TRYING, _S.WAITING, _S.LEAVING}),
    _S.REFRESHING: frozenset({_S.REGISTERED, _S.TRYING, _S.WAITING, _S.LEAVING}),
    _S.WAITING: frozenset({_S.TRYING, _S.OFF}),
    _S.LEAVING: frozenset({_S.OFF, _S.TRYING}),
}
_IN_USE: Final = frozenset({State.REGISTERED, State.REFRESHING})
_PENDING: Final = frozenset({State.TRYING, State.REFRESHING, State.LEAVING})


@dataclass(frozen=True, slots=True)
class SendRegister:
    end: End
    expires: int  # 0 takes the registration away.
    cseq: int


@dataclass(frozen=True, slots=True)
class RegistrationMoved:
    """It came up, or it went away, or it goes on failing for another reason."""

    up: bool
    end: End | None
    why: str  # "" when it is well.


Output = SendRegister | RegistrationMoved


class Registering:
    """`contact_user` is what our contact has as its user: whose entry to look for in answers."""

    def __init__(self, call_id: str, contact_user: str, expires: int) -> None:
        self.state = State.OFF
        self.call_id = call_id
        self.contact_user = contact_user
        self.expires = expires  # What we would like.
        self.next_deadline: float | None = None
        self.why: str = ""
        self._asked = expires  # What we ask for: a 423 may have raised it.
        self._ends: tuple[End, ...] = ()
        self._at = 0  # The server in use, or tried.
        self._cseq = 0  # The highest one seen.
        self._attempt = 0  # That of the last REGISTER as we sent it first.
        self._failures = 0  # Of all servers, in a row.
        self._raised = False  # By a 423 to this very attempt.
        self._waited_for = 0.0  # What the last server asked for by Retry-After.

    @property
    def up(self) -> bool:
        return self.state in _IN_USE

    @property
    def leaving(self) -> bool:
        return self.state is State.LEAVING

    @property
    def end(self) -> End | None:
        """Where we are registered, or try to be."""
        return self._ends[self._at] if self._at < len(self._ends) else None

    @property
    def trusted_ends(self) -> tuple[End, ...]:
        """From where calls to our contact may come."""
        return self._ends if self.state is not State.OFF else ()

    def locate(self, ends: tuple[End, ...], now: float) -> list[Output]:
        """Where the servers are now. What is registered stays where it is, if that is still one."""
        here = self.end
        self._ends = ends
        self._at = ends.index(here) if here in ends else 0
        if self.state is State.OFF and ends:
            return self._try(now)
        if here not in ends and ends and self.up:
            return self._try(now)
        return []

    def on_response(
        self, attempt: int, response: Response | None, now: float, rng: Random
    ) -> list[Output]:
        """To the REGISTER with the CSeq `attempt`; None: silence, or the transport failed."""
        if self.state not in _PENDING or attempt != self._attempt:
            return []
        if response is not None:
            self._cseq = max(self._cseq, response.cseq.number)
        if self.state is State.LEAVING:
            self._become(State.OFF)
            return []
        if response is None:
            return self._next_server("no answer", now, rng)
        status = response.status
        if status < 300:
            return self._granted(response, now, rng)
        if status == 423 and not self._raised and self._raise_expires(response):
            self._raised = True
            return self._send()
        self._waited_for = retry_after(response)
        if 500 <= status < 600 or status == 408:
            return self._next_server(f"{status} {response.reason}", now, rng)
        return self._refused(f"{status} {response.reason}", now, rng)

    def on_lost(self, now: float, rng: Random) -> list[Output]:
        """The connection is gone, and with it the way back to us (RFC 5626 §4.4.1)."""
        if not self.up:
            return []
        return self._wait("connection lost", now + LOST_SECONDS * rng.random(), was_up=True)

    def on_time(self, now: float) -> list[Output]:
        if self.next_deadline is None or self.next_deadline > now:
            return []
        self.next_deadline = None
        if self.state is State.REGISTERED:
            self._become(State.REFRESHING)
            self._raised = False
            return self._send()
        if self.state is State.WAITING:
            self._at = 0  # The best server first.
            return self._try(now) if self._ends else self._off()
        return []

    def stop(self) -> list[Output]:
        """Take the registration away: the trunk is not configured any more, or we end."""
        if self.state in (State.OFF, State.LEAVING):
            return []
        if self.state is State.WAITING or self.end is None:
            return self._off()
        was_up = self.up
        self._become(State.LEAVING)
        moved: list[Output] = [RegistrationMoved(False, self.end, "stopped")] if was_up else []
        return [*moved, *self._send(0)]

    # --- inside

    def _try(self, now: float) -> list[Output]:
        self._become(State.TRYING)
        self._raised = False
        return self._send()

    def _send(self, expires: int | None = None) -> list[Output]:
        self._cseq += CSEQ_STEP if self._cseq else 1
        self._attempt = self._cseq
        assert self.end is not None, self.state
        return [SendRegister(self.end, self._asked if expires is None else expires, self._cseq)]

    def _granted(self, response: Response, now: float, rng: Random) -> list[Output]:
        seconds = granted(response, self.contact_user, self._asked)
        if seconds < EXPIRES_MIN:
            return self._refused(f"registered for {seconds} s only", now, rng)
        news = not self.up or self.why != ""
        self._become(State.REGISTERED)
        self.why = ""
        self._failures, self._waited_for = 0, 0.0
        # Not all of our trunks at the same moment, and never in the last seconds.
        latest = max(seconds / 2, seconds - MARGIN_SECONDS)
        self.next_deadline = now + latest * rng.uniform(0.9, 1.0)
        return [RegistrationMoved(True, self.end, "")] if news else []

    def _raise_expires(self, response: Response) -> bool:
        least = response.get("Min-Expires") or ""
        if not (least.isascii() and least.isdigit() and len(least) < 9):
            return False
        if not self._asked < int(least) <= EXPIRES_MAX:
            return False
        self._asked = int(least)
        return True

    def _next_server(self, why: str, now: float, rng: Random) -> list[Output]:
        was_up = self.up
        self._at += 1
        if self._at < len(self._ends):
            moved: list[Output] = [RegistrationMoved(False, self.end, why)] if was_up else []
            self.why = why
            return [*moved, *self._try(now)]
        self._failures += 1
        wait = min(WAIT_SECONDS_FIRST * 2 ** min(self._failures - 1, 16), WAIT_SECONDS_MAX)
        wait = max(wait * rng.uniform(0.5, 1.0), self._waited_for)
        return self._wait(why, now + wait, was_up=was_up)

    def _refused(self, why: str, now: float, rng: Random) -> list[Output]:
        """What the other servers of the same provider would say, too."""
        wait = max(REFUSED_SECONDS * rng.uniform(0.9, 1.1), self._waited_for)
        return self._wait(why, now + wait, was_up=self.up)

    def _wait(self, why: str, until: float, *, was_up: bool) -> list[Output]:
        news = was_up or why != self.why
        end = self.end
        self._become(State.WAITING)
        self.why = why
        self._at, self._waited_for = 0, 0.0
        self._asked = self.expires
        self.next_deadline = until
        return [RegistrationMoved(False, end, why)] if news else []

    def _off(self) -> list[Output]:
        self._become(State.OFF)
        return []

    def _become(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], (self.contact_user, self.state, state)
        self.state = state
        self.next_deadline = None


def granted(response: Response, contact_user: str, asked: int) -> int:
    """Seconds that our binding lives: RFC 3261 §10.2.4, with what registrars make of it."""
    try:
        contacts = parse_contacts(response.get_all("Contact"))
    except ParseError:
        contacts = []
    for contact in contacts if contacts != "*" else []:
        if contact.uri.user == contact_user:
            seconds = _seconds(contact.param("expires"))
            if seconds is not None:
                return seconds
    # Some write the contact anew, or list none at all.
    seconds = _seconds(response.get("Expires"))
    return asked if seconds is None else seconds


def retry_after(response: Response) -> float:
    """Seconds that the server wants us to stay away (RFC 3261 §20.33); 0 when it says nothing."""
    text = (response.get("Retry-After") or "").partition("(")[0].partition(";")[0].strip()
    seconds = _seconds(text)
    return 0.0 if seconds is None else min(float(seconds), RETRY_AFTER_MAX)


def _seconds(text: str | None) -> int | None:
    if not text or not (text.isascii() and text.isdigit()) or len(text) > 10:
        return None
    return min(int(text), EXPIRES_MAX)
