"""The registrar: which devices an address of record reaches now.

RFC 3261 §10.3; RFC 5626 (outbound: instance and reg-id), RFC 3327 (Path).

A binding remembers the flow that it was registered on. Requests to it carry the registered
contact as Request-URI and travel on that flow, so that NAT and connections do not matter; proxies
that want to stay on the way (Path) come as Route, and the flow leads to the first of them.

A GRUU (RFC 5627) is never handed out: its owner would use it as Contact, and be called by it.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from sys import intern
from typing import Final, NamedTuple

from sip.errors import ParseError
from sip.flow import Flow
from sip.headers import NameAddr, parse_contacts
from sip.message import Headers, Request
from sip.text import printable
from sip.uri import Uri, same_uri

_SECONDS_MAX: Final = 2**32 - 1  # RFC 3261 §20.19; what is larger means this.
_USER_AGENT_CHARS_MAX: Final = 128
_PATHS_MAX: Final = 16
_HEAP_SLACK: Final = 64  # Stale deadlines tolerated before the heap is rebuilt.


@dataclass(frozen=True, slots=True)
class RegistrarLimits:
    """Seconds, and contacts per address of record."""

    min_expires: int = 60
    max_expires: int = 3600
    default_expires: int = 3600
    contacts_max: int = 10


@dataclass(frozen=True, slots=True)
class Binding:
    aor: str
    contact: str  # URI text, the Request-URI of requests to it.
    flow: Flow
    expires_at: float
    call_id: str
    cseq: int
    q: float = 1.0
    instance: str | None = None
    reg_id: int | None = None
    path: tuple[str, ...] = ()
    user_agent: str = ""
    updated_at: float = 0.0

    @property
    def routes(self) -> Headers:
        """What a request to it needs beside its URI (RFC 3327 §5.1)."""
        return [("Route", path) for path in self.path]


class BindingKind(Enum):
    ADDED = "added"
    REFRESHED = "refreshed"
    REMOVED = "removed"
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"  # It is still there, but does not answer.
    REACHABLE = "reachable"  # It answers again.


@dataclass(frozen=True, slots=True)
class BindingChange:
    aor: str
    binding: Binding
    kind: BindingKind
    moved_from: Flow | None = field(default=None, compare=False)  # Where the device was before.


class Reply(NamedTuple):
    """How to answer the REGISTER."""

    status: int
    headers: Headers


class _Wish(NamedTuple):
    """One Contact of a REGISTER."""

    binding: Binding
    seconds: int


class _Refusal(Exception):
    def __init__(self, status: int, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.reply = Reply(status, list(headers))


class Registrar:
    """All bindings of all addresses of record. Plain state."""

    def __init__(self, limits: RegistrarLimits) -> None:
        self.limits = limits
        self._bindings: dict[str, list[Binding]] = {}
        self.heap: list[tuple[float, str]] = []  # Heap of (expires_at, aor); some stale.
        self._connected: dict[Flow, set[str]] = {}  # Connection -> who registered on it.
        self._dead: dict[str, set[str]] = {}  # Address -> contacts that do not answer.
        self._away: set[str] = set()  # Addresses that never register, and do not answer.
        self._count = 0

    def __len__(self) -> int:
        """Bindings of all addresses."""
        return self._count

    def bindings(self, aor: str) -> list[Binding]:
        """Those that can be reached: highest q first, then the newest."""
        held, dead = self._bindings.get(aor, ()), self._dead.get(aor)
        if dead:
            held = [binding for binding in held if binding.contact not in dead]
        return sorted(held, key=lambda b: (-b.q, -b.updated_at))

    def find(self, aor: str, contact: str) -> Binding | None:
        """Whether it can be reached or not."""
        for binding in self._bindings.get(aor, ()):
            if binding.contact == contact:
                return binding
        return None

    def everything(self) -> list[Binding]:
        """Of all addresses, those included that cannot be reached now."""
        return [binding for held in self._bindings.values() for binding in held]

    def uses(self, flow: Flow) -> bool:
        """Whether somebody is registered there."""
        if flow.connection:
            return flow in self._connected
        return any(b.flow == flow for held in self._bindings.values() for b in held)

    @property
    def next_deadline(self) -> float | None:
        heap = self.heap
        while heap and not self._is_due(*heap[0]):
            _ = heapq.heappop(heap)
        return heap[0][0] if heap else None

    def register(
        self, aor: str, request: Request, flow: Flow, now: float
    ) -> tuple[Reply, list[BindingChange]]:
        """Carry out a REGISTER that was authenticated for `aor`: all of it, or nothing."""
        try:
            contacts = parse_contacts(request.get_all("Contact"))
            if contacts == "*":
                after, changes = self._clear(aor, request)
            else:
                wishes = [self._wish(aor, c, request, flow, now) for c in contacts]
                after, changes = self._plan(aor, wishes, request, now)
        except _Refusal as refusal:
            return refusal.reply, []
        except ParseError as error:
            return Reply(error.status, []), []
        revived = [
            BindingChange(aor, change.binding, BindingKind.REACHABLE)
            for change in changes
            if change.kind is BindingKind.REFRESHED
            and change.binding.contact in self._dead.get(aor, ())
        ]
        for change in revived:
            self._dead[aor].discard(change.binding.contact)
        self._store(aor, after)
        return Reply(200, self._answer(request, flow, after, now)), [*changes, *revived]

    def mark(self, aor: str, contact: str, *, reachable: bool) -> list[BindingChange]:
        """What somebody has found out about a device. Its binding stays: it may come back."""
        binding = self.find(aor, contact)
        dead = self._dead.get(aor, set())
        if binding is None or (contact not in dead) is reachable:
            return []
        if reachable:
            dead.discard(contact)
            return [BindingChange(aor, binding, BindingKind.REACHABLE)]
        self._dead.setdefault(aor, dead).add(contact)
        return [BindingChange(aor, binding, BindingKind.UNREACHABLE)]

    def mark_fixed(self, binding: Binding, *, reachable: bool) -> list[BindingChange]:
        """The same of a device that never registers: the binding only says where it is."""
        if (binding.aor not in self._away) is reachable:
            return []
        if reachable:
            self._away.discard(binding.aor)
            return [BindingChange(binding.aor, binding, BindingKind.REACHABLE)]
        self._away.add(binding.aor)
        return [BindingChange(binding.aor, binding, BindingKind.UNREACHABLE)]

    def is_away(self, aor: str) -> bool:
        """Of one who never registers: whether he is known not to answer."""
        return aor in self._away

    def restore(self, bindings: Iterable[Binding], now: float) -> None:
        """Those of an earlier life that have not expired since."""
        found: dict[str, dict[str, Binding]] = {}
        for binding in bindings:
            if binding.expires_at > now:
                found.setdefault(binding.aor, {})[binding.contact] = binding
        for aor, held in found.items():
            if aor not in self._bindings:
                self._store(aor, [*held.values()][: self.limits.contacts_max])

    def on_time(self, now: float) -> list[BindingChange]:
        changes: list[BindingChange] = []
        while (deadline := self.next_deadline) is not None and deadline <= now:
            _, aor = self.heap[0]
            held = self._bindings[aor]
            changes += [
                BindingChange(aor, binding, BindingKind.EXPIRED)
                for binding in held
                if binding.expires_at <= now
            ]
            self._store(aor, [binding for binding in held if binding.expires_at > now])
        return changes

    def flow_closed(self, flow: Flow) -> list[BindingChange]:
        """The connection is gone, and with it all that was registered on it (RFC 5626 §4.2.2)."""
        changes: list[BindingChange] = []
        for aor in sorted(self._connected.get(flow, ())):
            held = self._bindings[aor]
            changes += [
                BindingChange(aor, binding, BindingKind.REMOVED)
                for binding in held
                if binding.flow == flow
            ]
            self._store(aor, [binding for binding in held if binding.flow != flow])
        return changes

    def _clear(self, aor: str, request: Request) -> tuple[list[Binding], list[BindingChange]]:
        """`Contact: *` (§10.2.2, §10.3 step 6)."""
        if _seconds(request.get("Expires")) != 0:
            raise _Refusal(400)
        held = self._bindings.get(aor, [])
        for binding in held:
            _check_order(binding, request)
        return [], [BindingChange(aor, binding, BindingKind.REMOVED) for binding in held]

    def _wish(self, aor: str, contact: NameAddr, request: Request, flow: Flow, now: float) -> _Wish:
        if not contact.uri.is_sip:
            raise _Refusal(400)
        seconds = self._granted(contact, request)
        instance, reg_id = contact.param("+sip.instance"), contact.param("reg-id")
        binding = Binding(
            aor=aor,
            contact=str(contact.uri),
            flow=flow,
            expires_at=now + seconds,
            call_id=request.call_id,
            cseq=request.cseq.number,
            q=_q(contact.param("q")),
            instance=instance or None,
            # reg-id without an instance means nothing (RFC 5626 §6).
            reg_id=_small_number(reg_id) if instance and reg_id else None,
            path=_path(request),
            # Of few kinds: one text for all phones of a kind.
            user_agent=intern(printable(request.get("User-Agent") or "")[:_USER_AGENT_CHARS_MAX]),
            updated_at=now,
        )
        return _Wish(binding, seconds)

    def _granted(self, contact: NameAddr, request: Request) -> int:
        """Seconds until it expires; malformed values mean the default (§10.3 step 7)."""
        wanted = contact.param("expires")
        seconds = _seconds(request.get("Expires") if wanted is None else wanted)
        if seconds is None:
            seconds = self.limits.default_expires
        if 0 < seconds < self.limits.min_expires:
            raise _Refusal(423, ("Min-Expires", str(self.limits.min_expires)))
        return min(seconds, self.limits.max_expires)

    def _plan(
        self, aor: str, wishes: Sequence[_Wish], request: Request, now: float
    ) -> tuple[list[Binding], list[BindingChange]]:
        """What will be held after the wishes, and what changes. Nothing is stored yet."""
        after = list(self._bindings.get(aor, ()))
        touched: set[str] = set()
        changes: list[BindingChange] = []
        for new, seconds in wishes:
            old = _find(after, new, touched)
            if old is not None:
                _check_order(old, request)
                after.remove(old)
            touched.add(new.contact)
            if seconds == 0:
                if old is not None:
                    changes.append(BindingChange(aor, old, BindingKind.REMOVED))
                continue
            after.append(new)
            same = old is not None and old.contact == new.contact
            kind = BindingKind.REFRESHED if same else BindingKind.ADDED
            moved_from = old.flow if old is not None and old.flow != new.flow else None
            changes.append(BindingChange(aor, new, kind, moved_from))
            if old is not None and not same:
                # After the new one, so that its owner is never seen without a device.
                changes.append(BindingChange(aor, old, BindingKind.REMOVED))
        if any(change.kind is BindingKind.ADDED for change in changes):
            changes += self._make_room(aor, after, wishes[-1].binding, touched)
        return after, changes

    def _make_room(
        self, aor: str, after: list[Binding], new: Binding, touched: set[str]
    ) -> list[BindingChange]:
        """What must go so that there are not too many; refused if nothing may."""
        changes: list[BindingChange] = []
        while len(after) > self.limits.contacts_max:
            old = _superfluous(after, new, touched, self._dead.get(aor, set()))
            if old is None:
                raise _Refusal(403)
            after.remove(old)
            changes.append(BindingChange(aor, old, BindingKind.REMOVED))
        return changes

    def _answer(
        self, request: Request, flow: Flow, bindings: Sequence[Binding], now: float
    ) -> Headers:
        headers = [("Contact", _contact_text(binding, now)) for binding in bindings]
        tags = {tag.lower() for tag in request.values("Supported")}
        if "path" in tags:
            headers += [("Path", path) for path in _path(request)]  # RFC 3327 §5.3.
        if "outbound" in tags and flow.reliable and any(b.reg_id is not None for b in bindings):
            # Over UDP it would promise STUN answers (RFC 5626 §6, §8), which we do not give.
            headers.append(("Require", "outbound"))
        return headers

    def _store(self, aor: str, after: list[Binding]) -> None:
        before = self._bindings.pop(aor, [])
        self._count += len(after) - len(before)
        if after:
            self._bindings[aor] = after
        if aor in self._dead:
            self._dead[aor] &= {binding.contact for binding in after}
            if not self._dead[aor]:
                del self._dead[aor]
        for flow in {binding.flow for binding in before}:
            if flow.connection:
                owners = self._connected.get(flow, set())
                owners.discard(aor)
                if not owners:
                    _ = self._connected.pop(flow, None)
        for binding in after:
            if binding.flow.connection:
                self._connected.setdefault(binding.flow, set()).add(aor)
            if binding not in before:
                heapq.heappush(self.heap, (binding.expires_at, aor))
        if len(self.heap) > 2 * self._count + _HEAP_SLACK:
            self.heap = [(b.expires_at, b.aor) for bs in self._bindings.values() for b in bs]
            heapq.heapify(self.heap)

    def _is_due(self, deadline: float, aor: str) -> bool:
        """Whether the entry of the heap still stands for a binding."""
        return any(binding.expires_at == deadline for binding in self._bindings.get(aor, ()))


def _find(held: Sequence[Binding], new: Binding, touched: set[str]) -> Binding | None:
    """Which binding `new` takes the place of.

    The same instance and reg-id (RFC 5626 §6), else the same URI (RFC 3261 §10.3), else the
    same instance or connection: a phone that came back with another address. What this very
    request has registered is not taken away by it.
    """
    others = [binding for binding in held if binding.contact not in touched]
    if new.reg_id is not None:
        for binding in others:
            if (binding.instance, binding.reg_id) == (new.instance, new.reg_id):
                return binding
    uri = Uri.parse(new.contact)
    for binding in held:
        if same_uri(Uri.parse(binding.contact), uri):
            return binding
    for binding in others:
        if new.instance is not None and binding.instance == new.instance:
            if binding.reg_id == new.reg_id:
                return binding
        elif new.flow.connection and binding.flow == new.flow and binding.instance is None:
            return binding
    return None


def _superfluous(
    held: Sequence[Binding], new: Binding, touched: set[str], dead: set[str]
) -> Binding | None:
    """The binding that a new one may push out when there are too many.

    One that does not answer; else an older one of the same device: another flow of its instance
    (RFC 5626 §4.2.1), or, where nobody says which device it is, of the same software, which has
    moved to another port and left this one behind.
    """
    others = sorted(
        (binding for binding in held if binding.contact not in touched),
        key=lambda binding: binding.updated_at,
    )
    for binding in others:
        if binding.contact in dead:
            return binding
    for binding in others:
        if binding.instance == new.instance and (
            new.instance is not None or binding.user_agent == new.user_agent != ""
        ):
            return binding
    return None


def _path(request: Request) -> tuple[str, ...]:
    """ParseError if a proxy could not be reached by it: better now than when a call comes."""
    if "Path" not in request.first:
        return ()
    paths = request.values("Path")
    if len(paths) > _PATHS_MAX:
        raise ParseError(f"{len(paths)} values of Path")
    for path in paths:
        _ = NameAddr.parse(path)
    return tuple(paths)


def _check_order(binding: Binding, request: Request) -> None:
    """A request older than what is known changes nothing (§10.3 steps 6 and 7)."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise _Refusal(500)


def _contact_text(binding: Binding, now: float) -> str:
    seconds = max(0, round(binding.expires_at - now))
    params: list[tuple[str, str | None]] = [("expires", str(seconds))]
    if binding.q != 1.0:
        params.append(("q", f"{binding.q:.3f}".rstrip("0").rstrip(".")))
    if binding.instance is not None:
        params.append(("+sip.instance", f'"{binding.instance}"'))
    if binding.reg_id is not None:
        params.append(("reg-id", str(binding.reg_id)))
    return str(NameAddr("", Uri.parse(binding.contact), tuple(params)))


def _seconds(text: str | None) -> int | None:
    """delta-seconds; None when absent or malformed."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return _SECONDS_MAX if len(text) > len(str(_SECONDS_MAX)) else min(int(text), _SECONDS_MAX)


def _small_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _q(text: str | None) -> float:
    """0 to 1 with at most three digits (RFC 3261 §25.1: qvalue)."""
    if text is None or len(text) > 5 or not text.isascii() or text.count(".") > 1:
        return 1.0
    digits = text.replace(".", "", 1)
    return min(1.0, float(text)) if digits.isdigit() else 1.0
