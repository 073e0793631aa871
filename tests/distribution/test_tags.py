"""What a call requires of the agent: tags, levels, languages, and how that is relaxed in time."""

import pytest

from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    Relax,
    Strategy,
    Tag,
    TagCount,
)
from pbx.distribution.effects import Other, WhyNot
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedIn,
    AgentSignedOut,
    AgentVacated,
    Configured,
)
from tests.distribution.desk import Desk, config_of, queue

IDLE = Strategy.LONGEST_IDLE
ALL = Strategy.RING_ALL

ANNA = AgentConfig("anna", tags=(("sales", 80),))
BOHDAN = AgentConfig("bohdan", tags=(("sales", 30), ("french", 60)))
CLARA = AgentConfig("clara", tags=(("support", 50), ("french", 90), ("english", 40)))
PEOPLE = (ANNA, BOHDAN, CLARA)
NAMES = ("anna", "bohdan", "clara")
LANGUAGES = (Tag("french", "language"), Tag("english", "language"))


def desk_of(
    strategy: Strategy = IDLE, *, agents: tuple[AgentConfig, ...] = PEOPLE, **settings: object
) -> Desk:
    """With languages; everybody signed in."""
    desk = Desk(queue(strategy, *NAMES, **settings), agents=agents)
    given = config_of(queue(strategy, *NAMES, **settings), agents=agents)
    desk.do(4.0, Configured(DistributionConfig(given.queues, given.agents, LANGUAGES)))
    return desk


@pytest.mark.parametrize(
    ("requires", "rung"),
    [
        ("", ["anna", "bohdan", "clara"]),
        ("sales", ["anna", "bohdan"]),
        ("sales >= 50", ["anna"]),
        ("sales >= 30 & french", ["bohdan"]),
        ("sales, french", ["bohdan"]),
        ("french >= 70 | sales >= 70", ["anna", "clara"]),
        ("!french", ["anna"]),
        ("not (sales or english)", []),
        ("sales & (french >= 50 | english)", ["bohdan"]),
        ("magic", []),
        ("sales >= >=", []),
        ("(((", []),
    ],
)
def test_who_meets_a_requirement(requires: str, rung: list[str]) -> None:
    desk = desk_of(ALL)
    assert desk.join(10.0, "c1", requires=requires) == [f"ring {agent} for c1" for agent in rung]


def test_the_queue_and_the_call_ask_together() -> None:
    desk = desk_of(ALL, requires="french")
    assert desk.join(10.0, "c1", requires="sales") == ["ring bohdan for c1"]
    assert desk.join(11.0, "c2", requires="sales") == []
    assert desk.join(12.0, "c3") == ["ring clara for c3"]


def test_who_lacks_a_tag_is_told_apart_from_who_stands_behind() -> None:
    desk = desk_of()
    desk.join(10.0, "c1", requires="french & sales")
    (ring,) = desk.rings()
    assert ring.explanation.requires == "french & sales"
    assert ring.explanation.others == (
        Other("anna", WhyNot.LACKS_TAG, 0.0, "french"),
        Other("clara", WhyNot.LACKS_TAG, 0.0, "sales"),
    )


def test_an_older_call_that_nobody_free_can_serve_lets_the_others_pass() -> None:
    desk = desk_of()
    desk.do(5.0, AgentOccupied("clara"))
    assert desk.join(10.0, "c1", requires="english") == []
    assert desk.join(11.0, "c2") == ["ring anna for c2"]
    assert desk.join(12.0, "c3") == ["ring bohdan for c3"]
    assert desk.join(13.0, "c4") == []
    assert desk.do(14.0, AgentVacated("clara")) == ["ring clara for c1"]


def test_step_by_step() -> None:
    """First the language does not matter any more, then nothing does."""
    relax = (Relax(20.0, "language"), Relax(60.0, "all"))
    desk = desk_of(relax=relax, leave_unmatched_after=None)
    desk.do(5.0, AgentOccupied("anna"))
    desk.do(5.0, AgentOccupied("bohdan"))
    assert desk.join(10.0, "c1", requires="sales & french") == []
    assert desk.join(10.0, "c2", requires="sales") == []
    assert desk.do(15.0, AgentVacated("anna")) == ["ring anna for c2"]
    assert desk.talk(16.0, "c2", "anna", 25.0) == []
    assert desk.wait(29.9) == []
    assert desk.wait(30.0) == [(30.0, "ring anna for c1")]
    desk.reject(31.0, "c1", "anna")
    desk.do(32.0, AgentSignedOut("anna"))
    assert desk.wait(69.9) == []
    assert desk.wait(70.0) == [(70.0, "ring clara for c1")]


def test_a_tag_by_name_and_at_once() -> None:
    desk = desk_of(ALL, relax=(Relax(0.0, "french"), Relax(5.0, "skill")))
    assert desk.join(10.0, "c1", requires="sales & french") == [
        "ring anna for c1",
        "ring bohdan for c1",
    ]
    # Who may have it now joins those who ring.
    assert desk.wait(15.0) == [(15.0, "ring clara for c1")]


def test_dropping_a_tag_never_asks_for_more() -> None:
    """Of "french or english" without "french" everybody will do, of "not sales" too."""
    desk = desk_of(ALL, relax=(Relax(5.0, "french"), Relax(5.0, "sales")))
    assert desk.join(10.0, "c1", requires="(french | english) & !sales") == ["ring clara for c1"]
    assert desk.wait(15.0) == [(15.0, "ring anna for c1"), (15.0, "ring bohdan for c1")]


