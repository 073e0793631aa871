"""A recorded day lived again: unchanged it is that day; resampled it is one like it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from pbx.commands.recorded_day import read
from pbx.distribution import journal
from pbx.distribution.config import AgentConfig, DistributionConfig, Member, Strategy
from pbx.distribution.core import Distribution
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentVacated,
    AnswerFailed,
    CallJoined,
    CallLeft,
    Configured,
    ConversationEnded,
    Input,
    LeaveReason,
    RingEnded,
    RingOutcome,
    WrapUpEnded,
    WrapUpExtended,
)
from pbx.simulation.day import Day, Timed
from pbx.simulation.durations import Exponential, Lognormal, Observed
from pbx.simulation.errors import SimulationError
from pbx.simulation.figures import Values
from pbx.simulation.phones import Phones
from pbx.simulation.ranges import Scope, Study, study
from pbx.simulation.recorded import RecordedDay, learn
from pbx.simulation.recorder import Recorder
from pbx.simulation.run import live
from pbx.simulation.traffic import Shift, Stream, Traffic, signed_in
from pbx.simulation.whatif import Change, changed
from tests.simulation.company import company, noted, queue

POINTS = 0.02
SHARES = ("service_level", "abandonment_rate", "abandoned_share", "had_to_wait", "occupancy")
PEOPLE = Phones(Observed((2.0, 4.0, 6.0, 11.0)), no_answer=0.08)


def office(strategy: Strategy, calls: float = 1.0) -> Traffic:
    """Ten agents in shifts, three queues, one of which sends its calls on."""
    agents = [f"a{number}" for number in range(10)]
    config = company(
        queue("sales", *agents[:7], strategy=strategy, wrap_up=15.0),
        queue("support", *agents[4:], strategy=strategy, wrap_up=15.0),
        queue("vip", *agents[5:], strategy=Strategy.LONGEST_IDLE, max_wait=30.0, priority=5),
        agents=(AgentConfig("a1", max_no_answer=2), AgentConfig("a6", max_no_answer=2)),
    )
    streams = (
        Stream(
            "sales", (30 * calls, 90 * calls, 60 * calls), Lognormal(150.0, 0.8), Exponential(90)
        ),
        Stream("support", (40 * calls, 70 * calls), Lognormal(200.0, 0.8), Exponential(120.0)),
        Stream("vip", (15 * calls,), Exponential(90.0), Exponential(60.0)),
    )
    shifts = tuple(
        Shift(name, 0.0 if number % 3 else 1800.0, None if number % 4 else 4 * 3600.0)
        for number, name in enumerate(agents)
    )
    overflow = {("vip", LeaveReason.TIMED_OUT): "support"}
    return Traffic(config, streams, 5 * 3600.0, shifts, overflow)


def restless(day: Day, seed: int) -> Day:
    """With breaks, calls of one's own, and wrap-ups cut short or extended."""
    random = Random(seed)
    script = list(day.script)
    for agent in ("a2", "a5", "a8"):
        at = 3600.0 * random.uniform(1, 3)
        script.append(Timed(at, AgentStatusSet(agent, AgentStatus.BREAK, "lunch")))
        script.append(Timed(at + 900.0, AgentStatusSet(agent, AgentStatus.ACTIVE)))
        script.append(Timed(at + 3000.0, AgentOccupied(agent)))
        script.append(Timed(at + 3300.0, AgentVacated(agent)))
    callers = tuple(
        replace(
            caller,
            wrap_up_ends=random.uniform(1, 10) if random.random() < 0.2 else None,
            wrap_up_more=20.0 if random.random() < 0.1 else 0.0,
        )
        for caller in day.callers
    )
    return replace(day, callers=callers, script=tuple(sorted(script, key=lambda one: one.at)))


def recorded(day: Day, phones: Phones, path: Path, seed: int = 1) -> RecordedDay:
    """The day as the journal has it."""
    with path.open("w") as file:
        _ = file.write(journal.header(day.config, seed) + "\n")
        _ = live(day, seed, phones, lambda at, event: write(file.write, at, event))
    found, _, problems = read(path)
    assert problems == ()
    return found


def write(to: object, at: float, event: Input) -> None:
    assert callable(to)
    _ = to(journal.line(at, event) + "\n")


def figures_of(day: RecordedDay) -> Values:
    found = Study(Scope())
    found.add(day.ledger, day.recorder.config)
    return found.runs[0]


def test_calls_picked_from_the_list(tmp_path: Path) -> None:
    """Who picks which call is chance, but that agents take so long to is learnt."""
    phones = Phones(Observed((3.0, 8.0, 20.0)))
    that_day = recorded(office(Strategy.MANUAL).day(5), phones, tmp_path / "day.jsonl")
    picks = that_day.recorder.picks
    assert 3.0 < sum(picks) / len(picks) < 12.0
    lived = study(that_day.same, that_day.phones, Scope(), runs=4, seed=1)
    expected, measured = figures_of(that_day)["service_level"], lived.range("service_level")
    assert expected is not None
    assert measured is not None
    assert measured.mean == pytest.approx(expected, abs=3 * POINTS)


