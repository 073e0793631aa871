"""Messages that cross on the wire, each pair in hundreds of orders and delays.

Whoever wins: one record per call, nobody stuck, nothing left over. And both sides must have won
now and then, or it was no race.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Final

import pytest

from pbx.distribution.config import Member, QueueConfig, Strategy
from pbx.plan import Destination, QueuePlan, SignIn
from sip.message import Request
from sip.parser import parse
from tests.exchange.office import OPENS, SALES, WAYS, Office
from tests.sim.world import Network

RACES: Final = int(os.environ.get("RACES", "200"))  # Of each kind; `make races`: a thousand.
BATCH: Final = 50  # In one test.
MEET: Final = OPENS + 5.0  # About when the two meet.
SPREAD: Final = 0.08  # Seconds around it: more than any delay on a good network.

NETWORKS: Final = (
    Network(delay=(0.001, 0.05)),
    Network(delay=(0.01, 0.01)),
    Network(delay=(0.001, 0.05), grid=0.01),
    Network(delay=(0.001, 0.05), duplication=0.2),
    Network(delay=(0.001, 0.05), loss=0.1),
    Network(delay=(0.001, 0.05), straggle=0.1),
)
RING_ALL: Final = replace(SALES, strategy=Strategy.RING_ALL)
ONE: Final = {"901": SignIn.REGISTER}
Race = Callable[[int, Random], str]


def make(
    seed: int,
    queue: QueueConfig = SALES,
    *,
    agents: Mapping[str, SignIn] | None = None,
    devices: Mapping[str, int] | None = None,
    ways: QueuePlan = WAYS,
    workers: int = 1,
) -> Office:
    office = Office(
        queue,
        agents=agents,
        devices=devices,
        ways=ways,
        workers=workers,
        network=NETWORKS[seed % len(NETWORKS)],
        seed=seed,
    )
    if seed % 2:
        office.restart_rng, office.restart_inputs = Random(seed), 60
    return office


def about(rng: Random, middle: float = MEET) -> float:
    return middle + rng.uniform(-SPREAD, SPREAD)


def verdicts(office: Office) -> str:
    return ", ".join(record.verdict.value for record in office.records) or "nothing"


def over(office: Office) -> str:
    """Let it end, and say how it ended."""
    office.run_until(MEET + 40.0)
    office.close()
    for call in office.checker.records:
        assert sum(record.id == call for record in office.records) == 1
    bridged_late(office)
    return verdicts(office)


def bridged_late(office: Office) -> None:
    """Whoever answered and was not wanted any more got our ACK, and our BYE or its own."""
    if office.network.loss or office.network.straggle:
        return
    for phone in office.phones.values():
        if not phone.calls_answered:
            continue
        heads = [
            (message.method, packet.source == phone.address)
            for packet in office.wire or []
            if phone.address in (packet.source, packet.target)
            and isinstance(message := parse(packet.data), Request)
        ]
        assert ("ACK", False) in heads, (phone, heads)
        assert ("BYE", False) in heads or ("BYE", True) in heads, (phone, heads)


# --- the races: what happens, and in which office


def cancel_against_answer(seed: int, rng: Random) -> str:
    office = make(seed)
    office.dial("101", "102")
    office.at(about(rng), "answer", "102")
    office.at(about(rng), "hang_up", "101")
    return over(office)


def abandon_against_answer(seed: int, rng: Random) -> str:
    office = make(seed, agents=ONE)
    office.dial("101")
    office.at(about(rng), "answer", "901")
    office.at(about(rng), "hang_up", "101")
    return over(office)


def abandon_against_reject(seed: int, rng: Random) -> str:
    office = make(seed)
    office.dial("101")
    office.at(about(rng), "reject", "901")
    office.at(about(rng), "hang_up", "101")
    end = over(office)
    return f"{end}, {len(office.offers())} offers"


def bye_against_bye(seed: int, rng: Random) -> str:
    office = make(seed, agents=ONE)
    office.dial("101")
    office.at(OPENS + 2, "answer", "901")
    office.at(about(rng), "hang_up", "901")
    office.at(about(rng), "hang_up", "101")
    end = over(office)
    return f"{end} {office.records[0].hangup.value}"


def two_agents_answer(seed: int, rng: Random) -> str:
    office = make(seed, RING_ALL)
    office.dial("101")
    office.at(about(rng), "answer", "901")
    office.at(about(rng), "answer", "902")
    office.run_until(MEET + 6.0)
    answered = office.answered_by()
    assert len(answered) <= 1
    if not (office.network.loss or office.network.straggle):
        (winner,) = answered
        loser = "902" if winner == "901" else "901"
        assert office.state(winner) == office.state("101") == "talking"
        assert office.state(loser) == "idle"
        assert office.agents == {winner: "talking", loser: "ready"}
    return f"{over(office)} {answered}"


def two_devices_answer(seed: int, rng: Random) -> str:
    office = make(seed, agents=ONE, devices={"901": 2})
    office.dial("101")
    office.at(about(rng), "answer", "901", 0)
    office.at(about(rng), "answer", "901", 1)
    office.run_until(MEET + 6.0)
    states = [office.state("901", n) for n in (0, 1)]
    if not (office.network.loss or office.network.straggle):
        assert sorted(states) == ["idle", "talking"]
    return f"{over(office)} {states}"


def ring_time_against_answer(seed: int, rng: Random) -> str:
    office = make(seed, replace(SALES, ring_timeout=5.0))
    office.dial("101")
    office.at(about(rng), "answer", "901")
    office.run_until(MEET + 1.0)
    answered = office.answered_by()
    _ = over(office)
    return f"{answered}"


def max_wait_against_answer(seed: int, rng: Random) -> str:
    ways = replace(WAYS, on_timeout=Destination("extension", "103"))
    office = make(seed, replace(SALES, max_wait=5.0), agents=ONE, ways=ways)
    office.dial("101")
    office.at(about(rng), "answer", "901")
    office.run_until(MEET + 1.0)
    answered = office.answered_by()
    _ = over(office)
    return f"{answered} {office.left()}"


def key_against_answer(seed: int, rng: Random) -> str:
    ways = replace(WAYS, on_key=(("1", Destination("extension", "103")),))
    office = make(seed, agents=ONE, ways=ways)
    office.dial("101")
    office.at(about(rng), "press", "101", "1")
    office.at(about(rng), "answer", "901")
    _ = over(office)
    return f"{office.left()}"


def sign_out_against_answer(seed: int, rng: Random) -> str:
    office = make(seed)
    office.dial("101")
    office.at(about(rng), "registers", "901", 0)
    office.at(about(rng), "answer", "901")
    office.run_until(MEET + 1.0)
    answered = office.answered_by()
    _ = over(office)
    return f"{answered}"


def removal_against_answer(seed: int, rng: Random) -> str:
    """The agent is taken out of the queue by a new configuration."""
    office = make(seed, replace(SALES, members=(Member("901"),)))
    plan = office.exchange.plan
    (queue,) = plan.distribution.queues
    changed = replace(
        plan,
        distribution=replace(plan.distribution, queues=(replace(queue, members=(Member("902"),)),)),
    )
    office.dial("101")
    office.at(about(rng), "configure", changed)
    office.at(about(rng), "answer", "901")
    office.run_until(MEET + 1.0)
    answered = office.answered_by()
    _ = over(office)
    return f"{answered}"


def direct_call_against_answer(seed: int, rng: Random) -> str:
    """Somebody dials the agent who is about to take a call of the queue."""
    office = make(seed)
    office.dial("101")
    office.at(about(rng, MEET - 0.05), "dial", "102", "901")
    office.at(about(rng), "answer", "901")
    office.run_until(MEET + 1.0)
    callers = [call.caller for call in office.exchange.calls.values() if call.bridged]
    _ = over(office)
    return f"{callers}"


def worker_against_answer(seed: int, rng: Random) -> str:
    office = make(seed, agents=ONE, workers=2)
    office.dial("101")
    office.at(about(rng), "lose_workers")
    office.at(about(rng), "answer", "901")
    return over(office)


def offer_against_bye(seed: int, rng: Random) -> str:
    office = make(seed, agents=ONE)
    office.dial("101")
    office.at(OPENS + 2, "answer", "901")
    office.at(about(rng), "hold", "901", True)
    office.at(about(rng), "hang_up", "101")
    _ = over(office)
    return "hold" if any(b"sendonly" in p.data for p in office.wire or []) else "bye"


def offer_against_offer(seed: int, rng: Random) -> str:
    office = make(seed, agents=ONE)
    office.dial("101")
    office.at(OPENS + 2, "answer", "901")
    office.at(about(rng), "hold", "901", True)
    office.at(about(rng), "hold", "101", True)
    office.at(about(rng, MEET + 0.3), "hold", "901", False)
    office.at(about(rng, MEET + 0.3), "hold", "101", False)
    office.run_until(MEET + 20.0)
    joined = bool(office.workers[0].pairs)
    if not (office.network.loss or office.network.straggle):
        assert joined, office.workers
    return f"{over(office)} {joined}"


BOTH_WAYS: Final[dict[Race, set[str]]] = {
    cancel_against_answer: {"answered", "abandoned"},
    abandon_against_answer: {"answered", "abandoned"},
    abandon_against_reject: {"abandoned, 1 offers", "abandoned, 2 offers"},
    bye_against_bye: {"answered caller", "answered callee"},
    two_agents_answer: {"answered ['901']", "answered ['902']"},
    two_devices_answer: {"answered ['talking', 'idle']", "answered ['idle', 'talking']"},
    ring_time_against_answer: {"[]", "['901']"},
    max_wait_against_answer: {"[] ['timed_out']", "['901'] ['answered']"},
    key_against_answer: {"['key']", "['answered']"},
    sign_out_against_answer: {"[]", "['901']"},
    removal_against_answer: {"[]", "['901']"},
    direct_call_against_answer: {"['101']", "['102']"},
    worker_against_answer: {"answered"},  # It goes on at another worker.
    offer_against_bye: {"hold", "bye"},
    offer_against_offer: {"answered True"},
}


@pytest.mark.parametrize(
    "batch",
    [0, *(pytest.param(n, marks=pytest.mark.sim) for n in range(1, RACES // BATCH))],
)
@pytest.mark.parametrize("race", BOTH_WAYS, ids=lambda race: race.__name__)
def test_race(race: Race, batch: int) -> None:
    ends: Counter[str] = Counter()
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        try:
            ends[race(seed, Random(f"{race.__name__} {seed}"))] += 1
        except Exception as error:
            error.add_note(f"{race.__name__}, seed {seed}")
            raise
    assert BOTH_WAYS[race] <= ends.keys(), ends
