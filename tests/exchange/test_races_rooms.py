"""Supervisors and third ones who come, change and leave at the moment when others do something.

Each pair in many orders. Whoever wins: one record per call, nobody stuck, nothing left over.
"""

import os
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

import pytest

from tests.exchange.rooms import RoomsOffice
from tests.exchange.test_races import NETWORKS

QUICK: Final = 6
MANY: Final = int(os.environ.get("RACES", "60"))
MEET: Final = 8.0  # Seconds after the doors open.
SPREAD: Final = 0.08

RoomsRace = Callable[[RoomsOffice, Random], None]


def soon(office: RoomsOffice, rng: Random, what: str, *args: object) -> None:
    """At about the moment when the others act."""
    office.at(office.opened + MEET + rng.uniform(-SPREAD, SPREAD), what, *args)


def watched(office: RoomsOffice, code: str) -> None:
    office.served()
    office.go("103", f"{code}901")


def leaves_against_the_agents_transfer(office: RoomsOffice, rng: Random) -> None:
    watched(office, "*223")
    soon(office, rng, "hang_up", "103")
    soon(office, rng, "transfer_to", "901", "102")


def leaves_against_the_client(office: RoomsOffice, rng: Random) -> None:
    watched(office, "*223")
    soon(office, rng, "hang_up", "103")
    soon(office, rng, "hang_up", "101")


def leaves_against_the_agent(office: RoomsOffice, rng: Random) -> None:
    """Who speaks goes on with the client, or there is nobody any more."""
    watched(office, "*223")
    soon(office, rng, "hang_up", "103")
    soon(office, rng, "hang_up", "901")


def takes_over_against_the_agent(office: RoomsOffice, rng: Random) -> None:
    watched(office, "*221")
    soon(office, rng, "press", "103", "7")
    soon(office, rng, "hang_up", "901")


def takes_over_against_the_agents_transfer(office: RoomsOffice, rng: Random) -> None:
    watched(office, "*221")
    soon(office, rng, "press", "103", "7")
    soon(office, rng, "transfer_to", "901", "102")


def speaks_against_hold(office: RoomsOffice, rng: Random) -> None:
    watched(office, "*221")
    soon(office, rng, "press", "103", "6")
    soon(office, rng, "hold", "901", True)


def comes_against_the_client(office: RoomsOffice, rng: Random) -> None:
    office.served()
    soon(office, rng, "dial", "103", "*221901")
    soon(office, rng, "hang_up", "101")


def comes_against_the_answer(office: RoomsOffice, rng: Random) -> None:
    office.go("101", "500")
    soon(office, rng, "dial", "103", "*222901")
    soon(office, rng, "answer", "901")


def comes_against_a_lost_worker(office: RoomsOffice, rng: Random) -> None:
    office.served()
    soon(office, rng, "dial", "103", "*223901")
    soon(office, rng, "lose_worker", 0)
    office.at(office.opened + MEET + 0.5, "worker_is_back", 0)


def three_against_one_who_leaves(office: RoomsOffice, rng: Random) -> None:
    asking(office)
    soon(office, rng, "press", "901", "3")
    soon(office, rng, "hang_up", rng.choice(("101", "103", "901")))


def two_of_three_leave(office: RoomsOffice, rng: Random) -> None:
    asking(office)
    office.keys("901", "3")
    one, other = rng.sample(("101", "103", "901"), 2)
    soon(office, rng, "hang_up", one)
    soon(office, rng, "hang_up", other)


def asking(office: RoomsOffice) -> None:
    """901 talks to 103, 101 waits; the next 3 puts all together."""
    office.served()
    office.keys("901", "*2103#")
    office.answer("103")
    office.run_for(0.2)
    office.at(office.opened + MEET - 0.3, "press", "901", "*")


def comes_to_a_room_that_empties(office: RoomsOffice, rng: Random) -> None:
    office.go("101", "800")
    soon(office, rng, "dial", "102", "800")
    soon(office, rng, "hang_up", "101")


def two_for_the_last_place(office: RoomsOffice, rng: Random) -> None:
    office.go("101", "802")
    soon(office, rng, "dial", "102", "802")
    soon(office, rng, "dial", "103", "802")


RACES: Final[tuple[RoomsRace, ...]] = (
    leaves_against_the_agents_transfer,
    leaves_against_the_client,
    leaves_against_the_agent,
    takes_over_against_the_agent,
    takes_over_against_the_agents_transfer,
    speaks_against_hold,
    comes_against_the_client,
    comes_against_the_answer,
    comes_against_a_lost_worker,
    three_against_one_who_leaves,
    two_of_three_leave,
    comes_to_a_room_that_empties,
    two_for_the_last_place,
)


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_race(race: RoomsRace) -> None:
    for seed in range(QUICK):
        _ = once(race, seed)


@pytest.mark.sim
@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_many_races(race: RoomsRace) -> None:
    ends = Counter(once(race, QUICK + seed) for seed in range(MANY))
    assert sum(ends.values()) == MANY


def once(race: RoomsRace, seed: int) -> str:
    office = RoomsOffice()
    office.network = NETWORKS[seed % len(NETWORKS)]
    if seed % 2:
        office.restart_rng, office.restart_inputs = Random(seed), 60
    try:
        race(office, Random(f"{race.__name__} {seed}"))
        office.run_until(office.opened + MEET + 60.0)
        office.close()
    except Exception as error:
        error.add_note(f"{race.__name__}, seed {seed}")
        raise
    for call in office.checker.records:
        assert sum(record.id == call for record in office.records) == 1
    return str(sorted(f"{r.cause} {r.hangup.value} {r.extension}" for r in office.records))