@pytest.mark.parametrize("strategy", [s for s in Strategy if s is not Strategy.MANUAL])
def test_unchanged_it_is_the_same_day(tmp_path: Path, strategy: Strategy) -> None:
    """Far closer than two percentage points: call for call."""
    day = restless(office(strategy).day(7), 7)
    that_day = recorded(day, PEOPLE, tmp_path / "day.jsonl", seed=7)
    for seed in (7, 8):  # 7 is also the seed of that day's core: of its `random`.
        again = live(that_day.same(seed), seed, that_day.phones)
        if seed == 7 or strategy is not Strategy.RANDOM:
            found, expected = noted(again), noted(that_day.ledger)
            same = sum(one == other for one, other in zip(found, expected, strict=True))
            assert same >= 0.97 * len(expected)
    lived = study(that_day.same, that_day.phones, Scope(), runs=3, seed=1)
    for name in SHARES:
        measured, expected_share = lived.range(name), figures_of(that_day)[name]
        assert measured is not None
        assert expected_share is not None
        assert abs(measured.mean - expected_share) <= POINTS, (name, measured, expected_share)


def test_a_day_like_it(tmp_path: Path) -> None:
    """Of a long day enough is learnt to say what another one is like."""
    traffic = replace(office(Strategy.LONGEST_IDLE), seconds=10 * 3600.0)
    shifts = tuple(Shift(agent.id) for agent in traffic.config.agents)
    traffic = replace(traffic, shifts=shifts)
    that_day = recorded(traffic.day(3), PEOPLE, tmp_path / "day.jsonl", seed=3)
    like_it = study(that_day.like_it, that_day.phones, Scope(), runs=4, seed=1)
    truth = study(traffic.day, PEOPLE, Scope(), runs=4, seed=100)
    for name in SHARES:
        measured, real = like_it.range(name), truth.range(name)
        assert measured is not None
        assert real is not None
        assert abs(measured.mean - real.mean) <= 2 * POINTS, (name, measured, real)


def test_one_more_agent_helps(tmp_path: Path) -> None:
    day = office(Strategy.ROUND_ROBIN, calls=1.5).day(4)
    that_day = recorded(day, PEOPLE, tmp_path / "day.jsonl")
    change = Change(("sales",), agents=1, from_=3600.0, until=4 * 3600.0)

    def what_if(seed: int) -> Day:
        return changed(that_day.same(seed), change)

    as_it_is = study(that_day.same, that_day.phones, Scope(), runs=5, seed=1)
    found = study(what_if, that_day.phones, Scope(), runs=5, seed=1)
    difference = found.difference(as_it_is, "service_level")
    assert difference is not None
    assert difference.low > 0
    extra = live(what_if(1), 1, that_day.phones).agents["extra-1"]
    # He finishes his last conversation.
    assert 3 * 3600.0 <= extra.signed_in < 3 * 3600.0 + 900.0
    assert extra.answered > 10


# --- One caller at a time. ---


def told(config_agents: Iterable[str], *inputs: tuple[float, Input]) -> Recorder:
    """What the recorder makes of these inputs."""
    config = company(queue("sales", *config_agents, ring_timeout=10.0, wrap_up=20.0))
    core = Distribution(config, 1)
    recorder = Recorder(core, 0.0)
    begin: list[tuple[float, Input]] = [(0.0, AgentReachable(agent)) for agent in config_agents]
    begin += [(0.0, AgentSignedIn(agent)) for agent in config_agents]
    for at, event in (*begin, *inputs):
        recorder.input(at, event, core.apply(event, at))
    recorder.finish()
    return recorder


def test_what_is_known_of_a_caller() -> None:
    recorder = told(
        ("anna",),
        (10.0, CallJoined("c1", "sales", "0501", 3, preferred_agent="anna")),
        (14.0, RingEnded("c1", "anna", RingOutcome.ANSWERED)),
        (20.0, CallJoined("c2", "sales")),
        (64.0, ConversationEnded("c1", "anna")),
        (70.0, WrapUpExtended("anna", 30.0)),
        (90.0, CallLeft("c2")),
        (95.0, WrapUpEnded("anna")),
    )
    known = learn(recorder)
    first, second = known.same(1).callers
    assert (first.at, first.number, first.priority, first.preferred_agent) == (
        10,
        "0501",
        3,
        "anna",
    )
    assert (first.talk, first.wrap_up_ends, first.wrap_up_more) == (50.0, 31.0, 30.0)
    assert first.patience > 4.0
    assert first.responses == {"anna": ((4.0, RingOutcome.ANSWERED),)}
    assert (second.at, second.patience, second.gives_up) == (20.0, 70.0, LeaveReason.ABANDONED)


def test_who_talks_when_the_recording_ends_talks_on() -> None:
    recorder = told(
        ("anna", "borys"),
        (10.0, CallJoined("c1", "sales")),
        (14.0, RingEnded("c1", "anna", RingOutcome.ANSWERED)),
        (5000.0, CallJoined("c2", "sales")),
    )
    known = learn(recorder)
    first, second = known.same(1).callers
    assert first.talk == 4986.0
    assert second.talk != 4986.0  # So long a talk was not seen to its end: nobody else has it.
    assert isinstance(known.talk["sales"], Exponential)


