"""What comes from outside calls: who registers, who calls, requests to the parts of the exchange.

A *part* is an object without sockets that does one job beside calls: lamps, trunks, qualifying
phones. The exchange owns it, gives it the time, and tells it what became of its requests, whose
keys are "PART:rest".
"""

from collections.abc import Callable, Iterable
from math import isinf
from typing import Any, ClassVar, Final, Protocol

from pbx.calls.leg import LegState
from pbx.comebacks import Comebacks
from pbx.deadlines import Deadlines
from pbx.devices import count_of
from pbx.distribution import inputs
from pbx.events import RegistrationChanged, RequestRefused, SourceBanned, SourceUnbanned
from pbx.history.bindings import lasting
from pbx.lamps import Lamps
from pbx.messages import Messages
from pbx.numbering import dialled
from pbx.plan import Plan
from pbx.protection import Protection
from pbx.qualify import Qualify
from pbx.recording.tapes import Tapes
from pbx.switchboard import Item
from pbx.switching import Arriving, Switching
from pbx.trunks.trunks import Trunks
from pbx.voicemail.boxes import Boxes
from sip import events as sip
from sip.endpoint import Endpoint
from sip.errors import RemoteError
from sip.guard import Banned, Unbanned
from sip.message import Request
from sip.registration import BindingChange, BindingKind
from sip.replaces import Replaces
from sip.uri import Uri

_KEPT: Final = (BindingKind.ADDED, BindingKind.REFRESHED)


class Part(Protocol):
    @property
    def next_deadline(self) -> float | None: ...

    def on_time(self, now: float) -> list[Any]: ...

    def configure(self, plan: Plan, now: float) -> list[Any]: ...

    def on_done(self, event: sip.RequestDone, now: float) -> list[Any]: ...


def tables_of(parts: Iterable[Part]) -> list[Deadlines]:
    """Of those parts whose deadlines are all in a table that one can look at."""
    found = [getattr(part, "deadlines", None) for part in parts]
    return [table for table in found if isinstance(table, Deadlines)]


