"""`ring_all` with several callers at once: for each of them some phones ring."""

from pbx.distribution.config import Member, Strategy
from pbx.distribution.core import Distribution
from pbx.distribution.effects import AgentChanged, How, Other, WhyNot
from pbx.distribution.explain import describe, summary
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentVacated,
    AnswerFailed,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
    RingStarted,
)
from pbx.distribution.sharing import SHARE_MAX
from tests.distribution.desk import Desk, config_of, queue

FOUR = ("anna", "bohdan", "clara", "dmytro")
ALL = Strategy.RING_ALL


def ringing(core: Distribution) -> dict[str, tuple[str, ...]]:
    return {waiting.call: waiting.ringing for waiting in core.queue("q").waiting}


def two_calls(**settings: object) -> Desk:
    desk = Desk(queue(ALL, *FOUR, **settings))
    desk.join(10.0, "c1")
    desk.join(14.0, "c2")
    return desk


def test_half_of_the_phones_ring_for_the_second_caller_at_once() -> None:
    desk = Desk(queue(ALL, *FOUR))
    desk.join(10.0, "c1")
    assert desk.join(14.0, "c2") == [
        "stop clara for c1: withdrawn",
        "ring clara for c2",
        "stop dmytro for c1: withdrawn",
        "ring dmytro for c2",
    ]
    assert ringing(desk.core) == {"c1": ("anna", "bohdan"), "c2": ("clara", "dmytro")}
    # One change of each agent who was moved, and none of anybody else.
    assert [effect for effect in desk.last if isinstance(effect, AgentChanged)] == [
        AgentChanged("clara", desk.core.agent("clara").state, "", 14.0, "c2"),
        AgentChanged("dmytro", desk.core.agent("dmytro").state, "", 14.0, "c2"),
    ]


def test_when_the_first_is_answered_all_others_ring_for_the_second() -> None:
    desk = two_calls()
    assert desk.answer(15.0, "c1", "anna") == [
        "connect c1 to anna",
        "stop bohdan for c1: answered_elsewhere",
        "ring bohdan for c2",
    ]
    assert ringing(desk.core) == {"c2": ("clara", "dmytro", "bohdan")}


def test_when_the_second_is_answered_all_others_ring_for_the_first() -> None:
    desk = two_calls()
    assert desk.answer(15.0, "c2", "clara") == [
        "connect c2 to clara",
        "stop dmytro for c2: answered_elsewhere",
        "ring dmytro for c1",
    ]


def test_who_was_moved_has_missed_nothing_and_rings_his_full_time() -> None:
    desk = two_calls(ring_timeout=10.0)
    assert [ring.until for ring in desk.rings()] == [26.0, 26.0]
    view = desk.core.agent("dmytro")
    assert (view.state.value, view.misses, view.until) == ("ringing", 0, None)
    assert [waiting.tried for waiting in desk.core.queue("q").waiting] == [(), ()]
    desk.do(15.0, RingStarted("c1", "dmytro"))  # Too late: it means nothing any more.
    # The phones that ring on for the first caller stop when they would have stopped anyway.
    assert desk.wait(22.0) == [
        (22.0, "stop anna for c1: no_answer, missed"),
        (22.0, "stop bohdan for c1: no_answer, missed"),
        (22.0, "stop dmytro for c2: withdrawn"),
        (22.0, "ring dmytro for c1"),
    ]
    assert desk.wait(26.0) == [(26.0, "stop clara for c2: no_answer, missed")]
    assert desk.core.agent("dmytro").misses == 0


def test_three_callers_and_then_too_many() -> None:
    desk = two_calls()
    assert desk.join(15.0, "c3") == ["stop bohdan for c1: withdrawn", "ring bohdan for c3"]
    assert desk.join(16.0, "c4") == ["stop dmytro for c2: withdrawn", "ring dmytro for c4"]
    # The last phone is never taken away.
    assert desk.join(17.0, "c5") == []
    assert ringing(desk.core) == {
        "c1": ("anna",),
        "c2": ("clara",),
        "c3": ("bohdan",),
        "c4": ("dmytro",),
        "c5": (),
    }
    # And who waits goes before those for whom somebody rings.
    desk.answer(18.0, "c1", "anna")
    assert desk.hang_up(19.0, "c1", "anna") == ["ring anna for c5"]


