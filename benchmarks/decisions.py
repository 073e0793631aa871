"""How long one decision of the distribution core takes, explanations on.

A decision: a call joins while agents are ready, or an agent becomes free while calls wait, until
the effects are in hand. Half of the samples are of each kind. For `ring_all`: per agent rung.
Every strategy is measured without tags and with calls that require three tags each.
"""

import gc
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

from pbx.app import GC_THRESHOLDS
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
    CallPicked,
    ConversationEnded,
    Input,
    RingEnded,
    RingOutcome,
)

Figure = tuple[str, float, str]
WAITING = 1000
SAMPLES = 4000
TIERS = 10
SIZES = (100, 1000, 10000)
TAGS = ("sales", "support", "billing", "french", "english", "german", "vip", "night")
# What callers ask for in turn; each agent has seven of the eight tags.
WANTED = tuple(
    " & ".join(f"{TAGS[(first + step) % len(TAGS)]} >= 20" for step in (0, 2, 5))
    for first in range(len(TAGS))
)


def run(sizes: tuple[int, ...] = SIZES) -> list[Figure]:
    """For each strategy and number of agents, without and with required tags."""
    figures: list[Figure] = []
    for strategy in Strategy:
        for tagged in (False, True):
            for size in sizes:
                name = f"decision_{strategy.value}{'_tags' if tagged else ''}_{size}"
                samples = sorted(_samples(strategy, size, tagged=tagged))
                for quantile in (50, 99):
                    value = samples[len(samples) * quantile // 100]
                    figures.append((f"{name}_p{quantile}_us", round(value, 2), "us"))
    return figures + memory()


def memory(agents: int = 10_000, calls: int = 10_000) -> list[Figure]:
    """Bytes that an agent and a waiting call take."""
    _ = gc.collect()
    tracemalloc.start()
    bench = _Bench(Strategy.LONGEST_IDLE, agents, tagged=True)
    of_agents = tracemalloc.get_traced_memory()[0]
    for _ in range(calls):
        _ = bench.do(bench.next_call())
    of_calls = tracemalloc.get_traced_memory()[0] - of_agents
    tracemalloc.stop()
    return [
        ("memory_per_agent_kib", round(of_agents / agents / 1024, 2), "KiB"),
        ("memory_per_waiting_call_kib", round(of_calls / calls / 1024, 2), "KiB"),
    ]


class _Bench:
    """A core with a clock of its own that measures single inputs."""

    def __init__(self, strategy: Strategy, size: int, *, tagged: bool) -> None:
        members = tuple(
            Member(f"a{n}", order=1 + n * TIERS // size, rank=n % TIERS, weight=1 + n % 3)
            for n in range(size)
        )
        queue = QueueConfig("q", strategy, members, within_tier=WithinTier.ONE_BY_ONE)
        agents = tuple(AgentConfig(member.agent) for member in members)
        if tagged:
            agents = tuple(
                replace(agent, tags=tuple((tag, 50) for tag in TAGS if tag != TAGS[n % len(TAGS)]))
                for n, agent in enumerate(agents)
            )
        self.tagged = tagged
        self.manual = strategy is Strategy.MANUAL
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
        requires = WANTED[self.calls % len(WANTED)] if self.tagged else ""
        return CallJoined(f"c{self.calls}", "q", requires=requires)

    def answer(self, effects: list[Effect]) -> Connect:
        """The first agent rung answers."""
        ring = next(effect for effect in effects if isinstance(effect, Ring))
        answered = self.do(RingEnded(ring.call, ring.agent, RingOutcome.ANSWERED))
        return next(effect for effect in answered if isinstance(effect, Connect))


def _as_the_program_does() -> None:
    """What is there is not looked at again, and garbage is looked for seldom."""
    gc.unfreeze()
    _ = gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _samples(strategy: Strategy, size: int, *, tagged: bool) -> Iterator[float]:
    if strategy is Strategy.MANUAL:
        yield from _agents_pick(size, tagged=tagged)
        return
    yield from _calls_join(strategy, size, tagged=tagged)
    yield from _agents_become_free(strategy, size, tagged=tagged)


def _calls_join(strategy: Strategy, size: int, *, tagged: bool) -> Iterator[float]:
    """About half of the agents are ready, the others talk."""
    bench = _Bench(strategy, size, tagged=tagged)
    for agent in bench.core.agents:
        _ = bench.do(AgentSignedIn(agent))
    talking: list[Connect] = []
    _as_the_program_does()
    wide = strategy is Strategy.RING_ALL
    count = max(20, SAMPLES // size) if wide else SAMPLES
    for _ in range(count):
        effects, elapsed = bench.timed(bench.next_call())
        yield elapsed
        talking.append(bench.answer(effects))
        if len(talking) > size // 2:
            done = talking.pop(0)
            _ = bench.do(ConversationEnded(done.call, done.agent))


def _agents_become_free(strategy: Strategy, size: int, *, tagged: bool) -> Iterator[float]:
    """Everybody talks, and a thousand calls wait."""
    bench = _Bench(strategy, size, tagged=tagged)
    talking: list[Connect] = []
    for _ in range(WAITING):
        _ = bench.do(bench.next_call())
    for agent in bench.core.agents:
        talking.append(bench.answer(bench.do(AgentSignedIn(agent))))
        _ = bench.do(bench.next_call())
    _as_the_program_does()
    for _ in range(SAMPLES):
        done = talking.pop(0)
        effects, elapsed = bench.timed(ConversationEnded(done.call, done.agent))
        yield elapsed
        talking.append(bench.answer(effects))
        _ = bench.do(bench.next_call())
    _ = bench.do(CallLeft(f"c{bench.calls}"))


def _agents_pick(size: int, *, tagged: bool) -> Iterator[float]:
    """`manual`: agents take calls from a list of a thousand."""
    bench = _Bench(Strategy.MANUAL, size, tagged=tagged)
    waiting = [bench.next_call() for _ in range(WAITING)]
    for call in waiting:
        _ = bench.do(call)
    for agent in bench.core.agents:
        _ = bench.do(AgentSignedIn(agent))
    _as_the_program_does()
    world = bench.core.world
    for number in range(SAMPLES):
        agent = f"a{number % size}"
        tags = {tag for tag, _ in world.agents[agent].config.tags}
        call = next(
            call
            for call in waiting
            if all(part.split()[0] in tags for part in call.requires.split(" & ") if part)
        )
        waiting.remove(call)
        effects, elapsed = bench.timed(CallPicked(call.call, agent))
        yield elapsed
        done = bench.answer(effects)
        _ = bench.do(ConversationEnded(done.call, done.agent))
        waiting.append(bench.next_call())
        _ = bench.do(waiting[-1])


if __name__ == "__main__":
    import sys

    for name, value, unit in run():
        _ = sys.stdout.write(f"{name:44} {value:10.2f} {unit}\n")
