"""Transfers, picking up and parking that cross with hanging up, answering and each other.

Each pair in many orders. Whoever wins: one record per call, nobody stuck, nothing left over.
"""

import os
from collections import Counter
from random import Random
from typing import Final

import pytest

from pbx.events import CallAnswered, CallRegrouped
from tests.exchange.test_races import NETWORKS, Race
from tests.exchange.transfers import Transfers

QUICK: Final = 6
MANY: Final = int(os.environ.get("RACES", "60"))  # `make races` takes a thousand.
MEET: Final = 8.0  # Seconds after the doors open.
SPREAD: Final = 0.08


def make(seed: int) -> Transfers:
    office = Transfers()
    office.network = NETWORKS[seed % len(NETWORKS)]
    if seed % 2:
        office.restart_rng, office.restart_inputs = Random(seed), 60
    return office


def soon(office: Transfers, rng: Random, what: str, *args: object) -> None:
    """At about the moment when the others act."""
    office.at(office.opened + MEET + rng.uniform(-SPREAD, SPREAD), what, *args)


def over(office: Transfers) -> str:
    office.run_until(office.opened + MEET + 60.0)
    office.close()
    for call in office.checker.records:
        assert sum(record.id == call for record in office.records) == 1
    ends = sorted(f"{r.cause} {r.hangup.value} {r.extension}" for r in office.records)
    changes = [event.how.value for event in office.told(CallRegrouped)]
    return f"{ends} {changes} {[e.extension for e in office.told(CallAnswered)]}"


def talking(seed: int, caller: str = "101", called: str = "102") -> Transfers:
    office = make(seed)
    office.dial(caller, called)
    office.at(office.opened + 2.0, "answer", called)
    office.run_until(office.opened + 6.0)
    return office


# --- the races


def refer_against_bye_of_the_other(seed: int, rng: Random) -> str:
    office = talking(seed)
    soon(office, rng, "transfer_to", "102", "103")
    soon(office, rng, "hang_up", "101")
    return over(office)


def refer_against_ones_own_bye(seed: int, rng: Random) -> str:
    office = talking(seed)
    soon(office, rng, "transfer_to", "102", "103")
    soon(office, rng, "hang_up", "102")
    office.at(office.opened + MEET + 3.0, "answer", "103")
    return over(office)


def refer_against_refer(seed: int, rng: Random) -> str:
    office = talking(seed)
    soon(office, rng, "transfer_to", "102", "103")
    soon(office, rng, "transfer_to", "101", "104")
    office.at(office.opened + MEET + 3.0, "answer", "103")
    office.at(office.opened + MEET + 3.0, "answer", "104")
    return over(office)


def refer_against_hold(seed: int, rng: Random) -> str:
    office = talking(seed)
    soon(office, rng, "transfer_to", "102", "103")
    soon(office, rng, "hold", "101", True)
    office.at(office.opened + MEET + 3.0, "answer", "103")
    return over(office)


def answer_against_bye(seed: int, rng: Random) -> str:
    office = talking(seed)
    office.transfer_to("102", "103")
    soon(office, rng, "answer", "103")
    soon(office, rng, "hang_up", "101")
    return over(office)


def answer_against_the_transferors_bye(seed: int, rng: Random) -> str:
    office = talking(seed)
    office.transfer_to("102", "103")
    soon(office, rng, "answer", "103")
    soon(office, rng, "hang_up", "102")
    return over(office)


def reject_against_the_transferors_bye(seed: int, rng: Random) -> str:
    office = talking(seed)
    office.transfer_to("102", "103")
    soon(office, rng, "reject", "103")
    soon(office, rng, "hang_up", "102")
    office.at(office.opened + MEET + 3.0, "answer", "102")
    return over(office)


def attended_against_the_other_hanging_up(seed: int, rng: Random) -> str:
    office = consulting(seed)
    soon(office, rng, "transfer_attended", "102")
    soon(office, rng, "hang_up", "103")
    return over(office)


def attended_against_the_answer(seed: int, rng: Random) -> str:
    """ "Blonde": the new phone answers while the transferor leaves."""
    office = consulting(seed, answered=False)
    soon(office, rng, "transfer_attended", "102")
    soon(office, rng, "answer", "103")
    return over(office)


def attended_against_the_caller_hanging_up(seed: int, rng: Random) -> str:
    office = consulting(seed)
    soon(office, rng, "transfer_attended", "102")
    soon(office, rng, "hang_up", "101")
    return over(office)


