"""Random colleagues who call, hold, transfer, park, pick up and hang up at the worst moments.

The network loses and reorders. Whatever they do: nobody is stuck, nothing is left, one record for
each call."""

from random import Random
from typing import Final

import pytest

from pbx.demo.phone import Output, Phone, PhoneState
from tests.exchange.transfers import Transfers
from tests.sim.world import Network

NUMBERS: Final = (
    *("101", "102", "103", "104", "500", "501", "901"),
    *("*8", "**102", "*70", "701", "702", "99999", "*80103"),
)
ACTIONS: Final = 60
QUICK: Final = 25
SLOW: Final = 1000


class Life:
    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        lossy = self.rng.random() < 0.5
        self.office = Transfers()
        if lossy:
            self.office.network = Network(delay=(0.002, 0.120), loss=0.05, duplication=0.03)
        if self.rng.random() < 0.3:  # It is written down and read back now and then.
            self.office.restart_rng, self.office.restart_inputs = Random(seed), 40
        for user in ("102", "901"):
            _ = self.office.another_phone(user)
        self.phones = [phone for phones in self.office.devices.values() for phone in phones]

    def live(self) -> None:
        for _ in range(ACTIONS):
            self.act(self.rng.choice(self.phones))
            self.office.run_for(self.rng.choice((0.0, 0.004, 0.02, 0.1, 0.5, 3.0)))
        self.office.close()

    def act(self, phone: Phone) -> None:
        rng, now = self.rng, self.office.now
        match phone.state:
            case PhoneState.IDLE if rng.random() < 0.6:
                outputs = phone.dial(rng.choice(NUMBERS), now)
            case PhoneState.RINGING:
                outputs = phone.answer(now) if rng.random() < 0.8 else phone.reject(now)
            case PhoneState.TALKING:
                outputs = self.talking(phone)
            case _:
                outputs = phone.hang_up(now) if rng.random() < 0.2 else []
        self.office.phone(phone, outputs)

    def talking(self, phone: Phone) -> list[Output]:
        rng, now = self.rng, self.office.now
        kind = rng.random()
        if kind < 0.25:
            return phone.hold(rng.random() < 0.5, now)
        if kind < 0.55:
            return phone.transfer(rng.choice(NUMBERS), now)
        if kind < 0.65:
            keys = rng.choice(
                ("#", "##", "1", "0", "3", "7", "*", "*2", f"*2{rng.choice(NUMBERS)}#")
            )
            return [output for key in keys for output in phone.press(key, now)]
        if kind < 0.80:
            others = [p for p in self.phones if p.user == phone.user and p is not phone]
            other = next((p for p in others if p.state is not PhoneState.IDLE), None)
            return phone.transfer("x", now, other.dialog) if other is not None else []
        return phone.hang_up(now)


@pytest.mark.parametrize("seed", range(QUICK))
def test_an_hour_at_the_office(seed: int) -> None:
    Life(seed).live()


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_hours_at_the_office(block: int) -> None:
    for seed in range(block * SLOW // 20, (block + 1) * SLOW // 20):
        Life(QUICK + seed).live()