def test_with_one_agent_the_second_caller_waits() -> None:
    desk = Desk(queue(ALL, "anna"))
    desk.join(10.0, "c1")
    assert desk.join(11.0, "c2") == []


def test_without_sharing_he_waits_for_the_first_answer() -> None:
    for settings in ({"share_ringing": False}, {"join_ringing": False}):
        desk = Desk(queue(ALL, *FOUR, **settings))
        desk.join(10.0, "c1")
        assert desk.join(11.0, "c2") == []
        assert len(desk.answer(12.0, "c1", "anna")) == 1 + 3 + 3


def test_other_strategies_do_not_share() -> None:
    desk = Desk(queue(Strategy.IN_ORDER, *(Member(agent) for agent in FOUR)))
    desk.join(10.0, "c1")
    assert desk.join(11.0, "c2") == []


def test_whom_nobody_answers_is_given_other_phones_first_those_who_did_not_refuse_him() -> None:
    desk = two_calls()
    assert desk.reject(15.0, "c2", "clara") == []
    assert desk.reject(16.0, "c2", "dmytro") == [
        "stop bohdan for c1: withdrawn",
        "ring bohdan for c2",
    ]
    desk = Desk(queue(ALL, *FOUR[:3]))
    desk.do(5.0, AgentOccupied("anna"))
    desk.join(10.0, "c1")
    desk.join(10.0, "c2")
    assert ringing(desk.core) == {"c1": ("bohdan",), "c2": ("clara",)}
    desk.reject(11.0, "c2", "clara")
    desk.do(12.0, AgentVacated("anna"))
    assert desk.wait(16.0) == [(16.0, "ring clara for c1")]
    assert ringing(desk.core) == {"c1": ("bohdan", "clara"), "c2": ("anna",)}
    # Clara was rung last, but has refused this caller before.
    assert desk.reject(17.0, "c2", "anna") == [
        "stop bohdan for c1: withdrawn",
        "ring bohdan for c2",
    ]


def test_who_refused_him_is_taken_when_there_is_nobody_else() -> None:
    desk = Desk(queue(ALL, "anna", "bohdan"))
    desk.join(10.0, "c1")
    desk.reject(11.0, "c1", "anna")
    assert desk.reject(11.0, "c1", "bohdan") == []
    assert desk.join(12.0, "c2", priority=1) == []
    # Both are ready again: the urgent one is served first, and his second phone moved unheard.
    assert desk.wait(16.0) == [(16.0, "ring anna for c2"), (16.0, "ring bohdan for c1")]
    assert [ring.explanation.how for ring in desk.rings()] == [How.EVERYBODY, How.SHARED]


def test_the_call_with_the_most_phones_gives_and_of_two_the_older() -> None:
    desk = Desk(queue(ALL, *FOUR, "eva", "fedir", "halyna"))
    desk.join(10.0, "c1")
    desk.join(11.0, "c2")
    assert [len(phones) for phones in ringing(desk.core).values()] == [4, 3]
    desk.join(12.0, "c3")
    assert [len(phones) for phones in ringing(desk.core).values()] == [2, 3, 2]
    desk.join(13.0, "c4")
    assert [len(phones) for phones in ringing(desk.core).values()] == [2, 2, 2, 1]
    desk.join(14.0, "c5")
    assert [len(phones) for phones in ringing(desk.core).values()] == [1, 2, 2, 1, 1]


def test_the_more_urgent_of_two_who_wait_is_served_first() -> None:
    desk = Desk(queue(ALL, *FOUR[:3]))
    for agent in FOUR[1:3]:
        desk.do(5.0, AgentOccupied(agent))
    desk.join(10.0, "c1")
    desk.join(11.0, "c2")
    desk.join(12.0, "c3", priority=1)
    assert desk.do(13.0, AgentVacated("bohdan")) == ["ring bohdan for c3"]
    assert desk.do(14.0, AgentVacated("clara")) == ["ring clara for c2"]


def test_not_more_than_a_few_phones_at_once() -> None:
    names = [f"a{number:02}" for number in range(50)]
    desk = Desk(queue(ALL, *names))
    desk.join(100.0, "c1")
    desk.join(101.0, "c2")
    assert ringing(desk.core)["c2"] == tuple(names[-SHARE_MAX:])
    desk.join(102.0, "c3")
    assert ringing(desk.core)["c3"] == tuple(names[-2 * SHARE_MAX : -SHARE_MAX])


