"""A call centre in virtual time: the real exchange, simulated phones, and a network that loses,
repeats and reorders.

Everything comes from one seed. Nothing here waits: the clock jumps to the next thing that happens.
One heap holds all that will happen; a deadline that has moved leaves a stale entry behind.
"""

import heapq
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar, cast

from media import protocol as media
from pbx.calls.media_pool import ToWorker
from pbx.demo.phone import Habits, Idle, Phone, PhoneState, Talking
from pbx.demo.phone import Output as PhoneOutput
from pbx.distribution.inputs import Period
from pbx.distribution.journal import Told
from pbx.events import Event
from pbx.exchange import Exchange, Output
from pbx.plan import Plan
from pbx.snapshot import freeze, thaw
from pbx.trunks.trunks import Resolve
from pbx.voicemail.jobs import JOBS, Job, Report
from sip.endpoint import EndpointConfig
from sip.events import Send
from sip.flow import Address, Flow
from sip.registration import RegistrarLimits
from sip.resolver import Abilities, Answer, Ask, Kind, Located, Record, Resolver
from sip.tokens import Tokens
from sip.uri import Uri
from tests.sim.audio import FakeWorker
from tests.sim.checkers import Checker
from tests.sim.spool import SPOOL_SECONDS, FakeSpool

SERVER: Final[Address] = ("10.0.0.1", 5060)
EPOCH: Final = 1_700_000_000.0
RTP_PORT: Final = 4000  # Of every phone.
LOG_LINES_MAX: Final = 60  # Shown when something fails.

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Network:
    """What the way between two hosts does to a datagram."""

    loss: float = 0.0
    duplication: float = 0.0
    delay: tuple[float, float] = (0.001, 0.02)
    straggle: float = 0.0  # Share that takes up to a second longer: reordering.
    grid: float = 0.0  # Datagrams arrive in bursts, at multiples of this.


@dataclass(frozen=True, slots=True)
class Packet:
    """A datagram that was put on the wire."""

    at: float
    source: Address
    target: Address
    data: bytes


