"""Why a call went as it went, in plain words."""

import pytest

from pbx.distribution import journal
from pbx.distribution.config import AgentConfig, Member, Relax, RetryDelays, Strategy
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AnswerFailed,
    CallbackBooked,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
    LeaveReason,
    RingOutcome,
)
from pbx.distribution.journal import Clock
from pbx.history import telling
from pbx.history.words import Names
from pbx.journal import CoreCopy
from tests.distribution.desk import config_of, queue
from tests.history.shift import NAMES, OPENS, Shift, clock, tell

TURN = Strategy.ROUND_ROBIN
ALL = Strategy.RING_ALL
REJECTED, BUSY = RingOutcome.REJECTED, RingOutcome.BUSY
LONG = RetryDelays(60.0, 60.0, 60.0, 60.0)


def test_a_lost_call() -> None:
    day = Shift(queue(TURN, "anna", "bohdan", "clara", "eva", "ivan", retry_after=LONG))
    day.do(2.0, AgentStatusSet("clara", AgentStatus.BREAK, "lunch"))
    for agent in ("eva", "ivan"):
        day.do(3.0, AgentOccupied(agent))
    day.join(100.0, "c1", number="380441234567")
    day.rings(100.0, "c1", "anna")
    day.rings(115.0, "c1", "bohdan")
    day.ends(129.8, "c1", "bohdan", REJECTED)
    day.do(147.0, CallLeft("c1"))
    assert day.story() == [
        "Call c1 from 380441234567 in q: not answered, the caller hung up.",
        "waited 47 s; rang Anna 15 s (no answer), Bohdan 15 s (rejected), then for 17 s nobody was"
        " free: 1 on break (lunch), 2 left in peace after a failed offer, 2 in another call",
        "100  the caller 380441234567 enters q, place 1 of 1",
        "100  Anna is offered the call: first by the strategy's order (places after the one offered"
        " last 0).",
        "            Not Bohdan: is ready, but stands behind.",
        "            Not Clara: is on break, for 1:38.",
        "            Not Eva: is in a call outside the queues, for 1:37.",
        "            Not Ivan: is in a call outside the queues, for 1:37.",
        "            The 5 members of q: 2 ready, 1 on break, 2 in other calls.",
        "115  Anna does not answer, rang 15 s",
        "115  Bohdan is offered the call: first by the strategy's order (places after the one"
        " offered last 0).",
        "            Not Anna: is left in peace after a failed offer, 1:00 left.",
        "            Not Clara: is on break, for 1:53.",
        "            Not Eva: is in a call outside the queues, for 1:52.",
        "            Not Ivan: is in a call outside the queues, for 1:52.",
        "            The 5 members of q: 1 ready, 1 on break, 1 resting after a failed offer,"
        " 2 in other calls.",
        "129.8  Bohdan: rejected, rang 15 s",
        "129.8  nobody is free",
        "            1 on break (lunch): Clara",
        "            2 left in peace after a failed offer: Anna and Bohdan",
        "            2 in another call: Eva and Ivan",
        "147  the caller hung up after 47 s",
    ]


def test_an_answered_call() -> None:
    day = Shift(queue(ALL, "anna", "bohdan", "clara"))
    day.join(10.0, "c1")
    for agent in ("anna", "bohdan"):
        day.rings(10.5, "c1", agent)
    day.answer(14.0, "c1", "bohdan")
    day.hang_up(199.0, "c1", "bohdan")
    assert day.story() == [
        "Call c1 in q: answered by Bohdan.",
        "waited 4 s; rang Anna 3.5 s (answered elsewhere), Bohdan 3.5 s (answered),"
        " Clara without a sign of ringing (answered elsewhere); talked with Bohdan 3:05 min",
        "10  the caller enters q, place 1 of 1",
        "10  Anna, Bohdan and Clara are offered the call: everybody who is ready rings"
        " (all ready members ring).",
        "            The 3 members of q: 3 ready.",
        "14  Bohdan answers after 4 s, rang 3.5 s",
        "199  the conversation with Bohdan ends after 3:05 min",
    ]


