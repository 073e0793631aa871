"""Non-INVITE server transaction: RFC 3261 §17.2.2, figure 8.

  request
     |
  TRYING ------- 2xx-6xx ------> COMPLETED --J--> TERMINATED
     |   \\-- transport error, too late --------> TERMINATED
    1xx                              ^
     v                               |
PROCEEDING ----- 2xx-6xx ------------+
         \\-- transport error, too late --------> TERMINATED

Added to the figure: after 64*T1 the client has given up (its timer F), so a user
that never answers cannot keep a transaction for ever (RFC 4320 §4.2: such a late
response MUST NOT be sent).
"""

from typing import Final

from sip.events import Send
from sip.flow import Flow
from sip.message import Request, Response
from sip.states import Named
from sip.timers import TimerConfig, Timers


class State(Named):
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    TERMINATED = "terminated"


_TERMINATED: Final = State.TERMINATED  # Asked for after every step.


class Timer(Named):
    J = "absorb retransmitted requests"
    TOO_LATE = "the client has given up"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.TRYING: frozenset({State.PROCEEDING, State.COMPLETED, State.TERMINATED}),
    State.PROCEEDING: frozenset({State.COMPLETED, State.TERMINATED}),
    State.COMPLETED: frozenset({State.TERMINATED}),
    State.TERMINATED: frozenset(),
}


class NonInviteServerTransaction:
    """One request other than INVITE and ACK, and what we answered."""

    __slots__ = ("_config", "_last", "_timers", "flow", "request", "state", "user")

    def __init__(self, request: Request, flow: Flow, config: TimerConfig, user: str = "") -> None:
        assert request.method not in ("INVITE", "ACK"), request
        self.state = State.TRYING
        self.flow = flow
        self.request: Request | None = request  # Until it is answered.
        self.user = user  # Whose transaction it is; means nothing here.
        self._last = b""
        self._config = config
        self._timers: Timers[Timer] = Timers()

    def __repr__(self) -> str:
        method = "" if self.request is None else self.request.method
        return f"<NonInviteServerTransaction {method} {self.state.name}>"

    @property
    def terminated(self) -> bool:
        return self.state is _TERMINATED

    @property
    def unanswered(self) -> bool:
        return self.request is not None and self.state is not State.TERMINATED

    @property
    def next_deadline(self) -> float | None:
        return self._timers.next_deadline

    def start(self, now: float) -> list[Send]:
        self._timers.start(Timer.TOO_LATE, now + 64 * self._config.t1)
        return []

    def on_request(self, now: float) -> list[Send]:
        """The request again."""
        return [Send(self.flow, self._last)] if self._last else []

    def respond(self, response: Response, now: float) -> list[Send]:
        assert self.state in (State.TRYING, State.PROCEEDING), (self, response)
        data = bytes(response)
        if response.status >= 200:
            self._complete(data, now)
        else:
            if self.state is State.TRYING:
                self._become(State.PROCEEDING)
            self._last = data
        return [Send(self.flow, data)]

    def on_transport_error(self) -> list[Send]:
        if self.state in (State.TRYING, State.PROCEEDING):
            self._become(State.TERMINATED)  # Nobody can hear the answer.
        return []

    def on_time(self, now: float) -> list[Send]:
        if self._timers.take_expired(now):
            self._become(State.TERMINATED)
        return []

    def _complete(self, data: bytes, now: float) -> None:
        self.request = None
        if self.flow.reliable:
            self._become(State.TERMINATED)  # Timer J is zero (§17.2.2).
        else:
            self._become(State.COMPLETED)
            self._last = data
            self._timers.start(Timer.J, now + 64 * self._config.t1)

    def _become(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], (self.state, state)
        self.state = state
        if state is not State.PROCEEDING:
            self._timers.stop_all()
            self._last = b""  # COMPLETED sets what it repeats.