class Reception(Switching):
    endpoint: Endpoint
    parts: dict[str, Part]
    protection: Protection
    qualify: Qualify
    comebacks: Comebacks
    messages: Messages

    def make_parts(self) -> dict[str, Part]:
        """By the beginning of the keys of their requests."""
        self.protection = Protection(self.endpoint, self.epoch)
        self.qualify = Qualify(self.endpoint, self.registrar)
        self.comebacks = Comebacks(self.endpoint, self.registrar)
        self.messages = Messages(self.endpoint, self.registrar)
        self.trunks = Trunks(self.endpoint, self._tokens, self.epoch)
        self.lamps = Lamps(
            self.endpoint, self.registrar, self.legs.lines, self.distribution, self.phones
        )
        self.voicemail = Boxes(self.lamps, self._tokens, self.epoch)
        self.tapes = Tapes()
        return {
            "phones": self.phones,
            "trunk": self.trunks,
            "protection": self.protection,
            "qualify": self.qualify,
            "lamps": self.lamps,
            "messages": self.messages,
            "voicemail": self.voicemail,
            "recordings": self.tapes,
        }

    def _on_request(self, event: sip.RequestReceived, now: float) -> list[Item]:
        handler = self._METHODS.get(event.request.method)
        return self._refuse(event, now) if handler is None else handler(self, event, now)

    def _refuse(self, event: sip.RequestReceived, now: float) -> list[Item]:
        refused = RequestRefused(event.request.method, event.flow.remote[0], 405, self._wall(now))
        return [*self.endpoint.respond(event.transaction, 405, now), refused]

    def _on_message(self, event: sip.RequestReceived, now: float) -> list[Item]:
        return self.messages.on_message(event, now)

    def _on_options(self, event: sip.RequestReceived, now: float) -> list[Item]:
        return [*self.endpoint.respond(event.transaction, 200, now)]

    def _on_done(self, event: sip.RequestDone, now: float) -> list[Item]:
        kind, _, rest = event.key.partition(":")
        if kind == "refer":
            return [*self.legs.on_told(rest, event.response, now)]
        part = self.parts.get(kind)
        return [] if part is None else part.on_done(event, now)

    def _on_subscription(self, event: sip.Event, now: float) -> list[Item]:
        return self.lamps.on_event(event, now)

    def _on_banned(self, event: Banned, now: float) -> list[Item]:
        at = self._wall(now)
        until = None if isinf(event.seconds) else at + event.seconds
        return [SourceBanned(event.source, event.user, event.reason, until, at)]

    def _on_unbanned(self, event: Unbanned, now: float) -> list[Item]:
        return [SourceUnbanned(event.source, event.user, event.by, self._wall(now))]

    def _on_register(self, event: sip.RequestReceived, now: float) -> list[Item]:
        aor = event.request.to.uri.user or ""
        extension = self.plan.extensions.get(aor)
        allowed = event.username == aor or (event.username is None and extension is not None)
        if event.username is None and self.trunks.identify(event.request, event.flow) is not None:
            allowed = False  # Another system's lines are nobody's phones.
        if extension is None or not allowed or extension.contact:
            # Registering somebody else's extension: RFC 3261 §10.3 step 4.
            refused = RequestRefused("REGISTER", event.flow.remote[0], 403, self._wall(now))
            return [*self.endpoint.respond(event.transaction, 403, now), refused]
        (status, headers), changes = self.registrar.register(aor, event.request, event.flow, now)
        self.comebacks.on_registered(changes)
        return [*self.endpoint.respond(event.transaction, status, now, headers), *changes]

    def _on_binding(self, change: BindingChange, now: float) -> list[Item]:
        devices = count_of(self.plan, self.registrar, change.aor)
        items: list[Item] = [
            RegistrationChanged(
                change.aor,
                change.binding.contact,
                change.kind.value,
                devices,
                self._wall(now),
                lasting(change.binding, self.epoch) if change.kind in _KEPT else None,
            )
        ]
        items += self.qualify.on_binding(change, now)
        self.lamps.note_devices(change.aor)
        agent = self.plan.agent_of.get(change.aor)
        if agent is not None and change.kind is not BindingKind.REFRESHED:
            items += self._attend(self.attendance.on_devices(agent, devices, now), now)
        return items

    def _on_invite(self, event: sip.InviteReceived, now: float) -> list[Item]:
        request = event.request
        if len(self.calls) >= self.plan.calls_max:
            retry = (("Retry-After", "5"),)
            return [*self.endpoint.reject(event.session, 503, now, retry)]
        trunk = self.trunks.identify(request, event.flow) if event.username is None else None
        if trunk is not None:
            return self._from_trunk(event, trunk, now)
        sender = request.from_
        if event.username is None:
            caller, name, extension = sender.uri.user or "anonymous", sender.display, ""
        else:
            caller = extension = event.username
            known = self.plan.extensions.get(extension)
            name = known.name if known is not None else ""
        try:
            replaces = self._replaced(request) if extension else ""
        except RemoteError as error:
            return [*self.endpoint.reject(event.session, error.status, now)]
        called = self._called(Uri.parse(request.uri))
        new = Arriving(
            *(event.session, request.body, event.flow),
            *(caller, name, extension, called),
            replaces=replaces,
            excuse=self.protection.excuse,
        )
        return self.new_call(new, now)

    def _replaced(self, request: Request) -> str:
        """The leg that a Replaces header names; "" without one (RFC 3891 §3)."""
        value = request.get("Replaces")
        if value is None:
            return ""
        wanted = Replaces.parse(value)
        # From a lamp a phone knows the tags as the other phone sees them (RFC 4235 §4.1.2).
        ours, theirs = wanted.to_tag, wanted.from_tag
        find = self.endpoint.find_dialog
        leg = find(wanted.call_id, ours, theirs) or find(wanted.call_id, theirs, ours)
        if leg is None or leg not in self.legs:
            raise RemoteError("no such dialog", status=481)
        if wanted.early_only and self.legs[leg].state is LegState.UP:
            raise RemoteError("answered meanwhile", status=486)
        return leg

    def _called(self, uri: Uri) -> str:
        """Numbers in the one spelling that rights are decided by; names as they are."""
        user = uri.user or ""
        return user if user in self.plan.extensions else dialled(uri)

    def _from_trunk(self, event: sip.InviteReceived, trunk: str, now: float) -> list[Item]:
        """Whatever its From says: a caller from outside has no extension's rights."""
        if not self.trunks.has_room(trunk):
            return [*self.endpoint.reject(event.session, 486, now)]
        call = self.trunks.arrive(trunk, event.request)
        self.trunks.begin(trunk, event.session, outgoing=False)
        new = Arriving(
            *(event.session, event.request.body, event.flow),
            *(call.caller, call.name, "", call.number, trunk),
            excuse=self.protection.excuse,
        )
        return self.new_call(new, now)

    def _attend(self, told: list[inputs.Input], now: float) -> list[Item]:
        return [effect for event in told for effect in self._tell(event, now)]

    def _devices(self) -> dict[str, int]:
        extensions = self.plan.extensions
        return {name: count_of(self.plan, self.registrar, name) for name in extensions}

    _METHODS: ClassVar[dict[str, Callable[..., list[Item]]]] = {
        "REGISTER": _on_register,
        "OPTIONS": _on_options,
        "MESSAGE": _on_message,
    }