def test_what_kept_them_changed_meanwhile() -> None:
    day = Shift(queue(TURN, "anna", "bohdan"))
    day.do(5.0, AgentStatusSet("anna", AgentStatus.BREAK, "lunch"))
    day.do(5.0, AgentStatusSet("bohdan", AgentStatus.BREAK, "training"))
    day.join(10.0, "c1")
    day.do(20.0, AgentSignedOut("anna"))
    day.do(40.0, AgentStatusSet("bohdan", AgentStatus.ACTIVE))
    day.do(41.0, CallLeft("c1"))
    assert day.story()[1] == (
        "waited 31 s; for 30 s nobody was free: 1 on break (lunch), 1 on break (training), at the"
        " end 1 on break (training), 1 signed out; then rang Bohdan without a sign of ringing"
        " (until the caller was gone)"
    )


def test_a_queue_where_nobody_is_signed_in() -> None:
    day = Shift(queue(TURN, "anna", leave_empty_after=60.0), absent=("anna",))
    day.join(10.0, "c1")
    day.do(100.0)
    story = day.story()
    assert story[0] == "Call c1 in q: not answered, nobody is signed in."
    assert story[1] == "waited 60 s; for 60 s nobody was signed in"
    assert story[-1] == "70  it leaves the queue after 60 s: nobody is signed in"


@pytest.mark.parametrize(
    ("settings", "reason", "words"),
    [
        ({"max_wait": 30.0}, 40.0, "it waited as long as it may"),
        ({"max_length": 1}, 10.0, "the queue is full"),
        ({"join_empty": False}, 10.0, "nobody is signed in"),
    ],
)
def test_ways_out(settings: dict[str, object], reason: float, words: str) -> None:
    empty = "join_empty" in settings
    absent = ("anna",) if empty else ()
    day = Shift(queue(TURN, "anna", leave_empty_after=None, **settings), absent=absent)
    if not empty:
        day.do(5.0, AgentOccupied("anna"))
    if "max_length" in settings:
        day.join(9.0, "c0")
    day.join(10.0, "c1")
    day.do(100.0)
    story = day.story()
    assert story[0] == f"Call c1 in q: not answered, {words}."
    waited = "0 s" if reason == 10.0 else "30 s"
    assert story[-1] == f"{reason:g}  it leaves the queue after {waited}: {words}"


def test_a_large_queue_is_told_in_groups() -> None:
    names = [f"a{n:02}" for n in range(30)]
    day = Shift(queue(TURN, *names), absent=tuple(names[20:]))
    for name in names[5:16]:
        day.do(2.0, AgentOccupied(name))
    day.join(10.0, "c1")
    story = day.story(names=Names({"a00": "Anna"}))
    at = story.index(
        "10  Anna is offered the call: first by the strategy's order (places after the one offered"
        " last 0)."
    )
    assert story[at + 1 : at + 4] == [
        "            Not 11 in another call: a05, a06, a07, a08, a09, a10, a11, a12 and 3 more.",
        "            Not 10 signed out: a20, a21, a22, a23, a24, a25, a26, a27 and 2 more.",
        "            Not 8 ready, but stands behind: a01, a02, a03, a04, a16, a17, a18 and a19.",
    ]


def test_a_call_that_is_moved_and_answered_elsewhere() -> None:
    day = Shift(queue(TURN, "anna", id="sales"), queue(TURN, "bohdan", id="support"))
    day.do(5.0, AgentOccupied("anna"))
    day.join(10.0, "c1", "sales", "777")
    day.do(15.0, CallMoved("c1", "nowhere"))
    day.do(30.0, CallMoved("c1", "support"))
    day.rings(30.0, "c1", "bohdan")
    day.answer(33.0, "c1", "bohdan")
    day.do(43.0, CallLeft("c1"))
    story = day.story()
    assert story[:3] == [
        "Call c1 from 777 in sales, then support: answered by Bohdan.",
        "waited 20 s; for 20 s nobody was free: 1 in another call",
        "waited 3 s; rang Bohdan 3 s (answered); talked with Bohdan 10 s",
    ]
    assert "30  it is moved to support" in story
    assert story[-1] == "43  the caller hung up after 10 s"


