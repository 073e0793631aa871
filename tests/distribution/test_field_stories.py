"""Stories that users of other systems told in public, replayed here: one test each.

The names are those of the issues; what is told of them is what their text says.
"""

import pytest

from pbx.distribution.config import AgentConfig, Member, Strategy, strategy_named
from pbx.distribution.effects import AgentChanged, AgentState
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentStatus,
    AgentStatusSet,
    AnswerFailed,
    CallLeft,
    CallMoved,
    RingOutcome,
    RingStarted,
    StrategySet,
)
from tests.distribution.desk import NO_DELAYS, Desk, queue

IDLE = Strategy.LONGEST_IDLE
ALL = Strategy.RING_ALL


def test_asterisk_176_two_agents_acknowledged() -> None:
    """Two phones that answer by themselves took the call at the same moment, and both got an ACK.

    Here the second answer is released, and its agent can take the next call at once.
    """
    desk = Desk(queue(ALL, "anna", "bohdan"))
    assert desk.join(10.0, "c1") == ["ring anna for c1", "ring bohdan for c1"]
    assert desk.answer(10.0, "c1", "anna") == [
        "connect c1 to anna",
        "stop bohdan for c1: answered_elsewhere",
    ]
    assert desk.answer(10.0, "c1", "bohdan") == ["release bohdan of c1"]
    assert desk.core.queue("q").talking == (("c1", "anna"),)
    assert (desk.state("bohdan"), desk.core.agent("bohdan").misses) == ("ready", 0)
    assert desk.join(10.0, "c2") == ["ring bohdan for c2"]


def test_asterisk_1557_the_first_to_answer_drops() -> None:
    """Who answered first hung up before he was bridged; the others had been dropped already, and
    it took four such rounds until the fifth agent talked to the caller.

    Here the others ring again in the same moment, who dropped the caller does not, and the caller
    is before whoever came after him.
    """
    names = ["anna", "bohdan", "clara", "dmytro", "eva"]
    desk = Desk(queue(ALL, *names, join_ringing=False))
    desk.join(10.0, "c1")
    for number, agent in enumerate(names[:4], start=1):
        others, at = names[number:], 11.0 + number / 10
        assert desk.answer(at, "c1", agent) == [
            f"connect c1 to {agent}",
            *(f"stop {other} for c1: answered_elsewhere" for other in others),
        ]
        assert desk.do(at, AnswerFailed("c1", agent)) == [
            f"ring {other} for c1" for other in others
        ]
        assert desk.state(agent) == "delayed unreachable"
    desk.join(12.0, "c2")
    assert [waiting.call for waiting in desk.core.queue("q").waiting] == ["c1", "c2"]
    assert desk.answer(12.0, "c1", "eva") == ["connect c1 to eva"]


def test_asterisk_1561_a_heavier_queue_that_may_not_use_the_agent() -> None:
    """Queue A, the heavier one, may ring the agent only after thirty seconds; while a call waited
    there, the calls of queue B did not reach him although he was free.

    Here only a call that may have him now keeps him from others.
    """
    heavy = queue(IDLE, Member("anna", delay=30.0), id="A", weight=66)
    desk = Desk(heavy, queue(IDLE, "anna", id="B", weight=65))
    assert desk.join(10.0, "c1", "A") == []
    assert desk.join(12.0, "c2", "B") == ["ring anna for c2"]
    desk.talk(13.0, "c2", "anna", 39.0)
    # One second before c1 may have him he is free for queue B again; then the weight counts.
    assert desk.join(39.0, "c3", "B") == ["ring anna for c3"]
    desk.answer(39.5, "c3", "anna")
    desk.join(39.5, "c4", "B")
    assert desk.wait(40.0) == []
    assert desk.hang_up(41.0, "c3", "anna") == ["ring anna for c1"]


@pytest.mark.parametrize("first", ["sales", "support", "billing"])
def test_asterisk_1006_wrap_up_in_all_queues(first: str) -> None:
    """An agent of six queues was called again after three of his thirty seconds of wrap-up.

    Here wrap-up is the agent's: no queue rings him in it, whichever his call came from.
    """
    names = ("sales", "support", "billing")
    desk = Desk(*(queue(IDLE, "anna", id=name, wrap_up=30.0) for name in names))
    desk.join(10.0, "c0", first)
    for name in names:
        desk.join(11.0, f"c-{name}", name)
    assert desk.talk(12.0, "c0", "anna", 20.0) == []
    assert desk.state("anna") == "wrap_up"
    assert desk.wait(49.9) == []
    assert desk.wait(50.0) == [(50.0, "ring anna for c-sales")]


def test_asterisk_607_wrap_up_after_a_transfer() -> None:
    """The agent transferred his caller to a second queue; his wrap-up was forgotten.

    Here the first queue's wrap-up begins when the caller leaves him, and the second queue does not
    ring him for that very caller meanwhile.
    """
    desk = Desk(
        queue(IDLE, "anna", id="one", wrap_up=10.0),
        queue(IDLE, "anna", "bohdan", id="two", wrap_up=50.0),
    )
    desk.do(5.0, AgentOccupied("bohdan"))
    desk.join(10.0, "c1", "one")
    desk.answer(10.0, "c1", "anna")
    assert desk.do(20.0, CallMoved("c1", "two")) == []
    assert desk.state("anna") == "wrap_up"
    assert desk.wait(30.0) == [(30.0, "ring anna for c1")]


