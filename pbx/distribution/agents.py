"""The people at the phones, as the queues see them.

An agent's state is derived from facts (signed in, status, phone, calls, timers), so none can be
stuck in a state that nothing justifies. While he talks or rings that is his state, whatever else
was said meanwhile: a status change during a call takes effect at its end.

    talking > ringing > inactive > occupied > break > unreachable > wrap-up > delayed > ready
"""

from dataclasses import dataclass, field
from typing import Final

from pbx.distribution.config import AgentConfig
from pbx.distribution.effects import AgentState
from pbx.distribution.inputs import AgentStatus
from pbx.distribution.work import Work

_S = AgentState
_ACTIVE: Final = AgentStatus.ACTIVE
_BREAK: Final = AgentStatus.BREAK
_READY: Final = AgentState.READY
_RINGING: Final = AgentState.RINGING
_TALKING: Final = AgentState.TALKING
_ANY: Final = frozenset(AgentState)
# Two phones ring for one agent only with max_calls above 1: then he talks, and rings besides.
TRANSITIONS: Final[dict[AgentState, frozenset[AgentState]]] = {
    _S.INACTIVE: _ANY - {_S.RINGING, _S.TALKING, _S.WRAP_UP, _S.DELAYED},
    _S.READY: _ANY - {_S.TALKING, _S.WRAP_UP, _S.DELAYED},
    _S.RINGING: _ANY,
    _S.TALKING: _ANY,
    _S.WRAP_UP: _ANY - {_S.RINGING, _S.TALKING},
    _S.BREAK: _ANY - {_S.RINGING, _S.TALKING},
    _S.UNREACHABLE: _ANY - {_S.RINGING, _S.TALKING},
    _S.DELAYED: _ANY - {_S.RINGING, _S.TALKING, _S.WRAP_UP},
    _S.OCCUPIED: _ANY - {_S.TALKING},  # Ringing: with ring_in_use.
}


@dataclass(frozen=True, slots=True)
class Credit:
    """What a newcomer is taken to have done in one queue, so that he is not flooded."""

    amount: int  # Calls, or milliseconds of talk.
    until: float | None  # None: until the day, hour or shift ends.


@dataclass(slots=True, eq=False)
class Agent:
    id: str
    config: AgentConfig
    places: dict[str, int] = field(default_factory=dict[str, int])  # Queue -> position in it.
    signed_in: bool = False
    status: AgentStatus = AgentStatus.ACTIVE
    status_reason: str = ""
    reachable: bool = False
    occupied: int = 0  # Calls outside the queues.
    ringing: str = ""  # The call; an agent never rings for two.
    talking: list[str] = field(default_factory=list[str])
    wrap_up_since: float = 0.0
    wrap_up_until: float | None = None
    wrap_ups_extended: int = 0  # How often the present one was.
    break_since: float = 0.0
    break_until: float | None = None  # As long as the break's reason allows.
    delay_until: float | None = None
    delay_reason: str = ""
    misses: int = 0  # In a row.
    last_answered: dict[str, float] = field(default_factory=dict[str, float])  # By queue.
    idle_since: float = 0.0  # The idle clock: any call resets it ...
    free_since: float = 0.0  # ... and this one ignores calls outside the queues.
    work: Work = field(default_factory=Work)
    credits: dict[str, Credit] = field(default_factory=dict[str, Credit])  # By queue.
    removed: bool = False  # Not in the configuration any more; forgotten when the call ends.
    available: bool = False  # `may_ring`, as of the last refresh.
    listed: bool = False  # He is in his queues' indexes.
    state: AgentState = AgentState.INACTIVE
    reason: str = ""
    call: str = ""
    since: float = 0.0

    def may_ring(self) -> bool:
        """Ready, as every strategy understands it."""
        return (
            self.signed_in
            and self.reachable
            and not self.ringing
            and self.delay_until is None
            and self.wrap_up_until is None
            and self.status is _ACTIVE
            and len(self.talking) < self.config.max_calls
            and (not self.occupied or self.config.ring_in_use)
        )

    def is_present(self) -> bool:
        """At work and not on break, whatever he is doing: worth waiting for."""
        return self.signed_in and self.reachable and self.status is _ACTIVE

    def may_wrap_up(self) -> bool:
        """Whoever goes on break or home at the end of the call needs none."""
        return self.signed_in and self.status is _ACTIVE

    def derived(self) -> tuple[AgentState, str, str]:
        """State, reason and call that follow from the facts."""
        if self.talking:
            return _TALKING, "", self.talking[-1]
        if self.ringing:
            return _RINGING, "", self.ringing
        if not self.signed_in:
            return AgentState.INACTIVE, "removed" if self.removed else "", ""
        if self.occupied:
            return AgentState.OCCUPIED, "", ""
        if self.status is _BREAK:
            return AgentState.BREAK, self.status_reason, ""
        if not self.reachable:
            return AgentState.UNREACHABLE, "", ""
        if self.wrap_up_until is not None:
            return AgentState.WRAP_UP, "", ""
        if self.delay_until is not None:
            return AgentState.DELAYED, self.delay_reason, ""
        return _READY, "", ""

    def rest(self) -> None:
        """Drop the timers: whoever signs out or goes on break starts afresh."""
        self.break_until = None
        self.wrap_up_until = None
        self.delay_until = None
        self.delay_reason = ""

    def restart_idle(self, now: float) -> None:
        """For an agent who is not ready; see World.reset_idle for one who is."""
        self.idle_since = self.free_since = now
