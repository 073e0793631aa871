"""Before the strategy: the caller's own agent, who talked with him last, the day's operator."""

from pbx.distribution.config import AgentConfig, Member, Strategy
from pbx.distribution.effects import How, Other, WhyNot
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentUnreachable,
    AgentVacated,
    AnswerFailed,
    CallLeft,
    CallMoved,
    OperatorsSet,
    Period,
    PeriodBegan,
    Remembered,
)
from tests.distribution.desk import NO_DELAYS, Desk, queue

IDLE = Strategy.LONGEST_IDLE
ALL = Strategy.RING_ALL
ABC = ("anna", "bohdan", "clara")


def how(desk: Desk) -> list[How]:
    return [ring.explanation.how for ring in desk.rings()]


# The caller's own agent


def test_the_callers_own_agent_is_rung_alone_whatever_the_strategy() -> None:
    for strategy in (ALL, IDLE, Strategy.BY_RANK, Strategy.MANUAL):
        desk = Desk(queue(strategy, *ABC))
        assert desk.join(10.0, "c1", preferred_agent="clara") == ["ring clara for c1"]
        assert how(desk) == [How.PERSONAL]
        (ring,) = desk.rings()
        assert ring.explanation.others == (
            Other("anna", WhyNot.RESERVED, 10.0, "clara"),
            Other("bohdan", WhyNot.RESERVED, 10.0, "clara"),
        )


def test_he_is_waited_for_while_he_is_busy_but_only_so_long() -> None:
    desk = Desk(queue(IDLE, *ABC, personal_for=20.0))
    desk.do(5.0, AgentOccupied("clara"))
    assert desk.join(10.0, "c1", preferred_agent="clara") == []
    assert desk.join(11.0, "c2") == ["ring anna for c2"]
    assert desk.wait(29.9) == [
        (28.0, "stop anna for c2: no_answer, missed"),
        (28.0, "ring bohdan for c2"),
    ]
    desk.answer(29.9, "c2", "bohdan")
    assert desk.wait(30.0) == []
    assert desk.state("anna") == "delayed no_answer"
    assert desk.wait(33.0) == [(33.0, "ring anna for c1")]


def test_he_gets_it_as_soon_as_he_is_free() -> None:
    desk = Desk(queue(IDLE, *ABC, personal_for=20.0))
    desk.do(5.0, AgentOccupied("clara"))
    desk.join(10.0, "c1", preferred_agent="clara")
    desk.join(11.0, "c2", preferred_agent="clara", priority=1)
    assert desk.do(20.0, AgentVacated("clara")) == ["ring clara for c2"]
    assert desk.reject(21.0, "c2", "clara") == ["ring anna for c2"]


def test_who_is_not_there_is_not_waited_for() -> None:
    desk = Desk(queue(IDLE, *ABC), absent=("clara",))
    assert desk.join(10.0, "c1", preferred_agent="clara") == ["ring anna for c1"]
    assert desk.join(10.0, "c2", preferred_agent="nobody") == ["ring bohdan for c2"]
    desk = Desk(queue(IDLE, *ABC))
    desk.do(5.0, AgentUnreachable("clara"))
    assert desk.join(10.0, "c1", preferred_agent="clara") == ["ring anna for c1"]
    desk = Desk(queue(IDLE, *ABC, personal_for=0.0))
    assert desk.join(10.0, "c1", preferred_agent="clara") == ["ring anna for c1"]


def test_the_wait_ends_when_he_goes_and_does_not_begin_again() -> None:
    desk = Desk(queue(IDLE, "anna", "clara", personal_for=20.0))
    desk.do(5.0, AgentOccupied("clara"))
    desk.do(5.0, AgentOccupied("anna"))
    assert desk.join(10.0, "c1", preferred_agent="clara") == []
    desk.do(11.0, AgentStatusSet("clara", AgentStatus.BREAK, "lunch"))
    assert desk.do(12.0, AgentStatusSet("clara", AgentStatus.ACTIVE)) == []
    assert desk.do(13.0, AgentVacated("anna")) == ["ring anna for c1"]


