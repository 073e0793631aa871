"""The journal's text: exact lines, round trips, and garbage."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.distribution import journal
from pbx.distribution.config import DistributionConfig, Strategy
from pbx.distribution.effects import Ring
from pbx.distribution.errors import ParseError
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    AgentStatus,
    AgentStatusSet,
    CallJoined,
    Configured,
    Input,
    RingEnded,
    RingOutcome,
    TimePassed,
    WrapUpExtended,
)
from tests.distribution.days import Day, random_config, random_event
from tests.distribution.desk import config_of, queue


def test_lines() -> None:
    lines: list[tuple[Input, str]] = [
        (CallJoined("c1", "sales"), '{"at":12.5,"is":"CallJoined","call":"c1","queue":"sales"}'),
        (
            CallJoined("c1", "sales", tags=("fr", "vip"), joined_at=0.1),
            '{"at":12.5,"is":"CallJoined","call":"c1","queue":"sales","tags":["fr","vip"],'
            '"joined_at":0.1}',
        ),
        (
            AgentStatusSet("anna", AgentStatus.BREAK, "lunch"),
            '{"at":12.5,"is":"AgentStatusSet","agent":"anna","status":"break","reason":"lunch"}',
        ),
        (
            RingEnded("c1", "anna", RingOutcome.NO_ANSWER),
            '{"at":12.5,"is":"RingEnded","call":"c1","agent":"anna","outcome":"no_answer"}',
        ),
        (TimePassed(), '{"at":12.5,"is":"TimePassed"}'),
    ]
    for event, text in lines:
        assert journal.line(12.5, event) == text
        assert journal.read_line(text) == (12.5, event)


def test_a_whole_number_is_a_good_time() -> None:
    text = '{"at":12,"is":"WrapUpExtended","agent":"anna","seconds":30}'
    at, event = journal.read_line(text)
    assert (at, event) == (12.0, WrapUpExtended("anna", 30.0))
    assert type(at) is float


@given(st.integers(0, 2**32))
def test_configurations_and_inputs_read_back(seed: int) -> None:
    rng = Random(seed)
    config = random_config(rng)
    assert journal.read_header(journal.header(config, seed)) == (config, seed)
    day = Day(config, seed)
    at = rng.uniform(0, 1e6)
    for event in (random_event(day, rng), Configured(random_config(rng))):
        assert journal.read_line(journal.line(at, event)) == (at, event)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"at":1,"is":"Nothing"}',
        '{"at":1,"is":"CallJoined"}',
        '{"at":"1","is":"TimePassed"}',
        '{"at":true,"is":"TimePassed"}',
        '{"at":NaN,"is":"TimePassed"}',
        '{"at":1e999,"is":"TimePassed"}',
        '{"at":1,"is":["TimePassed"]}',
        '{"at":1,"is":"TimePassed","call":"c1"}',
        '{"at":1,"is":"CallJoined","call":1,"queue":"q"}',
        '{"at":1,"is":"CallJoined","call":"c","queue":"q","tags":"x"}',
        '{"at":1,"is":"CallJoined","call":"c","queue":"q","priority":1.5}',
        '{"at":1,"is":"AgentStatusSet","agent":"a","status":"asleep"}',
        '{"at":1,"is":"AgentStatusSet","agent":"a","status":[]}',
        '{"at":1,"is":"Configured","config":7}',
        '{"at":1,"is":"Configured","config":{"agents":[{"id":"a","tags":[["x"]]}]}}',
        '{"at":1' + "0" * 400 + ',"is":"TimePassed"}',
        "[" * 100_000,
    ],
)
def test_bad_lines(text: str) -> None:
    with pytest.raises(ParseError):
        journal.read_line(text)
    with pytest.raises(ParseError):
        journal.read_header(text)


@given(st.text() | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(str))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(ParseError):
        journal.read_line(text)


@given(st.integers(0, 200), st.characters())
def test_a_damaged_line_is_read_or_refused(position: int, character: str) -> None:
    text = journal.line(1.0, Configured(config_of(queue(Strategy.RING_ALL, "anna"))))
    damaged = text[:position] + character + text[position + 1 :]
    try:
        journal.read_line(damaged)
    except ParseError:
        return


EVENTS: list[tuple[float, Input]] = [
    (1.0, AgentReachable("anna")),
    (2.0, AgentSignedIn("anna")),
    (3.0, CallJoined("c1", "q")),
    (20.0, TimePassed()),
    (25.0, TimePassed()),
]


def lines() -> list[str]:
    config = config_of(queue(Strategy.LONGEST_IDLE, "anna"))
    return [journal.header(config, 7), *(journal.line(at, event) for at, event in EVENTS)]


def test_replay_from_the_beginning() -> None:
    steps = list(journal.replay(lines()))
    assert [tuple(entry) for entry, _ in steps] == EVENTS
    rung = [effect.agent for _, effects in steps for effect in effects if isinstance(effect, Ring)]
    assert rung == ["anna", "anna"]


def test_replay_until_a_moment_leaves_a_core_to_look_into() -> None:
    first, *rest = lines()
    core = journal.start(first)
    assert len(list(journal.replay(rest, core, until=10.0))) == 3
    assert core.agent("anna").call == "c1"
    assert len(list(journal.replay(rest[3:], core))) == 2


def test_a_refused_configuration_is_refused_again() -> None:
    twice = config_of(queue(Strategy.RING_ALL, "anna"), queue(Strategy.RING_ALL, "anna"))
    steps = list(journal.replay([*lines(), journal.line(30.0, Configured(twice))]))
    assert steps[-1][1] == []
    with pytest.raises(ParseError, match="same id"):
        journal.start(journal.header(twice, 1))


def test_an_empty_journal_is_none() -> None:
    with pytest.raises(ParseError):
        list(journal.replay([]))
    assert journal.start(journal.header(DistributionConfig(), 1)).queues == ()
