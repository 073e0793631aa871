"""What supervisors change while people work: members, tags and strategies."""

import pytest

from pbx.distribution.config import AgentConfig, Member, Strategy
from pbx.distribution.errors import ConfigError
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentVacated,
    CallLeft,
    Input,
    MemberDropped,
    MemberRestored,
    MemberSet,
    StrategySet,
    TagsSet,
)
from tests.distribution.desk import Desk, queue

IDLE = Strategy.LONGEST_IDLE
ALL = Strategy.RING_ALL
OTHER = queue(IDLE, "clara", id="other")


def test_a_member_is_added_at_the_end_and_rung_at_once() -> None:
    desk = Desk(queue(Strategy.ROUND_ROBIN, "anna"), OTHER)
    desk.join(10.0, "c1")
    assert desk.join(11.0, "c2") == []
    assert desk.do(12.0, MemberSet("q", Member("clara"))) == ["ring clara for c2"]
    assert desk.core.agent("clara").queues == ("q", "other")
    desk = Desk(queue(ALL, "anna"), OTHER)
    desk.join(10.0, "c1")
    assert desk.do(12.0, MemberSet("q", Member("clara"))) == ["ring clara for c1"]


def test_a_member_is_changed_where_he_stands() -> None:
    desk = Desk(queue(Strategy.BY_RANK, "anna", "bohdan", "clara"))
    desk.do(5.0, MemberSet("q", Member("bohdan", rank=9)))
    assert desk.join(10.0, "c1") == ["ring bohdan for c1"]
    desk = Desk(queue(Strategy.ROUND_ROBIN, "anna", "bohdan", "clara"))
    desk.do(5.0, MemberSet("q", Member("bohdan", rank=9)))
    assert [desk.join(10.0, f"c{n}")[0].split()[1] for n in range(3)] == ["anna", "bohdan", "clara"]


def test_a_member_is_taken_out_while_he_rings() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan"))
    desk.join(10.0, "c1")
    assert desk.do(15.0, MemberDropped("q", "anna")) == [
        "stop anna for c1: withdrawn",
        "ring bohdan for c1",
    ]
    assert (desk.state("anna"), desk.core.agent("anna").misses) == ("ready", 0)
    assert desk.join(16.0, "c2") == []
    assert desk.do(17.0, MemberRestored("q", "anna")) == ["ring anna for c2"]


def test_who_talks_is_not_interrupted() -> None:
    desk = Desk(queue(IDLE, "anna", wrap_up=5.0))
    desk.join(10.0, "c1")
    desk.answer(11.0, "c1", "anna")
    assert desk.do(12.0, MemberDropped("q", "anna")) == []
    assert desk.state("anna") == "talking"
    desk.hang_up(20.0, "c1", "anna")
    assert desk.state("anna") == "wrap_up"
    desk.join(21.0, "c2")
    assert desk.wait(50.0) == []


@pytest.mark.parametrize(
    "event",
    [
        MemberSet("q", Member("clara")),
        MemberDropped("q", "anna"),
        TagsSet("bohdan", (("sales", 1),)),
        StrategySet("q", ALL),
    ],
)
def test_an_edit_outlives_a_reload_and_is_undone_by_name(event: Input) -> None:
    def rung() -> list[str]:
        calls = ("c1", "c2", "c3")
        lines = [line for call in calls for line in desk.join(20.0, call, requires=requires)]
        for call in calls:
            desk.do(20.0, CallLeft(call))
        return [line for line in lines if line.startswith("ring")]

    given = queue(IDLE, "anna", "bohdan"), OTHER
    desk = Desk(*given)
    requires = "sales" if isinstance(event, TagsSet) else ""
    before = rung()
    desk.do(20.0, event)
    after = rung()
    assert after != before
    desk.configure(20.0, *given)
    assert rung() == after
    match event:
        case MemberSet() | MemberDropped():
            agent = event.agent if isinstance(event, MemberDropped) else event.member.agent
            desk.do(20.0, MemberRestored("q", agent))
        case TagsSet(agent):
            desk.do(20.0, TagsSet(agent))
        case _:
            desk.do(20.0, StrategySet("q"))
    assert rung() == before


