"""A day lived again: checked against the day, however damaged its journal is."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.distribution import journal
from pbx.distribution.config import Strategy
from pbx.distribution.inputs import (
    AgentSignedOut,
    CallJoined,
    CallLeft,
    Configured,
    RingEnded,
    RingOutcome,
)
from pbx.distribution.journal import Clock
from pbx.history.replay import Began, Replay, Step
from pbx.snapshot import freeze
from tests.distribution.desk import config_of, queue
from tests.history.shift import OPENS, Shift

RING_ALL = Strategy.RING_ALL


def shift() -> Shift:
    made = Shift(queue(RING_ALL, "anna", "bohdan", wrap_up=5.0))
    for n, at in enumerate((10.0, 40.0, 70.0), start=1):
        made.join(at, f"c{n}")
        made.answer(at + 3.0, f"c{n}", "anna")
        made.hang_up(at + 20.0, f"c{n}", "anna")
    made.close()
    return made


def run(lines: list[str], until: float | None = None) -> tuple[Replay, list[Step | Began]]:
    replay = Replay(until=until)
    return replay, list(replay.run(lines))


def test_a_day_is_lived_again() -> None:
    day = shift()
    replay, steps = run(day.lines)
    assert steps[0] == Began(OPENS, True, "")
    assert all(step.same for step in steps if isinstance(step, Step))
    digest = day.tally.digest()
    assert (replay.inputs, replay.decisions, replay.digest) == (
        digest.inputs,
        digest.decisions,
        digest.text,
    )
    assert (replay.differing, replay.first_difference, replay.problems) == (0, None, [])
    assert replay.core is not None
    assert replay.core.next_deadline == day.core.next_deadline  # Forgets the stale ones.
    assert json.dumps(freeze(replay.core)) == json.dumps(freeze(day.core))


def test_up_to_a_moment() -> None:
    day = shift()
    replay, steps = run(day.lines, until=OPENS + 41.0)
    assert steps[-1].at == OPENS + 40.0
    assert replay.core is not None
    assert replay.core.agent("anna").call == "c2"
    assert replay.problems == []


def test_another_decision_is_named() -> None:
    """As when the version of that day decided differently."""
    day = shift()
    at = next(n for n, line in enumerate(day.lines) if '"c2"' in line)
    joined = journal.read_line(day.lines[at])
    day.lines[at] = journal.line(joined.at, joined.event, "00000000") + "\n"
    replay, _ = run(day.lines)
    assert replay.differing == 1
    assert replay.first_difference is not None
    assert replay.first_difference.event == CallJoined("c2", "q")
    assert replay.first_difference.at == OPENS + 40.0
    assert replay.problems == []  # Said once is enough.


def test_an_effect_that_there_was_not() -> None:
    day = shift()
    at = next(n for n, line in enumerate(day.lines) if '"c2"' in line)
    joined = journal.read_line(day.lines[at])
    day.lines[at] = journal.line(joined.at, joined.event) + "\n"
    assert run(day.lines)[0].differing == 1


@pytest.mark.parametrize("at", [2, 6, 10, 14])
def test_a_line_that_is_missing(at: int) -> None:
    day = shift()
    del day.lines[at]
    replay, _ = run(day.lines)
    assert replay.differing or any(
        "lines were changed or are missing" in p for p in replay.problems
    )


def test_an_input_without_effects_is_missed_too() -> None:
    day = Shift(queue(RING_ALL, "anna"))
    day.join(10.0, "c1")
    day.rings(11.0, "c1", "anna")
    day.close()
    assert run(day.lines)[0].problems == []
    del day.lines[-2]
    replay, _ = run(day.lines)
    assert replay.differing == 0
    assert replay.problems == [
        "line 5: 4 inputs had 1 decisions, here 3 have 1: lines were changed or are missing"
    ]


def test_damage_in_the_middle() -> None:
    day = shift()
    following = shift()
    day.lines[5] = day.lines[5][:20] + "\n"
    replay, steps = run([*day.lines, *following.lines])
    assert replay.inputs == 4 + following.tally.inputs
    (problem,) = replay.problems
    assert problem.startswith("line 6 is not whole")
    assert problem.endswith("what follows is left out up to the next segment")
    assert replay.differing == 0
    assert len(steps) == 2 + replay.inputs


def test_an_input_that_fails_is_reported_and_the_day_goes_on() -> None:
    day = shift()
    bad = journal.line(30.5, RingEnded("c1", "anna", RingOutcome.ANSWERED))
    replay = Replay()
    for number, _ in enumerate(replay.run([*day.lines[:6], bad + "\n", *day.lines[6:]])):
        if number == 5:
            assert replay.core is not None
            del replay.core.world.calls["c1"].place
    assert any("fails: AttributeError" in problem for problem in replay.problems)
    assert replay.inputs == day.tally.inputs + 1


def test_a_refused_configuration_is_no_problem() -> None:
    day = Shift(queue(RING_ALL, "anna"))
    twice = config_of(queue(RING_ALL, "anna"), queue(RING_ALL, "anna"))
    day.lines.append(journal.line(5.0, Configured(twice)) + "\n")
    replay, steps = run(day.lines)
    assert (replay.differing, replay.problems) == (0, [])
    assert isinstance(steps[-1], Step)
    assert steps[-1].effects == ()


def test_the_clock_is_put_right_on_the_way() -> None:
    day = Shift(queue(RING_ALL, "anna"))
    day.join(10.0, "c1")
    day.lines.append(journal.clock_line(Clock(10.0, OPENS + 3610.0)) + "\n")
    day.do(20.0, CallLeft("c1"))
    _, steps = run(day.lines)
    assert [step.at - OPENS for step in steps[-2:]] == [10.0, 3620.0]


def test_a_journal_without_sums_is_replayed_unchecked() -> None:
    config = config_of(queue(RING_ALL, "anna"))
    lines = [journal.header(config, 7), journal.line(5.0, AgentSignedOut("anna"))]
    replay, steps = run([*(line + "\n" for line in lines), '{"at":6.0,"is":"TimePassed"}\n'])
    assert [step.same for step in steps if isinstance(step, Step)] == [True, True]
    day = shift()
    entries = [journal.read(line) for line in day.lines[1:-1]]
    bare = [journal.line(e.at, e.event) for e in entries if isinstance(e, journal.Entry)]
    replay, steps = run([line + "\n" for line in [journal.header(day.core.world.config, 7), *bare]])
    assert replay.differing == 0
    assert None in [step.same for step in steps if isinstance(step, Step)]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ('["o",0,"os:system",{}]', "is not one of our classes"),
        ('["o",0,"pbx.distribution.core:Nobody",{}]', "does not exist any more"),
        ('["o",0,"pbx.distribution.core:Distribution",{"shape":1}]', "its state is damaged"),
        ('["l",0,[]]', "not that of a distribution"),
        ('["#",5]', "its state is damaged"),
    ],
)
def test_a_state_that_cannot_be_read_costs_its_segment(state: str, says: str) -> None:
    day = shift()
    head = journal.header(day.core.world.config, 7, Clock(0.0, OPENS), state=state)
    line = journal.line(5.0, CallJoined("c9", "q"))
    replay, _ = run([head + "\n", line + "\n", *day.lines])
    (problem,) = replay.problems
    assert "line 1: this segment cannot be replayed" in problem
    assert says in problem
    assert replay.inputs == day.tally.inputs


@settings(deadline=None)
@given(st.data())
def test_anything_is_replayed_or_reported(data: st.DataObject) -> None:
    lines = shift().lines
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        at = data.draw(st.integers(0, len(line)))
        lines[number] = (
            line[:at]
            + data.draw(st.sampled_from(("", "x", '"', "9", "\n")))
            + line[at + data.draw(st.integers(0, 3)) :]
        )
    replay, _ = run("".join(lines).splitlines(keepends=True))
    assert len(replay.digest) == 2 * journal.DIGEST_BYTES
