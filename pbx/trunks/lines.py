"""The lines of all trunks: registered, asked whether they are there, looked up again in time.

Requests have the keys `trunk:NAME:reg:CSEQ` and `trunk:NAME:opt:NUMBER:END`. Names are looked up
by the edge: `Resolve` goes out, `on_resolved` comes back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import Any, Final, assert_never

from pbx.events import TrunkChanged
from pbx.plan import Plan
from pbx.trunks.health import HealthMoved, Probe, Pulse
from pbx.trunks.line import Line
from pbx.trunks.plan import NO_OUTSIDE, Outside, TrunkPlan
from pbx.trunks.registering import Registering, RegistrationMoved, SendRegister
from sip.building import contact_of
from sip.endpoint import Endpoint
from sip.events import RequestDone
from sip.flow import Flow
from sip.headers import NameAddr
from sip.login import Login
from sip.networks import Network, parse_network
from sip.resolver import End, Site
from sip.tokens import Tokens
from sip.uri import Uri

Item = Any

PREFIX: Final = "trunk"
_LIFE: Final = ("servers", "domain", "username", "password", "register", "expires")


@dataclass(frozen=True, slots=True)
class Resolve:
    """Find the addresses of this URI and come back with `on_resolved`."""

    key: str
    uri: str


class Lines:
    """Not to be used alone: `Trunks` adds the calls."""

    def __init__(self, endpoint: Endpoint, tokens: Tokens, epoch: float) -> None:
        self._endpoint = endpoint
        self._tokens = tokens
        self._epoch = epoch
        self._rng = Random(0)  # Seeded when there are trunks.
        self._outside: Outside = NO_OUTSIDE
        self._lines: dict[str, Line] = {}
        self._leaving: dict[str, Line] = {}  # Not configured any more, still registered.
        self._numbered = 0  # Lines made so far.
        self._networks: list[tuple[str, Network]] = []  # Trunk and network, in order.
        self._told: tuple[object, object] = ((), {})  # What the gate and the guard know.
        self._nearest: float | None = None

    # --- life

    def configure(self, plan: Plan, now: float) -> list[Item]:
        outside = plan.outside
        if outside is self._outside:
            return []
        if outside.trunks and not self._numbered:
            self._rng = Random(self._tokens.token(32))
        self._outside = outside
        items: list[Item] = []
        for name, line in list(self._lines.items()):
            new = outside.trunks.get(name)
            if new is not None and _lives_on(line.plan, new):
                line.plan = new
            else:
                items += self._retire(name, line, now)
        for name, trunk in outside.trunks.items():
            if name not in self._lines:
                items += self._begin_line(trunk)
        self._networks = [
            (name, parse_network(network))
            for name, trunk in outside.trunks.items()
            for network in trunk.networks
        ]
        return self._settled(items)

    def stop(self, now: float) -> list[Item]:
        """We end: the providers should not send calls here any more."""
        items: list[Item] = []
        for line in self._lines.values():
            if line.registering is not None:
                items += self._after_registering(line, line.registering.stop(), now)
        return self._settled(items)

    def on_time(self, now: float) -> list[Item]:
        if self._nearest is None or self._nearest > now:
            return []
        items: list[Item] = []
        for line in self._lines.values():
            for server in [n for n, at in line.resolve_at.items() if at <= now]:
                del line.resolve_at[server]
                items.append(self._resolve(line, server))
            for pulse in line.pulses.values():
                items += self._after_pulse(line, pulse.on_time(now), now)
            if line.registering is not None:
                items += self._after_registering(line, line.registering.on_time(now), now)
        return self._settled(items)

    @property
    def next_deadline(self) -> float | None:
        return self._nearest

    @property
    def lines(self) -> Mapping[str, Line]:
        return self._lines

    @property
    def leaving(self) -> int:
        """Registrations that are being taken away."""
        machines = [line.registering for line in self._lines.values()]
        ending = sum(machine is not None and machine.leaving for machine in machines)
        return len(self._leaving) + ending

    # --- answers

    def on_resolved(
        self,
        key: str,
        sites: tuple[Site, ...],
        flows: Mapping[End, Flow],
        good_until: float,
        now: float,
    ) -> list[Item]:
        name, _, rest = key.removeprefix(f"{PREFIX}:").partition(":")
        number, _, server = rest.partition(":")
        line = self._lines.get(name)
        if line is None or str(line.number) != number:
            return []
        before = bool(line.flows)
        line.set_sites(int(server), sites, dict(flows), good_until)
        items: list[Item] = []
        if bool(line.flows) != before or not line.flows:
            why = "" if line.flows else "its name leads nowhere"
            uri = line.plan.servers[int(server)].uri
            items.append(self._changed(line, "address", uri, up=bool(line.flows), why=why, now=now))
        for end in line.flows:
            if end not in line.pulses:
                line.pulses[end] = pulse = Pulse(end, line.plan.health_seconds)
                items += self._after_pulse(line, pulse.start(now, self._rng), now)
        if line.registering is not None and line.flows:
            moved = line.registering.locate(line.ends(self._rng), now)
            items += self._after_registering(line, moved, now)
        return self._settled(items)

    def on_done(self, event: RequestDone, now: float) -> list[Item]:
        """A REGISTER or OPTIONS of ours has its final answer."""
        _, name, kind, rest = event.key.split(":", 3)
        response = event.response
        if kind == "reg":
            line = self._lines.get(name)
            attempt = int(rest)
            if line is None or line.registering is None:
                return []
            moved = line.registering.on_response(attempt, response, now, self._rng)
            return self._settled(self._after_registering(line, moved, now))
        if kind == "bye":
            _ = self._leaving.pop(rest, None)
            return []
        number, _, where = rest.partition(":")
        line = self._lines.get(name)
        pulse = None if line is None else _pulse_of(line, where)
        if line is None or pulse is None:
            return []
        status = None if response is None else response.status
        told = pulse.on_answer(int(number), status, now)
        return self._settled(self._after_pulse(line, told, now))

    def on_flow_closed(self, flow: Flow, now: float) -> list[Item]:
        items: list[Item] = []
        for line in self._lines.values():
            gone = line.drop_flow(flow, now)
            if gone and line.registering is not None and line.registering.end in gone:
                lost = line.registering.on_lost(now, self._rng)
                items += self._after_registering(line, lost, now)
        return self._settled(items) if self._lines else items

    # --- inside: lines

    def _begin_line(self, plan: TrunkPlan) -> list[Item]:
        self._numbered += 1
        user = _contact_user(plan) if plan.register else ""
        line = self._lines[plan.name] = Line(plan, user, self._numbered)
        if plan.register:
            line.registering = Registering(self._tokens.token(32), user, plan.expires)
        return [self._resolve(line, server) for server in range(len(plan.servers))]

    def _retire(self, name: str, line: Line, now: float) -> list[Item]:
        del self._lines[name]
        if line.registering is None:
            return []
        items: list[Item] = []
        for output in line.registering.stop():
            if isinstance(output, SendRegister):
                self._leaving[str(line.number)] = line
                items += self._register(line, output, f"bye:{line.number}", now)
            else:
                items += self._after_registering(line, [output], now)
        return items

    def _resolve(self, line: Line, server: int) -> Resolve:
        return Resolve(
            f"{PREFIX}:{line.name}:{line.number}:{server}", line.plan.servers[server].uri
        )

    def _settled(self, items: list[Item]) -> list[Item]:
        deadlines = [line.next_deadline for line in self._lines.values()]
        self._nearest = min((at for at in deadlines if at is not None), default=None)
        self._tell_gate()
        return items

    def _tell_gate(self) -> None:
        """Who may send us calls without a password of ours."""
        if self._endpoint.guard is not None:
            self._endpoint.guard.allow_peers(tuple(network for _, network in self._networks))
        networks = tuple(network for _, network in self._networks)
        called = {
            line.contact_user: line.hosts() for line in self._lines.values() if line.contact_user
        }
        told = networks, called
        if told == self._told:
            return
        self._told = told
        if self._endpoint.gate is not None:
            self._endpoint.gate.admit_calls(networks, called)
        if self._endpoint.guard is not None:
            hosts = sorted(frozenset[str]().union(*called.values()))
            self._endpoint.guard.allow_peers((*networks, *(parse_network(h) for h in hosts)))

    # --- inside: what the machines want

    def _after_registering(
        self, line: Line, outputs: Sequence[SendRegister | RegistrationMoved], now: float
    ) -> list[Item]:
        items: list[Item] = []
        for output in outputs:
            match output:
                case SendRegister():
                    items += self._register(line, output, f"reg:{output.cseq}", now)
                case RegistrationMoved():
                    server = "" if output.end is None else _text(output.end)
                    if output.up:
                        line.losses = 0
                    items.append(
                        self._changed(
                            line, "registration", server, up=output.up, why=output.why, now=now
                        )
                    )
                case _:
                    assert_never(output)
        return items

    def _after_pulse(
        self, line: Line, outputs: Sequence[Probe | HealthMoved], now: float
    ) -> list[Item]:
        items: list[Item] = []
        for output in outputs:
            match output:
                case Probe():
                    items += self._probe(line, output, now)
                case HealthMoved():
                    if output.up:
                        line.losses = 0
                    where = _text(output.end)
                    items.append(
                        self._changed(line, "server", where, up=output.up, why=output.why, now=now)
                    )
                case _:
                    assert_never(output)
        return items

    def _register(self, line: Line, wanted: SendRegister, key: str, now: float) -> list[Item]:
        plan, machine = line.plan, line.registering
        flow = line.flows.get(wanted.end)
        assert machine is not None, plan.name
        whole_key = f"{PREFIX}:{plan.name}:{key}"
        if flow is None:  # The connection has gone in this very moment.
            return [RequestDone(whole_key, None)]
        aor = NameAddr("", Uri("sip", plan.username, plan.domain, None))
        contact = contact_of(flow).replace("<sip:", f"<sip:{line.contact_user}@", 1)
        return [
            *self._endpoint.request(
                whole_key,
                "REGISTER",
                uri=f"sip:{plan.domain}",
                flow=flow,
                from_=aor,
                to=aor,
                now=now,
                headers=[("Contact", contact), ("Expires", str(wanted.expires))],
                call_id=machine.call_id,
                cseq=wanted.cseq,
                login=Login(plan.username, plan.password, plan.realms),
            )
        ]

    def _probe(self, line: Line, probe: Probe, now: float) -> list[Item]:
        plan, end = line.plan, probe.end
        key = f"{PREFIX}:{plan.name}:opt:{probe.number}:{_text(end)}"
        flow = line.flows.get(end)
        if flow is None:
            return [RequestDone(key, None)]
        from_ = NameAddr("", Uri("sip", plan.username or None, plan.domain, None))
        uri = Uri("sip", None, end.host, end.port, transport_of(end))
        return [
            *self._endpoint.request(
                key,
                "OPTIONS",
                uri=str(uri),
                flow=flow,
                from_=from_,
                to=NameAddr("", uri),
                now=now,
                headers=[("Contact", contact_of(flow)), ("Accept", "application/sdp")],
            )
        ]

    def _changed(
        self, line: Line, what: str, server: str, *, up: bool, why: str, now: float
    ) -> TrunkChanged:
        return TrunkChanged(line.name, what, server, up, why, now + self._epoch)


def _lives_on(old: TrunkPlan, new: TrunkPlan) -> bool:
    """Whether the same registration and the same servers serve the new plan."""
    same = all(getattr(old, name) == getattr(new, name) for name in _LIFE)
    return same and old.health_seconds == new.health_seconds


def _contact_user(plan: TrunkPlan) -> str:
    """The same after a restart, so that the provider does not know two of us; nobody can guess
    it who does not know the password."""
    key = blake2b(plan.password.encode(), digest_size=32).digest()
    text = f"{plan.name} {plan.username} {plan.domain}".encode()
    return blake2b(text, key=key, digest_size=12).hexdigest()


def transport_of(end: End) -> tuple[tuple[str, str | None], ...]:
    return () if end.transport == "udp" else (("transport", end.transport),)


def _pulse_of(line: Line, where: str) -> Pulse | None:
    for end, pulse in line.pulses.items():
        if _text(end) == where:
            return pulse
    return None


def _text(end: End) -> str:
    host = f"[{end.host}]" if ":" in end.host else end.host
    return f"{end.transport}:{host}:{end.port}"
