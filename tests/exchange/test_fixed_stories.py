"""Phones at a fixed contact, which never register: they are asked whether they are there."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.distribution.effects import AgentState
from pbx.events import RegistrationChanged
from pbx.history.records import Verdict
from pbx.plan import ExtensionPlan, SignIn
from pbx.registrar_plan import RegistrarPlan
from pbx.snapshot import freeze, thaw
from sip.flow import Flow
from sip.registration import Binding, BindingKind, Registrar, RegistrarLimits
from tests.exchange.lamp_phone import again, plug_in, watch
from tests.exchange.office import OPENS, SERVER, TICK, Office

INTERVAL = 60.0
FIXED = ("102", "901")


def office_with(interval: float = INTERVAL) -> Office:
    """The phones 102 and 901 are at home there, and 901 is always at work."""
    office = Office(agents={"901": SignIn.ALWAYS, "902": SignIn.REGISTER})
    for user in FIXED:
        office.registers(user, expires=0)
    office.run_for(1.0)
    asked(office, interval)
    office.run_for(0.25)
    office.events.clear()
    return office


def asked(office: Office, interval: float, users: tuple[str, ...] = FIXED) -> None:
    plan = office.exchange.plan
    fixed = {user: at_home(office, user, interval) for user in users}
    rest = {user: ExtensionPlan(user, f"Name {user}") for user in FIXED}
    office.configure(replace(plan, extensions=plan.extensions | rest | fixed))


def at_home(office: Office, user: str, interval: float) -> ExtensionPlan:
    address = office.of(user).address
    return ExtensionPlan(
        user,
        f"Name {user}",
        contact=f"sip:{user}@{address[0]}:{address[1]}",
        flow=Flow("udp", SERVER, address),
        qualify_seconds=interval,
    )


def kinds(office: Office, extension: str) -> list[tuple[str, int]]:
    told = [e for e in office.told(RegistrationChanged) if e.extension == extension]
    return [(event.kind, event.devices) for event in told]


def test_a_fixed_phone_is_asked_as_often_as_is_configured() -> None:
    office = office_with()
    office.wire = []
    office.run_for(3 * INTERVAL)
    counts = {user: office.got(user).count("OPTIONS") for user in office.devices}
    assert counts == {"101": 0, "102": 3, "103": 0, "901": 3, "902": 0}
    (first, *_rest) = office.messages("102", "OPTIONS")
    assert str(first.to.uri) == f"sip:102@{office.of('102').address[0]}:5060"
    device = office.exchange.qualify.device("102", "")
    assert device is not None
    assert device.round_trip == pytest.approx(2 * TICK)
    assert kinds(office, "102") == []


def test_without_an_interval_it_is_never_asked() -> None:
    office = office_with(0.0)
    office.wire = []
    office.unplug(office.of("102"))
    office.run_for(3 * INTERVAL)
    assert "OPTIONS" not in office.got("102")
    assert (len(office.exchange.qualify), office.exchange.qualify.next_deadline) == (0, None)
    office.dial("101", "102")
    office.run_for(1.0)
    assert "INVITE" in office.got("102")


def test_one_that_is_gone_is_not_rung_in_vain() -> None:
    office = office_with()
    office.unplug(office.of("102"))
    died = office.now
    office.run_for(INTERVAL + 5.0)
    (gone,) = office.told(RegistrationChanged)
    assert (gone.extension, gone.kind, gone.devices, gone.kept) == ("102", "unreachable", 0, None)
    assert office.since_open(gone.at) <= died - OPENS + INTERVAL + 5.0
    office.wire = []
    office.dial("101", "102")
    office.run_for(0.25)
    assert office.got("101")[-1] == "480"
    assert office.record.verdict is Verdict.UNREACHABLE
    assert "INVITE" not in office.got("102")


def test_its_agent_gets_no_calls_until_it_is_back() -> None:
    office = office_with()
    phone = office.of("901")
    assert office.agents["901"] == AgentState.READY.value
    office.unplug(phone)
    office.run_for(INTERVAL + 5.0)
    assert office.agents["901"] == AgentState.UNREACHABLE.value
    office.dial("101")
    office.run_for(1.0)
    assert office.ringing == ["902"]
    office.hang_up("101")
    office.unplugged.discard(phone.address)
    office.run_for(INTERVAL)
    assert kinds(office, "901") == [("unreachable", 0), ("reachable", 1)]
    assert office.agents["901"] == AgentState.READY.value


def test_any_datagram_is_a_sign_of_life() -> None:
    office = office_with()
    office.unplug(office.of("102"))
    office.run_for(INTERVAL + 5.0)
    office.send(office.of("102").address, b"\r\n\r\n")
    office.run_for(2 * TICK)
    assert kinds(office, "102") == [("unreachable", 0), ("reachable", 1)]


def test_a_lamp_shows_that_it_is_gone() -> None:
    office = office_with()
    phone = plug_in(office, "103")
    lamp = watch(office, phone, "102", "presence")
    assert "<basic>open</basic>" in lamp.bodies[-1]
    office.unplug(office.of("102"))
    office.run_for(INTERVAL + 5.0)
    assert "<basic>closed</basic>" in lamp.bodies[-1]
    again(office, phone, lamp, 0)


@pytest.mark.parametrize("interval", [0.0, 2 * INTERVAL])
def test_other_settings_begin_anew(interval: float) -> None:
    """Who is not asked any more, or from now on at other times, counts as there."""
    office = office_with()
    office.unplug(office.of("901"))
    office.run_for(INTERVAL + 5.0)
    asked(office, interval)
    assert kinds(office, "901") == [("unreachable", 0), ("reachable", 1)]
    assert office.agents["901"] == AgentState.READY.value
    assert len(office.exchange.qualify) == (2 if interval else 0)


@pytest.mark.parametrize("seconds", [0.0, 30.0])
def test_those_who_register_are_asked_as_before(seconds: float) -> None:
    """Their interval is one thing, that of a fixed phone another."""
    office = office_with()
    office.unplug(office.of("102"))
    for interval in (INTERVAL, seconds):
        plan = office.exchange.plan
        office.configure(replace(plan, registrar=RegistrarPlan(qualify_seconds=interval)))
        office.run_for(INTERVAL + 5.0)
    assert kinds(office, "102") == [("unreachable", 0)]
    office.wire = []
    office.run_for(INTERVAL)
    counts = {user: office.got(user).count("OPTIONS") for user in ("101", "901", "902")}
    often = round(INTERVAL / seconds) if seconds else 0
    assert counts == {"101": often, "901": 1, "902": often}


def test_the_same_settings_change_nothing() -> None:
    office = office_with()
    office.unplug(office.of("901"))
    office.run_for(INTERVAL + 5.0)
    asked(office, INTERVAL)
    assert kinds(office, "901") == [("unreachable", 0)]
    assert office.agents["901"] == AgentState.UNREACHABLE.value


def test_one_that_is_to_register_now_is_not_said_to_be_there() -> None:
    office = office_with()
    office.unplug(office.of("102"))
    office.run_for(INTERVAL + 5.0)
    asked(office, INTERVAL, users=("901",))
    assert kinds(office, "102") == [("unreachable", 0)]
    assert not office.exchange.registrar.is_away("102")
    assert len(office.exchange.qualify) == 1


def test_an_agent_who_is_new_while_his_phone_is_gone() -> None:
    office = office_with()
    office.unplug(office.of("901"))
    office.run_for(INTERVAL + 5.0)
    plan = office.exchange.plan
    core = plan.distribution
    fewer = replace(core, agents=core.agents[1:], queues=())
    office.configure(replace(plan, agents={"902": plan.agents["902"]}, distribution=fewer))
    office.configure(plan)
    assert office.agents["901"] == AgentState.UNREACHABLE.value


def test_what_is_marked_is_plain_and_told_once() -> None:
    registrar = Registrar(RegistrarLimits())
    binding = Binding("102", "sip:x", Flow("udp", SERVER, ("10.0.0.2", 5060)), inf, "", 0)
    (gone,) = registrar.mark_fixed(binding, reachable=False)
    assert (gone.kind, gone.binding) == (BindingKind.UNREACHABLE, binding)
    assert registrar.mark_fixed(binding, reachable=False) == []
    copy = thaw(freeze(registrar))
    assert isinstance(copy, Registrar)
    assert copy.is_away("102")
    (back,) = copy.mark_fixed(binding, reachable=True)
    assert back.kind is BindingKind.REACHABLE
    assert not copy.is_away("102")


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(FIXED),
            st.sampled_from(["unplug", "plug in", "ask", "ask more often", "stop asking"]),
            st.integers(0, 90),
        ),
        max_size=10,
    )
)
def test_what_is_said_of_fixed_phones_is_true_in_the_end(
    steps: list[tuple[str, str, int]],
) -> None:
    office = office_with()
    intervals = {"ask": INTERVAL, "ask more often": 30.0, "stop asking": 0.0}
    for user, what, seconds in steps:
        phone = office.of(user)
        if what == "unplug":
            office.unplug(phone)
        elif what == "plug in":
            office.unplugged.discard(phone.address)
        else:
            asked(office, intervals[what])
        office.run_for(float(seconds))
    asked(office, INTERVAL)
    office.run_for(INTERVAL + 5.0)
    gone = {user for user in FIXED if office.of(user).address in office.unplugged}
    assert {user for user in FIXED if office.exchange.registrar.is_away(user)} == gone
    ready = office.agents["901"] == AgentState.READY.value
    assert ready is ("901" not in gone)
    waiting = [name for names in office.exchange.qualify.awaited.values() for name in names]
    assert sorted(waiting) == sorted(gone)
