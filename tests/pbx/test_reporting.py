"""What `pbx status` is told: of a queue's day, and of each agent's."""

from pbx.distribution.inputs import OperatorsSet
from pbx.events import CallAnswered, Event, QueueLeft
from pbx.reporting import DayCounts, expected_waits, make_status
from pbx.status import QueueStatus, Status, Told
from tests.exchange.company import Company
from tests.exchange.office import Office
from tests.sim.world import EPOCH

RANKED = """
extensions: {101: Olena, 901: Anna, 902: Borys, 903: Vira}
agents: {901: Anna, 902: Borys, 903: {signed_in: code}}
queues:
  sales: {number: 500, strategy: fewest_calls, recalculate: 1h, members: [901, 902, 903]}
"""


def left(queue: str, reason: str) -> Event:
    return QueueLeft("c", queue, reason, 1.0, 0, 0.0)


def answered(queue: str, agent: str) -> Event:
    return CallAnswered("c", queue, agent, "901", 1.0, 0.0)


def counts_of(office: Office) -> DayCounts:
    counts = DayCounts(0.0)
    for event in office.events:
        counts.on_event(event)
    return counts


def status_of(office: Office, counts: DayCounts) -> Status:
    return make_status(
        office.exchange,
        office.now,
        version="1",
        started_at=EPOCH,
        counts=counts,
        workers=(),
        alarms=(),
    )


def test_a_day_is_counted() -> None:
    counts = DayCounts(100.0)
    counts.load({"a": {"answered": 2}, "b": {"no_match": 1}}, {"a": {"901": 2}})
    for event in (
        *(left("a", "answered"), answered("a", "901"), left("a", "all_missed")),
        *(left("b", "answered"), answered("b", "902")),
        *(answered("a", ""), answered("", "901")),  # No call of a queue is answered there.
    ):
        counts.on_event(event)
    assert counts.left("a") == {"answered": 3, "all_missed": 1}
    assert counts.left("b") == {"answered": 1, "no_match": 1}
    assert counts.left("c") == {}
    assert counts.answered("a") == {"901": 3}
    assert counts.answered_by() == {"901": 3, "902": 1}
    counts.turn(100.0)
    assert counts.answered_by() == {"901": 3, "902": 1}
    counts.turn(200.0)
    assert (counts.left("a"), counts.answered_by()) == ({}, {})


def test_a_queue_and_its_agents() -> None:
    office = Company(RANKED)
    opened = office.now
    office.dial("101")
    office.run_for(1.0)
    office.answer("901")
    office.run_for(1.0)
    assert office.exchange.distribution.apply(OperatorsSet("sales", "902", "901"), office.now) == []
    status = status_of(office, counts_of(office))
    assert status.queues == (
        QueueStatus(
            *("sales", 0, 0.0, 1, 0),
            ready=1,
            left={"answered": 1},
            gini=0.5,  # Of Anna and Borys; Vira is not at work.
            main="902",
            backup="901",
            ranked_at=1000.0 + EPOCH,
        ),
    )
    assert opened > 1000.0
    assert {agent.id: agent.answered for agent in status.agents} == {"901": 1, "902": 0, "903": 0}
    assert expected_waits(office.exchange) == {"sales": Told(0, 0, 0.0, 0.0)}
    office.close()