class World:
    def __init__(
        self,
        plan: Plan,
        seed: int,
        network: Network | None = None,
        *,
        workers: int = 1,
        ports: tuple[int, int] = (20_000, 20_599),
        registrar: RegistrarLimits | None = None,
    ) -> None:
        self.now = 1000.0
        self.seed = seed
        self.rng = Random(seed)
        self.network = network or Network()
        self.phones: dict[Address, Phone] = {}
        self.inboxes: dict[Address, list[bytes]] = {}  # Of peers that are no phones.
        self.unplugged: set[Address] = set()
        self.muted: set[Address] = set()  # Their sound does not arrive.
        self.workers = [FakeWorker() for _ in range(workers)]
        self.events: list[Event] = []
        self.inputs = list[Told]()  # The journal.
        self.jobs: list[Job] = []  # Of mailboxes.
        self.spool = FakeSpool()
        self.phone_events: list[tuple[float, PhoneOutput]] = []
        self.wire: list[Packet] | None = None  # A list: everything sent is kept there.
        self.log: deque[str] = deque(maxlen=LOG_LINES_MAX)
        self.restarts = 0
        self.restart_rng: Random | None = None  # With it the exchange restarts now and then ...
        self.restart_inputs = 0  # ... after one to so many inputs.
        self.exchange = Exchange(
            plan,
            secret=b"simulation" + seed.to_bytes(8),
            seed=seed,
            epoch=EPOCH,
            workers=workers,
            ports=ports,
            sip_config=EndpointConfig(),
            registrar=registrar or RegistrarLimits(),
            strict=True,
        )
        self.checker = Checker()
        self.zone: dict[tuple[str, Kind], tuple[Record, ...]] = {}  # The DNS.
        self.resolver = Resolver(Abilities(("udp",), (Kind.A,)))
        self.steps = 0
        self._agenda: list[tuple[float, int, str, tuple[object, ...]]] = []
        self._number = 0
        self._armed: dict[Address, float | None] = {}  # The deadlines that the agenda knows.
        self._sends_to: dict[Address, int] = {}  # Phone → our port that hears it.
        self._quiet_since: dict[int, float] = {}  # Port → when the last sound came.
        self._until_restart = 0
        self._down_until = 0.0
        self._do(self.exchange.start(self.now))

    # --- phones

    def add_phone(self, user: str, password: str, habits: Habits) -> Phone:
        n = len(self.phones) + 1
        return self._make_phone((f"10.1.{n // 200}.{n % 200 + 1}", 5060), user, password, habits)

    def _make_phone(self, address: Address, user: str, password: str, habits: Habits) -> Phone:
        self._number += 1
        phone = self.phones[address] = Phone(
            user,
            password,
            address=address,
            server=SERVER,
            rtp_port=RTP_PORT,
            tokens=Tokens(f"phone {user} {address} {self._number}".encode()),
            habits=habits,
        )
        return phone

    def phone(self, phone: Phone, outputs: list[PhoneOutput]) -> None:
        """Carry out what a phone wants."""
        address = phone.address
        for output in outputs:
            if isinstance(output, Send):
                self._transmit(output.flow.local, output.flow.remote, output.data)
            else:
                self.phone_events.append((self.now, output))
                self.log.append(f"{self.now:.3f} phone {output}")
                self.checker.on_phone(phone, output)
                if isinstance(output, Talking | Idle):
                    self._note_sound(phone)
        deadline = phone.next_deadline
        if deadline is not None and self._armed.get(address) != deadline:
            self._armed[address] = deadline
            self.at(deadline, "phone_time", address, deadline)

    def unplug(self, phone: Phone) -> None:
        """It hears and says nothing more, and forgets everything."""
        self.unplugged.add(phone.address)
        self._note_sound(phone)

    def plug_in(self, phone: Phone) -> Phone:
        """The same phone after its start: another one as far as SIP can tell."""
        self.unplugged.discard(phone.address)
        _ = self._armed.pop(phone.address, None)
        return self._make_phone(phone.address, phone.user, phone.password, phone.habits)

    def mute(self, phone: Phone) -> None:
        self.muted.add(phone.address)
        self._note_sound(phone)

    # --- doing things

    def at(self, when: float, what: str, *args: object) -> None:
        """Put on the agenda: `what` is a method of this world."""
        self._number += 1
        heapq.heappush(self._agenda, (when, self._number, what, args))

    def later(self, seconds: float, what: str, *args: object) -> None:
        self.at(self.now + seconds, what, *args)

    def configure(self, plan: Plan) -> None:
        self._input(lambda exchange: exchange.configure(plan, self.now))

    def begin(self, period: Period) -> None:
        self._input(lambda exchange: exchange.on_period(period, self.now))

    def restart(self) -> None:
        """Write the whole exchange down, throw it away, read it back."""
        self.exchange = thaw(json.loads(json.dumps(freeze(self.exchange))))
        self.restarts += 1

    def outage(self, seconds: float) -> None:
        """A restart that takes its time: what is sent to us meanwhile is lost."""
        self._down_until = self.now + seconds
        self.restart()
        self.log.append(f"{self.now:.3f} down for {seconds:.1f} s")
        self.at(self._down_until, "exchange_time", None)

    def lose_worker(self, number: int) -> None:
        self.workers[number].crash()
        self._input(lambda exchange: exchange.on_worker_lost(number, "killed", self.now))

    def worker_is_back(self, number: int) -> None:
        self.workers[number].dead = False
        self._input(lambda exchange: exchange.on_worker_back(number, self.now))

    def run_until(self, end: float) -> None:
        while self.step(end):
            pass

    def run_for(self, seconds: float) -> None:
        self.run_until(self.now + seconds)

    def step(self, end: float) -> bool:
        """The next thing that happens, if it happens by `end`."""
        if not self._agenda or self._agenda[0][0] > end:
            self.now = max(self.now, end)
            return False
        when, _, what, args = heapq.heappop(self._agenda)
        self.now = max(self.now, when)
        self.steps += 1
        getattr(self, what)(*args)
        return True

    # --- what the agenda says

    def phone_time(self, address: Address, deadline: float) -> None:
        if self._armed.get(address) != deadline or address in self.unplugged:
            return
        self._armed[address] = None
        phone = self.phones[address]
        self.phone(phone, phone.on_time(self.now))

    def exchange_time(self, deadline: float | None) -> None:
        due = self.exchange.next_deadline
        if due is not None and due <= self.now and self.now >= self._down_until:
            self._input(lambda exchange: exchange.on_time(self.now))

    def deliver(self, source: Address, target: Address, data: bytes) -> None:
        if target == SERVER:
            if self.now >= self._down_until:
                flow = Flow("udp", SERVER, source)
                self._input(lambda exchange: exchange.on_datagram(data, flow, self.now))
        elif target in self.inboxes:
            self.inboxes[target].append(data)
        elif target in self.phones and target not in self.unplugged:
            phone = self.phones[target]
            self.phone(phone, phone.on_datagram(data, self.now))

    def send(self, source: Address, data: bytes) -> None:
        """A datagram of a peer that is no phone."""
        _ = self.inboxes.setdefault(source, [])
        self._transmit(source, SERVER, data)

    def media_event(self, worker: int, event: media.Event) -> None:
        if self.now < self._down_until:
            self.at(self._down_until, "media_event", worker, event)
        elif self.workers[worker].still_true(event):
            self._input(lambda exchange: exchange.on_media(worker, event, self.now))

    def mail_report(self, report: Report) -> None:
        self._input(lambda exchange: exchange.on_voicemail(report, self.now))

    def listen(self, worker: int, session: str) -> None:
        """Has the session's peer been silent for too long?"""
        line = self.workers[worker].lines.get(session)
        if line is None or not line.silence_seconds:
            return
        expected = line.address is not None and line.sending
        heard = self._sends_to.get(_host_of(line.address)) == line.port
        quiet_since = max(line.since, self._quiet_since.get(line.port, 0.0))
        if not expected or heard:
            quiet_since = self.now
        due = quiet_since + line.silence_seconds
        if due <= self.now:
            self.media_event(worker, media.Silent(session))
        else:
            self.at(due, "listen", worker, session)

    def located(self, found: Located) -> None:
        ends = [end for site in found.sites for end in site.ends]
        flows = {end: Flow("udp", SERVER, (end.host, end.port)) for end in ends}
        self._input(lambda exchange: exchange.on_resolved(found, flows, self.now))

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def on_event(self, event: Event) -> None:
        """For those who want to react."""

    # --- inside

    def _resolve(self, wanted: Resolve) -> None:
        outputs = self.resolver.resolve(wanted.key, Uri.parse(wanted.uri), self.now)
        while outputs:
            output = outputs.pop(0)
            if isinstance(output, Ask):
                question = output.question
                records = self.zone.get((question.name, question.kind), ())
                outputs += self.resolver.on_answer(Answer(question, records, 300.0), self.now)
            else:
                self.at(self.now, "located", output)

    def _input(self, work: Callable[[Exchange], list[Output]]) -> None:
        if self.restart_rng is not None:
            self._until_restart -= 1
            if self._until_restart <= 0:
                self._until_restart = self.restart_rng.randint(1, self.restart_inputs)
                self.restart()
        self._do(work(self.exchange))

    def _do(self, outputs: list[Output]) -> None:
        self.inputs += self.exchange.inputs
        self.exchange.inputs.clear()
        told: list[Event] = []
        for output in outputs:
            if isinstance(output, Send):
                self._transmit(SERVER, output.flow.remote, output.data)
            elif isinstance(output, ToWorker):
                self._command(output.worker, output.command)
            elif isinstance(output, Resolve):
                self._resolve(output)
            elif type(output) in JOBS:
                self.jobs.append(cast("Job", output))
                for report in self.spool.on_job(cast("Job", output), self.workers):
                    self.later(SPOOL_SECONDS, "mail_report", report)
            else:
                event = cast("Event", output)
                self.events.append(event)
                self.log.append(f"{self.now:.3f} {event}")
                told.append(event)
        self.checker.check(self.exchange, self.workers, told, self.now)
        deadline = self.exchange.next_deadline
        if deadline is not None and self._armed.get(SERVER) != deadline:
            self._armed[SERVER] = deadline
            self.at(deadline, "exchange_time", deadline)
        for event in told:
            self.on_event(event)

    def _command(self, worker: int, command: media.Command) -> None:
        for after, event in self.workers[worker].on_command(command, self.now):
            self.later(after, "media_event", worker, event)
        if isinstance(command, media.Watch) and command.silence_seconds:
            self.later(command.silence_seconds, "listen", worker, command.session)

    def _note_sound(self, phone: Phone) -> None:
        """Which of our ports hears this phone now?"""
        address = phone.address
        talks = phone.state is PhoneState.TALKING and phone.remote is not None
        silent = not talks or address in self.unplugged or address in self.muted
        port = 0 if silent or phone.remote is None else phone.remote.address[1]
        before = self._sends_to.get(address, 0)
        if port != before:
            self._quiet_since[before] = self.now
            self._sends_to[address] = port

    def _transmit(self, source: Address, target: Address, data: bytes) -> None:
        if self.wire is not None:
            self.wire.append(Packet(self.now, source, target, data))
        net, rng = self.network, self.rng
        copies = 1 + (rng.random() < net.duplication)
        for _ in range(copies):
            if rng.random() < net.loss:
                continue
            when = self.now + rng.uniform(*net.delay)
            if rng.random() < net.straggle:
                when += rng.random()
            if net.grid:
                when = (int(when / net.grid) + 1) * net.grid
            self.at(when, "deliver", source, target, data)


def _host_of(rtp: Address | None) -> Address:
    """The phone whose sound comes from there."""
    return ("", 0) if rtp is None else (rtp[0], 5060)


__all__ = ["EPOCH", "SERVER", "Habits", "Network", "Packet", "World"]