def test_one_refusal_and_the_call_is_everybodys() -> None:
    desk = Desk(queue(ALL, *ABC, personal_for=60.0, retry_after=NO_DELAYS))
    desk.join(10.0, "c1", preferred_agent="clara")
    assert desk.reject(11.0, "c1", "clara") == ["ring anna for c1", "ring bohdan for c1"]
    assert how(desk) == [How.EVERYBODY, How.EVERYBODY]
    # That was a new round, as every offer to everybody is: he joins when he has rested.
    assert desk.wait(11.1) == [(11.1, "ring clara for c1")]
    desk = Desk(queue(IDLE, *ABC, personal_for=60.0))
    desk.join(10.0, "c1", preferred_agent="clara")
    desk.answer(11.0, "c1", "clara")
    assert desk.do(11.0, AnswerFailed("c1", "clara")) == ["ring anna for c1"]


def test_he_rings_on_when_the_time_is_over() -> None:
    desk = Desk(queue(ALL, *ABC, personal_for=5.0, ring_timeout=10.0))
    desk.join(10.0, "c1", preferred_agent="clara")
    assert desk.wait(22.0) == [
        (22.0, "stop clara for c1: no_answer, missed"),
        (22.0, "ring anna for c1"),
        (22.0, "ring bohdan for c1"),
    ]


def test_he_need_not_be_a_member_nor_have_the_tags() -> None:
    desk = Desk(
        queue(Strategy.ROUND_ROBIN, "anna", "bohdan", ring_timeout=7.0, requires="sales"),
        queue(IDLE, "clara", id="other"),
    )
    assert desk.join(10.0, "c1", preferred_agent="clara") == ["ring clara for c1"]
    assert desk.wait(60.0) == [(19.0, "stop clara for c1: no_answer, missed")]


def test_his_calls_have_no_precedence_before_older_ones() -> None:
    desk = Desk(queue(IDLE, "clara"))
    desk.do(5.0, AgentOccupied("clara"))
    desk.join(10.0, "c1")
    desk.join(11.0, "c2", preferred_agent="clara")
    assert desk.do(12.0, AgentVacated("clara")) == ["ring clara for c1"]


def test_moved_to_another_queue_he_is_nobodys_any_more() -> None:
    desk = Desk(queue(IDLE, "anna", "clara"), queue(IDLE, "bohdan", id="other"))
    desk.do(5.0, AgentOccupied("clara"))
    assert desk.join(10.0, "c1", preferred_agent="clara") == []
    assert desk.do(11.0, CallMoved("c1", "other")) == ["ring bohdan for c1"]
    desk.join(12.0, "c2", preferred_agent="clara")
    assert desk.do(13.0, CallMoved("c2", "q")) == ["ring anna for c2"]


def test_nobody_joins_and_no_phones_are_shared() -> None:
    desk = Desk(queue(ALL, *ABC))
    desk.do(5.0, AgentOccupied("anna"))
    desk.join(10.0, "c1", preferred_agent="clara")
    assert desk.do(11.0, AgentVacated("anna")) == []
    assert desk.join(12.0, "c2") == ["ring anna for c2", "ring bohdan for c2"]
    # c3 is Clara's too: of the phones of c2 none goes over.
    assert desk.join(13.0, "c3", preferred_agent="clara") == []
    # c4 is everybody's: one of them does.
    assert desk.join(14.0, "c4") == ["stop bohdan for c2: withdrawn", "ring bohdan for c4"]


# Who talked with him last


def sticky(*members: str, **settings: object) -> Desk:
    """Clara has talked with 501 from 10.0 to 20.0; the others are ahead of her."""
    desk = Desk(queue(IDLE, *(members or ABC), sticky_for=3600.0, sticky_wait=30.0, **settings))
    for agent in ("anna", "bohdan"):
        desk.do(5.0, AgentOccupied(agent))
    desk.join(10.0, "c0", number="501")
    desk.answer(10.0, "c0", "clara")
    for agent in ("anna", "bohdan"):
        desk.do(15.0, AgentVacated(agent))
    desk.hang_up(20.0, "c0", "clara")
    return desk