def test_a_call_that_comes_back_later_the_same_day() -> None:
    day = Shift(queue(TURN, "anna", id="sales"), queue(TURN, "bohdan", id="support"))
    day.do(5.0, AgentOccupied("anna"))
    day.join(10.0, "c1", "sales")
    day.do(20.0, CallLeft("c1", LeaveReason.KEY))
    day.join(50.0, "c2", "support")
    day.answer(51.0, "c2", "bohdan")
    day.hang_up(52.0, "c2", "bohdan")
    day.join(60.0, "c1", "support")
    day.answer(61.0, "c1", "bohdan")
    day.hang_up(62.0, "c1", "bohdan")
    day.join(70.0, "c3", "sales")
    assert day.story()[0] == "Call c1 in sales, then support: answered by Bohdan."
    assert not any("c3" in line or "70" in line for line in day.story())


def test_a_phone_that_fails_after_the_answer() -> None:
    day = Shift(queue(TURN, "anna", "bohdan"))
    day.join(10.0, "c1")
    day.answer(12.0, "c1", "anna")
    day.do(13.0, AnswerFailed("c1", "anna"))
    day.answer(20.0, "c1", "bohdan")
    story = day.story()
    assert "13  Anna's phone fails; the caller waits again" in story
    assert story[0] == "Call c1 in q: talks with Bohdan where the journal ends."
    assert story[1] == (
        "waited 10 s; rang Anna without a sign of ringing (answered), Bohdan without a sign of"
        " ringing (answered); talked with Bohdan 0 s"
    )


def test_ringing_counts_from_its_first_sign() -> None:
    day = Shift(queue(TURN, "anna"))
    day.join(10.0, "c1")
    day.rings(11.0, "c1", "anna")
    day.rings(14.0, "c1", "anna")
    day.answer(16.0, "c1", "anna")
    assert "16  Anna answers after 6 s, rang 5 s" in day.story()


def test_the_rest_of_the_day_is_not_read() -> None:
    day = Shift(queue(TURN, "anna"))
    day.join(10.0, "c1")
    day.do(20.0, CallLeft("c1"))
    count = len(day.lines)
    for at in range(30, 90, 10):
        day.join(float(at), f"d{at}")
    lines = iter(day.lines)
    assert telling.tell([(lines, count)], "c1", NAMES, clock).split("\n")[-1].startswith("20  ")
    assert len(list(lines)) == len(day.lines) - count


def test_two_answers_at_once_and_a_withdrawal() -> None:
    day = Shift(queue(ALL, "anna", "bohdan", "clara"))
    day.join(10.0, "c1")
    day.rings(10.0, "c1", "clara")
    day.do(14.0, AgentStatusSet("clara", AgentStatus.BREAK, "lunch"))
    day.answer(15.0, "c1", "anna")
    day.answer(15.0, "c1", "bohdan")
    story = day.story()
    assert "14  Clara stops ringing, rang 4 s" in story
    assert story[-1] == "15  Bohdan answers, too"


def test_who_picks_a_call() -> None:
    day = Shift(queue(Strategy.MANUAL, "anna", "bohdan"))
    day.join(10.0, "c1")
    day.do(15.0, AgentOccupied("bohdan"), CallPicked("c1", "bohdan"), CallPicked("c1", "anna"))
    day.answer(16.0, "c1", "anna")
    story = day.story()
    assert "10  nobody is rung" in story
    assert "            2 ready, but must pick the call: Anna and Bohdan" in story
    assert "15  Bohdan wants to take it from the list" in story
    assert "15  Bohdan cannot have it: is in a call outside the queues" in story
    assert (
        "15  Anna is offered the call: took the call from the list (taken from the list)." in story
    )
    assert story[1].startswith(
        "waited 6 s; for 5 s nobody was rung: 2 ready, but must pick the call,"
    )


