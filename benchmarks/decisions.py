"""How long one decision of the distribution core takes, explanations on.

A decision: a call joins while agents are ready, or an agent becomes free while calls wait, until
the effects are in hand. Half of the samples are of each kind. For `ring_all`: per agent rung.
"""

import gc
import time
from collections.abc import Iterator

from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    Strategy,
    WithinTier,
)
from pbx.distribution.core import Distribution
from pbx.distribution.effects import Connect, Effect, Ring
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    CallJoined,
    CallLeft,
    ConversationEnded,
    Input,
    RingEnded,
    RingOutcome,
)

WAITING = 1000
SAMPLES = 4000
TIERS = 10
STRATEGIES = (
    Strategy.RING_ALL,
    Strategy.IN_ORDER,
    Strategy.ROUND_ROBIN,
    Strategy.LONGEST_IDLE,
)


def run(sizes: tuple[int, ...] = (100, 1000, 10000)) -> list[tuple[str, float, str]]:
    """(name, value, unit) for each strategy and number of agents."""
    results: list[tuple[str, float, str]] = []
    for strategy in STRATEGIES:
        for size in sizes:
            samples = sorted(_samples(strategy, size))
            name = f"decision_{strategy.value}_{size}"
            for quantile in (50, 99):
                value = samples[len(samples) * quantile // 100]
                results.append((f"{name}_p{quantile}_us", round(value, 2), "us"))
    return results


class _Bench:
    """A core with a clock of its own that measures single inputs."""

    def __init__(self, strategy: Strategy, size: int) -> None:
        members = tuple(Member(f"a{n}", order=1 + n * TIERS // size) for n in range(size))
        queue = QueueConfig("q", strategy, members, within_tier=WithinTier.ONE_BY_ONE)
        agents = tuple(AgentConfig(member.agent) for member in members)
        self.core = Distribution(DistributionConfig((queue,), agents), seed=1)
        self.now = 0.0
        self.calls = 0
        for agent in agents:
            _ = self.do(AgentReachable(agent.id))

    def do(self, event: Input) -> list[Effect]:
        self.now += 0.001
        return self.core.apply(event, self.now)

    def timed(self, event: Input) -> tuple[list[Effect], float]:
        """Microseconds for one agent rung."""
        self.now += 0.001
        start = time.perf_counter_ns()
        effects = self.core.apply(event, self.now)
        elapsed = time.perf_counter_ns() - start
        rung = sum(isinstance(effect, Ring) for effect in effects)
        assert rung, event
        return effects, elapsed / 1000 / rung

    def next_call(self) -> CallJoined:
        self.calls += 1
        return CallJoined(f"c{self.calls}", "q")

    def answer(self, effects: list[Effect]) -> Connect:
        """The first agent rung answers."""
        ring = next(effect for effect in effects if isinstance(effect, Ring))
        answered = self.do(RingEnded(ring.call, ring.agent, RingOutcome.ANSWERED))
        return next(effect for effect in answered if isinstance(effect, Connect))


def _samples(strategy: Strategy, size: int) -> Iterator[float]:
    yield from _calls_join(strategy, size)
    yield from _agents_become_free(strategy, size)


def _calls_join(strategy: Strategy, size: int) -> Iterator[float]:
    """About half of the agents are ready, the others talk."""
    bench = _Bench(strategy, size)
    for agent in bench.core.agents:
        _ = bench.do(AgentSignedIn(agent))
    talking: list[Connect] = []
    _ = gc.collect()
    gc.freeze()  # As the program does after its start.
    wide = strategy is Strategy.RING_ALL
    count = max(20, SAMPLES // size) if wide else SAMPLES
    for _ in range(count):
        effects, elapsed = bench.timed(bench.next_call())
        yield elapsed
        talking.append(bench.answer(effects))
        if len(talking) > size // 2:
            done = talking.pop(0)
            _ = bench.do(ConversationEnded(done.call, done.agent))


def _agents_become_free(strategy: Strategy, size: int) -> Iterator[float]:
    """Everybody talks, and a thousand calls wait."""
    bench = _Bench(strategy, size)
    talking: list[Connect] = []
    for _ in range(WAITING):
        _ = bench.do(bench.next_call())
    for agent in bench.core.agents:
        talking.append(bench.answer(bench.do(AgentSignedIn(agent))))
        _ = bench.do(bench.next_call())
    _ = gc.collect()
    gc.freeze()
    for _ in range(SAMPLES):
        done = talking.pop(0)
        effects, elapsed = bench.timed(ConversationEnded(done.call, done.agent))
        yield elapsed
        talking.append(bench.answer(effects))
        _ = bench.do(bench.next_call())
    _ = bench.do(CallLeft(f"c{bench.calls}"))


if __name__ == "__main__":
    import sys

    for name, value, unit in run():
        _ = sys.stdout.write(f"{name:40} {value:10.2f} {unit}\n")
