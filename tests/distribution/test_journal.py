"""The journal's text: exact lines, round trips, and garbage."""

from dataclasses import fields, is_dataclass
from enum import Enum
from random import Random
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.distribution import journal
from pbx.distribution.config import DistributionConfig, Strategy
from pbx.distribution.effects import (
    AgentChanged,
    AgentState,
    Connect,
    Effect,
    Explanation,
    How,
    Leave,
    Ring,
)
from pbx.distribution.errors import ParseError
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    AgentStatus,
    AgentStatusSet,
    CallJoined,
    Configured,
    Input,
    LeaveReason,
    Remembered,
    RingEnded,
    RingOutcome,
    TagsSet,
    TimePassed,
    WrapUpExtended,
)
from tests.distribution.day_configs import random_config
from tests.distribution.day_inputs import random_event
from tests.distribution.days import Day
from tests.distribution.desk import config_of, queue


def test_lines() -> None:
    lines: list[tuple[Input, str]] = [
        (CallJoined("c1", "sales"), '{"at":12.5,"is":"CallJoined","call":"c1","queue":"sales"}'),
        (
            CallJoined("c1", "sales", requires="fr & vip", joined_at=0.1, callback=True),
            '{"at":12.5,"is":"CallJoined","call":"c1","queue":"sales","requires":"fr & vip",'
            '"joined_at":0.1,"callback":true}',
        ),
        (
            AgentStatusSet("anna", AgentStatus.BREAK, "lunch"),
            '{"at":12.5,"is":"AgentStatusSet","agent":"anna","status":"break","reason":"lunch"}',
        ),
        (
            RingEnded("c1", "anna", RingOutcome.NO_ANSWER),
            '{"at":12.5,"is":"RingEnded","call":"c1","agent":"anna","outcome":"no_answer"}',
        ),
        (
            TagsSet("anna", (("fr", 50),)),
            '{"at":12.5,"is":"TagsSet","agent":"anna","tags":[["fr",50]]}',
        ),
        (TagsSet("anna", ()), '{"at":12.5,"is":"TagsSet","agent":"anna","tags":[]}'),
        (
            # Its own `at` must not take the place of the line's.
            Remembered("380", "anna", at=7.5),
            '{"at":12.5,"is":"Remembered","number":"380","agent":"anna","at_":7.5}',
        ),
        (TimePassed(), '{"at":12.5,"is":"TimePassed"}'),
    ]
    for event, text in lines:
        assert journal.line(12.5, event) == text
        assert journal.read_line(text) == (12.5, event, "")
        summed = journal.line(12.5, event, "0a1b2c3d")
        assert summed == text[:-1] + ',"sum":"0a1b2c3d"}'
        assert journal.read(summed) == (12.5, event, "0a1b2c3d")


def test_the_other_lines() -> None:
    config = DistributionConfig()
    clock = journal.Clock(10.0, 1010.5)
    lines: list[tuple[str, journal.Line]] = [
        ('{"journal":1,"seed":7,"config":{}}', journal.Header(config, 7)),
        (
            '{"journal":1,"seed":7,"config":{},"clock":[10.0,1010.5],"by":"1.0"}',
            journal.Header(config, 7, clock, "1.0"),
        ),
        (
            '{"journal":1,"seed":7,"clock":[10.0,1010.5],"by":"1.0","state":["o",0,{}]}',
            journal.Header(config, 7, clock, "1.0", ["o", 0, {}]),
        ),
        ('{"digest":"ff00","inputs":12,"decisions":3}', journal.Digest("ff00", 12, 3)),
        ('{"clock":[10.0,1010.5]}', clock),
    ]
    for text, read in lines:
        assert journal.read(text) == read
        match read:
            case journal.Header(state=state):
                parts = (read.config, read.seed, read.clock)
                plain = str(state).replace("'", '"').replace(" ", "") if state else ""
                assert journal.header(*parts, by=read.by, state=plain) == text
            case journal.Digest():
                assert journal.digest_line(read) == text
            case journal.Clock():
                assert journal.clock_line(read) == text
            case _:
                raise AssertionError(read)
    assert clock.unix_of(12.0) == 1012.5