def test_who_talked_with_a_caller_last_gets_him_again() -> None:
    desk = sticky()
    assert desk.join(100.0, "c1", number="501") == ["ring clara for c1"]
    assert how(desk) == [How.STICKY]
    assert desk.join(100.0, "c2", number="502") == ["ring anna for c2"]
    assert desk.join(100.0, "c3", number="") == ["ring bohdan for c3"]


def test_she_is_waited_for_at_most_so_long() -> None:
    desk = sticky()
    desk.do(90.0, AgentOccupied("clara"))
    assert desk.join(100.0, "c1", number="501") == []
    assert desk.wait(129.9) == []
    assert desk.wait(130.0) == [(130.0, "ring anna for c1")]


def test_the_memory_fades() -> None:
    desk = sticky()
    assert desk.join(3619.9, "c1", number="501") == ["ring clara for c1"]
    desk.do(3620.0, CallLeft("c1"))
    # Only talking counts: this call did not renew it.
    assert desk.join(3620.0, "c2", number="501") == ["ring anna for c2"]


def test_who_has_signed_out_is_not_waited_for_unless_told_so() -> None:
    desk = sticky()
    desk.do(90.0, AgentSignedOut("clara"))
    assert desk.join(100.0, "c1", number="501") == ["ring anna for c1"]
    desk = sticky(sticky_ignore_status=True)
    desk.do(90.0, AgentSignedOut("clara"))
    assert desk.join(100.0, "c1", number="501") == []
    assert desk.do(110.0, AgentSignedIn("clara")) == ["ring clara for c1"]


def test_who_hangs_up_while_talking_or_is_moved_is_remembered_a_failed_leg_is_not() -> None:
    desk = Desk(queue(IDLE, *ABC, sticky_for=3600.0))
    desk.do(1.0, Remembered("503", "anna", 0.5))
    for call, number, agent in (
        ("a", "501", "anna"),
        ("b", "502", "bohdan"),
        ("c", "503", "clara"),
    ):
        desk.join(10.0, call, number=number)
        if agent == "clara":
            assert how(desk) == []
            desk.do(10.0, AgentSignedOut("anna"))
        desk.answer(11.0, call, agent)
    desk.do(12.0, CallLeft("a"))
    desk.do(12.0, CallMoved("b", "q"))
    assert how(desk) == [How.STICKY]
    assert [ring.agent for ring in desk.rings()] == ["bohdan"]
    desk.do(13.0, CallLeft("b"))
    desk.do(14.0, AnswerFailed("c", "clara"))
    assert [ring.agent for ring in desk.rings()] == ["bohdan"]


def test_what_is_known_from_before_counts_if_it_is_newer() -> None:
    desk = sticky()
    desk.do(30.0, Remembered("501", "anna", 15.0))
    assert desk.join(100.0, "c1", number="501") == ["ring clara for c1"]
    desk.do(101.0, CallLeft("c1"))
    desk.do(101.0, Remembered("501", "bohdan", 100.0))
    assert desk.join(102.0, "c2", number="501") == ["ring bohdan for c2"]


def test_first_the_own_agent_then_who_talked_last_then_everybody() -> None:
    desk = sticky(personal_for=10.0)
    desk.do(90.0, AgentOccupied("anna"))
    desk.do(90.0, AgentOccupied("clara"))
    assert desk.join(100.0, "c1", number="501", preferred_agent="anna") == []
    assert desk.do(105.0, AgentVacated("clara")) == []
    assert desk.wait(110.0) == [(110.0, "ring clara for c1")]
    assert how(desk) == [How.STICKY]
    assert desk.reject(111.0, "c1", "clara") == ["ring bohdan for c1"]


