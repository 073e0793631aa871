"""A day of a large call centre in virtual time: 500 agents, 20,000 calls, three queues.

How fast `pbx simulate` is: what-if questions want the same day a hundred times over.
"""

import time

from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    Strategy,
    WithinTier,
)
from pbx.distribution.core import Distribution
from pbx.distribution.effects import Effect
from pbx.distribution.inputs import Input
from pbx.simulation.durations import Exponential, Lognormal
from pbx.simulation.phones import Phones
from pbx.simulation.run import Run
from pbx.simulation.traffic import Shift, Stream, Traffic

Figure = tuple[str, float, str]
AGENTS = 500
CALLS = 20_000
HOURS = 24
DAY = HOURS * 3600.0
# Of the day's calls, hour by hour: a quiet night, two peaks.
SHAPE = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 20, 19, 16, 16, 18, 19, 18, 15, 12, 9, 7, 5, 3, 2)
SHARES = (("sales", 0.5), ("support", 0.35), ("vip", 0.15))


def run() -> list[Figure]:
    traffic = traffic_of_day()
    day = traffic.day(1)
    phones = Phones(Exponential(4.0), no_answer=0.08)
    started = time.process_time()
    run = Run(day, 1, phones, None)
    clock = _Clock(run.core)
    run.core = clock
    ledger = run.live()
    seconds = time.process_time() - started
    answered = sum(agent.answered for agent in ledger.agents.values())
    calls = len(day.callers)
    return [
        ("day_cpu_s", round(seconds, 2), "s"),
        ("day_core_cpu_s", round(clock.nanoseconds / 1e9, 2), "s"),  # The rest is the driver.
        ("day_calls", calls, "calls"),
        ("day_answered_percent", round(100 * answered / calls, 1), "%"),
        ("day_inputs", clock.inputs, "inputs"),
        ("day_hours_per_second", round(HOURS / seconds, 1), "h/s"),
    ]


class _Clock(Distribution):
    """The core with a stop watch around its door; the watch's own time counts for the driver."""

    __slots__ = ("inputs", "nanoseconds")

    def __init__(self, core: Distribution) -> None:
        self.seed, self.world = core.seed, core.world
        self.inputs = self.nanoseconds = 0

    def apply(self, event: Input, now: float) -> list[Effect]:
        started = time.process_time_ns()
        effects = super().apply(event, now)
        self.nanoseconds += time.process_time_ns() - started
        self.inputs += 1
        return effects

    @property
    def next_deadline(self) -> float | None:
        started = time.process_time_ns()
        deadline = self.world.next_deadline()
        self.nanoseconds += time.process_time_ns() - started
        return deadline


def traffic_of_day() -> Traffic:
    config = company()
    scale = CALLS / sum(SHAPE)
    streams = tuple(
        Stream(
            queue,
            tuple(scale * share * part for part in SHAPE),
            Lognormal(260.0, 0.9),
            Exponential(150.0),
        )
        for queue, share in SHARES
    )
    return Traffic(config, streams, DAY, tuple(shifts()))


def company() -> DistributionConfig:
    """Everybody in one queue, a third in two."""
    agents = tuple(
        AgentConfig(f"a{number}", max_no_answer=3 if number % 5 == 0 else 0)
        for number in range(AGENTS)
    )
    names = [agent.id for agent in agents]
    return DistributionConfig(
        (
            QueueConfig(
                "sales",
                Strategy.LONGEST_IDLE,
                tuple(Member(name) for name in names[:280]),
                wrap_up=20.0,
                max_wait=600.0,
            ),
            QueueConfig(
                "support",
                Strategy.ROUND_ROBIN,
                tuple(Member(name) for name in names[180:450]),
                wrap_up=30.0,
                max_wait=600.0,
            ),
            QueueConfig(
                "vip",
                Strategy.IN_ORDER,
                tuple(Member(name, order=1 + n // 40) for n, name in enumerate(names[380:])),
                within_tier=WithinTier.ONE_BY_ONE,
                wrap_up=20.0,
                priority=10,
                announce_every=60.0,
            ),
        ),
        agents,
    )


def shifts() -> list[Shift]:
    """Eight hours each: nine of ten agents by day, the others evenings and nights."""
    starts = (0, 6, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 11, 12, 12, 13, 14, 16, 16, 23)
    return [
        Shift(f"a{number}", starts[number % 20] * 3600.0, (starts[number % 20] + 8) * 3600.0)
        for number in range(AGENTS)
    ]


if __name__ == "__main__":
    import sys

    for name, value, unit in run():
        _ = sys.stdout.write(f"{name:28} {value:12.2f} {unit}\n")
