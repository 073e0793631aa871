"""What comes from outside calls: who registers, who calls, requests to the parts of the exchange.

A *part* is an object without sockets that does one job beside calls: lamps, trunks, qualifying
phones. The exchange owns it, gives it the time, and tells it what became of its requests, whose
keys are "PART:rest".
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from pbx.distribution import inputs
from pbx.events import RegistrationChanged, RequestRefused
from pbx.plan import Plan
from pbx.switchboard import Item
from pbx.switching import Switching
from sip import events as sip
from sip.endpoint import Endpoint
from sip.registration import BindingChange, BindingKind
from sip.uri import Uri


class Part(Protocol):
    @property
    def next_deadline(self) -> float | None: ...

    def on_time(self, now: float) -> list[Any]: ...

    def configure(self, plan: Plan, now: float) -> list[Any]: ...

    def on_done(self, event: sip.RequestDone, now: float) -> list[Any]: ...


class Reception(Switching):
    endpoint: Endpoint
    parts: dict[str, Part]

    def make_parts(self) -> dict[str, Part]:
        """By the beginning of the keys of their requests."""
        return {}

    def _on_request(self, event: sip.RequestReceived, now: float) -> list[Item]:
        handler = self._METHODS.get(event.request.method)
        return self._refuse(event, now) if handler is None else handler(self, event, now)

    def _refuse(self, event: sip.RequestReceived, now: float) -> list[Item]:
        # 489 names what we do (nothing), RFC 6665 §8.2.1.
        method = event.request.method
        status = 489 if method in ("SUBSCRIBE", "PUBLISH") else 405
        return [
            *self.endpoint.respond(event.transaction, status, now),
            RequestRefused(method, event.flow.remote[0], status, self._wall(now)),
        ]

    def _on_options(self, event: sip.RequestReceived, now: float) -> list[Item]:
        return [*self.endpoint.respond(event.transaction, 200, now)]

    def _on_done(self, event: sip.RequestDone, now: float) -> list[Item]:
        part = self.parts.get(event.key.partition(":")[0])
        return [] if part is None else part.on_done(event, now)

    def _on_register(self, event: sip.RequestReceived, now: float) -> list[Item]:
        aor = event.request.to.uri.user or ""
        extension = self.plan.extensions.get(aor)
        allowed = event.username == aor or (event.username is None and extension is not None)
        if extension is None or not allowed or extension.contact:
            # Registering somebody else's extension: RFC 3261 §10.3 step 4.
            refused = RequestRefused("REGISTER", event.flow.remote[0], 403, self._wall(now))
            return [*self.endpoint.respond(event.transaction, 403, now), refused]
        (status, headers), changes = self.registrar.register(aor, event.request, event.flow, now)
        return [*self.endpoint.respond(event.transaction, status, now, headers), *changes]

    def _on_binding(self, change: BindingChange, now: float) -> list[Item]:
        devices = len(self.registrar.bindings(change.aor))
        items: list[Item] = [
            RegistrationChanged(
                change.aor, change.binding.contact, change.kind.value, devices, self._wall(now)
            )
        ]
        agent = self.plan.agent_of.get(change.aor)
        if agent is not None and change.kind is not BindingKind.REFRESHED:
            items += self._attend(self.attendance.on_devices(agent, devices, now), now)
        return items

    def _on_invite(self, event: sip.InviteReceived, now: float) -> list[Item]:
        request = event.request
        if len(self.calls) >= self.plan.calls_max:
            retry = (("Retry-After", "5"),)
            return [*self.endpoint.reject(event.session, 503, now, retry)]
        sender = request.from_
        if event.username is None:
            caller, name, extension = sender.uri.user or "anonymous", sender.display, ""
        else:
            caller = extension = event.username
            known = self.plan.extensions.get(extension)
            name = known.name if known is not None else ""
        called = Uri.parse(request.uri).user or ""
        return self.new_call(
            event.session, request.body, event.flow, caller, name, extension, called, now
        )

    def _attend(self, told: list[inputs.Input], now: float) -> list[Item]:
        return [effect for event in told for effect in self._tell(event, now)]

    def _devices(self) -> dict[str, int]:
        return {name: len(self.registrar.bindings(name)) for name in self.plan.extensions}

    _METHODS: ClassVar[dict[str, Callable[..., list[Item]]]] = {
        "REGISTER": _on_register,
        "OPTIONS": _on_options,
    }