def consulting(seed: int, *, answered: bool = True) -> Transfers:
    office = talking(seed)
    second = office.another_phone("102")
    office.phone(second, second.dial("103", office.now))
    office.run_for(0.5)
    if answered:
        office.answer("103")
    office.run_for(0.4)
    return office


def two_pick_up(seed: int, rng: Random) -> str:
    office = make(seed)
    office.dial("101", "102")
    soon(office, rng, "dial", "103", "**102")
    soon(office, rng, "dial", "104", "*8")
    return over(office)


def pick_up_against_answer(seed: int, rng: Random) -> str:
    office = make(seed)
    office.dial("101", "102")
    soon(office, rng, "dial", "103", "**102")
    soon(office, rng, "answer", "102")
    return over(office)


def pick_up_against_the_caller(seed: int, rng: Random) -> str:
    office = make(seed)
    office.dial("101", "102")
    soon(office, rng, "dial", "103", "**102")
    soon(office, rng, "hang_up", "101")
    return over(office)


def two_take_up_what_is_parked(seed: int, rng: Random) -> str:
    office = talking(seed)
    office.transfer_to("102", "701")
    soon(office, rng, "dial", "103", "701")
    soon(office, rng, "dial", "104", "701")
    return over(office)


def taken_up_against_the_caller(seed: int, rng: Random) -> str:
    office = talking(seed)
    office.transfer_to("102", "701")
    soon(office, rng, "dial", "103", "701")
    soon(office, rng, "hang_up", "101")
    return over(office)


def an_agent_transfers_against_the_caller(seed: int, rng: Random) -> str:
    office = make(seed)
    office.dial("101", "500")
    office.at(office.opened + 2.0, "answer", "901")
    office.run_until(office.opened + 6.0)
    soon(office, rng, "transfer_to", "901", "501")
    soon(office, rng, "hang_up", "101")
    office.at(office.opened + MEET + 3.0, "answer", "902")
    return over(office)


def asking(seed: int, *, answered: bool = True) -> Transfers:
    """102 has asked for 103 by keys, while 101 waits."""
    office = talking(seed)
    for digit in "*2103#":
        office.press("102", digit)
        office.run_for(0.15)
    if answered:
        office.run_for(0.5)
        office.answer("103")
    return office


def both_hang_up_on_the_one_asked(seed: int, rng: Random) -> str:
    office = asking(seed)
    soon(office, rng, "hang_up", "101")
    soon(office, rng, "hang_up", "102")
    return over(office)


def who_asks_against_the_one_asked(seed: int, rng: Random) -> str:
    office = asking(seed)
    soon(office, rng, "hang_up", "102")
    soon(office, rng, "hang_up", "103")
    return over(office)


def who_asks_goes_against_the_answer(seed: int, rng: Random) -> str:
    office = asking(seed, answered=False)
    soon(office, rng, "hang_up", "102")
    soon(office, rng, "answer", "103")
    return over(office)


def who_waits_against_the_way_back(seed: int, rng: Random) -> str:
    office = asking(seed)
    for digit in "*2":
        soon(office, rng, "press", "102", digit)
    soon(office, rng, "hang_up", "101")
    return over(office)


RACES: Final[tuple[Race, ...]] = (
    refer_against_bye_of_the_other,
    refer_against_ones_own_bye,
    refer_against_refer,
    refer_against_hold,
    answer_against_bye,
    answer_against_the_transferors_bye,
    reject_against_the_transferors_bye,
    attended_against_the_other_hanging_up,
    attended_against_the_answer,
    attended_against_the_caller_hanging_up,
    two_pick_up,
    pick_up_against_answer,
    pick_up_against_the_caller,
    two_take_up_what_is_parked,
    taken_up_against_the_caller,
    an_agent_transfers_against_the_caller,
    both_hang_up_on_the_one_asked,
    who_asks_against_the_one_asked,
    who_asks_goes_against_the_answer,
    who_waits_against_the_way_back,
)


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_race(race: Race) -> None:
    for seed in range(QUICK):
        _ = once(race, seed)


@pytest.mark.sim
@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_both_win(race: Race) -> None:
    ends = Counter(once(race, QUICK + seed) for seed in range(MANY))
    assert len(ends) > 1, f"no race: {ends}"


def once(race: Race, seed: int) -> str:
    try:
        return race(seed, Random(f"{race.__name__} {seed}"))
    except Exception as error:
        error.add_note(f"{race.__name__}, seed {seed}")
        raise
