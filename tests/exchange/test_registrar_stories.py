"""Registrations as phones make them, and phones that are registered but gone."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.config.registrar import RegistrarSettings, registrar_plan
from pbx.demo.phone import RegisterFailed
from pbx.distribution.effects import AgentState
from pbx.events import RegistrationChanged
from pbx.history.records import Verdict
from pbx.plan import SignIn
from pbx.registrar_plan import RegistrarPlan
from sip.headers import parse_contacts
from sip.message import Request, Response
from sip.parser import parse
from sip.registration import RegistrarLimits
from tests.exchange.office import OPENS, SERVER, TICK, Office

INTERVAL = 60.0
HERE = ("10.9.0.1", 5060)


class Device:
    """Registers by hand, from a trusted address."""

    def __init__(self, office: Office, aor: str = "101") -> None:
        self.office = office
        self.aor = aor
        self.cseq = 0
        self.inbox = office.inboxes.setdefault(HERE, [])

    def register(self, *headers: tuple[str, str]) -> Response:
        self.cseq += 1
        lines = [
            ("Via", f"SIP/2.0/UDP {HERE[0]}:{HERE[1]};branch=z9hG4bK-d{self.cseq}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.aor}@{SERVER[0]}>;tag=d"),
            ("To", f"<sip:{self.aor}@{SERVER[0]}>"),
            ("Call-ID", "a-device"),
            ("CSeq", f"{self.cseq} REGISTER"),
            *headers,
        ]
        self.office.send(HERE, bytes(Request("REGISTER", f"sip:{SERVER[0]}", lines)))
        self.office.run_for(4 * TICK)
        answer = parse(self.inbox[-1])
        assert isinstance(answer, Response)
        return answer

    def contacts(self, response: Response) -> list[str]:
        found = parse_contacts(response.get_all("Contact"))
        assert found != "*"
        return sorted(str(contact.uri) for contact in found)


def office_with(plan: RegistrarPlan, *, agents: dict[str, SignIn] | None = None) -> Office:
    office = Office(trusted=("10.9.0.0/16",), agents=agents)
    office.configure(replace(office.exchange.plan, registrar=plan))
    return office


def qualifying(agents: dict[str, SignIn] | None = None) -> Office:
    return office_with(RegistrarPlan(qualify_seconds=INTERVAL), agents=agents)


def kinds(office: Office, extension: str) -> list[tuple[str, int]]:
    told = [e for e in office.told(RegistrationChanged) if e.extension == extension]
    return [(event.kind, event.devices) for event in told if event.kind != "refreshed"]


# --- REGISTER -----------------------------------------------------------------------------------


def test_max_contacts() -> None:
    office = office_with(RegistrarPlan(RegistrarLimits(contacts_max=2)))
    device = Device(office)
    first, second, third = (("Contact", f"<sip:101@10.9.0.1:{port}>") for port in (1, 2, 3))
    agent = ("User-Agent", "a phone")
    assert device.register(first, agent).status == 200
    assert device.register(second, ("User-Agent", "another phone")).status == 403
    assert device.register(("Contact", "*"), ("Expires", "0")).status == 200
    for contact in (first, second):
        assert device.register(contact, agent).status == 200
    answer = device.register(third, agent)  # A phone that changes its port all the time.
    assert (answer.status, device.contacts(answer)) == (
        200,
        ["sip:101@10.9.0.1:2", "sip:101@10.9.0.1:3"],
    )
    assert device.register(first, ("User-Agent", "another phone")).status == 403


def test_no_contact_header() -> None:
    """RFC 3261 §10.3: it asks what is registered."""
    office = office_with(RegistrarPlan())
    device = Device(office)
    answer = device.register()
    assert (answer.status, device.contacts(answer)) == (
        200,
        [f"sip:101@{office.of('101').address[0]}:5060"],
    )
    assert kinds(office, "101") == []
    office.close()


@pytest.mark.parametrize("headers", [[], [("Expires", "60")], [("Expires", "x")]])
def test_unregister_star_without_expires(headers: list[tuple[str, str]]) -> None:
    office = office_with(RegistrarPlan())
    assert Device(office).register(("Contact", "*"), *headers).status == 400
    assert len(office.exchange.registrar.bindings("101")) == 1
    office.close()


def test_star_with_another_contact() -> None:
    office = office_with(RegistrarPlan())
    headers = [("Contact", "*, <sip:101@10.9.0.1>"), ("Expires", "0")]
    assert Device(office).register(*headers).status == 400
    assert len(office.exchange.registrar.bindings("101")) == 1
    office.close()


def test_wrong_password() -> None:
    office = Office()
    phone = office.of("101")
    phone.password = "guess"
    office.registers("101")
    office.run_for(1.0)
    failed = [event for _, event in office.phone_events if isinstance(event, RegisterFailed)]
    assert failed == [RegisterFailed("101", 401)]
    assert kinds(office, "101") == []
    phone.password = "pw-101"
    office.close()


def test_times_are_those_of_the_configuration() -> None:
    settings_ = RegistrarSettings(min_expires=120, max_expires=300, default_expires=200)
    office = office_with(registrar_plan(settings_, frozenset()))
    device, contact = Device(office), ("Contact", "<sip:101@10.9.0.1>")
    brief = device.register(contact, ("Expires", "119"))
    assert (brief.status, brief.get("Min-Expires")) == (423, "120")
    granted = {
        expires: device.register(contact, *([("Expires", expires)] if expires else []))
        for expires in ("120", "99999", "")
    }
    assert {expires: _granted(answer) for expires, answer in granted.items()} == {
        "120": "120",
        "99999": "300",
        "": "200",
    }


def _granted(answer: Response) -> str | None:
    found = parse_contacts(answer.get_all("Contact"))
    assert found != "*"
    (mine,) = [contact for contact in found if contact.uri.host == "10.9.0.1"]
    return mine.param("expires")


def test_a_call_takes_the_path_that_was_registered() -> None:
    """RFC 3327 §5.1: Route to all proxies, and the flow to the nearest one."""
    office = office_with(RegistrarPlan())
    office.registers("102", expires=0)
    device = Device(office, "102")
    path = ("Path", "<sip:edge.example;lr>, <sip:core.example;lr;ob>")
    answer = device.register(
        ("Contact", "<sip:102@192.168.1.9>"), path, ("Supported", "path, gruu")
    )
    assert (answer.status, answer.get_all("Path")) == (
        200,
        ["<sip:edge.example;lr>", "<sip:core.example;lr;ob>"],
    )
    office.dial("101", "102")
    office.run_for(0.25)
    requests = [parse(data) for data in office.inboxes[HERE]]
    (invite,) = {r.branch: r for r in requests if getattr(r, "method", "") == "INVITE"}.values()
    assert isinstance(invite, Request)
    assert invite.uri == "sip:102@192.168.1.9"
    assert invite.values("Route") == ["<sip:edge.example;lr>", "<sip:core.example;lr;ob>"]


# --- qualify ------------------------------------------------------------------------------------


def test_qualify() -> None:
    """Everybody is asked once in an interval, each at another time; the round trip is kept."""
    office = qualifying()
    office.run_for(2 * INTERVAL)
    asked = {user: office.got(user).count("OPTIONS") for user in office.devices}
    assert asked == dict.fromkeys(office.devices, 2)
    first = [office.messages(user, "OPTIONS")[0] for user in office.devices]
    assert len({message.call_id for message in first}) == len(office.devices)
    times = {p.at for p in office.wire or [] if p.data.startswith(b"OPTIONS")}
    assert len({at % INTERVAL for at in times}) == len(office.devices)
    binding = office.exchange.registrar.bindings("101")[0]
    device = office.exchange.qualify.device("101", binding.contact)
    assert device is not None
    assert device.round_trip == pytest.approx(2 * TICK)
    office.configure(replace(office.exchange.plan, registrar=RegistrarPlan()))
    office.close()


def test_a_dead_phone_is_unreachable_soon() -> None:
    office = qualifying()
    office.run_for(100.0)
    office.unplug(office.of("901"))
    died = office.now
    office.run_for(INTERVAL + 5.0)
    (gone,) = [e for e in office.told(RegistrationChanged) if e.kind == "unreachable"]
    assert (gone.extension, gone.devices) == ("901", 0)
    assert office.since_open(gone.at) <= died - OPENS + INTERVAL + 5.0
    assert office.agents["901"] == AgentState.UNREACHABLE.value


def test_call_unreachable() -> None:
    """Nothing is sent to a phone that is known to be gone."""
    office = qualifying()
    office.unplug(office.of("102"))
    office.run_for(INTERVAL + 5.0)
    office.wire = []
    office.dial("101", "102")
    office.run_for(0.25)
    assert office.got("101")[-1] == "480"
    assert office.record.verdict is Verdict.UNREACHABLE
    assert "INVITE" not in office.got("102")


def test_it_comes_back_by_itself() -> None:
    """By answering, or by any word of its own."""
    office = qualifying()
    phone = office.of("901")
    office.unplug(phone)
    office.run_for(INTERVAL + 5.0)
    assert office.agents["901"] == AgentState.UNREACHABLE.value
    office.unplugged.discard(phone.address)
    office.run_for(INTERVAL)
    assert kinds(office, "901") == [("unreachable", 0), ("reachable", 1)]
    assert office.agents["901"] == AgentState.READY.value
    office.unplug(phone)
    office.run_for(INTERVAL + 5.0)
    office.unplugged.discard(phone.address)
    office.registers("901")
    office.run_for(4 * TICK)
    assert kinds(office, "901")[2:] == [("unreachable", 0), ("reachable", 1)]


def test_any_datagram_is_a_sign_of_life() -> None:
    office = qualifying()
    phone = office.of("101")
    office.unplug(phone)
    office.run_for(INTERVAL + 5.0)
    assert kinds(office, "101") == [("unreachable", 0)]
    office.send(phone.address, b"\r\n\r\n")
    office.run_for(2 * TICK)
    assert kinds(office, "101") == [("unreachable", 0), ("reachable", 1)]


def test_one_of_two_devices_is_gone() -> None:
    office = Office(agents={"901": SignIn.REGISTER}, devices={"901": 2})
    plan = office.exchange.plan
    office.configure(replace(plan, registrar=RegistrarPlan(qualify_seconds=INTERVAL)))
    office.unplug(office.of("901", 1))
    office.run_for(INTERVAL + 5.0)
    assert kinds(office, "901") == [("unreachable", 1)]
    assert office.agents["901"] == AgentState.READY.value
    office.dial("101")
    office.run_for(0.5)
    assert office.state("901", 0) == "ringing"


def test_switched_off_everybody_counts_as_there() -> None:
    office = qualifying()
    office.unplug(office.of("101"))
    office.run_for(INTERVAL + 5.0)
    office.configure(replace(office.exchange.plan, registrar=RegistrarPlan()))
    assert kinds(office, "101") == [("unreachable", 0), ("reachable", 1)]
    assert (len(office.exchange.qualify), office.exchange.qualify.next_deadline) == (0, None)
    assert office.exchange.qualify.awaited == {}


def test_who_is_asked_is_forgotten_with_the_registration() -> None:
    office = qualifying()
    for user in office.devices:
        office.registers(user, expires=0)
    office.run_for(1.0)
    assert len(office.exchange.qualify) == 0
    assert office.exchange.qualify.next_deadline is None
    office.close()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["901", "902"]),
            st.sampled_from(["unplug", "plug in", "register", "leave", "restart"]),
            st.integers(0, 90),
        ),
        max_size=12,
    )
)
def test_what_is_said_of_phones_is_true_in_the_end(steps: list[tuple[str, str, int]]) -> None:
    office = qualifying()
    for user, what, seconds in steps:
        phone = office.of(user)
        match what:
            case "unplug":
                office.unplug(phone)
            case "plug in":
                office.unplugged.discard(phone.address)
                office.phone(phone, phone.on_time(office.now))
            case "restart":
                office.restart()
            case _ if phone.address not in office.unplugged:
                office.registers(user, expires=0 if what == "leave" else 600)
            case _:
                pass
        office.run_for(float(seconds))
    office.run_for(INTERVAL + 5.0)
    registrar = office.exchange.registrar
    for user in ("901", "902"):
        registered = [b for b in registrar.everything() if b.aor == user]
        gone = office.of(user).address in office.unplugged
        assert len(registrar.bindings(user)) == (0 if gone else len(registered)), user
    waiting = [name for names in office.exchange.qualify.awaited.values() for name in names]
    reachable = sum(len(registrar.bindings(user)) for user in office.devices)
    assert len(waiting) == len(registrar) - reachable
