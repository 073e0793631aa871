"""A small office for stories: two agents, some callers, one queue, and a network that takes
exactly 1/128 s. All times are multiples of that, so they can be compared with `==`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from pbx.demo.phone import Habits, Phone, PhoneState
from pbx.distribution.config import AgentConfig, Member, QueueConfig, Strategy
from pbx.events import CallAnswered, CallEnded, OfferEnded, OfferStarted, QueueLeft
from pbx.history.records import CallRecord
from pbx.plan import Destination, QueuePlan, SignIn
from sip.message import Message, Request, Response
from sip.parser import parse
from tests.sim.plans import SOUNDS, make_plan, password
from tests.sim.world import EPOCH, SERVER, Network, Packet, World

TICK: Final = 1 / 128  # One way through the network.
OPENS: Final = 1010.0  # When the stories begin.
QUIET_SECONDS: Final = 200.0  # Longer than any timer.

SALES: Final = QueueConfig("sales", Strategy.ROUND_ROBIN, wrap_up=0.0)
WAYS: Final = QueuePlan(
    "sales", "500", music=("/music.wav",), greeting=(), on_full=Destination("play", "sorry")
)


class Office(World):
    def __init__(
        self,
        queue: QueueConfig = SALES,
        *,
        agents: Mapping[str, SignIn] | None = None,
        agent_configs: Mapping[str, AgentConfig] | None = None,
        ways: QueuePlan = WAYS,
        callers: int = 3,
        devices: Mapping[str, int] | None = None,  # Of those who have not exactly one.
        network: Network | None = None,
        seed: int = 1,
        workers: int = 1,
        ports: tuple[int, int] = (20_000, 20_199),
        calls_max: int = 4000,
        silence_seconds: float = 30.0,
        trusted: tuple[str, ...] = (),
    ) -> None:
        agents = agents or {"901": SignIn.REGISTER, "902": SignIn.REGISTER}
        if not queue.members:
            queue = replace(queue, members=tuple(Member(agent) for agent in agents))
        names = [str(101 + n) for n in range(callers)]
        plan = make_plan(
            callers=names,
            agents=agents,
            queues=[queue],
            agent_configs=agent_configs,
            ways={queue.id: replace(ways, id=queue.id)},
            calls_max=calls_max,
            silence_seconds=silence_seconds,
            trusted=trusted,
        )
        network = network or Network(delay=(TICK, TICK))
        super().__init__(plan, seed, network, workers=workers, ports=ports)
        self._open((*names, *agents), devices or {})

    def _open(self, users: Iterable[str], devices: Mapping[str, int]) -> None:
        self.devices: dict[str, list[Phone]] = {}
        for user in users:
            count = devices.get(user, 1)
            self.devices[user] = [
                self.add_phone(user, password(user), Habits(answer_after=None))
                for _ in range(count)
            ]
            for phone in self.devices[user]:
                self.phone(phone, phone.register(self.now))
        self.run_until(OPENS)
        self.events.clear()
        self.phone_events.clear()
        self.log.clear()
        self.wire = []

    # --- what people do

    def of(self, user: str, device: int = 0) -> Phone:
        return self.devices[user][device]

    def dial(self, user: str, number: str = "500") -> None:
        self.phone(self.of(user), self.of(user).dial(number, self.now))

    def hang_up(self, user: str) -> None:
        for phone in self.devices[user]:
            self.phone(phone, phone.hang_up(self.now))

    def answer(self, user: str, device: int = 0) -> None:
        phone = self.of(user, device)
        self.phone(phone, phone.answer(self.now))

    def reject(self, user: str, status: int = 486) -> None:
        phone = self.of(user)
        phone.habits = replace(phone.habits, reject_status=status)
        self.phone(phone, phone.reject(self.now))

    def press(self, user: str, digit: str) -> None:
        self.phone(self.of(user), self.of(user).press(digit, self.now))

    def hold(self, user: str, held: bool) -> None:
        self.phone(self.of(user), self.of(user).hold(held, self.now))

    def lose_workers(self) -> None:
        """All that carry a call; they come back at once."""
        for number, worker in enumerate(self.workers):
            if worker.lines:
                self.lose_worker(number)
                self.worker_is_back(number)

    def registers(self, user: str, expires: int = 600) -> None:
        for phone in self.devices[user]:
            self.phone(phone, phone.register(self.now, expires))

    def swap(self, user: str) -> Phone:
        """Plug the phone in again."""
        phone = self.devices[user][0] = self.plug_in(self.of(user))
        return phone

    # --- what came of it

    def state(self, user: str, device: int = 0) -> str:
        return self.of(user, device).state.value

    @property
    def ringing(self) -> list[str]:
        return sorted({p.user for p in self.phones.values() if p.state is PhoneState.RINGING})

    @property
    def agents(self) -> dict[str, str]:
        """State by agent."""
        core = self.exchange.distribution
        return {name: core.agent(name).state.value for name in core.agents}

    @property
    def waiting(self) -> list[str]:
        """Who waits in the queue: their numbers."""
        return [place.number for place in self.exchange.distribution.queue("sales").waiting]

    def offers(self) -> list[tuple[str, float]]:
        """Whom we rang, and when since the doors opened."""
        return [(e.extension, self.since_open(e.at)) for e in self.told(OfferStarted)]

    def outcomes(self) -> list[tuple[str, str, float]]:
        """Who, how it ended, how long it rang."""
        return [(e.extension, e.outcome, e.rang_seconds) for e in self.told(OfferEnded)]

    def left(self) -> list[str]:
        return [event.reason for event in self.told(QueueLeft)]

    def answered_by(self) -> list[str]:
        return [event.extension for event in self.told(CallAnswered)]

    @property
    def records(self) -> list[CallRecord]:
        return [event.record for event in self.told(CallEnded)]

    @property
    def record(self) -> CallRecord:
        """Of the only call."""
        (record,) = self.records
        return record

    def since_open(self, at: float) -> float:
        return at - EPOCH - OPENS

    def got(self, user: str, device: int = 0) -> list[str]:
        """What we sent to this phone: methods, and statuses of INVITEs."""
        return self._heads(lambda p: p.target == self.of(user, device).address)

    def said(self, user: str, device: int = 0) -> list[str]:
        return self._heads(lambda p: p.source == self.of(user, device).address)

    def messages(self, user: str, head: str, device: int = 0) -> list[Message]:
        """Those sent to this phone whose method or status this is."""
        address = self.of(user, device).address
        return [
            message
            for packet in self.wire or []
            if packet.target == address and _head(message := parse(packet.data)) == head
        ]

    def _heads(self, wanted: Callable[[Packet], bool]) -> list[str]:
        return [_head(parse(packet.data)) for packet in self.wire or [] if wanted(packet)]

    # --- the end

    def close(self) -> None:
        """Everybody hangs up; then nothing may be left of anything."""
        for phone in self.phones.values():
            if phone.address not in self.unplugged:
                self.phone(phone, phone.hang_up(self.now))
                self.phone(phone, phone.register(self.now, expires=0))
        self.run_for(QUIET_SECONDS)
        self.checker.check_over(self.exchange, self.workers)
        for phone in self.phones.values():
            if phone.address not in self.unplugged:
                assert phone.state is PhoneState.IDLE, phone
                assert not any(phone.leftovers().values()), (phone, phone.leftovers())


def _head(message: Message) -> str:
    match message:
        case Request():
            return message.method
        case Response() if message.cseq.method == "INVITE":
            return str(message.status)
        case Response():
            return f"{message.status} {message.cseq.method}"
        case _:
            raise AssertionError(message)


__all__ = ["OPENS", "SALES", "SERVER", "SOUNDS", "TICK", "WAYS", "Office"]
