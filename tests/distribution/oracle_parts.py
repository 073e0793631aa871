"""What the oracle keeps of agents, phones and callers, and the words it speaks."""

from dataclasses import dataclass, field

from pbx.distribution.config import AgentConfig
from pbx.distribution.effects import (
    AgentChanged,
    Announce,
    Connect,
    Effect,
    Leave,
    Release,
    Ring,
    StopRinging,
)

Word = tuple[str | float | None, ...]


def words(effects: list[Effect]) -> list[Word]:
    """The core's effects in the oracle's terms. Agents' states are compared apart."""
    found: list[Word] = []
    for effect in effects:
        match effect:
            case Ring(call, agent, until, _, auto):
                found.append(("ring", call, agent, until, str(auto)))
            case StopRinging(call, agent, cause, missed):
                found.append(("stop", call, agent, cause.value, str(missed)))
            case Connect(call, agent):
                found.append(("connect", call, agent))
            case Release(call, agent):
                found.append(("release", call, agent))
            case Leave(call, queue, reason):
                found.append(("leave", call, queue, reason.value))
            case Announce(call, position, expected):
                found.append(("announce", call, position, expected))
            case AgentChanged():
                pass
    return sorted(found, key=repr)


@dataclass
class Person:
    config: AgentConfig
    signed_in: bool = False
    on_break: bool = False
    break_reason: str = ""
    reachable: bool = False
    outside: int = 0
    ringing: str = ""
    talking: list[str] = field(default_factory=list[str])
    wrap_since: float = 0.0
    wrap_until: float | None = None
    delay_until: float | None = None
    delay_reason: str = ""
    misses: int = 0
    idle: float = 0.0
    free: float = 0.0
    removed: bool = False

    def ready(self) -> bool:
        if not self.signed_in or self.on_break or not self.reachable or self.ringing:
            return False
        if self.wrap_until is not None or self.delay_until is not None:
            return False
        if self.outside and not self.config.ring_in_use:
            return False
        return len(self.talking) < self.config.max_calls

    def state(self) -> tuple[str, str]:
        if self.talking:
            return "talking", ""
        if self.ringing:
            return "ringing", ""
        if not self.signed_in:
            return "inactive", ""
        if self.outside:
            return "occupied", ""
        if self.on_break:
            return "break", self.break_reason
        if not self.reachable:
            return "unreachable", ""
        if self.wrap_until is not None:
            return "wrap_up", ""
        if self.delay_until is not None:
            return "delayed", self.delay_reason
        return "ready", ""


@dataclass
class RungPhone:
    offered: float
    started: float | None
    timeout: float
    until: float | None
    picked: bool = False


@dataclass
class Caller:
    id: str
    queue: str
    priority: int
    joined: float
    number: int
    entered: float
    state: str = "waiting"
    phones: dict[str, RungPhone] = field(default_factory=dict[str, RungPhone])
    agent: str = ""
    round: int = 1
    tried: dict[str, int] = field(default_factory=dict[str, int])
    level: tuple[int, int] = (0, 0)
    step_until: float | None = None
    leave_at: float | None = None
    overdue: bool = False
    joinable: bool = False
    reopened: bool = False
    stepping: bool = False
    announce_at: float | None = None
    told: float | None = None

    def order(self) -> tuple[int, float, int]:
        return (-self.priority, self.joined, self.number)