def test_what_is_not_understood_is_dropped_only_with_everything() -> None:
    desk = desk_of(relax=(Relax(5.0, "skill"), Relax(9.0, "all")))
    assert desk.join(10.0, "c1", requires="sales &") == []
    assert desk.wait(18.9) == []
    assert desk.wait(19.0) == [(19.0, "ring anna for c1")]


def test_time_in_this_queue_counts_not_the_whole_wait() -> None:
    desk = desk_of(relax=(Relax(20.0, "all"),))
    assert desk.join(10.0, "c1", requires="magic", joined_at=-50.0) == []
    assert desk.wait(30.0) == [(30.0, "ring anna for c1")]


# Members who come later


def test_a_member_with_a_delay_is_offered_only_calls_that_have_waited() -> None:
    members = (Member("anna", delay=8.0), "bohdan")
    desk = Desk(queue(IDLE, *members))
    assert desk.join(10.0, "c1") == ["ring bohdan for c1"]
    (ring,) = desk.rings()
    assert ring.explanation.others == (Other("anna", WhyNot.NOT_YET, 8.0),)
    assert desk.join(11.0, "c2") == []
    assert desk.wait(19.0) == [(19.0, "ring anna for c2")]


def test_a_delayed_member_joins_the_ringing() -> None:
    desk = Desk(queue(ALL, "anna", Member("bohdan", delay=6.0), ring_timeout=10.0))
    assert desk.join(10.0, "c1") == ["ring anna for c1"]
    assert desk.wait(16.0) == [(16.0, "ring bohdan for c1")]


# Nobody there has it


def test_a_call_that_nobody_at_work_can_serve_leaves() -> None:
    desk = desk_of(leave_unmatched_after=30.0)
    assert desk.join(10.0, "c1", requires="english") == ["ring clara for c1"]
    desk.join(11.0, "c2", requires="english")
    assert desk.do(20.0, AgentSignedOut("clara")) == ["stop clara for c1: withdrawn, missed"]
    assert desk.wait(49.9) == []
    assert sorted(desk.wait(50.0)) == [
        (50.0, "c1 leaves q: no_match"),
        (50.0, "c2 leaves q: no_match"),
    ]


def test_it_stays_when_somebody_signs_in_in_time_even_if_he_is_busy() -> None:
    desk = desk_of(leave_unmatched_after=30.0)
    desk.do(5.0, AgentSignedOut("clara"))
    assert desk.join(10.0, "c1", requires="english") == []
    desk.do(20.0, AgentOccupied("clara"))
    assert desk.do(39.0, AgentSignedIn("clara")) == []
    assert desk.wait(200.0) == []
    # The time is counted anew when he goes.
    desk.do(200.0, AgentSignedOut("clara"))
    assert desk.wait(999.0) == [(230.0, "c1 leaves q: no_match")]


def test_while_something_will_still_be_relaxed_it_waits() -> None:
    desk = desk_of(leave_unmatched_after=5.0, relax=(Relax(60.0, "language"),))
    assert desk.join(10.0, "c1", requires="magic") == []
    # The last step drops nothing that helps: from then on it counts.
    assert desk.wait(999.0) == [(75.0, "c1 leaves q: no_match")]


# fewest_tags


def test_the_specialist_comes_first() -> None:
    """The one who can do nothing else; so the others stay free for what only they can."""
    desk = desk_of(Strategy.FEWEST_TAGS)
    assert desk.join(10.0, "c1", requires="french") == ["ring bohdan for c1"]
    assert desk.join(11.0, "c2", requires="french") == ["ring clara for c2"]
    assert desk.join(12.0, "c3") == ["ring anna for c3"]


def test_of_equals_the_one_who_is_free_longest_and_a_level_of_zero_is_no_tag() -> None:
    agents = (
        AgentConfig("anna", tags=(("sales", 80), ("french", 0))),
        AgentConfig("bohdan", tags=(("sales", 30),)),
        AgentConfig("clara", tags=(("sales", 30), ("french", 1))),
    )
    desk = desk_of(Strategy.FEWEST_TAGS, agents=agents)
    desk.do(5.0, AgentOccupied("anna"))
    desk.do(6.0, AgentVacated("anna"))
    assert desk.join(10.0, "c1", requires="sales") == ["ring bohdan for c1"]
    assert desk.join(11.0, "c2", requires="sales") == ["ring anna for c2"]


def test_only_foreign_tags_if_told_so() -> None:
    """Clara has three tags, but two of them are asked for; Bohdan has two, and one is."""
    agents = (
        AgentConfig("anna", tags=(("french", 9), ("sales", 9), ("support", 9))),
        AgentConfig("bohdan", tags=(("french", 9), ("sales", 9))),
        AgentConfig("clara", tags=(("french", 9), ("english", 9), ("support", 9))),
    )
    desk = desk_of(Strategy.FEWEST_TAGS, agents=agents, count_tags=TagCount.FOREIGN)
    desk.do(5.0, AgentOccupied("bohdan"))
    desk.do(6.0, AgentVacated("bohdan"))
    assert desk.join(10.0, "c1", requires="french & (english | support)") == ["ring clara for c1"]
    (ring,) = desk.rings()
    assert ring.explanation.key == (0, 0, 3.0, 2)
    assert desk.join(11.0, "c2", requires="french") == ["ring bohdan for c2"]
