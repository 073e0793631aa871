"""Non-INVITE client transaction: RFC 3261 §17.1.2, figure 6.

  request
     |
  TRYING --------- 2xx-6xx --------> COMPLETED --K--> TERMINATED
  |  |  \\-- F, transport error --------------------> TERMINATED
  | 1xx                                 ^
  v                                     |
PROCEEDING ------- 2xx-6xx -------------+
     \\---- F, transport error ----------------------> TERMINATED
"""

from typing import Final

from sip.events import Send
from sip.flow import Flow
from sip.message import Request, Response
from sip.states import Named
from sip.timers import TimerConfig, Timers
from sip.transaction import ClientOutput, Received, TimedOut, TransportFailed


class State(Named):
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    TERMINATED = "terminated"


_TERMINATED: Final = State.TERMINATED  # Asked for after every step.


class Timer(Named):
    E = "retransmit the request"
    F = "no final answer"
    K = "absorb retransmitted final responses"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.TRYING: frozenset({State.PROCEEDING, State.COMPLETED, State.TERMINATED}),
    State.PROCEEDING: frozenset({State.COMPLETED, State.TERMINATED}),
    State.COMPLETED: frozenset({State.TERMINATED}),
    State.TERMINATED: frozenset(),
}


class NonInviteClientTransaction:
    """One request other than INVITE and ACK, and its responses."""

    __slots__ = (
        *("_config", "_data", "_interval_e", "_timers", "branch", "flow", "request", "state"),
        "user",
    )

    def __init__(self, request: Request, flow: Flow, config: TimerConfig, user: str = "") -> None:
        assert request.method not in ("INVITE", "ACK"), request
        self.state = State.TRYING
        self.flow = flow
        self.branch = request.branch
        self.user = user  # Whose transaction it is; means nothing here.
        self.request: Request | None = None  # Set by who may want to send it again.
        self._data = bytes(request)
        self._config = config
        self._interval_e = config.t1
        self._timers: Timers[Timer] = Timers()

    def __repr__(self) -> str:
        return f"<NonInviteClientTransaction {self.branch} {self.state.name}>"

    @property
    def terminated(self) -> bool:
        return self.state is _TERMINATED

    @property
    def next_deadline(self) -> float | None:
        return self._timers.next_deadline

    def start(self, now: float) -> list[ClientOutput]:
        self._timers.start(Timer.F, now + 64 * self._config.t1)
        if not self.flow.reliable:
            self._timers.start(Timer.E, now + self._interval_e)
        return [Send(self.flow, self._data)]

    def on_response(self, response: Response, now: float) -> list[ClientOutput]:
        if self.state in (State.COMPLETED, State.TERMINATED):
            return []
        if response.status >= 200:
            return self._complete(response, now)
        if self.state is State.TRYING:
            self._become(State.PROCEEDING)
        return [Received(response)]

    def on_transport_error(self) -> list[ClientOutput]:
        match self.state:
            case State.TRYING | State.PROCEEDING:
                self._become(State.TERMINATED)
                return [TransportFailed()]
            case State.COMPLETED | State.TERMINATED:
                return []

    def on_time(self, now: float) -> list[ClientOutput]:
        outputs: list[ClientOutput] = []
        for timer in self._timers.take_expired(now):
            match timer:
                case Timer.E:
                    outputs.append(self._retransmit(now))
                case Timer.F:
                    self._become(State.TERMINATED)
                    outputs.append(TimedOut())
                case Timer.K:
                    self._become(State.TERMINATED)
            if self.state is State.TERMINATED:
                break
        return outputs

    def _retransmit(self, now: float) -> Send:
        # After a 1xx the peer is known to be there: ask only every T2 (§17.1.2.2).
        doubled = min(2 * self._interval_e, self._config.t2)
        self._interval_e = self._config.t2 if self.state is State.PROCEEDING else doubled
        self._timers.start(Timer.E, now + self._interval_e)
        return Send(self.flow, self._data)

    def _complete(self, response: Response, now: float) -> list[ClientOutput]:
        if self.flow.reliable:
            self._become(State.TERMINATED)  # Timer K is zero (§17.1.2.2).
        else:
            self._become(State.COMPLETED)
            self._timers.start(Timer.K, now + self._config.t4)
        return [Received(response)]

    def _become(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], (self.state, state)
        self.state = state
        if state is not State.PROCEEDING:
            self._timers.stop_all()
            self._data = b""  # Nothing is sent again.
