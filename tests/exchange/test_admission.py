"""Who is let in, and who is told what."""

from pbx.events import CallStarted, RegistrationChanged, RequestRefused
from pbx.history.records import Verdict
from sip.message import Response
from sip.parser import parse
from tests.exchange.office import Office
from tests.exchange.trunk import HERE, PLAIN, Trunk
from tests.sim.plans import password
from tests.sim.world import Habits


def test_a_wrong_password_calls_nobody() -> None:
    office = Office()
    thief = office.add_phone("101", "guess", Habits())
    office.phone(thief, thief.dial("102", office.now))
    office.phone(thief, thief.register(office.now))
    office.run_for(2.0)
    assert thief.state.value == "idle"
    assert (office.told(CallStarted), office.told(RegistrationChanged)) == ([], [])
    assert len(office.exchange.registrar.bindings("101")) == 1
    office.close()


def test_registering_the_extension_of_somebody_else_is_403() -> None:
    office = Office()
    thief = office.add_phone("101", password("101"), Habits())
    thief.aor = "901"
    office.phone(thief, thief.register(office.now))
    office.run_for(1.0)
    statuses = [
        message.status
        for packet in office.wire or []
        if packet.target == thief.address and isinstance(message := parse(packet.data), Response)
    ]
    assert statuses == [401, 403]
    (refused,) = office.told(RequestRefused)
    assert (refused.method, refused.source, refused.status) == (
        "REGISTER",
        thief.address[0],
        403,
    )
    assert len(office.exchange.registrar.bindings("901")) == 1
    office.close()


def test_a_stranger_is_challenged_and_leaves_nothing_behind() -> None:
    office = Office()
    before = office.exchange.leftovers()
    stranger = Trunk(office)
    stranger.invite("500", PLAIN)
    office.run_for(1.0)
    assert stranger.statuses() == [401]
    assert office.told(CallStarted) == []
    assert office.exchange.leftovers() == before
    office.close()


def test_a_trusted_address_needs_no_password() -> None:
    office = Office(trusted=(HERE[0],))
    trunk = Trunk(office)
    trunk.invite("12345", PLAIN)
    office.run_for(1.0)
    assert trunk.statuses() == [100, 404]
    assert (office.record.caller, office.record.verdict) == ("0501234567", Verdict.NOT_FOUND)
    _ = trunk.answer(404)
    trunk.ack()
    office.close()


def test_a_trusted_address_cannot_use_an_agents_codes() -> None:
    office = Office(trusted=(HERE[0],))
    trunk = Trunk(office, caller="901")
    trunk.invite("*46", PLAIN)
    office.run_for(1.0)
    assert trunk.statuses() == [100, 403]
    assert office.agents == {"901": "ready", "902": "ready"}
    _ = trunk.answer(403)
    trunk.ack()
    office.close()


def test_more_calls_than_the_plan_allows_are_503() -> None:
    office = Office(calls_max=1)
    office.dial("101")
    office.run_for(1.0)
    office.dial("102")
    office.run_for(1.0)
    (refusal,) = office.messages("102", "503")
    assert refusal.get("Retry-After") == "5"
    assert len(office.told(CallStarted)) == 1
    office.hang_up("101")
    office.run_for(1.0)
    office.dial("102")
    office.run_for(1.0)
    assert office.state("102") == "talking"
    office.close()


def test_shutting_down_ends_every_call_and_frees_everybody() -> None:
    office = Office()
    office.dial("101")
    office.run_for(1.0)
    office.answer("901")
    office.dial("102")
    office.dial("103", "101")
    office.run_for(1.0)
    office._do(office.exchange.shut_down(office.now))
    office.run_for(1.0)
    verdicts = {record.caller: record.verdict for record in office.records}
    assert verdicts["101"] is Verdict.ANSWERED
    assert verdicts["102"] is Verdict.SYSTEM
    assert sorted(office.left()) == ["answered", "system"]
    assert office.agents == {"901": "ready", "902": "ready"}
    office.close()
