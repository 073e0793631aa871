"""A day in a call centre, made up from a seed: who calls when, who answers, and what goes wrong.

Restarts come from a generator of their own, so that a day with them is the same day without.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from pbx.demo.phone import Habits, Phone, PhoneState
from pbx.distribution.config import AgentConfig, Member, QueueConfig, Strategy
from pbx.events import CallAnswered, CallEnded, CallStarted, Event, OfferStarted
from pbx.history.records import Verdict
from pbx.plan import Destination, Plan, QueuePlan, SignIn
from tests.sim.plans import SOUNDS, make_plan, password
from tests.sim.world import Network, World

HOUR: Final = 3600.0
CLOSING_SECONDS: Final = 900.0  # After the last caller: patience, conversations and timers end.
AUDIT_SECONDS: Final = 40.0
PATIENCE_MAX: Final = 200.0
TALK_MAX: Final = 600.0
INTRUDER: Final = "666"

NETWORKS: Final[dict[str, Network]] = {
    "perfect": Network(),
    "bursts": Network(grid=0.02),
    "loss 1 %": Network(loss=0.01),
    "loss 5 %": Network(loss=0.05),
    "loss 10 %": Network(loss=0.10),
    "duplicates": Network(duplication=0.05),
    "stragglers": Network(straggle=0.05),
    "everything": Network(loss=0.05, duplication=0.05, straggle=0.03, grid=0.02),
}

STRATEGIES: Final = (
    Strategy.ROUND_ROBIN,
    Strategy.RING_ALL,
    Strategy.LONGEST_IDLE,
    Strategy.IN_ORDER,
)


@dataclass(frozen=True, slots=True)
class Script:
    """Everything about a day that its seed decides."""

    seed: int
    hours: float
    network: str
    calls_per_hour: float
    talk_seconds: float  # On average.
    agents: int
    callers: int
    mishaps: bool  # Phones lose power, the exchange is away for a moment.
    restart_inputs: int  # 0: never; else one restart in so many inputs at most.

    @classmethod
    def of(cls, seed: int, hours: float) -> "Script":
        rng = Random(f"script {seed}")
        return cls(
            seed,
            hours,
            network=list(NETWORKS)[seed % len(NETWORKS)],
            calls_per_hour=rng.uniform(10, 60),
            talk_seconds=rng.choice((60.0, 180.0, 400.0)),
            agents=rng.randint(4, 20),
            callers=rng.randint(8, 24),
            mishaps=seed % 3 > 0,
            restart_inputs=rng.choice((0, 3000, 1000, 300)),
        )

    def __str__(self) -> str:
        restarts = f"restarts {self.restart_inputs}" if self.restart_inputs else "no restarts"
        mishaps = "mishaps" if self.mishaps else "no mishaps"
        load = f"{self.agents} agents, {self.calls_per_hour:.0f} calls an hour"
        return f"{self.hours:g} h, {self.network}, {load}, {mishaps}, {restarts}"


class Day(World):
    def __init__(self, script: Script) -> None:
        self.script = script
        self.dice = Random(f"day {script.seed}")
        self.names = [str(901 + n) for n in range(script.agents)]
        self.sign_in = {name: self._sign_in() for name in self.names}
        self.caller_names = [str(101 + n) for n in range(script.callers)]
        queues = tuple(self._queue(n) for n in range(self.dice.randint(2, 4)))
        plan = self._plan(queues, self.names)
        super().__init__(
            plan, script.seed, NETWORKS[script.network], workers=self.dice.randint(1, 3)
        )
        if script.restart_inputs:
            self.restart_rng = Random(f"restarts {script.seed}")
            self.restart_inputs = script.restart_inputs
        self.queues = queues
        self.end = self.now + script.hours * HOUR
        self.calls_made = 0
        self._odd: set[tuple[str, ...]] = set()  # What the last audit found.
        self._caller_of: dict[str, Phone] = {}  # Call → who called.
        users = [*self.caller_names, *self.names]
        self.by_user = {user: self.add_phone(user, password(user), Habits()) for user in users}
        self.second = [  # Some agents have two devices.
            self.add_phone(user, password(user), Habits()) for user in self.names[::5]
        ]
        self.intruder = self.add_phone(INTRUDER, "wrong", Habits(hang_up_after=5.0))
        self._open()

    def run(self) -> None:
        """The whole day, and the quiet after it."""
        self.run_until(self.end)
        self.run_for(CLOSING_SECONDS)
        for phone in self._working():
            assert phone.state is PhoneState.IDLE, f"{phone} long after the last call"
            self.phone(phone, phone.register(self.now, expires=0))
        self.run_for(HOUR)
        self.checker.check_over(self.exchange, self.workers)
        for phone in self._working():
            assert phone.state is PhoneState.IDLE, phone
            assert not any(phone.leftovers().values()), (phone, phone.leftovers())
        self._check_verdicts()

    def _check_verdicts(self) -> None:
        """Nothing but the network and the phones may spoil a call."""
        faults = [
            record
            for record in self.checker.records.values()
            if record.verdict in (Verdict.FAILED, Verdict.SYSTEM) and record.called != "701"
        ]
        if self.script.network in ("perfect", "bursts", "duplicates") and not self.script.mishaps:
            assert not faults, faults

    # --- what happens when

    def _open(self) -> None:
        for phone in self.phones.values():
            if phone is not self.intruder:
                self.later(self.dice.uniform(0, 20), "registers", phone.address)
        self.later(60.0, "call_comes")
        self.later(AUDIT_SECONDS, "audit")
        for name in self.names:
            self.later(self.dice.uniform(30, 300), "agent_acts", name)
            if self.sign_in[name] is SignIn.CODE:
                self.later(30.0, "dials", name, "*45")
        self.later(self.dice.expovariate(1 / HOUR), "intruder_calls")
        self.later(self.dice.uniform(600, 2 * HOUR), "plan_changes")
        if self.script.mishaps:
            self.later(self.dice.expovariate(1 / 1200), "mishap")

    def registers(self, address: tuple[str, int]) -> None:
        if address not in self.unplugged:
            phone = self.phones[address]
            self.phone(phone, phone.register(self.now))

    def call_comes(self) -> None:
        if self.now >= self.end:
            return
        self.later(self.dice.expovariate(self.script.calls_per_hour / HOUR), "call_comes")
        free = [self.by_user[name] for name in self.caller_names if self._is_free(name)]
        if free:
            phone = self.dice.choice(free)
            phone.habits = Habits(answer_after=2.0)
            self._dial(phone, self._wanted())

    def loses_patience(self, phone: Phone, calls_made: int) -> None:
        """Unless somebody talks to them."""
        bridged = any(
            caller is phone and call in self.exchange.calls and self.exchange.calls[call].bridged
            for call, caller in self._caller_of.items()
        )
        same = phone.calls_made == calls_made and self.phones[phone.address] is phone
        if same and not bridged and phone.address not in self.unplugged:
            self.phone(phone, phone.hang_up(self.now))

    def dials(self, user: str, number: str) -> None:
        if self._is_free(user):
            self._dial(self.by_user[user], number)

    def agent_acts(self, name: str) -> None:
        if self.now >= self.end:
            return
        self.later(self.dice.expovariate(1 / 1800), "agent_acts", name)
        phone = self.by_user[name]
        back = self.dice.expovariate(1 / 300)
        match self.dice.random():
            case p if p < 0.45:
                self.dials(name, "*46")
                self.later(back, "dials", name, "*46")
            case p if p < 0.6:
                self.dials(name, "*45")
                self.later(back, "dials", name, "*45")
            case p if p < 0.7:
                self.dials(name, "*47")
            case p if p < 0.8:
                self.dials(name, self.dice.choice([*self.caller_names, *self.names, "500"]))
            case p if p < 0.9 and phone.address not in self.unplugged:
                self.phone(phone, phone.register(self.now, expires=0))
                self.later(back, "registers", phone.address)
            case p if self.script.mishaps:
                self.loses_power(name)
            case _:
                pass

    def loses_power(self, name: str) -> None:
        phone = self.by_user[name]
        if phone.address not in self.unplugged:
            self.unplug(phone)
            self.later(self.dice.expovariate(1 / 120) + 1.0, "has_power", name)

    def has_power(self, name: str) -> None:
        phone = self.by_user[name] = self.plug_in(self.by_user[name])
        self.phone(phone, phone.register(self.now))

    def intruder_calls(self) -> None:
        if self.now < self.end:
            self.later(self.dice.expovariate(1 / HOUR), "intruder_calls")
            if self.intruder.state is PhoneState.IDLE:
                self._dial(self.intruder, "500")

    def mishap(self) -> None:
        if self.now >= self.end:
            return
        self.later(self.dice.expovariate(1 / 1200), "mishap")
        match self.dice.random():
            case p if p < 0.5:
                self.outage(self.dice.uniform(0.1, 3.0))
            case p if p < 0.9:
                self.loses_power(self.dice.choice([*self.names, *self.caller_names]))
            case _:
                number = self.dice.randrange(len(self.workers))
                self.lose_worker(number)
                self.later(5.0, "worker_is_back", number)

    def plan_changes(self) -> None:
        """Members come and go, a strategy changes, one agent leaves the company for a while."""
        if self.now >= self.end:
            return
        self.later(self.dice.uniform(600, 2 * HOUR), "plan_changes")
        queues = [
            replace(
                queue,
                members=self._members(self.names),
                strategy=self.dice.choice(STRATEGIES),
                ring_timeout=self.dice.choice((8.0, 12.0, 15.0, 20.0)),
            )
            if self.dice.random() < 0.6
            else queue
            for queue in self.queues
        ]
        gone = {self.dice.choice(self.names)} if self.dice.random() < 0.5 else set[str]()
        kept = [name for name in self.names if name not in gone]
        self.queues = tuple(
            replace(queue, members=tuple(m for m in queue.members if m.agent not in gone))
            for queue in queues
        )
        self.configure(self._plan(self.queues, kept))

    def audit(self) -> None:
        """No phone rings or talks for nobody, no leg of ours is up with nobody, for long.

        What is lost on the way is noticed within 32 s by timers, or by 30 s of silence.
        """
        legs = {leg.flow.remote: leg.id for leg in self.exchange.legs.all()}
        odd: set[tuple[str, ...]] = set()
        for phone in self._working():
            busy = phone.state is not PhoneState.IDLE
            if busy and phone.address not in legs:
                odd.add((phone.user, phone.session, "has no leg"))
            elif not busy and phone.address in legs:
                odd.add((phone.user, legs[phone.address], "has no phone"))
        assert not odd & self._odd, odd & self._odd
        self._odd = odd
        if self.now < self.end + CLOSING_SECONDS:
            self.later(AUDIT_SECONDS, "audit")

    # --- how people react

    def on_event(self, event: Event) -> None:
        match event:
            case CallStarted(call, caller):
                if caller in self.by_user:
                    self._caller_of[call] = self.by_user[caller]
            case OfferStarted(extension=extension):
                self._think(extension)
            case CallAnswered(call):
                self._converse(event)
            case CallEnded(call):
                _ = self._caller_of.pop(call, None)
            case _:
                pass

    def _think(self, extension: str) -> None:
        """What the person at the phone that is about to ring will do."""
        dice = self.dice
        match dice.random():
            case p if p < 0.75:
                habits = Habits(answer_after=dice.uniform(0.3, 8.0))
            case p if p < 0.85:
                status = dice.choice((486, 480, 603, 600))
                habits = Habits(None, reject_after=dice.uniform(0, 5), reject_status=status)
            case p if p < 0.88:  # At the last moment, or just too late.
                habits = Habits(answer_after=15.0 + dice.uniform(-0.1, 0.1))
            case _:
                habits = Habits(answer_after=None)
        for phone in self.phones.values():
            if phone.user == extension:
                phone.habits = habits

    def _converse(self, event: CallAnswered) -> None:
        caller = self._caller_of.get(event.call)
        talk = min(self.dice.expovariate(1 / self.script.talk_seconds), TALK_MAX)
        if caller is not None and self.dice.random() < 0.5:
            self.later(talk, "caller_done", event.call)
        else:
            self.later(talk, "agent_done", event.call)
        if self.dice.random() < 0.2:
            self.later(talk * 0.3, "holds", event.call, True)
            self.later(talk * 0.6, "holds", event.call, False)

    def caller_done(self, name: str) -> None:
        caller = self._caller_of.get(name)
        if caller is not None and caller.address not in self.unplugged:
            self.phone(caller, caller.hang_up(self.now))

    def agent_done(self, name: str) -> None:
        for phone in self._agent_phones(name):
            self.phone(phone, phone.hang_up(self.now))

    def holds(self, name: str, held: bool) -> None:
        for phone in self._agent_phones(name):
            self.phone(phone, phone.hold(held, self.now))

    def _agent_phones(self, name: str) -> list[Phone]:
        call = self.exchange.calls.get(name)
        if call is None or not call.bridged:
            return []
        return [
            phone
            for phone in self._working()
            if phone.user == call.extension and phone.state is PhoneState.TALKING and phone.called
        ]

    # --- small parts

    def _working(self) -> list[Phone]:
        return [phone for phone in self.phones.values() if phone.address not in self.unplugged]

    def _is_free(self, user: str) -> bool:
        phone = self.by_user[user]
        return phone.state is PhoneState.IDLE and phone.address not in self.unplugged

    def _dial(self, phone: Phone, number: str) -> None:
        self.calls_made += 1
        self.phone(phone, phone.dial(number, self.now))
        patience = min(self.dice.expovariate(1 / 120), PATIENCE_MAX)
        self.later(patience, "loses_patience", phone, phone.calls_made)

    def _wanted(self) -> str:
        match self.dice.random():
            case p if p < 0.85:
                return str(500 + self.dice.randrange(len(self.queues)))
            case p if p < 0.95:
                return self.dice.choice([*self.caller_names, *self.names])
            case _:
                return self.dice.choice(("600", "700", "701", "999", "*46"))

    def _sign_in(self) -> SignIn:
        return self.dice.choices(
            (SignIn.REGISTER, SignIn.ALWAYS, SignIn.CODE), weights=(6, 1, 2), k=1
        )[0]

    def _members(self, names: list[str]) -> tuple[Member, ...]:
        chosen = self.dice.sample(names, self.dice.randint(2, len(names)))
        return tuple(Member(name, order=self.dice.randint(1, 3)) for name in chosen)

    def _queue(self, n: int) -> QueueConfig:
        dice = self.dice
        return QueueConfig(
            f"queue{n}",
            STRATEGIES[n] if n < len(STRATEGIES) else dice.choice(STRATEGIES),
            members=self._members(self.names),
            ring_timeout=dice.choice((10.0, 15.0, 20.0)),
            wrap_up=dice.choice((0.0, 5.0, 20.0)),
            max_wait=dice.choice((0.0, 60.0, 240.0)),
            max_length=dice.choice((0, 0, 3)),
            join_empty=dice.random() < 0.7,
            weight=dice.choice((0, 0, 1)),
            announce_every=dice.choice((0.0, 30.0)),
            tier_timeout=dice.choice((0.0, 10.0)),
            keep_ringing=dice.random() < 0.3,
            grace_if_ringing=dice.random() < 0.3,
        )

    def _plan(self, queues: tuple[QueueConfig, ...], names: list[str]) -> Plan:
        ways = {
            queue.id: QueuePlan(
                queue.id,
                str(500 + n),
                greeting=(SOUNDS["welcome"],) if n % 2 else (),
                music=("/music.wav",),
                on_timeout=Destination("queue", queues[0].id) if n == 1 else Destination("hangup"),
                on_full=Destination("play", "sorry"),
                on_empty=Destination("extension", self.caller_names[0]),
                on_key=(("1", Destination("extension", self.caller_names[0])),),
                announce_position=True,
            )
            for n, queue in enumerate(queues)
        }
        gone = [name for name in self.names if name not in names]  # Still have their phones.
        return make_plan(
            callers=[*self.caller_names, *gone],
            agents={name: self.sign_in[name] for name in names},
            queues=queues,
            agent_configs={
                name: AgentConfig(name, max_no_answer=3 if n % 4 == 0 else 0)
                for n, name in enumerate(names)
            },
            ways=ways,
        )