def test_for_a_while() -> None:
    desk = Desk(queue(IDLE, "anna"), OTHER)
    desk.do(5.0, AgentOccupied("clara"))
    desk.do(10.0, MemberSet("q", Member("clara"), until=20.0))
    desk.do(10.0, MemberDropped("q", "anna", until=30.0))
    desk.join(11.0, "c1")
    assert desk.do(12.0, AgentVacated("clara")) == ["ring clara for c1"]
    assert desk.wait(29.9) == [(20.0, "stop clara for c1: withdrawn")]
    assert desk.wait(30.0) == [(30.0, "ring anna for c1")]


def test_the_latest_edit_of_a_member_counts_and_a_reload_does_not_prolong_it() -> None:
    desk = Desk(queue(IDLE, "anna"), OTHER)
    desk.do(10.0, MemberDropped("q", "anna", until=20.0))
    desk.do(11.0, MemberSet("q", Member("anna", ring_timeout=3.0), until=40.0))
    desk.configure(12.0, queue(IDLE, "anna", ring_timeout=9.0), OTHER)
    desk.join(15.0, "c1")
    assert [ring.until for ring in desk.rings()] == [20.0]
    desk.do(16.0, CallLeft("c1"))
    assert desk.wait(40.0) == []
    desk.join(40.0, "c2")
    assert [ring.until for ring in desk.rings()] == [51.0]


def test_an_edit_whose_queue_or_agent_is_deleted_is_forgotten() -> None:
    given = queue(IDLE, "anna"), OTHER
    desk = Desk(*given)
    desk.do(10.0, StrategySet("q", ALL))
    desk.do(10.0, MemberSet("q", Member("clara")))
    desk.do(10.0, TagsSet("anna", (("sales", 1),)))
    desk.configure(11.0, OTHER)
    desk.configure(12.0, *given)
    for agent in ("anna", "clara"):
        assert desk.core.agent(agent).queues == {"anna": ("q",), "clara": ("other",)}[agent]
    assert desk.join(13.0, "c1", requires="sales") == []


def test_edits_of_what_is_not_there_do_nothing() -> None:
    desk = Desk(queue(IDLE, "anna"))
    for event in (
        MemberSet("nowhere", Member("anna")),
        MemberSet("q", Member("nobody")),
        MemberDropped("q", "nobody"),
        MemberRestored("q", "anna"),
        TagsSet("nobody", (("sales", 1),)),
        StrategySet("nowhere", ALL),
        StrategySet("q"),
    ):
        assert desk.do(10.0, event) == []
    assert desk.join(11.0, "c1") == ["ring anna for c1"]
    assert desk.core.agents == ("anna",)


def test_an_edit_that_makes_no_sense_is_refused_and_changes_nothing() -> None:
    desk = Desk(queue(IDLE, "anna"), OTHER)
    desk.do(9.0, MemberSet("q", Member("clara")))
    with pytest.raises(ConfigError, match="ring_timeout"):
        desk.do(10.0, MemberSet("q", Member("clara", ring_timeout=0.0)))
    assert desk.join(11.0, "c1") == ["ring anna for c1"]
    assert desk.join(11.0, "c2") == ["ring clara for c2"]


def test_tags_are_changed_while_a_call_waits_for_them() -> None:
    agents = (AgentConfig("anna", tags=(("sales", 1),)),)
    desk = Desk(queue(IDLE, "anna", "bohdan"), agents=agents)
    desk.do(5.0, AgentOccupied("anna"))
    assert desk.join(10.0, "c1", requires="sales & french") == []
    assert desk.do(11.0, TagsSet("bohdan", (("sales", 5), ("french", 5)))) == ["ring bohdan for c1"]
    # Whoever rings already may finish.
    assert desk.do(12.0, TagsSet("bohdan")) == []
    assert desk.reject(13.0, "c1", "bohdan") == []
    assert desk.wait(50.0) == []


def test_the_strategy_is_changed_while_phones_ring() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan"))
    desk.join(10.0, "c1")
    assert desk.do(11.0, StrategySet("q", ALL)) == ["ring bohdan for c1"]
    assert desk.do(12.0, StrategySet("q", Strategy.MANUAL)) == []
    assert desk.reject(13.0, "c1", "anna") == []
    assert desk.reject(13.0, "c1", "bohdan") == []
    assert desk.wait(60.0) == []
    assert desk.do(60.0, StrategySet("q")) == ["ring anna for c1"]