def test_the_own_agent_is_not_waited_for_twice() -> None:
    desk = sticky(personal_for=10.0)
    desk.do(90.0, AgentOccupied("clara"))
    assert desk.join(100.0, "c1", number="501", preferred_agent="clara") == []
    assert desk.wait(110.0) == [(110.0, "ring anna for c1")]


def test_she_must_be_a_member_and_meet_what_is_required() -> None:
    agents = (AgentConfig("anna", tags=(("sales", 1),)),)
    desk = Desk(
        queue(IDLE, "anna", "bohdan", sticky_for=99.0), queue(IDLE, "clara", id="o"), agents=agents
    )
    desk.do(5.0, Remembered("501", "clara", 4.0))
    desk.do(5.0, Remembered("502", "bohdan", 4.0))
    assert desk.join(10.0, "c1", number="501") == ["ring anna for c1"]
    desk.do(11.0, CallLeft("c1"))
    assert desk.join(12.0, "c2", number="502", requires="sales") == ["ring anna for c2"]


# The operators of the day


def operators(strategy: Strategy = IDLE, **settings: object) -> Desk:
    desk = Desk(queue(strategy, *ABC, **settings))
    desk.do(5.0, OperatorsSet("q", "clara", "bohdan"))
    return desk


def test_the_main_operator_first_then_the_backup_then_the_strategy() -> None:
    desk = operators(ALL, share_ringing=False)
    assert desk.join(10.0, "c1") == ["ring clara for c1"]
    assert how(desk) == [How.MAIN]
    assert desk.join(11.0, "c2") == ["ring bohdan for c2"]
    assert how(desk) == [How.BACKUP]
    assert desk.join(12.0, "c3") == ["ring anna for c3"]
    assert how(desk) == [How.EVERYBODY]


def test_a_miss_counts_for_operators_too() -> None:
    desk = operators(retry_after=NO_DELAYS)
    desk.join(10.0, "c1")
    assert desk.reject(11.0, "c1", "clara") == ["ring bohdan for c1"]
    desk.wait(11.5)
    assert desk.reject(12.0, "c1", "bohdan") == ["ring anna for c1"]
    desk.wait(12.5)
    assert desk.reject(13.0, "c1", "anna") == ["ring clara for c1"]
    assert how(desk) == [How.MAIN]


def test_nobody_rings_beside_an_operator() -> None:
    desk = operators(ALL)
    desk.do(6.0, AgentOccupied("anna"))
    desk.join(10.0, "c1")
    assert desk.do(11.0, AgentVacated("anna")) == []
    assert desk.state("bohdan") == "ready"


def test_the_day_ends() -> None:
    desk = operators()
    desk.do(10.0, PeriodBegan(Period.HOUR))
    assert desk.join(10.0, "c1") == ["ring clara for c1"]
    desk.do(11.0, PeriodBegan(Period.DAY))
    assert desk.join(12.0, "c2") == ["ring anna for c2"]


def test_operators_are_members_who_meet_what_is_required() -> None:
    agents = (
        AgentConfig("anna", tags=(("sales", 1),)),
        AgentConfig("bohdan", tags=(("sales", 1),)),
    )
    desk = Desk(queue(IDLE, "anna", "bohdan", "clara"), agents=agents)
    desk.do(5.0, OperatorsSet("q", "clara", "bohdan"))
    assert desk.join(10.0, "c1", requires="sales") == ["ring bohdan for c1"]
    desk.do(11.0, OperatorsSet("q", "somebody", "nobody"))
    assert desk.join(12.0, "c2") == ["ring anna for c2"]


def test_the_next_step_of_keep_ringing_does_not_care_for_operators() -> None:
    tiers = (Member("anna", 1), Member("bohdan", 2), Member("clara", 3))
    desk = Desk(queue(Strategy.IN_ORDER, *tiers, tier_timeout=5.0, keep_ringing=True))
    desk.join(10.0, "c1")
    desk.do(11.0, OperatorsSet("q", "clara"))
    assert desk.wait(20.0) == [(15.0, "ring bohdan for c1"), (20.0, "ring clara for c1")]
    assert how(desk) == [How.NEXT_STEP]