def test_a_call_that_is_moved_here_is_given_phones_too() -> None:
    desk = Desk(queue(ALL, *FOUR), queue(ALL, id="other"))
    desk.join(10.0, "c1")
    assert desk.join(11.0, "c2", "other") == []
    assert desk.do(12.0, CallMoved("c2", "q"))[1::2] == ["ring clara for c2", "ring dmytro for c2"]


def test_who_picked_a_call_keeps_it() -> None:
    desk = Desk(queue(ALL, *FOUR[:3]), queue(ALL, "anna", "dmytro", id="other"))
    desk.do(5.0, AgentOccupied("anna"))
    desk.join(10.0, "c1")
    desk.do(11.0, AgentVacated("anna"))
    desk.reject(11.0, "c1", "anna")
    desk.wait(16.0)
    assert desk.core.agent("anna").ready
    assert desk.do(17.0, CallPicked("c1", "anna")) == [
        "stop bohdan for c1: answered_elsewhere",
        "stop clara for c1: answered_elsewhere",
        "ring anna for c1",
    ]
    assert desk.join(18.0, "c2") == ["ring bohdan for c2", "ring clara for c2"]
    assert desk.join(19.0, "c3") == ["stop clara for c2: withdrawn", "ring clara for c3"]
    assert desk.join(20.0, "c4") == []


def test_a_new_configuration_may_turn_it_on() -> None:
    desk = Desk(queue(ALL, *FOUR, share_ringing=False))
    desk.join(10.0, "c1")
    desk.join(11.0, "c2")
    assert len(desk.do(12.0, Configured(config_of(queue(ALL, *FOUR))))) == 4
    assert ringing(desk.core) == {"c1": ("anna", "bohdan"), "c2": ("clara", "dmytro")}


def test_explained() -> None:
    desk = two_calls()
    ring, same = desk.rings()
    assert ring.explanation is same.explanation
    assert (ring.explanation.how, ring.explanation.key) == (How.SHARED, ())
    assert ring.explanation.others == (
        Other("anna", WhyNot.RINGING, 10.0),
        Other("bohdan", WhyNot.RINGING, 10.0),
    )
    assert summary(ring.explanation) == "ring_all: taken from a call that many ring for"
    assert describe(ring).splitlines() == [
        "clara is offered c2: taken from a call that many ring for (nobody rang for this one).",
        "Not anna: is ringing, for 0:04.",
        "Not bohdan: is ringing, for 0:04.",
        "The 4 members of q: 4 ringing.",
    ]


def test_a_call_rings_on_after_many_that_were_shared() -> None:
    """The heap of those that can share is rebuilt now and then, and forgets nobody."""
    desk = Desk(queue(ALL, *FOUR))
    for number in range(300):
        at = 100.0 + number
        desk.join(at, f"c{number}")
        assert ringing(desk.core)[f"c{number}"]
        if number % 3 == 2:
            for call in range(number - 2, number + 1):
                desk.do(at, CallLeft(f"c{call}"))
    assert len(desk.core.world.queues["q"].many) < 70


def test_a_caller_handed_back_after_that_can_share_as_before() -> None:
    desk = Desk(queue(ALL, *FOUR))
    desk.join(10.0, "c1")
    desk.answer(11.0, "c1", "anna")
    for number in range(100):
        desk.join(12.0, f"x{number}")
        desk.do(12.0, CallLeft(f"x{number}"))
    desk.do(13.0, AnswerFailed("c1", "anna"))
    assert ringing(desk.core) == {"c1": ("bohdan", "clara", "dmytro")}
    desk.join(14.0, "c2")
    assert ringing(desk.core) == {"c1": ("bohdan", "clara"), "c2": ("dmytro",)}


def test_a_call_that_rang_before_a_new_configuration_can_share_too() -> None:
    desk = Desk(queue(ALL, *FOUR))
    desk.join(10.0, "c1")
    assert desk.do(11.0, Configured(config_of(queue(ALL, *FOUR, ring_timeout=9.0)))) == []
    desk.join(12.0, "c2")
    assert ringing(desk.core) == {"c1": ("anna", "bohdan"), "c2": ("clara", "dmytro")}


def test_an_answer_that_crosses_the_move_is_released() -> None:
    desk = two_calls()
    assert desk.answer(14.0, "c1", "dmytro") == ["release dmytro of c1"]
    assert ringing(desk.core) == {"c1": ("anna", "bohdan"), "c2": ("clara", "dmytro")}