def test_what_a_call_requires() -> None:
    french = AgentConfig("anna", tags=(("french", 50),))
    config = queue(
        TURN, "anna", "bohdan", Member("clara", delay=40.0), relax=(Relax(20.0, "french"),)
    )
    day = Shift(config)
    agents = (french, AgentConfig("bohdan"), AgentConfig("clara"))
    day.do(5.0, Configured(config_of(config, agents=agents)), AgentOccupied("anna"))
    day.do(10.0, CallJoined("c1", "q", requires="french >= 40", priority=2, joined_at=4.0))
    day.answer(32.0, "c1", "bohdan")
    story = day.story()
    assert story[2:9] == [
        "10  the caller enters q, place 1 of 1",
        "            requires french >= 40",
        "            priority 2",
        "            its wait began 6 s earlier",
        "10  nobody is rung",
        "            1 in another call: Anna",
        "            2 without what is required (french >= 40): Bohdan and Clara",
    ]
    assert "30  Bohdan is offered the call:" in "\n".join(story)


def test_a_callback() -> None:
    day = Shift(queue(TURN, "anna"))
    day.do(5.0, AgentOccupied("anna"))
    day.join(10.0, "c1", number="777")
    day.do(20.0, CallbackBooked("c1", "b1"))
    day.do(50.0, CallLeft("b1"))
    assert day.story("c1")[0] == (
        "Call c1 from 777 in q: not answered, the caller wishes to be called back."
    )
    assert "20  the caller books a callback (b1)" in day.story("c1")
    assert day.story("b1")[1] == "waited 30 s; for 30 s nobody was free: 1 in another call"
    assert "20  waits on as a callback, place 1 of 1" in day.story("b1")


def test_over_midnight() -> None:
    day = Shift(queue(TURN, "anna"))
    day.do(5.0, AgentOccupied("anna"))
    day.join(10.0, "c1")
    lines, day.lines = day.lines, []
    head = journal.header(day.core.world.config, 7, Clock(100.0, OPENS + 100.0),
                          state=CoreCopy(day.core).json())  # fmt: skip
    day.lines.append(head + "\n")
    day.do(130.0, AgentSignedIn("anna"))
    day.do(140.0, CallLeft("c1"))
    assert tell([lines, day.lines], "c1")[1] == (
        "waited 2:10 min; for 2:10 min nobody was free: 1 in another call"
    )
    # The next day's file says nothing of a call that was over.
    assert tell([day.lines, lines], "c1")[0].endswith("the caller hung up.") is False


def test_the_pbx_stops_in_the_middle() -> None:
    day, following = Shift(queue(TURN, "anna")), Shift(queue(TURN, "anna"))
    day.join(10.0, "c1")
    story = tell([day.lines, following.lines], "c1")
    assert story[0] == "Call c1 in q: lost when the PBX stopped."
    assert "0  the PBX was started again: what became of the call is not known" in story


def test_a_call_that_goes_on_and_one_that_never_was() -> None:
    day = Shift(queue(TURN, "anna"))
    day.join(10.0, "c1")
    day.do(12.0)
    assert day.story()[0] == "Call c1 in q: still waits where the journal ends."
    assert day.story()[1].endswith("rang Anna without a sign of ringing (still ringing)")
    assert day.story("c7") == ["Call c7: never in a queue."]


def test_a_very_long_wait_is_cut_short() -> None:
    day = Shift(queue(TURN, "anna", ring_timeout=3.0, retry_after=RetryDelays(1.0)))
    day.join(10.0, "c1")
    day.do(5000.0, CallLeft("c1"))
    story = day.story()
    assert "; and so on, " in story[1]
    assert len(story[1]) < 2000
    assert len(story) < 5000
    assert story[-1].endswith("further moments are left out.")


def test_a_journal_that_differs_is_said_to_differ() -> None:
    day = Shift(queue(TURN, "anna"))
    day.join(10.0, "c1")
    day.lines[-1] = day.lines[-1].replace('"sum":"', '"sum":"0')
    assert day.story()[-1] == (
        "Careful: from 10 on this version decides differently from that day's."
    )
    day.lines.append("torn")
    assert day.story()[-1].startswith("Careful: line ")


def test_names() -> None:
    names = Names({"1": "Anna", "2": "Anna", "3": "3", "4": "", "5": "Eva"})
    assert [names.agent(id) for id in "123456"] == ["Anna (1)", "Anna (2)", "3", "4", "Eva", "6"]
    assert clock(OPENS + 7) == "7"
