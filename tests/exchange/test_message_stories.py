"""Text messages between extensions (RFC 3428)."""

import pytest

from pbx.messages import BODY_BYTES_MAX, SENDER_MAX
from pbx.plan import ExtensionPlan
from sip.auth import answer_challenge
from sip.message import Request, Response, respond
from sip.parser import parse
from tests.exchange.office import OPENS, SERVER, Office
from tests.sim.plans import password


class Writer:
    """Somebody who writes from an extension, from an address of his own."""

    def __init__(self, office: Office, user: str) -> None:
        self.office = office
        self.user = user
        self.address = ("10.9.1.1", 5060)
        self.inbox = office.inboxes.setdefault(self.address, [])
        self.cseq = 0

    def write(
        self, to: str, text: bytes = b"Hello!", kind: str = "text/plain", *, wait: float = 1.0
    ) -> int:
        """The last status that came within that time; 0: none."""
        self.send(to, text, kind)
        self.office.run_for(0.25)
        challenge = self.answers()[-1]
        if challenge.status == 401:
            uri = f"sip:{to}@{SERVER[0]}"
            header = answer_challenge(
                challenge, "MESSAGE", uri, self.user, password=password(self.user), cnonce="c"
            )
            self.send(to, text, kind, header)
            self.office.run_for(wait)
        return {a.cseq.number: a.status for a in self.answers()}.get(self.cseq, 0)

    def answers(self) -> list[Response]:
        messages = [parse(data) for data in self.inbox]
        return [message for message in messages if isinstance(message, Response)]

    def send(self, to: str, text: bytes, kind: str, *headers: tuple[str, str]) -> None:
        self.cseq += 1
        host, port = self.address
        lines = [
            ("Via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-w{self.cseq}"),
            ("Max-Forwards", "70"),
            ("From", f'"Somebody else" <sip:{self.user}@{SERVER[0]}>;tag=w'),
            ("To", f"<sip:{to}@{SERVER[0]}>"),
            ("Call-ID", "writer"),
            ("CSeq", f"{self.cseq} MESSAGE"),
            ("Content-Type", kind),
            *headers,
        ]
        self.office.send(
            self.address, bytes(Request("MESSAGE", f"sip:{to}@{SERVER[0]}", lines, text))
        )


def test_a_message_to_all_devices() -> None:
    office = Office(devices={"102": 2})
    writer = Writer(office, "101")
    assert writer.write("102", "Привіт!".encode(), "text/plain;charset=utf-8") == 200
    for device in (0, 1):
        (message,) = office.messages("102", "MESSAGE", device)
        assert message.body.decode() == "Привіт!"
        assert message.get("Content-Type") == "text/plain;charset=utf-8"
        assert str(message.from_.with_tag("")) == '"Name 101" <sip:101@10.0.0.1:5060>'
        assert str(message.to) == f"<sip:102@{office.of('102', device).address[0]}>"
    assert len(office.exchange.messages) == 0
    office.close()


def test_without_a_password_nothing_reaches_a_phone() -> None:
    office = Office()
    writer = Writer(office, "101")
    writer.send("102", b"Spam", "text/plain")
    office.run_for(1.0)
    assert [answer.status for answer in writer.answers()] == [401]
    assert office.messages("102", "MESSAGE") == []
    office.close()


@pytest.mark.parametrize(
    ("to", "text", "kind", "status"),
    [
        ("12345", b"x", "text/plain", 404),
        ("sales", b"x", "text/plain", 404),
        ("102", b"x" * BODY_BYTES_MAX, "text/plain", 200),
        ("102", b"x" * (BODY_BYTES_MAX + 1), "text/plain", 413),
        ("102", b"x", "application/sdp", 415),
        ("102", b"x", "application/im-iscomposing+xml", 200),
    ],
)
def test_what_may_be_sent(to: str, text: bytes, kind: str, status: int) -> None:
    office = Office()
    assert Writer(office, "101").write(to, text, kind) == status
    assert len(office.messages("102", "MESSAGE")) == (status == 200)
    office.close()


def test_nobody_is_there() -> None:
    office = Office()
    office.registers("102", expires=0)
    office.run_for(1.0)
    assert Writer(office, "101").write("102") == 480
    office.close()


def test_one_device_is_dead_and_the_other_one_is_not() -> None:
    office = Office(devices={"102": 2})
    office.unplug(office.of("102", 0))
    assert Writer(office, "101").write("102") == 200
    office.run_for(40.0)
    assert len(office.exchange.messages) == 0


def test_the_only_device_says_nothing() -> None:
    """The sender is told that it is on its way (RFC 3428 §7)."""
    office = Office()
    office.unplug(office.of("102"))
    writer = Writer(office, "101")
    assert writer.write("102", wait=7.5) == 0
    office.run_for(1.0)
    assert writer.answers()[-1].status == 202
    office.run_for(40.0)
    assert len(office.exchange.messages) == 0


def test_what_the_device_says_about_the_message() -> None:
    office = Office()
    plan = office.exchange.plan
    office.configure(plan)
    phone = office.of("102")
    office.unplugged.add(phone.address)  # In its place somebody who writes answers down.
    office.phones.pop(phone.address)
    inbox: list[bytes] = []
    office.inboxes[phone.address] = inbox
    writer = Writer(office, "101")
    assert writer.write("102", wait=0.25) == 0
    request = parse(inbox[0])
    assert isinstance(request, Request)
    office.send(phone.address, _answer(request, 415))
    office.run_for(0.25)
    assert writer.answers()[-1].status == 415
    assert writer.write("102", wait=0.25) == 0
    request = parse(inbox[-1])
    assert isinstance(request, Request)
    office.send(phone.address, _answer(request, 486))
    office.run_for(0.25)
    assert writer.answers()[-1].status == 480


def test_a_fixed_contact_without_a_way_to_it() -> None:
    office = Office()
    plan = office.exchange.plan
    plan.extensions["plain"] = ExtensionPlan("plain", "Door", contact="sip:door@10.7.0.1")
    office.configure(plan)
    assert Writer(office, "101").write("plain") == 480


def test_a_flood_of_one_sender() -> None:
    office = Office()
    office.unplug(office.of("102"))
    writer = Writer(office, "101")
    for _ in range(SENDER_MAX):
        assert writer.write("102", wait=0.05) == 0
    assert writer.write("102", wait=0.05) == 503
    assert office.now < OPENS + 8.0
    office.run_for(60.0)
    assert len(office.exchange.messages) == 0


def _answer(request: Request, status: int) -> bytes:
    return bytes(respond(request, status, to_tag="d"))
