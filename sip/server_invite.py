"""INVITE server transaction: RFC 3261 §17.2.1, as amended by RFC 6026 §7.1.

  INVITE / 100
    |
PROCEEDING --- 2xx ---> ACCEPTED --L-----------------> TERMINATED
|        \\-- transport error -------------------------> TERMINATED
3xx+                                                      ^
|                                                         |
+--> COMPLETED --ACK--> CONFIRMED --I---------------------+
         \\-- H, transport error --------------------------+
"""

from typing import Final

from sip.events import Send
from sip.flow import Flow
from sip.message import Request, Response, trying
from sip.states import Named
from sip.timers import TimerConfig, Timers
from sip.transaction import TransportFailed

ServerOutput = Send | TransportFailed


class State(Named):
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


_TERMINATED: Final = State.TERMINATED  # Asked for after every step.


class Timer(Named):
    G = "retransmit the 3xx-6xx"
    H = "no ACK"
    I = "absorb retransmitted ACKs"  # noqa: E741 - the RFC's name
    L = "absorb retransmitted INVITEs"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.PROCEEDING: frozenset({State.ACCEPTED, State.COMPLETED, State.TERMINATED}),
    State.ACCEPTED: frozenset({State.TERMINATED}),
    State.COMPLETED: frozenset({State.CONFIRMED, State.TERMINATED}),
    State.CONFIRMED: frozenset({State.TERMINATED}),
    State.TERMINATED: frozenset(),
}


class InviteServerTransaction:
    """One INVITE that we received, and what we answered.

    Retransmitting a 2xx until its ACK is the session's work, not ours (§13.3.1.4).
    """

    __slots__ = ("_config", "_interval_g", "_last", "_timers", "branch", "flow", "state", "user")

    def __init__(self, invite: Request, flow: Flow, config: TimerConfig, user: str = "") -> None:
        assert invite.method == "INVITE", invite
        self.state = State.PROCEEDING
        self.flow = flow
        self.branch = invite.branch
        self.user = user  # Whose transaction it is; means nothing here.
        self._last = trying(invite)
        self._config = config
        self._interval_g = config.t1
        self._timers: Timers[Timer] = Timers()

    def __repr__(self) -> str:
        return f"<InviteServerTransaction {self.branch} {self.state.name}>"

    @property
    def terminated(self) -> bool:
        return self.state is _TERMINATED

    @property
    def unanswered(self) -> bool:
        """No final response yet: a CANCEL still has an effect (§9.2)."""
        return self.state is State.PROCEEDING

    @property
    def refused(self) -> bool:
        """An ACK with our branch is for us, not for the session."""
        return self.state in (State.COMPLETED, State.CONFIRMED)

    @property
    def next_deadline(self) -> float | None:
        return self._timers.next_deadline

    def start(self, now: float) -> list[ServerOutput]:
        """Answer 100 at once: a user that thinks for over 200 ms is then no special case."""
        return [Send(self.flow, self._last)]

    def on_request(self, now: float) -> list[ServerOutput]:
        """The INVITE again."""
        if self.state in (State.PROCEEDING, State.COMPLETED):
            return [Send(self.flow, self._last)]
        return []

    def on_ack(self, now: float) -> list[ServerOutput]:
        """The ACK of a 3xx-6xx; that of a 2xx is no part of this transaction."""
        if self.state is not State.COMPLETED:
            return []
        if self.flow.reliable:
            self._become(State.TERMINATED)  # Timer I is zero (§17.2.1).
        else:
            self._become(State.CONFIRMED)
            self._timers.start(Timer.I, now + self._config.t4)
        return []

    def respond(self, response: Response, now: float) -> list[ServerOutput]:
        assert self.state is State.PROCEEDING, (self, response)
        data = bytes(response)
        if response.status < 200:
            self._last = data
        elif response.status < 300:
            self._become(State.ACCEPTED)
            self._timers.start(Timer.L, now + 64 * self._config.t1)
        else:
            self._complete(data, now)
        return [Send(self.flow, data)]

    def on_transport_error(self) -> list[ServerOutput]:
        match self.state:
            case State.PROCEEDING:
                self._become(State.TERMINATED)
                return [TransportFailed()]
            case State.COMPLETED:
                # The user has given its verdict; nobody is left to hear it.
                self._become(State.TERMINATED)
                return []
            case State.ACCEPTED | State.CONFIRMED | State.TERMINATED:
                return []

    def on_time(self, now: float) -> list[ServerOutput]:
        outputs: list[ServerOutput] = []
        for timer in self._timers.take_expired(now):
            match timer:
                case Timer.G:
                    self._interval_g = min(2 * self._interval_g, self._config.t2)
                    self._timers.start(Timer.G, now + self._interval_g)
                    outputs.append(Send(self.flow, self._last))
                case Timer.H | Timer.I | Timer.L:
                    # H: §17.2.1 informs the user. Ours has ended the session already.
                    self._become(State.TERMINATED)
            if self.state is State.TERMINATED:
                break
        return outputs

    def _complete(self, data: bytes, now: float) -> None:
        self._become(State.COMPLETED)
        self._last = data
        self._timers.start(Timer.H, now + 64 * self._config.t1)
        if not self.flow.reliable:
            self._timers.start(Timer.G, now + self._interval_g)

    def _become(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], (self.state, state)
        self.state = state
        self._timers.stop_all()
        self._last = b""  # COMPLETED sets what it repeats.
