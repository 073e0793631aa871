"""What the journal costs a call: a queue of ten agents in turn, every call answered."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pbx import journal as files
from pbx.distribution import journal
from pbx.distribution.config import AgentConfig, DistributionConfig, Member, QueueConfig, Strategy
from pbx.distribution.core import Distribution
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    CallJoined,
    Configured,
    ConversationEnded,
    Input,
    RingEnded,
    RingOutcome,
    RingStarted,
)
from pbx.distribution.journal import Clock, Tally, Told
from pbx.history.replay import Replay
from pbx.journal import Journal

Figure = tuple[str, float, str]
ROUNDS = 7
CALLS = 1000
AGENTS = 10


def run() -> list[Figure]:
    told = _day()

    def lines() -> None:
        for at, event, _ in told:
            _ = journal.line(at, event, "00000000")

    def sums() -> None:
        tally = Tally()
        for at, _, effects in told:
            _ = tally.add(at, effects)

    writing = _best(lines)
    summing = _best(sums)
    return [
        ("journal_line_us", writing / len(told), "us"),
        ("journal_sum_us", summing / len(told), "us"),
        ("journal_call_us", (writing + summing) / CALLS, "us"),
        *_on_disk(told),
    ]


def _day() -> list[Told]:
    core, told, now = Distribution(DistributionConfig(), 1), list[Told](), 0.0

    def tell(event: Input) -> None:
        nonlocal now
        now += 0.4
        told.append(Told(now, event, core.apply(event, now)))

    names = [str(901 + n) for n in range(AGENTS)]
    queue = QueueConfig("sales", Strategy.ROUND_ROBIN, tuple(map(Member, names)))
    tell(Configured(DistributionConfig((queue,), tuple(map(AgentConfig, names)))))
    for name in names:
        tell(AgentReachable(name))
        tell(AgentSignedIn(name))
    for number in range(CALLS):
        call, agent = f"{number:012x}", names[number % AGENTS]
        tell(CallJoined(call, "sales", "380441234567"))
        tell(RingStarted(call, agent))
        tell(RingEnded(call, agent, RingOutcome.ANSWERED))
        tell(ConversationEnded(call, agent))
    return told


def _on_disk(told: list[Told]) -> list[Figure]:
    with TemporaryDirectory() as directory:
        writer = Journal(Path(directory), 0, lambda alarm: None)
        writer.begin(
            Distribution(DistributionConfig(), 1), "2026-01-01", Clock(0.0, 0.0), fresh=True
        )
        started = time.thread_time()
        for one in told:
            writer.put([one])
        put = time.thread_time() - started
        assert writer.close() == 0
        path = files.path_of(Path(directory), "2026-01-01")
        size = path.stat().st_size
        started = time.process_time()
        replay = Replay()
        for _ in replay.run(files.lines(path)):
            pass
        assert replay.differing == 0
        lived = time.process_time() - started
    return [
        ("journal_put_us", put / len(told) * 1e6, "us"),
        ("journal_call_bytes", size / CALLS, "bytes"),
        ("replay_input_us", lived / len(told) * 1e6, "us"),
    ]


def _best(work: Callable[[], None]) -> float:
    """Microseconds of the CPU."""
    times: list[float] = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) * 1e6
