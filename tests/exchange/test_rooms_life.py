"""Random colleagues as in `test_office_life`; with supervisors, conferences, workers that die."""

from random import Random
from typing import Final

import pytest

from pbx.demo.phone import Output, Phone, PhoneState
from tests.exchange.rooms import RoomsOffice
from tests.exchange.test_office_life import Life
from tests.sim.world import Network

NUMBERS: Final = (
    *("101", "102", "103", "500", "501", "800", "800", "802", "801"),
    *("*221901", "*222101", "*223102", "*224103", "*223901", "*70", "701", "**102"),
)
SUPERVISORS: Final = """
supervision:
  supervisors: {101: everybody, 102: everybody, 103: everybody, 104: everybody, 901: everybody}
"""
ACTIONS: Final = 80
QUICK: Final = 25
SLOW: Final = 1000


class RoomsLife(Life):
    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        lossy = self.rng.random() < 0.4
        more = SUPERVISORS + ("  follow: false\n" if seed % 3 == 0 else "")
        self.office = RoomsOffice(more)
        if lossy:
            self.office.network = Network(delay=(0.002, 0.120), loss=0.05, duplication=0.03)
        if self.rng.random() < 0.3:
            self.office.restart_rng, self.office.restart_inputs = Random(seed), 40
        for user in ("102", "901"):
            _ = self.office.another_phone(user)
        self.phones = [phone for phones in self.office.devices.values() for phone in phones]

    def live(self) -> None:
        for _ in range(ACTIONS):
            if self.rng.random() < 0.03 and not self.office.workers[0].dead:
                self.office.lose_worker(0)
                self.office.later(self.rng.choice((0.0, 0.5, 6.0)), "worker_is_back", 0)
            self.act(self.rng.choice(self.phones))
            self.office.run_for(self.rng.choice((0.0, 0.004, 0.02, 0.1, 0.5, 3.0)))
        self.office.run_for(7.0)
        self.office.close()

    def act(self, phone: Phone) -> None:
        if phone.state is PhoneState.IDLE and self.rng.random() < 0.6:
            self.office.phone(phone, phone.dial(self.rng.choice(NUMBERS), self.office.now))
        else:
            super().act(phone)

    def talking(self, phone: Phone) -> list[Output]:
        kind = self.rng.random()
        if kind < 0.5:
            return phone.press(self.rng.choice("**3345678#*2"), self.office.now)
        return super().talking(phone)


def live(seed: int) -> None:
    try:
        RoomsLife(seed).live()
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise


@pytest.mark.parametrize("seed", range(QUICK))
def test_an_hour_with_supervisors_and_conferences(seed: int) -> None:
    live(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_hours_with_supervisors_and_conferences(block: int) -> None:
    for seed in range(block * SLOW // 20, (block + 1) * SLOW // 20):
        live(QUICK + seed)
