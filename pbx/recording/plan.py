"""What the configuration says of recordings, as plain values, and whom it concerns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Mode(Enum):
    NEVER = "never"  # Not even by hand.
    ALWAYS = "always"
    SOME = "some"  # A share of the calls.
    ON_DEMAND = "on_demand"  # When somebody presses the keys.


@dataclass(frozen=True, slots=True)
class Policy:
    mode: Mode = Mode.NEVER
    percent: int = 0


NEVER: Final = Policy()


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    root: str = ""  # An absolute directory.
    calls: Policy = NEVER  # Whom no other entry concerns.
    queues: dict[str, Policy] = field(default_factory=dict[str, Policy])
    extensions: dict[str, Policy] = field(default_factory=dict[str, Policy])
    trunks: dict[str, Policy] = field(default_factory=dict[str, Policy])
    routes: dict[str, Policy] = field(default_factory=dict[str, Policy])
    notice: str = ""  # A sound: callers are told.
    record_keys: str = ""  # Pressed within a call; "": none.
    pause_keys: str = ""
    pause_seconds: float = 120.0
    seconds_max: float = 14_400.0
    whisper: bool = False

    @property
    def active(self) -> bool:
        """Might anything be recorded at all?"""
        others = (*self.queues.values(), *self.extensions.values())
        more = (*self.trunks.values(), *self.routes.values())
        return any(policy.mode is not Mode.NEVER for policy in (self.calls, *others, *more))

    def policy(
        self, queue: str, extensions: Iterable[str], trunks: Iterable[str], route: str
    ) -> Policy:
        """The word of the strictest who have a say: whoever is never recorded is not recorded."""
        asked = (
            self.queues.get(queue),
            *(self.extensions.get(name) for name in extensions),
            *(self.trunks.get(name) for name in trunks),
            self.routes.get(route),
        )
        found = [policy for policy in asked if policy is not None]
        return min(found, key=_strictness) if found else self.calls

    def tells(self, queue: str) -> bool:
        """Are the callers of this queue told at once that they may be recorded?"""
        policy = self.queues.get(queue, self.calls)
        return bool(self.notice) and policy.mode in (Mode.ALWAYS, Mode.SOME)


NO_RECORDING: Final = RecordingPlan()

_ORDER: Final = {Mode.NEVER: 0, Mode.ALWAYS: 1, Mode.SOME: 2, Mode.ON_DEMAND: 3}


def _strictness(policy: Policy) -> tuple[int, int]:
    return _ORDER[policy.mode], -policy.percent


def is_chosen(policy: Policy, call: str) -> bool:
    """Is this call recorded without anybody asking for it? The same answer each time: the id of a
    call, made of random hexadecimal digits, is the dice."""
    if policy.mode is Mode.SOME:
        return int(call[:8], 16) % 100 < policy.percent
    return policy.mode is Mode.ALWAYS
