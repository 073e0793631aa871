"""What is known of an agent and of a caller, written down by hand from inputs and effects.

The rules are judged by this, so it follows the spec's words and uses nothing of the core but its
configuration. All of it is arithmetic with times: no deadlines, no indexes.
"""

from dataclasses import dataclass, field
from typing import Final

from pbx.distribution.config import AgentConfig, QueueConfig, RetryDelays
from pbx.distribution.effects import AgentState
from pbx.distribution.inputs import AgentStatus, RingOutcome

# Left in peace at least so long after an offer that failed.
REST_MIN: Final = 0.1
_CAUSES: Final = {
    RingOutcome.NO_ANSWER: "no_answer",
    RingOutcome.BUSY: "busy",
    RingOutcome.REJECTED: "rejected",
}


@dataclass(slots=True)
class Person:
    """An agent. `ringing` is the number of phones that ring for him: his own doing it is not."""

    config: AgentConfig
    signed_in: bool = False
    status: AgentStatus = AgentStatus.ACTIVE
    break_reason: str = ""
    reachable: bool = False
    occupied: int = 0
    ringing: int = 0
    talks: list[str] = field(default_factory=list[str])
    wrap_since: float = 0.0
    wrap_until: float | None = None
    rest_until: float | None = None
    rest_reason: str = ""
    misses: int = 0
    removed: bool = False
    idle_since: float = 0.0
    free_since: float = 0.0  # As idle_since, but calls outside the queues do not matter.

    @property
    def present(self) -> bool:
        """He is at work and could be rung, were he not busy."""
        return self.signed_in and self.status is AgentStatus.ACTIVE and self.reachable

    @property
    def ready(self) -> bool:
        return (
            self.present
            and not self.removed
            and not self.ringing
            and self.wrap_until is None
            and self.rest_until is None
            and len(self.talks) < self.config.max_calls
            and (not self.occupied or self.config.ring_in_use)
        )

    def state(self) -> tuple[AgentState, str]:
        """The one state that the facts amount to, and its reason."""
        if self.talks:
            return AgentState.TALKING, ""
        if self.ringing:
            return AgentState.RINGING, ""
        if not self.signed_in:
            return AgentState.INACTIVE, "removed" if self.removed else ""
        if self.occupied:
            return AgentState.OCCUPIED, ""
        if self.status is AgentStatus.BREAK:
            return AgentState.BREAK, self.break_reason
        if not self.reachable:
            return AgentState.UNREACHABLE, ""
        if self.wrap_until is not None:
            return AgentState.WRAP_UP, ""
        if self.rest_until is not None:
            return AgentState.DELAYED, self.rest_reason
        return AgentState.READY, ""

    def restart_idle(self, now: float) -> None:
        self.idle_since = self.free_since = now

    def time_passes(self, now: float) -> None:
        if self.wrap_until is not None and self.wrap_until <= now:
            self.end_wrap_up(now)
        if self.rest_until is not None and self.rest_until <= now:
            self.rest_until = None

    def sign_in(self, now: float) -> None:
        if not self.signed_in:
            self.signed_in, self.status, self.break_reason = True, AgentStatus.ACTIVE, ""
            self.misses = 0
            self.restart_idle(now)

    def sign_out(self) -> None:
        self.signed_in = False
        self.wrap_until = self.rest_until = None
        self.misses = 0

    def choose(self, status: AgentStatus, reason: str, now: float) -> None:
        if not self.signed_in:
            return
        if status is not self.status:
            self.restart_idle(now)
        self.status = status
        self.break_reason = reason if status is AgentStatus.BREAK else ""
        if status is AgentStatus.BREAK:
            self.wrap_until = self.rest_until = None
        else:
            self.misses = 0

    def miss(self) -> None:
        self.misses += 1
        limit = self.config.max_no_answer
        if limit and self.misses >= limit and self.status is AgentStatus.ACTIVE:
            self.status, self.break_reason, self.misses = AgentStatus.BREAK, "no_answer", 0

    def rest(self, outcome: RingOutcome, queue: QueueConfig | None, now: float) -> None:
        """After an offer that failed; who is on break or at home needs none."""
        if self.status is AgentStatus.BREAK or not self.signed_in:
            return
        delays = RetryDelays() if queue is None else queue.retry_after
        self.rest_reason = _CAUSES.get(outcome, "unreachable")
        seconds: float = getattr(delays, self.rest_reason)
        self.rest_until = now + max(seconds, REST_MIN)

    def talk_ends(self, call: str, queue: QueueConfig | None, now: float) -> None:
        """The agent's own wrap-up, which the queue may limit, or else the queue's."""
        if call in self.talks:
            self.talks.remove(call)
        self.restart_idle(now)
        seconds = 0.0 if queue is None else queue.wrap_up
        if self.config.wrap_up is not None:
            seconds = self.config.wrap_up
            if queue is not None and queue.wrap_up_max is not None:
                seconds = min(seconds, queue.wrap_up_max)
        if seconds > 0 and self.signed_in and self.status is AgentStatus.ACTIVE:
            self.wrap_since, self.wrap_until = now, now + seconds

    def end_wrap_up(self, now: float) -> None:
        if self.wrap_until is not None:
            self.wrap_until = None
            self.restart_idle(now)

    def extend_wrap_up(self, seconds: float) -> None:
        if self.wrap_until is not None:
            limit = max(self.wrap_until, self.wrap_since + self.config.wrap_up_max)
            self.wrap_until = min(self.wrap_until + max(seconds, 0.0), limit)


@dataclass(slots=True)
class Caller:
    """One call's stay in one queue."""

    id: str
    queue: str
    entered_at: float
    joined_at: float  # When the whole wait began.
    serial: int
    priority: int = 0  # Its own, without the queue's.
    queue_priority: int = 0  # As it was when the call came in.
    number: str = ""
    requires: str = ""
    preferred: str = ""
    callback: bool = False
    tried: set[str] = field(default_factory=set[str])  # Who had it and did not take it.
    agent: str = ""  # Whom it talks to.
    kept_for: str = ""  # Nobody else is offered it for now ...
    kept_since: float = 0.0
    kept_sticky: bool = False  # ... because he talked with this caller last, ...
    talked_at: float = 0.0  # ... which was then.
    personal_over: bool = False
    sticky_over: bool = False
    unsure: bool = False  # The settings changed: it may be kept for somebody from now on.

    def place(self, queue: QueueConfig, now: float) -> tuple[int, float, int]:
        """Who is served first."""
        risen = 0
        if queue.rise_every > 0:
            while risen < queue.rise_max and (
                self.joined_at + (risen + 1) * queue.rise_every <= now
            ):
                risen += 1
        priority = self.priority + self.queue_priority + risen
        return -priority, self.joined_at, self.serial
