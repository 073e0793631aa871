"""Callers who hang up and keep their place: the placeholder, its rights, and its end."""

from pbx.distribution.config import DistributionConfig, Relax, Strategy
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedOut,
    AgentVacated,
    CallbackBooked,
    CallJoined,
    Configured,
    LeaveReason,
    RingOutcome,
)
from tests.distribution.desk import NO_DELAYS, Desk, config_of, queue

IDLE = Strategy.LONGEST_IDLE


def line(desk: Desk) -> list[tuple[str, int, float]]:
    return [(w.call, w.priority, w.joined_at) for w in desk.core.queue("q").waiting]


def busy(**settings: object) -> Desk:
    """Anna will be free when she is vacated."""
    desk = Desk(queue(IDLE, "anna", **settings))
    desk.do(5.0, AgentOccupied("anna"))
    return desk


def test_the_placeholder_stands_exactly_where_the_caller_stood() -> None:
    desk = busy()
    desk.join(10.0, "c1")
    desk.join(11.0, "c2", joined_at=8.0, priority=1, number="501")
    desk.join(12.0, "c3", joined_at=8.0, priority=1)
    assert desk.do(20.0, CallbackBooked("c2", "b2")) == []
    assert line(desk) == [("b2", 1, 8.0), ("c3", 1, 8.0), ("c1", 0, 10.0)]
    assert [waiting.number for waiting in desk.core.queue("q").waiting] == ["501", "", ""]
    assert desk.do(30.0, AgentVacated("anna")) == ["ring anna for b2"]
    assert desk.talk(31.0, "b2", "anna", 40.0) == ["ring anna for c3"]


def test_the_caller_has_left_with_a_callback_and_the_placeholder_has_joined() -> None:
    desk = busy()
    desk.join(10.0, "c1")
    desk.do(20.0, CallbackBooked("c1", "b1"))
    view = desk.core.queue("q")
    assert (view.joined, view.left) == (2, ((LeaveReason.CALLBACK, 1),))
    # As for every caller who is gone.
    assert desk.answer(21.0, "c1", "anna") == ["release anna of c1"]


def test_booked_while_phones_ring() -> None:
    """They stop for the caller, who is gone, and ring for the placeholder."""
    desk = Desk(queue(Strategy.RING_ALL, "anna", "bohdan"))
    desk.join(10.0, "c1")
    assert desk.do(12.0, CallbackBooked("c1", "b1")) == [
        "stop anna for c1: caller_left",
        "stop bohdan for c1: caller_left",
        "ring anna for b1",
        "ring bohdan for b1",
    ]
    assert desk.core.agent("anna").misses == 0


def test_what_cannot_be_booked() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan"))
    desk.join(10.0, "c1")
    desk.answer(11.0, "c1", "anna")
    desk.join(12.0, "c2")
    for event in (
        CallbackBooked("c1", "b1"),  # He talks.
        CallbackBooked("c9", "b1"),  # Nobody.
        CallbackBooked("c2", "c1"),  # The name is taken.
        CallbackBooked("c2", "c2"),
    ):
        assert desk.do(13.0, event) == []
    assert line(desk) == [("c2", 0, 12.0)]
    assert desk.core.queue("q").talking == (("c1", "anna"),)


def test_it_is_never_sent_away() -> None:
    """Not by a full or empty queue, by time, nor because nobody matches; and is told nothing."""
    desk = Desk(
        queue(
            IDLE,
            "anna",
            max_length=1,
            join_empty=False,
            max_wait=30.0,
            leave_empty_after=10.0,
            leave_unmatched_after=10.0,
            announce_every=5.0,
        )
    )
    desk.do(5.0, AgentOccupied("anna"))
    assert desk.join(10.0, "c1", requires="sales") == []
    desk.do(10.0, CallbackBooked("c1", "b1"))
    assert desk.do(11.0, CallJoined("b2", "q", callback=True)) == []
    assert desk.join(12.0, "c3") == ["c3 leaves q: queue_full"]
    desk.do(20.0, AgentSignedOut("anna"))
    assert desk.do(21.0, CallJoined("b3", "q", callback=True)) == []
    assert desk.wait(9999.0) == []
    assert [call for call, _, _ in line(desk)] == ["b1", "b2", "b3"]


def test_a_full_queue_lets_a_caller_change_places_with_himself() -> None:
    desk = busy(max_length=1)
    desk.join(10.0, "c1")
    assert desk.do(11.0, CallbackBooked("c1", "b1")) == []
    assert line(desk) == [("b1", 0, 10.0)]


def test_it_counts_in_the_line() -> None:
    desk = busy(announce_every=10.0)
    desk.do(10.0, CallJoined("b1", "q", callback=True))
    desk.join(11.0, "c2")
    assert desk.wait(11.0) == [(11.0, "tell c2: 2, None")]


def test_the_black_list_is_for_callers() -> None:
    given = config_of(queue(IDLE, "anna"))
    desk = busy()
    desk.do(6.0, Configured(DistributionConfig(given.queues, given.agents, blacklist=("48*",))))
    assert desk.join(10.0, "c1", number="48123") == ["c1 leaves q: blacklisted"]
    assert desk.join(10.0, "b1", number="48123", callback=True) == []
    assert desk.core.queue("q").left == ((LeaveReason.BLACKLISTED, 1),)
    assert desk.core.queue("q").joined == 2


def test_what_is_required_is_required_again_from_the_booking_on() -> None:
    """It is a new stay in the queue; only the place in the line is the old one."""
    desk = Desk(queue(IDLE, "anna", relax=(Relax(20.0, "all"),)))
    desk.join(10.0, "c1", requires="sales")
    desk.do(25.0, CallbackBooked("c1", "b1"))
    assert desk.wait(44.9) == []
    assert desk.wait(45.0) == [(45.0, "ring anna for b1")]


def test_the_own_agent_is_not_kept() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan"))
    desk.do(5.0, AgentOccupied("bohdan"))
    desk.join(10.0, "c1", preferred_agent="bohdan")
    assert desk.do(11.0, CallbackBooked("c1", "b1")) == ["ring anna for b1"]


def test_a_customer_who_was_not_reached_keeps_his_place() -> None:
    """The agent's phone fails or he hangs up while the customer is called: the next one tries."""
    desk = Desk(queue(IDLE, "anna", "bohdan", retry_after=NO_DELAYS))
    desk.do(10.0, CallJoined("b1", "q", callback=True))
    assert desk.ring_ended(11.0, "b1", "anna", RingOutcome.FAILED) == ["ring bohdan for b1"]
    assert line(desk) == [("b1", 0, 10.0)]