def test_freeswitch_1216_the_last_of_top_down_is_on_break() -> None:
    """With the last agent on break distribution went down to him and then stood still.

    Here he is skipped, and it begins again at the top as soon as somebody is free there.
    """
    strategy, settings = strategy_named("top-down")
    desk = Desk(queue(strategy, "anna", "bohdan", "clara", ring_timeout=10.0, **settings))
    desk.do(5.0, AgentStatusSet("clara", AgentStatus.BREAK, "lunch"))
    assert desk.join(10.0, "c1") == ["ring anna for c1"]
    assert desk.wait(60.0) == [
        (22.0, "stop anna for c1: no_answer, missed"),
        (22.0, "ring bohdan for c1"),
        (34.0, "stop bohdan for c1: no_answer, missed"),
        (34.0, "ring anna for c1"),
        (46.0, "stop anna for c1: no_answer, missed"),
        (46.0, "ring bohdan for c1"),
        (58.0, "stop bohdan for c1: no_answer, missed"),
        (58.0, "ring anna for c1"),
    ]


def test_freeswitch_2540_reserved_while_another_answers() -> None:
    """Agents whose leg was about to begin when another one answered stayed "Reserved" for ever.

    Here everybody who was rung for the call is ready at once, whatever his phone said or did not
    say; and one whose phone never says anything is given up after its ring time.
    """
    agents = tuple(f"a{number}" for number in range(12))
    desk = Desk(queue(ALL, *agents, ring_timeout=10.0, retry_after=NO_DELAYS))
    desk.join(20.0, "c1")
    desk.do(20.1, RingStarted("c1", "a3"))
    desk.answer(20.2, "c1", "a5")
    # Legs that come to life only now, and one whose answer crosses.
    assert desk.do(20.3, RingStarted("c1", "a7")) == []
    assert desk.ring_ended(20.3, "c1", "a8", RingOutcome.UNREACHABLE) == []
    assert desk.answer(20.3, "c1", "a9") == ["release a9 of c1"]
    assert {desk.state(agent) for agent in agents} == {"ready", "talking"}
    assert desk.join(21.0, "c2") == [f"ring {agent} for c2" for agent in agents if agent != "a5"]
    # What is due at one moment comes in the order of names.
    assert desk.wait(33.0) == [
        (33.0, f"stop {agent} for c2: no_answer, missed")
        for agent in sorted(agents)
        if agent != "a5"
    ]
    assert desk.wait(33.2)[0][1] == "ring a0 for c2"


def test_mikopbx_998_the_configured_order() -> None:
    """The linear queue rang its agents in any order: Asterisk kept the order of the strategy that
    the queue had before, and refused the change to linear.

    Here the order is the configured one, also right after the strategy is changed, and after the
    agents are put into another order.
    """
    linear, settings = strategy_named("linear")
    names = ("dmytro", "anna", "clara", "bohdan")
    desk = Desk(queue(Strategy.RANDOM, *names, **settings))
    desk.do(5.0, StrategySet("q", linear))
    assert in_turn(desk, 10.0, "c1") == list(names)
    turned = ("bohdan", "dmytro", "clara", "anna")
    desk.configure(20.0, queue(linear, *turned, **settings))
    assert in_turn(desk, 30.0, "c2") == list(turned)


def in_turn(desk: Desk, at: float, call: str) -> list[str]:
    """Who is rung for a call that everybody rejects; then the caller gives up."""
    rung: list[str] = []
    lines = desk.join(at, call)
    while lines:
        rung += [line.split()[1] for line in lines]
        lines = desk.reject(at, call, rung[-1])
    desk.do(at, CallLeft(call))
    desk.wait(at + 5.0)
    return rung


@pytest.mark.parametrize("strategy", [Strategy.FEWEST_CALLS, Strategy.LEAST_TALK_TIME, IDLE])
def test_mikopbx_409_the_same_silent_agent(strategy: Strategy) -> None:
    """With "fewest calls" only the agent who had taken fewest was rung, until the caller gave up:
    he did not answer, so he went on having taken fewest.

    Here a miss lets all the others go before him, and for the next call he rests first.
    """
    desk = Desk(queue(strategy, "silent", "anna", "bohdan", ring_timeout=10.0))
    for call, agent, at in (("c1", "silent", 10.0), ("c2", "anna", 20.0), ("c3", "bohdan", 30.0)):
        desk.join(at, call)
        desk.talk(at, call, agent, at + 5.0)
    assert desk.join(40.0, "c4") == ["ring silent for c4"]
    assert desk.wait(63.9) == [
        (52.0, "stop silent for c4: no_answer, missed"),
        (52.0, "ring anna for c4"),
    ]
    assert desk.wait(64.0) == [
        (64.0, "stop anna for c4: no_answer, missed"),
        (64.0, "ring bohdan for c4"),
    ]


def test_kazoo_6609_logged_out_for_ever() -> None:
    """An agent who did not answer three times was taken out of the queue for ever and not told.

    Here he is on a break whose reason says why, and still a member who is signed in. One word of
    his brings him back to the caller, who has kept his place, and his misses count anew.
    """
    agent = AgentConfig("anna", max_no_answer=3)
    desk = Desk(queue(IDLE, "anna", ring_timeout=10.0, retry_after=NO_DELAYS), agents=(agent,))
    desk.join(10.0, "c1")
    stop, again = "stop anna for c1: no_answer, missed", "ring anna for c1"
    assert [line for _, line in desk.wait(100.0)] == [stop, again, stop, again, stop]
    view = desk.core.agent("anna")
    assert (view.state, view.reason, view.signed_in) == (AgentState.BREAK, "no_answer", True)
    assert desk.last[-1] == AgentChanged("anna", view.state, view.reason, view.since)
    assert desk.do(200.0, AgentStatusSet("anna", AgentStatus.ACTIVE)) == [again]
    assert desk.wait(220.0) == [(212.0, stop), (212.1, again)]
    assert desk.core.agent("anna").misses == 1
