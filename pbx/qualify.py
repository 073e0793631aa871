"""Whether registered phones are still there: each is asked by an OPTIONS now and then.

A phone without power stays registered for up to an hour, and calls for it ring nowhere. One that
has not answered for a few seconds is marked in the registrar as unreachable: it is not called, and
its agent gets no calls, until it gives a sign of life. Any will do: an answer whatever its status
(RFC 3261 §11.1), a registration, any datagram from its address. Phones at a fixed contact are asked
in the same way, as often as each of them wishes.

Nobody is asked at the same time as all others: everybody has a second of the interval of his own.
"""

from dataclasses import dataclass
from math import inf
from typing import Any, Final
from zlib import crc32

from pbx.deadlines import Deadlines
from pbx.plan import ExtensionPlan, Plan
from sip.endpoint import Endpoint
from sip.errors import ParseError
from sip.events import RequestDone
from sip.flow import Flow
from sip.headers import NameAddr
from sip.registration import Binding, BindingChange, BindingKind, Registrar
from sip.uri import Uri

Item = Any
"""For the work queue of the exchange."""

PART: Final = "qualify"  # Of the keys of our requests.
PATIENCE_SECONDS: Final = 4.0
"""For an answer. Over UDP the question has gone out four times by then (RFC 3261 §17.1.2.2)."""

_GONE: Final = (BindingKind.REMOVED, BindingKind.EXPIRED)


@dataclass(slots=True)
class Device:
    binding: Binding
    interval: float
    next_at: float  # When it is asked again.
    fixed: bool = False  # It never registers; the binding is none of the registrar's.
    asked: int = 0  # The number of the question under way; 0: none is.
    asked_at: float = 0.0
    heard: bool = False  # Something came from it since it was asked.
    silent: bool = False  # It did not answer the last question in time.
    round_trip: float | None = None  # Seconds, of its last answer.


