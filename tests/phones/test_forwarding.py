"""Forwards: whom a call reaches; and it reaches somebody or is told why, whatever people set."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.calls.call import Call
from pbx.calls.causes import Cause
from pbx.calls.commands import AskReach, Bridge, Command, Dial, Drop, Finish, GoTo, RingCaller
from pbx.flow.dial import DialBlock
from pbx.forwarding import (
    FORWARDS_MAX,
    FREE,
    Diversion,
    Reach,
    Reason,
    reach,
)
from pbx.history.records import Hangup, Verdict
from pbx.phone_plan import USUAL, Preferences
from pbx.plan import Destination
from pbx.routing import route
from tests.sim.plans import make_plan

PEOPLE: Final = ("101", "102", "103", "104", "105", "106", "107")
PLAN = replace(
    make_plan(callers=PEOPLE, agents={}),
    numbers={"500": Destination("queue", "sales"), "*45": Destination("code", "sign_in")},
)


def reach_of(
    preferences: Preferences,
    extension: str = "101",
    *,
    lines: int = 0,
    been: tuple[Diversion, ...] = (),
    caller: str = "",
) -> Reach:
    return reach(PLAN, preferences, extension, lines=lines, been=been, caller=caller, find=route)


def to(extension: str) -> Destination:
    return Destination("extension", extension)


def been_at(*extensions: str) -> tuple[Diversion, ...]:
    return tuple(Diversion(extension, Reason.ALWAYS) for extension in extensions)


@pytest.mark.parametrize(
    ("preferences", "wanted"),
    [
        (USUAL, FREE),
        (Preferences(forward_always="102"), Reach(always=to("102"))),
        (Preferences(forward_busy="102"), Reach(busy=to("102"))),
        (
            Preferences(forward_no_answer="102"),
            Reach(no_answer=to("102"), unreachable=to("102")),
        ),
        (
            Preferences(forward_no_answer="102", forward_unreachable="103"),
            Reach(no_answer=to("102"), unreachable=to("103")),
        ),
        (Preferences(do_not_disturb=True), Reach(refused=Reason.DO_NOT_DISTURB)),
        (
            Preferences(do_not_disturb=True, forward_busy="500"),
            Reach(busy=Destination("queue", "sales"), refused=Reason.DO_NOT_DISTURB),
        ),
        (Preferences(forward_always="*45"), FREE),  # Nobody signs in for somebody else.
        (Preferences(forward_always="999"), FREE),  # There is no such number.
        (Preferences(forward_always="101"), FREE),
        (Preferences(hide_number=True), FREE),
    ],
)
def test_how_an_extension_is_reached(preferences: Preferences, wanted: Reach) -> None:
    assert reach_of(preferences) == wanted


@pytest.mark.parametrize(("lines", "refused"), [(0, None), (1, None), (2, Reason.BUSY)])
def test_call_waiting(lines: int, refused: Reason | None) -> None:
    assert reach_of(Preferences(calls_max=2), lines=lines) == Reach(refused=refused)


def test_no_way_back() -> None:
    forward = Preferences(forward_always="102", forward_busy="103")
    assert reach_of(forward, been=been_at("102")) == Reach(busy=to("103"))
    assert reach_of(forward, caller="103") == Reach(always=to("102"))


def test_a_chain_ends() -> None:
    forward = Preferences(forward_always="102")
    others = [str(n) for n in range(201, 201 + FORWARDS_MAX)]
    assert reach_of(forward, been=been_at(*others[:-1])) == Reach(always=to("102"))
    assert reach_of(forward, been=been_at(*others)) == FREE


@pytest.mark.parametrize(
    ("cause", "onward"),
    [
        (Cause.BUSY, (to("102"), Reason.BUSY)),
        (Cause.REJECTED, (to("102"), Reason.BUSY)),
        (Cause.NO_ANSWER, (to("103"), Reason.NO_ANSWER)),
        (Cause.UNREACHABLE, (to("104"), Reason.UNREACHABLE)),
        (Cause.NOT_ACCEPTABLE, (to("104"), Reason.UNREACHABLE)),
    ],
)
def test_which_forward_it_is(cause: Cause, onward: tuple[Destination, Reason]) -> None:
    found = Reach(busy=to("102"), no_answer=to("103"), unreachable=to("104"))
    assert found.onward(cause) == onward
    assert FREE.onward(cause) is None
    refused = replace(found, refused=Reason.DO_NOT_DISTURB)
    if onward[1] is Reason.BUSY:
        assert refused.onward(cause) == (to("102"), Reason.DO_NOT_DISTURB)


# --- the block


def dialling(found: Reach = FREE) -> tuple[DialBlock, Call, list[Command]]:
    block = DialBlock("101", "", 30.0)
    call = Call(
        id="c1", caller_leg="l1", caller="109", caller_name="", called="101",
        caller_extension="109", started=0.0, block=block, extension_of={},
    )  # fmt: skip
    assert block.start(call, 0.0) == [AskReach("101")]
    return block, call, block.on_reach(call, found, 0.0)


def test_a_plain_call() -> None:
    block, call, commands = dialling()
    assert (commands, block.next_deadline) == ([Dial("101", "101")], 30.0)
    assert block.on_party_ringing(call, "101", 1.0) == [RingCaller()]
    assert block.on_party_answered(call, "101", 2.0) == [Bridge("101")]
    assert (block.next_deadline, block.on_time(call, 30.0)) == (None, [])
    call.bridged = "101"
    over = block.on_party_ended(call, "101", Cause.NORMAL, 9.0)
    assert over == [Finish(Verdict.ANSWERED, Cause.NORMAL, Hangup.CALLEE)]


def test_nobody_answers() -> None:
    block, call, _ = dialling()
    drop = Drop("101", Cause.NO_ANSWER)
    finish = Finish(Verdict.NO_ANSWER, Cause.NO_ANSWER, Hangup.SYSTEM)
    assert block.on_time(call, 30.0) == [drop, finish]
    assert block.on_time(call, 31.0) == []


def test_a_forward_of_all_calls_does_not_ring() -> None:
    block, call, commands = dialling(Reach(always=to("102"), refused=Reason.DO_NOT_DISTURB))
    assert (commands, block.next_deadline) == ([GoTo(to("102"))], None)
    assert call.diversions == [Diversion("101", Reason.ALWAYS)]


def test_do_not_disturb_is_busy() -> None:
    _, call, commands = dialling(Reach(refused=Reason.DO_NOT_DISTURB))
    assert commands == [Finish(Verdict.BUSY, Cause.BUSY, Hangup.CALLEE)]
    assert call.diversions == []
    _, call, commands = dialling(Reach(refused=Reason.DO_NOT_DISTURB, busy=to("102")))
    assert commands == [GoTo(to("102"))]
    assert call.diversions == [Diversion("101", Reason.DO_NOT_DISTURB)]


def test_a_call_that_nobody_answers_goes_on() -> None:
    block, call, _ = dialling(Reach(no_answer=to("102")))
    assert block.on_time(call, 30.0) == [Drop("101", Cause.NO_ANSWER), GoTo(to("102"))]
    assert call.diversions == [Diversion("101", Reason.NO_ANSWER)]


def test_who_could_not_be_connected_after_answering_is_not_forwarded() -> None:
    block, call, _ = dialling(Reach(busy=to("102"), unreachable=to("103")))
    _ = block.on_party_answered(call, "101", 2.0)
    over = block.on_party_ended(call, "101", Cause.NORMAL, 3.0)
    assert over == [Finish(Verdict.FAILED, Cause.NORMAL, Hangup.CALLEE)]


# --- whatever people set

numbers = st.sampled_from(["", "", *PEOPLE, "500", "*45", "999"])
somebody = st.builds(
    Preferences,
    forward_always=numbers,
    forward_busy=numbers,
    forward_no_answer=numbers,
    forward_unreachable=numbers,
    do_not_disturb=st.booleans(),
    calls_max=st.integers(0, 2),
)
failures = st.sampled_from([Cause.BUSY, Cause.REJECTED, Cause.NO_ANSWER, Cause.UNREACHABLE])


@given(
    people=st.fixed_dictionaries(dict.fromkeys(PEOPLE, somebody)),
    fails=st.fixed_dictionaries(dict.fromkeys(PEOPLE, failures)),
    lines=st.integers(0, 2),
    caller=st.sampled_from(PEOPLE),
    called=st.sampled_from(PEOPLE),
)
def test_no_forwards_lead_in_a_circle_and_no_caller_is_lost(
    people: dict[str, Preferences], fails: dict[str, Cause], lines: int, caller: str, called: str
) -> None:
    """Nobody answers anywhere: the call must end with a verdict, or in a queue, in few steps, and
    must not have been at anybody's twice."""
    visited: list[str] = []
    been: list[Diversion] = []
    at = called
    while True:
        visited.append(at)
        block = DialBlock(at, "", 30.0)
        call = dialling()[1]
        call.diversions, call.block = been, block
        found = reach_of(people[at], at, lines=lines, been=tuple(been), caller=caller)
        commands = block.on_reach(call, found, 0.0)
        if commands == [Dial(at, at)]:
            commands = block.on_party_ended(call, at, fails[at], 1.0)
        last = commands[-1]
        assert isinstance(last, GoTo | Finish)
        if isinstance(last, Finish):
            assert last.verdict is not Verdict.ANSWERED
            break
        assert been[-1].extension == at
        if last.destination.kind != "extension":
            assert last.destination == Destination("queue", "sales")
            break
        at = last.destination.target
        assert at != caller
    assert len(set(visited)) == len(visited) <= FORWARDS_MAX + 1
    assert [step.extension for step in been][: len(visited)] == visited[: len(been)]
