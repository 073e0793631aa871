"""Four colleagues, two queues, and what it takes to send calls from one to the other."""

from typing import Final

from pbx.demo.phone import Habits, Phone, Told
from tests.exchange.company import Company
from tests.sim.plans import password

PEOPLE: Final = """
sip: {trusted: [10.9.0.1]}
extensions:
  101: {name: Olena, ring_timeout: 10s}
  102: {name: Petro, ring_timeout: 10s}
  103: {name: Iryna, ring_timeout: 10s}
  104: {name: Taras, ring_timeout: 10s}
  901: Anna
  902: Borys
pick_up_groups: {office: [101, 102, 103, 104]}
parking: {slots: 701-703, timeout: 60s}
agents: {901: Anna, 902: Borys}
queues:
  sales: {number: 500, strategy: in_order, within_tier: one_by_one, wrap_up: 0s, members: [901]}
  support: {number: 501, strategy: in_order, within_tier: one_by_one, wrap_up: 0s, members: [902]}
"""


class Transfers(Company):
    def __init__(self, more: str = "") -> None:
        super().__init__(PEOPLE + more)
        self.opened = self.now

    def talk(self, caller: str, called: str, who: str = "") -> None:
        """A call that is answered."""
        self.dial(caller, called)
        self.run_for(1.0)
        self.answer(who or called)
        self.run_for(1.0)
        assert (self.state(caller), self.state(who or called)) == ("talking", "talking")

    def transfer(self, user: str, number: str, replaces: str = "", device: int = 0) -> None:
        self.transfer_to(user, number, replaces, device)
        self.run_for(1.0)

    def transfer_to(self, user: str, number: str, replaces: str = "", device: int = 0) -> None:
        phone = self.of(user, device)
        self.phone(phone, phone.transfer(number, self.now, replaces))

    def transfer_attended(self, user: str) -> None:
        """To the call of this person's other phone."""
        self.transfer_to(user, "", self.of(user, 1).dialog)

    def another_phone(self, user: str) -> Phone:
        """Registered later than the first one."""
        phone = self.add_phone(user, password(user), Habits(answer_after=None))
        self.devices[user].append(phone)
        self.phone(phone, phone.register(self.now))
        self.run_for(1.0)
        return phone

    def told_about(self, user: str) -> list[int]:
        """What the transferor's phone was told of the new call."""
        return [e.status for _, e in self.phone_events if isinstance(e, Told) and e.user == user]

    def states(self, *users: str) -> list[str]:
        return [self.state(user) for user in users]
