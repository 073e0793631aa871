"""A company with trunks, and the providers at their other ends, in virtual time.

A provider is an endpoint of our own with a script: what it says to each call, in order.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from media.negotiation import make_answer, make_offer
from pbx.trunks.plan import NO_OUTSIDE
from sip.auth import Account, Gate, make_ha1
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import (
    InviteReceived,
    Output,
    RequestReceived,
    Send,
    SessionAnswered,
    SessionEnded,
    SessionProgress,
)
from sip.flow import Address, Flow
from sip.headers import NameAddr
from sip.message import Message, Request, Response
from sip.parser import parse
from sip.tokens import Tokens
from sip.uri import Uri
from tests.exchange.company import Company
from tests.sim.world import SERVER

REALM = "provider"
CODECS = ("PCMU", "PCMA")
RTP_PORT = 7000


@dataclass
class Provider:
    """`answers`: "503", "ring", "early", "answer", … for each INVITE; the last one stays."""

    address: Address
    password: str = ""
    answers: deque[str] = field(default_factory=lambda: deque(["answer"]))
    granted: int = 600
    silent: bool = False
    redirect_to: str = ""
    invites: list[Request] = field(default_factory=list[Request])
    registered: dict[str, str] = field(default_factory=dict[str, str])  # Account → contact.
    requests: list[str] = field(default_factory=list[str])
    progress: list[int] = field(default_factory=list[int])
    ended: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    up: set[str] = field(default_factory=set[str])  # Sessions.
    options_status: int = 200
    register_status: int = 200
    calls: int = 0

    def __post_init__(self) -> None:
        gate = None
        if self.password:
            account = Account("acme", make_ha1("acme", REALM, self.password))
            gate = Gate(REALM, {"acme": account}, (), b"provider")
        self.endpoint = Endpoint(EndpointConfig(), Tokens(str(self.address).encode()), gate)

    def on_event(self, event: Output, now: float) -> list[Output]:
        match event:
            case RequestReceived():
                return self._on_request(event, now)
            case InviteReceived():
                return self._on_invite(event, now)
            case SessionProgress():
                self.progress.append(event.status)
            case SessionAnswered():
                self.up.add(event.session)
            case SessionEnded():
                self.up.discard(event.session)
                self.ended.append((event.status, event.by.value))
            case _:
                pass
        return []

    def _on_request(self, event: RequestReceived, now: float) -> list[Output]:
        request = event.request
        self.requests.append(request.method)
        if request.method == "OPTIONS":
            return self.endpoint.respond(event.transaction, self.options_status, now)
        assert request.method == "REGISTER", request.method
        status = self.register_status
        if status != 200:
            return self.endpoint.respond(event.transaction, status, now)
        contact = request.contact
        assert contact is not None
        user = request.to.uri.user or ""
        expires = min(int(request.get("Expires") or 0), self.granted)
        if expires:
            self.registered[user] = str(contact.uri)
        else:
            _ = self.registered.pop(user, None)
        headers = [("Contact", f"{contact};expires={expires}")]
        return self.endpoint.respond(event.transaction, 200, now, headers)

    def _on_invite(self, event: InviteReceived, now: float) -> list[Output]:
        self.invites.append(event.request)
        what = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        name, endpoint = event.session, self.endpoint
        if what.isdigit():
            headers = [("Contact", self.redirect_to)] if what.startswith("3") else []
            return endpoint.reject(name, int(what), now, headers)
        here = (self.address[0], RTP_PORT)
        body, _ = make_answer(event.request.body, here, CODECS, session_id=1, version=1)
        if what == "ring":
            return endpoint.ring(name, now)
        if what == "early":
            return endpoint.ring(name, now, status=183, body=body)
        if what == "silence":
            return []
        self.up.add(name)
        return [*endpoint.ring(name, now), *endpoint.answer(name, body, now)]

    def call(
        self, uri: str, caller: str, now: float, *headers: tuple[str, str], to: str = ""
    ) -> list[Output]:
        self.calls += 1
        flow = Flow("udp", self.address, SERVER)
        body = make_offer((self.address[0], RTP_PORT), CODECS, session_id=1, version=1)
        return self.endpoint.invite(
            f"in{self.calls}",
            uri=uri,
            flow=flow,
            from_=NameAddr("Someone", Uri.parse(caller)),
            to=NameAddr("", Uri.parse(to or uri)),
            body=body,
            now=now,
            headers=headers,
        )

    def hang_up(self, now: float) -> list[Output]:
        return [o for name in sorted(self.up) for o in self.endpoint.hangup(name, now)]


class Street(Company):
    def __init__(self, text: str, *providers: Provider, seed: int = 1) -> None:
        self.providers = {provider.address: provider for provider in providers}
        self.provider_deadlines: dict[Address, float] = {}
        super().__init__(text, seed=seed)
        for trunk in self.exchange.plan.outside.trunks:  # It sees phones only.
            self.checker.phones_answered[f"trunk:{trunk}"] = 1_000_000

    def deliver(self, source: Address, target: Address, data: bytes) -> None:
        provider = self.providers.get(target)
        if provider is None:
            return super().deliver(source, target, data)
        if not provider.silent:
            flow = Flow("udp", target, source)
            self.provide(provider, provider.endpoint.on_datagram(data, flow, self.now))
        return None

    def provide(self, provider: Provider, outputs: list[Output]) -> None:
        work = deque(outputs)
        while work:
            output = work.popleft()
            if isinstance(output, Send):
                self._transmit(provider.address, output.flow.remote, output.data)
            else:
                work.extendleft(reversed(provider.on_event(output, self.now)))
        due = provider.endpoint.next_deadline
        if due is not None and self.provider_deadlines.get(provider.address) != due:
            self.provider_deadlines[provider.address] = due
            self.at(due, "provider_time", provider.address, due)

    def provider_time(self, address: Address, due: float) -> None:
        if self.provider_deadlines.get(address) != due:
            return
        del self.provider_deadlines[address]
        provider = self.providers[address]
        self.provide(provider, provider.endpoint.on_time(self.now))

    def close(self) -> None:
        self.configure(replace(self.exchange.plan, outside=NO_OUTSIDE))
        super().close()
        assert self.exchange.trunks.legs == 0
        assert self.exchange.trunks.tolls.calls == 0

    # --- what people do

    def call_in(
        self, provider: Provider, uri: str, caller: str, *headers: tuple[str, str], to: str = ""
    ) -> None:
        self.provide(provider, provider.call(uri, caller, self.now, *headers, to=to))

    def far_end_hangs_up(self, provider: Provider) -> None:
        self.provide(provider, provider.hang_up(self.now))

    def sent_to(self, address: Address, head: str) -> list[Message]:
        """What we sent there: requests of this method, or responses of this status."""
        messages = (parse(p.data) for p in self.wire or [] if p.target == address)
        return [
            m
            for m in messages
            if (isinstance(m, Request) and m.method == head)
            or (isinstance(m, Response) and str(m.status) == head)
        ]