def values_of(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401
    """Any value that a type hint allows, but for numbers that are none."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if inner[-1] is Ellipsis:
            return st.lists(values_of(inner[0]), max_size=3).map(tuple)
        return st.tuples(*map(values_of, inner))
    if get_origin(kind) is UnionType:
        return st.one_of(*map(values_of, get_args(kind)))
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{name: values_of(hint) for name, hint in hints.items()})  # type: ignore[arg-type]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        NoneType: st.none(),
        str: st.text(st.characters(), max_size=8),
        float: st.floats(allow_nan=False, allow_infinity=False),
        int: st.integers(),
        bool: st.booleans(),
    }
    return simple[kind]


@pytest.mark.parametrize("kind", get_args(Input), ids=lambda kind: kind.__name__)
@settings(deadline=None)  # Configurations are large.
@given(st.data())
def test_every_input_reads_back(kind: type[Input], data: st.DataObject) -> None:
    event = data.draw(values_of(kind))
    at = data.draw(st.floats(0.0, 1e9))
    text = journal.line(at, event, "00000000")
    assert text.isascii()
    assert "\n" not in text
    read = journal.read(text)
    assert read == (at, event, "00000000")
    # Bit for bit: 1 is not 1.0, and -0.0 is not 0.0.
    assert isinstance(read, journal.Entry)
    assert journal.line(read.at, read.event, read.sum) == text


@settings(deadline=None)
@given(values_of(DistributionConfig))
def test_every_configuration_reads_back(config: DistributionConfig) -> None:
    text = journal.header(config, 7)
    assert journal.read_header(text) == journal.Header(config, 7)


def test_of_every_effect_everything_is_summed() -> None:
    for kind, names in journal.SUMMED.items():
        tops = {name.partition(".")[0] for name in names}
        assert tops == {field.name for field in fields(kind)}, kind
    kept = {name.partition(".")[2].partition(".")[0] for name in journal.SUMMED[Ring]}
    left_out = {field.name for field in fields(Explanation)} - kept
    assert left_out == {"at", "strategy", "others", "requires"}


@pytest.mark.parametrize("kind", get_args(Effect), ids=lambda kind: kind.__name__)
@settings(deadline=None)
@given(st.data())
def test_every_effect_can_be_summed_and_written(kind: type[Effect], data: st.DataObject) -> None:
    effect = data.draw(values_of(kind))
    assert len(journal.Tally().add(1.0, [effect])) == 8
    assert journal.effect_line(1.0, effect).startswith(f'{{"at":1.0,"is":"{kind.__name__}"')


def test_sums_tell_effects_apart() -> None:
    why = Explanation(1.0, "q", Strategy.RANDOM, How.FIRST, (0, 1.5), 1, 2, (0, 2), ())
    effects: list[Effect] = [
        Ring("c1", "anna", 20.0, why),
        Connect("c1", "anna"),
        Connect("c1", "bohdan"),
        Leave("c1", "q", LeaveReason.TIMED_OUT),
        Leave("c1", "q", LeaveReason.NO_MATCH),
        AgentChanged("anna", AgentState.READY, "", 2.0),
        AgentChanged("anna", AgentState.BREAK, "", 2.0),
    ]
    sums = [journal.Tally().add(1.0, [effect]) for effect in effects]
    assert len(set(sums)) == len(effects)
    assert all(len(found) == 8 for found in sums)
    assert journal.Tally().add(1.5, effects[:1]) != sums[0]
    # Only equal values matter, not whether they are the same objects: a replay has others.
    others: list[Effect] = [Connect("".join(["c", "1"]), "".join(["an", "na"]))]
    assert journal.Tally().add(1.0, others) == sums[1]


def test_a_tally_counts() -> None:
    tally, other = journal.Tally(), journal.Tally()
    assert tally.add(1.0, []) == ""
    tally.add(2.0, [Connect("c1", "anna"), AgentChanged("anna", AgentState.TALKING, "", 2.0, "c1")])
    assert tally.digest()[1:] == (2, 1)
    assert tally.digest().text != other.digest().text
    assert len(tally.digest().text) == 2 * journal.DIGEST_BYTES


def test_a_whole_number_is_a_good_time() -> None:
    text = '{"at":12,"is":"WrapUpExtended","agent":"anna","seconds":30}'
    at, event, _ = journal.read_line(text)
    assert (at, event) == (12.0, WrapUpExtended("anna", 30.0))
    assert type(at) is float


@given(st.integers(0, 2**32))
def test_configurations_and_inputs_read_back(seed: int) -> None:
    rng = Random(seed)
    config = random_config(rng)
    assert journal.read_header(journal.header(config, seed)) == journal.Header(config, seed)
    day = Day(config, seed)
    at = rng.uniform(0, 1e6)
    for event in (random_event(day, rng), Configured(random_config(rng))):
        assert journal.read_line(journal.line(at, event)) == (at, event, "")


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
        '{"at":1,"is":"CallJoined","call":"c","queue":"q","requires":["x"]}',
        '{"at":1,"is":"CallJoined","call":"c","queue":"q","priority":1.5}',
        '{"at":1,"is":"AgentStatusSet","agent":"a","status":"asleep"}',
        '{"at":1,"is":"AgentStatusSet","agent":"a","status":[]}',
        '{"at":1,"is":"TimePassed","sum":7}',
        '{"at":1,"is":"Remembered","number":"1","agent":"a","at":7}',
        '{"digest":"ff","inputs":1}',
        '{"digest":7,"inputs":1,"decisions":1}',
        '{"clock":[1.0]}',
        '{"clock":"now"}',
        '{"journal":1,"seed":7}',
        '{"journal":1,"seed":7,"config":{},"clock":7}',
        '{"journal":1,"seed":7,"config":{},"by":7}',
        '{"journal":2,"seed":7,"config":{}}',
        '{"at":1,"is":"Configured","config":7}',
        '{"at":1,"is":"Configured","config":{"agents":[{"id":"a","tags":[["x"]]}]}}',
        '{"at":1' + "0" * 400 + ',"is":"TimePassed"}',
        "[" * 100_000,
    ],
)
def test_bad_lines(text: str) -> None:
    for read in (journal.read_line, journal.read_header, journal.read):
        with pytest.raises(ParseError):
            read(text)


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
    assert [(entry.at, entry.event) for entry, _ in steps] == EVENTS
    rung = [effect.agent for _, effects in steps for effect in effects if isinstance(effect, Ring)]
    assert rung == ["anna", "anna"]


def test_replay_until_a_moment_leaves_a_core_to_look_into() -> None:
    first, *rest = lines()
    core = journal.start(first)
    assert len(list(journal.replay(rest, core, until=10.0))) == 3
    assert core.agent("anna").call == "c1"
    assert len(list(journal.replay(rest[3:], core))) == 2


def test_lines_that_are_no_inputs_change_nothing() -> None:
    first, *rest = lines()
    between = [
        journal.clock_line(journal.Clock(1.0, 2.0)),
        '{"digest":"","inputs":0,"decisions":0}',
    ]
    assert len(list(journal.replay([first, *between, *rest]))) == len(EVENTS)


@pytest.mark.parametrize("event", [WrapUpExtended("anna", float("nan")), Configured(7)])  # type: ignore[arg-type]
def test_a_value_without_json_is_refused_or_written_as_it_is(event: Input) -> None:
    try:
        text = journal.line(1.0, event)
    except ValueError:
        return
    with pytest.raises(ParseError):
        journal.read(text)


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
