"""INVITE client transaction: RFC 3261 §17.1.1, as amended by RFC 6026 §7.2.

    INVITE
      |
  CALLING --------- 2xx ----------> ACCEPTED --M--> TERMINATED
  |  |   \\--B, transport error---------------------> TERMINATED
 1xx 3xx+                              ^
  |  |                                 |
  |  +--> COMPLETED --D--> TERMINATED  |
  v          ^                         |
PROCEEDING --+ 3xx+ ------- 2xx -------+
         \\-- transport error, 64*T1 after a CANCEL ----> TERMINATED
"""

from typing import Final

from sip.building import along
from sip.events import Send
from sip.flow import Flow
from sip.message import Request, Response
from sip.states import Named
from sip.timers import TimerConfig, Timers
from sip.transaction import ClientOutput, Received, TimedOut, TransportFailed


class State(Named):
    CALLING = "calling"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    TERMINATED = "terminated"


_TERMINATED: Final = State.TERMINATED  # Asked for after every step.


class Timer(Named):
    A = "retransmit the INVITE"
    B = "no answer at all, or none after a CANCEL"
    D = "absorb retransmitted 3xx-6xx"
    M = "absorb retransmitted 2xx"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.CALLING: frozenset(State) - {State.CALLING},
    State.PROCEEDING: frozenset({State.ACCEPTED, State.COMPLETED, State.TERMINATED}),
    State.ACCEPTED: frozenset({State.TERMINATED}),
    State.COMPLETED: frozenset({State.TERMINATED}),
    State.TERMINATED: frozenset(),
}


def make_ack(invite: Request, final: Response) -> Request:
    """The ACK of a non-2xx final response (RFC 3261 §17.1.1.3)."""
    assert final.status >= 300, final
    return along(invite, "ACK", final.first.get("To"))


class InviteClientTransaction:
    """One INVITE and its responses.

    Feed it with `start`, `on_response`, `on_transport_error` and `on_time`, and
    carry out the outputs each of them returns. Call `on_time` no later than
    `next_deadline`. Nothing here reads a clock or touches a socket.
    """

    __slots__ = (
        "_ack",
        "_config",
        "_interval_a",
        "_limited",
        "_timers",
        "branch",
        "flow",
        "invite",
        "state",
        "user",
    )

    def __init__(self, invite: Request, flow: Flow, config: TimerConfig, user: str = "") -> None:
        assert invite.method == "INVITE", invite
        self.state = State.CALLING
        self.invite = invite
        self.branch = invite.branch
        self.flow = flow
        self.user = user  # Whose transaction it is; means nothing here.
        self._ack = b""
        self._config = config
        self._interval_a = config.t1
        self._limited = False
        self._timers: Timers[Timer] = Timers()

    def __repr__(self) -> str:
        return f"<InviteClientTransaction {self.branch} {self.state.name}>"

    @property
    def terminated(self) -> bool:
        return self.state is _TERMINATED

    @property
    def next_deadline(self) -> float | None:
        return self._timers.next_deadline

    def start(self, now: float) -> list[ClientOutput]:
        self._timers.start(Timer.B, now + 64 * self._config.t1)
        if not self.flow.reliable:
            self._timers.start(Timer.A, now + self._interval_a)
        return [Send(self.flow, bytes(self.invite))]

    def on_response(self, response: Response, now: float) -> list[ClientOutput]:
        match self.state:
            case State.CALLING | State.PROCEEDING:
                if response.status < 200:
                    return self._proceed(response)
                if response.status < 300:
                    return self._accept(response, now)
                return self._complete(response, now)
            case State.ACCEPTED if 200 <= response.status < 300:
                return [Received(response)]  # A fork, or our ACK was lost: the session decides.
            case State.COMPLETED if response.status >= 300:
                return [Send(self.flow, self._ack)]
            case _:
                return []

    def on_transport_error(self) -> list[ClientOutput]:
        match self.state:
            case State.CALLING | State.PROCEEDING:
                self._become(State.TERMINATED)
                return [TransportFailed()]
            case State.COMPLETED:
                # Figure 5 informs the user here too. We do not: it has its final
                # response, and one transaction reports one outcome.
                self._become(State.TERMINATED)
                return []
            case State.ACCEPTED | State.TERMINATED:
                return []

    def limit(self, now: float) -> None:
        """Cancelled, or of no use any more: wait no longer than 64*T1 from now (§9.1)."""
        self._limited = True
        if self.state is State.PROCEEDING:
            self._timers.start(Timer.B, now + 64 * self._config.t1)

    def on_time(self, now: float) -> list[ClientOutput]:
        outputs: list[ClientOutput] = []
        for timer in self._timers.take_expired(now):
            match timer:
                case Timer.A:
                    self._interval_a *= 2
                    self._timers.start(Timer.A, now + self._interval_a)
                    outputs.append(Send(self.flow, bytes(self.invite)))
                case Timer.B:
                    self._become(State.TERMINATED)
                    outputs.append(TimedOut())
                case Timer.D | Timer.M:
                    self._become(State.TERMINATED)
            if self.state is State.TERMINATED:
                break
        return outputs

    def _proceed(self, response: Response) -> list[ClientOutput]:
        # Figure 5: timer B does not run in PROCEEDING. A phone may ring for
        # ever; giving up is the caller's policy, not the transaction's.
        if self.state is State.CALLING:
            self._timers.stop(Timer.A)
            if not self._limited:
                self._timers.stop(Timer.B)
            self._become(State.PROCEEDING)
        return [Received(response)]

    def _accept(self, response: Response, now: float) -> list[ClientOutput]:
        self._become(State.ACCEPTED)
        self._timers.start(Timer.M, now + 64 * self._config.t1)
        return [Received(response)]

    def _complete(self, response: Response, now: float) -> list[ClientOutput]:
        self._ack = bytes(make_ack(self.invite, response))
        if self.flow.reliable:
            self._become(State.TERMINATED)  # Timer D is zero (§17.1.1.2).
        else:
            self._become(State.COMPLETED)
            self._timers.start(Timer.D, now + self._config.timer_d)
        return [Send(self.flow, self._ack), Received(response)]

    def _become(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], (self.state, state)
        self.state = state
        if state is not State.PROCEEDING:
            self._timers.stop_all()