class Qualify:
    def __init__(self, endpoint: Endpoint, registrar: Registrar) -> None:
        self.interval = 0.0
        self.awaited: dict[Flow, set[str]] = {}
        """From where a sign of life is wanted, and whose: ask this before `on_sign`."""
        self._endpoint = endpoint
        self._registrar = registrar
        self._devices: dict[str, Device] = {}
        self.deadlines = Deadlines()  # "ask" and "give up", by device.
        self._questions = 0

    def __len__(self) -> int:
        return len(self._devices)

    def device(self, aor: str, contact: str) -> Device | None:
        """What is known about it; without a contact: about the fixed one of this extension."""
        return self._devices.get(_name(aor, contact))

    @property
    def next_deadline(self) -> float | None:
        return self.deadlines.next_deadline

    def configure(self, plan: Plan, now: float) -> list[Item]:
        """Another interval begins anew with everybody."""
        items = self._configure_fixed(plan, now)
        if plan.registrar.qualify_seconds == self.interval:
            return items
        self.interval = plan.registrar.qualify_seconds
        for name, device in list(self._devices.items()):
            if device.fixed:
                continue
            if not self.interval:
                items += self._mark(device, reachable=True)
            self._forget(name)
        if self.interval:
            for binding in self._registrar.everything():
                name = _name(binding.aor, binding.contact)
                self._begin(name, Device(binding, self.interval, now))
        return items

    def on_binding(self, change: BindingChange, now: float) -> list[Item]:
        if not self.interval:
            return []
        binding = change.binding
        name = _name(binding.aor, binding.contact)
        device = self._devices.get(name)
        if change.kind in _GONE:
            self._forget(name)
        elif device is None:
            if change.kind is BindingKind.ADDED:
                self._begin(name, Device(binding, self.interval, now))
        elif change.kind in (BindingKind.ADDED, BindingKind.REFRESHED):
            self._stop_waiting(name, device)
            device.binding, device.heard, device.silent = binding, True, False
        return []

    def on_sign(self, flow: Flow, now: float) -> list[Item]:
        """Something came from an address in `awaited`."""
        items: list[Item] = []
        for name in sorted(self.awaited.get(flow, ())):
            items += self._alive(name, self._devices[name])
        return items

    def on_done(self, event: RequestDone, now: float) -> list[Item]:
        _, number, name = event.key.split(":", 2)
        device = self._devices.get(name)
        if device is None or device.asked != int(number):
            return []
        device.asked = 0
        if event.response is None:  # After 32 s; at once, if its port is closed.
            return [] if device.heard else self._silent(name, device)
        device.round_trip = now - device.asked_at
        return self._alive(name, device)

    def on_time(self, now: float) -> list[Item]:
        items: list[Item] = []
        for kind, name in self.deadlines.take_expired(now):
            device = self._devices[name]
            if kind == "ask":
                items += self._ask(name, device, now)
            else:
                items += self._silent(name, device)
        return items

    # --- inside

    def _configure_fixed(self, plan: Plan, now: float) -> list[Item]:
        """Who is as before stays; others are there until we know better."""
        wanted = {
            _name(extension.id, ""): device
            for extension in plan.extensions.values()
            if (device := _fixed(extension, now)) is not None
        }
        items: list[Item] = []
        for name, device in list(self._devices.items()):
            new = wanted.get(name)
            if not device.fixed:
                continue
            if new is not None and (new.binding, new.interval) == (device.binding, device.interval):
                del wanted[name]
                continue
            self._forget(name)
            told = self._mark(device, reachable=True)
            items += told if name in plan.extensions and plan.extensions[name].contact else []
        for name, device in wanted.items():
            self._begin(name, device)
        return items

    def _begin(self, name: str, device: Device) -> None:
        share = crc32(name.encode("utf-8", "surrogateescape")) / (1 << 32)
        device.next_at += share * device.interval
        self._devices[name] = device
        self.deadlines.start("ask", name, device.next_at)

    def _ask(self, name: str, device: Device, now: float) -> list[Item]:
        late = max(0.0, now - device.next_at)
        device.next_at += device.interval * (1 + late // device.interval)
        self.deadlines.start("ask", name, device.next_at)
        if device.asked:
            return []  # The last question is still repeated: it does as well.
        binding = device.binding
        host, port = binding.flow.local
        try:
            to = NameAddr("", Uri.parse(binding.contact))
        except ParseError:
            return []
        self._questions += 1
        items: list[Item] = [
            *self._endpoint.request(
                f"{PART}:{self._questions}:{name}",
                "OPTIONS",
                uri=binding.contact,
                flow=binding.flow,
                from_=NameAddr("", Uri("sip", None, host, port or None)),
                to=to,
                headers=binding.routes,
                now=now,
            )
        ]
        if any(isinstance(item, RequestDone) for item in items):
            return []  # We are too busy to ask: that is not the phone's fault.
        device.asked, device.asked_at, device.heard = self._questions, now, False
        self.awaited.setdefault(binding.flow, set()).add(name)
        if not device.silent:
            self.deadlines.start("give up", name, now + PATIENCE_SECONDS)
        return items

    def _silent(self, name: str, device: Device) -> list[Item]:
        self.deadlines.stop("give up", name)
        if device.silent:
            return []
        device.silent = True
        self.awaited.setdefault(device.binding.flow, set()).add(name)
        return [*self._mark(device, reachable=False)]

    def _alive(self, name: str, device: Device) -> list[Item]:
        self._stop_waiting(name, device)
        device.heard, device.silent = True, False
        return [*self._mark(device, reachable=True)]

    def _mark(self, device: Device, *, reachable: bool) -> list[BindingChange]:
        binding = device.binding
        if device.fixed:
            return self._registrar.mark_fixed(binding, reachable=reachable)
        return self._registrar.mark(binding.aor, binding.contact, reachable=reachable)

    def _stop_waiting(self, name: str, device: Device) -> None:
        self.deadlines.stop("give up", name)
        flow = device.binding.flow
        names = self.awaited.get(flow)
        if names is not None:
            names.discard(name)
            if not names:
                del self.awaited[flow]

    def _forget(self, name: str) -> None:
        device = self._devices.pop(name, None)
        if device is not None:
            self._stop_waiting(name, device)
            self.deadlines.stop("ask", name)


def _name(aor: str, contact: str) -> str:
    return f"{aor} {contact}" if contact else aor


def _fixed(extension: ExtensionPlan, now: float) -> Device | None:
    """None: it has no fixed contact, or is not to be asked."""
    if not extension.contact or extension.flow is None or not extension.qualify_seconds:
        return None
    binding = Binding(extension.id, extension.contact, extension.flow, inf, "", 0)
    return Device(binding, extension.qualify_seconds, now, fixed=True)
