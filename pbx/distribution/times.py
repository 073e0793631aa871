"""How long each agent was in each state: a fold of AgentChanged, to the millisecond.

Moments are rounded to whole milliseconds before they are subtracted, so the parts of any period
add up to the period exactly.
"""

from collections.abc import Iterable

from pbx.distribution.effects import AgentChanged, AgentState, Effect

Part = tuple[AgentState, str]
"""State and reason."""


class AgentTimes:
    """Feed it all effects in order; cut it at day boundaries with `spent` and a new one."""

    __slots__ = ("_current", "_spent", "_start_ms")

    def __init__(self, start: float) -> None:
        self._start_ms = milliseconds(start)
        self._current: dict[str, tuple[Part, int]] = {}
        self._spent: dict[str, dict[Part, int]] = {}

    def add(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, AgentChanged):
                self._change(effect)

    def spent(self, agent: str, now: float) -> dict[Part, int]:
        """Milliseconds by state and reason from the start (or his first change) until `now`."""
        parts = dict(self._spent.get(agent, {}))
        if agent in self._current:
            part, since = self._current[agent]
            parts[part] = parts.get(part, 0) + milliseconds(now) - since
        return parts

    def signed_in(self, agent: str, now: float) -> int:
        """Milliseconds in all states but inactive."""
        return sum(
            spent
            for (state, _), spent in self.spent(agent, now).items()
            if state is not AgentState.INACTIVE
        )

    def _change(self, changed: AgentChanged) -> None:
        part, since = self._current.get(changed.agent, ((AgentState.INACTIVE, ""), self._start_ms))
        at = milliseconds(changed.since)
        parts = self._spent.setdefault(changed.agent, {})
        parts[part] = parts.get(part, 0) + at - since
        self._current[changed.agent] = ((changed.state, changed.reason), at)


def milliseconds(moment: float) -> int:
    return round(moment * 1000)
