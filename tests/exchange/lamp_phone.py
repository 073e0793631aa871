"""A phone with lamps: the simulated phone, which subscribes and hears NOTIFYs beside its calls."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Final

from pbx.demo.phone import Habits, Output, Phone
from sip.auth import answer_challenge
from sip.events import Send
from sip.flow import Flow
from sip.message import Request, Response, respond
from sip.parser import parse
from sip.tokens import Tokens
from tests.exchange.office import SERVER, Office
from tests.sim.plans import password
from tests.sim.world import RTP_PORT

NS: Final = {"d": "urn:ietf:params:xml:ns:dialog-info"}


@dataclass
class Lamp:
    """One subscription, as the phone knows it. A dialog of its own, message by message."""

    target: str
    event: str
    accept: str
    call_id: str
    cseq: int = 0
    to_tag: str = ""
    expires: int = 600
    statuses: list[int] = field(default_factory=list[int])
    granted: list[str] = field(default_factory=list[str])
    notifies: list[Request] = field(default_factory=list[Request])
    answered: bool = False  # The last challenge.

    @property
    def states(self) -> list[str]:
        """Subscription-State of each NOTIFY, without the seconds that are left."""
        values = [notify.get("Subscription-State") or "" for notify in self.notifies]
        return [value.partition(";expires")[0] for value in values]

    @property
    def bodies(self) -> list[str]:
        return [notify.body.decode() for notify in self.notifies]

    @property
    def looks(self) -> list[str]:
        """Of each document: version, f(ull) or p(artial), and its dialogs' states, sorted."""
        return [look_of(body) for body in self.bodies if body]


def look_of(body: str) -> str:
    root = ET.fromstring(body)
    states = [f"{d.find('d:state', NS).text}" for d in root.findall("d:dialog", NS)]  # type: ignore[union-attr]
    return " ".join([f"{root.get('version')}{(root.get('state') or '')[0]}", *sorted(states)])


class LampPhone(Phone):
    """`notify_status` is how it answers NOTIFYs; 0: not at all."""

    notify_status = 200
    lamps: list[Lamp]

    def watch(
        self,
        now: float,
        target: str,
        event: str = "dialog",
        *,
        expires: int = 600,
        accept: str = "",
    ) -> tuple[Lamp, list[Output]]:
        n = len(self.lamps)
        lamp = Lamp(target, event, accept, f"lamp-{self.address[0]}-{n}", expires=expires)
        self.lamps.append(lamp)
        return lamp, self.again(lamp, expires)

    def again(
        self, lamp: Lamp, expires: int, credentials: tuple[tuple[str, str], ...] = ()
    ) -> list[Output]:
        """Subscribe, prolong, or (0 s) ask for the last time."""
        lamp.cseq += 1
        lamp.expires = expires
        host, port = self.address
        tag = f";tag={lamp.to_tag}" if lamp.to_tag else ""
        headers = [
            ("Via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{lamp.call_id}-{lamp.cseq}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.user}@{SERVER[0]}>;tag={lamp.call_id}"),
            ("To", f"<sip:{lamp.target}@{SERVER[0]}>{tag}"),
            ("Call-ID", lamp.call_id),
            ("CSeq", f"{lamp.cseq} SUBSCRIBE"),
            ("Contact", f"<sip:{self.user}@{host}:{port}>"),
            ("Event", lamp.event),
            ("Expires", str(expires)),
            *([("Accept", lamp.accept)] if lamp.accept else []),
            *credentials,
        ]
        return self._out(Request("SUBSCRIBE", f"sip:{lamp.target}@{SERVER[0]}", headers))

    def on_datagram(self, data: bytes, now: float) -> list[Output]:
        message = parse(data)
        lamp = next((lamp for lamp in self.lamps if lamp.call_id == message.call_id), None)
        if lamp is None:
            return super().on_datagram(data, now)
        if isinstance(message, Request):
            return self._notified(lamp, message)
        assert isinstance(message, Response)
        lamp.statuses.append(message.status)
        if message.status == 401 and not lamp.answered:
            lamp.answered = True
            uri = f"sip:{lamp.target}@{SERVER[0]}"
            header = answer_challenge(
                message, "SUBSCRIBE", uri, self.user, password=self.password, cnonce="c"
            )
            return self.again(lamp, lamp.expires, (header,))
        if message.status == 200:
            lamp.to_tag = message.to_tag
            lamp.granted.append(message.get("Expires") or "")
        return []

    def _notified(self, lamp: Lamp, notify: Request) -> list[Output]:
        if not self.notify_status:
            return []
        if all(notify.cseq != old.cseq for old in lamp.notifies):
            lamp.notifies.append(notify)
        return self._out(respond(notify, self.notify_status))

    def _out(self, message: Request | Response) -> list[Output]:
        return [Send(Flow("udp", self.address, SERVER), bytes(message))]


def plug_in(office: Office, user: str) -> LampPhone:
    """Another phone on somebody's desk. It is not registered."""
    address = (f"10.2.0.{len(office.phones)}", 5060)
    phone = LampPhone(
        user,
        password(user),
        address=address,
        server=SERVER,
        rtp_port=RTP_PORT,
        tokens=Tokens(f"lamps of {user}".encode()),
        habits=Habits(answer_after=None),
    )
    phone.lamps = []
    office.phones[address] = phone
    return phone


def watch(
    office: Office,
    phone: LampPhone,
    target: str,
    event: str = "dialog",
    *,
    expires: int = 600,
    accept: str = "",
) -> Lamp:
    """Subscribe and see the first NOTIFY."""
    lamp, outputs = phone.watch(office.now, target, event, expires=expires, accept=accept)
    office.phone(phone, outputs)
    office.run_for(0.25)
    return lamp


def again(office: Office, phone: LampPhone, lamp: Lamp, expires: int = 600) -> None:
    office.phone(phone, phone.again(lamp, expires))
    office.run_for(0.25)