def test_what_is_known_of_phones() -> None:
    """Cut short is not unanswered: whoever rang in vain for 3 s might have answered later."""
    recorder = told(
        ("anna",),
        (10.0, CallJoined("c1", "sales")),
        (13.0, CallLeft("c1")),
        (20.0, CallJoined("c2", "sales")),
        (26.0, RingEnded("c2", "anna", RingOutcome.REJECTED)),
        (32.0, AgentSignedOut("anna")),
    )
    first, second = recorder.callers
    assert first.responses == {"anna": [(3.0, None)]}
    assert second.responses["anna"][0] == (6.0, RingOutcome.REJECTED)


def test_an_answer_that_failed() -> None:
    recorder = told(
        ("anna",),
        (10.0, CallJoined("c1", "sales")),
        (14.0, RingEnded("c1", "anna", RingOutcome.ANSWERED)),
        (15.0, AnswerFailed("c1", "anna")),
    )
    known = recorder.callers[0]
    assert (known.answered_at, known.talk) == (None, None)
    assert known.responses["anna"][0] == (4.0, RingOutcome.FAILED)
    assert recorder.ledger.visits[0].reason is None


def test_a_day_that_begins_in_the_middle_of_work() -> None:
    """Anna talks, Borys is on break, one call waits: as the journal of a restart begins."""
    core = Distribution(company(queue("sales", "anna", "borys")), 1)
    begin: list[Input] = [AgentReachable("anna"), AgentReachable("borys")]
    for input in (*begin, AgentSignedIn("anna"), AgentSignedIn("borys")):
        _ = core.apply(input, 0.0)
    morning: list[tuple[float, Input]] = [
        (1.0, AgentStatusSet("borys", AgentStatus.BREAK, "lunch")),
        (2.0, CallJoined("c1", "sales")),
        (3.0, RingEnded("c1", "anna", RingOutcome.ANSWERED)),
        (4.0, CallJoined("c2", "sales", priority=2)),
    ]
    for at, input in morning:
        _ = core.apply(input, at)
    recorder = Recorder(core, 100.0)
    event = ConversationEnded("c1", "anna")
    recorder.input(150.0, event, core.apply(event, 150.0))
    ringing = RingEnded("c2", "anna", RingOutcome.ANSWERED)
    recorder.input(153.0, ringing, core.apply(ringing, 153.0))
    recorder.restarted(Distribution(recorder.config, 1), 160.0)
    recorder.finish()
    day = learn(recorder).same(1)
    assert [(one.call, one.at, one.priority) for one in day.callers] == [("c2", 100.0, 2)]
    again = live(day, 1, learn(recorder).phones)
    assert noted(again) == noted(recorder.ledger)
    assert noted(again) == [("c2", "sales", 53.0, LeaveReason.ANSWERED, "anna")]


def test_nobody_called() -> None:
    with pytest.raises(SimulationError, match="nobody calls in this journal"):
        _ = learn(told(("anna",)))


def test_a_week_is_the_most() -> None:
    with pytest.raises(SimulationError, match="longer than a week"):
        _ = told(("anna",), (9 * 86_400.0, CallJoined("c1", "sales")))


def test_a_file_that_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    _ = path.write_text("Sales were good.\n")
    with pytest.raises(SimulationError, match=r"day\.jsonl: "):
        _ = read(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(("nobody",)), "there is no queue 'nobody'; there are sales"),
        (Change(agents=-1), "queue 'sales': none of its 1 agents would be left"),
        (Change(agents=20_000), "more than 10,000 agents"),
    ],
)
def test_what_cannot_be_changed(change: Change, words: str) -> None:
    day = Day(company(queue("sales", "anna")), 0.0, 60.0, (), ())
    with pytest.raises(SimulationError, match=words):
        _ = changed(day, change)


def test_who_is_added_is_like_the_first_member() -> None:
    anna = AgentConfig("anna", tags=(("english", 80),), max_calls=2)
    config = company(queue("sales", "anna", "borys"), queue("vip", "borys"), agents=(anna,))
    day = changed(Day(config, 0.0, 60.0, (), signed_in(())), Change(("sales",), agents=1))
    assert day.config.agents[-1] == replace(anna, id="extra-1")
    assert day.config.queues[0].members[-1] == Member("extra-1")
    assert day.config.queues[1] == config.queues[1]


def test_a_pbx_that_starts_is_told_its_queues_at_once() -> None:
    config = company(queue("sales", "anna"))
    core = Distribution(DistributionConfig(), 1)
    recorder = Recorder(core, 0.0)
    joined = CallJoined("c1", "sales")
    for at, event in ((0.5, Configured(config)), (1.0, joined), (2.0, Configured(config))):
        recorder.input(at, event, core.apply(event, at))
    recorder.finish()
    day = learn(recorder).same(1)
    assert day.config == config
    assert day.script == (Timed(2.0, Configured(config)),)
