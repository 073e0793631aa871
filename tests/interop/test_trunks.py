"""Trunks against programs that we did not write: Kamailio between two of ours, sipp as provider.

Tones are checked in both directions: a call that is up and silent is no call.
"""

from pathlib import Path

import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.kamailio import PASSWORD, REALM, Kamailio
from tests.interop.pbx import SIPP_HOST, RunningPbx, Settings, offers, settings
from tests.interop.programs import HOST, eventually, let_pass
from tests.interop.sipp import Sipp
from tests.interop.tones import CALLER_HZ, FIRST_AGENT_HZ

pytestmark = pytest.mark.interop

TALK_SECONDS = 2.0
PICK_UP_SECONDS = 0.5


def assert_clean(phone: Baresip, hz: float) -> None:
    heard = tones.measure(phone.heard(), hz)
    assert heard is not None, f"{phone.user} heard no {hz} Hz"
    assert heard.share >= 0.999, heard
    assert (heard.gaps, heard.jumps) == ((), 0), heard
    assert heard.seconds == pytest.approx(TALK_SECONDS, abs=PICK_UP_SECONDS), heard


def outgoing(*trunks: str) -> Settings:
    return {
        "country": "380",
        "area": "44",
        "local_digits": 7,
        "routes": {"all": {"numbers": "+*", "kind": "international", "trunks": list(trunks)}},
        "rights": {"default": {"kinds": ["local", "mobile", "international"], "calls": 5}},
    }


def branch(kamailio: Kamailio, account: str, did: str, extension: str) -> Settings:
    """One of two offices that know each other only through the provider."""
    return settings(
        trunks={
            "provider": {
                "servers": kamailio.address,
                "domain": REALM,
                "username": account,
                "password": PASSWORD,
                "register": True,
                "realms": REALM,
                "health": "2s",
                "numbers": {did: f"extension:{extension}"},
                "outgoing": [{"match": "+*", "strip": 1}],
                "caller_id": {"number": f"+{did}"},
            }
        },
        outgoing=outgoing("provider"),
    )


def is_up(pbx: RunningPbx, what: str) -> None:
    pbx.wait_metric(1, "pbx_trunk_up", trunk="provider", what=what)


def test_two_offices_call_each_other_through_kamailio(office: Office, tmp_path: Path) -> None:
    with Kamailio(tmp_path / "kamailio") as kamailio:
        alpha = office.serve(branch(kamailio, "alpha", "380441110001", "101"))
        beta = RunningPbx(tmp_path / "beta", branch(kamailio, "beta", "380441110002", "901"))
        phone = Baresip(
            tmp_path / "beta-901",
            "901",
            tone_hz=FIRST_AGENT_HZ,
            server=beta.sip,
            password=beta.password("901"),
        )
        try:
            with phone:
                (caller,) = office.phones("101")
                phone.wait_registered()
                for pbx in (alpha, beta):
                    is_up(pbx, "registration")
                    is_up(pbx, "server")
                _talk(caller, phone, "0441110002")
                assert "380441110001" in phone.happened("CALL_INCOMING")[-1].peer
                assert_clean(phone, CALLER_HZ)
                assert_clean(caller, FIRST_AGENT_HZ)
                record = beta.wait_records(1)[0]
                assert (record["caller"], record["called"]) == ("380441110001", "380441110002")
                record = alpha.wait_records(1)[0]
                assert (record["called"], record["verdict"]) == ("0441110002", "answered")
                _talk(phone, caller, "1110001")  # And back.
        finally:
            beta.stop()


def _talk(caller: Baresip, called: Baresip, number: str) -> None:
    caller.dial(number)
    called.wait_incoming()
    called.accept()
    called.wait_established()
    caller.wait_established()
    let_pass(TALK_SECONDS)
    caller.hang_up()
    called.wait_closed()
    caller.wait_closed()


def test_a_number_that_kamailio_does_not_know(office: Office, tmp_path: Path) -> None:
    with Kamailio(tmp_path / "kamailio") as kamailio:
        pbx = office.serve(branch(kamailio, "alpha", "380441110001", "101"))
        (caller,) = office.phones("101")
        is_up(pbx, "registration")
        caller.dial("0449999999")
        assert "404" in caller.wait_closed().param
        assert pbx.record()["verdict"] == "not found"


def test_kamailio_goes_away_and_comes_back(office: Office, tmp_path: Path) -> None:
    with Kamailio(tmp_path / "kamailio") as kamailio:
        pbx = office.serve(branch(kamailio, "alpha", "380441110001", "101"))
        is_up(pbx, "registration")
        is_up(pbx, "server")
        kamailio.freeze()
        eventually(
            lambda: pbx.metric("pbx_trunk_up", trunk="provider", what="server") == 0,
            "the server is seen to be down",
            15.0,
        )
        kamailio.thaw()
        eventually(
            lambda: pbx.metric("pbx_trunk_up", trunk="provider", what="server") == 1,
            "the server is seen to be up",
            10.0,
        )


# --- sipp as a provider


def by_address(sipp: Sipp, **more: object) -> Settings:
    return {"servers": f"{HOST}:{sipp.port}", "health": "0s", **more}


def test_sipp_registrar_gets_the_right_password(office: Office) -> None:
    registrar = office.sipp_agent("provider_registrar.xml")
    account = {"username": "acme", "password": "open sesame 42", "register": True}
    provider = by_address(registrar, domain=REALM, realms=REALM, **account)
    pbx = office.serve(settings(trunks={"provider": provider}))
    is_up(pbx, "registration")
    assert registrar.finish().succeeded == 1
    first, second = (m for m in registrar.messages() if m.startswith("received REGISTER"))
    assert "Authorization" not in first
    assert "open sesame" not in second
    assert f"REGISTER sip:{REALM} SIP/2.0" in second


def test_a_challenge_of_another_realm_is_not_answered(office: Office) -> None:
    registrar = office.sipp_agent("provider_registrar.xml")
    account = {"username": "acme", "password": "open sesame 42", "register": True}
    provider = by_address(registrar, domain=REALM, realms="elsewhere.test", **account)
    pbx = office.serve(settings(trunks={"provider": provider}))
    eventually(lambda: "trunk registration down" in pbx.output(), "the registration failed")
    let_pass(0.5)
    assert not any("Authorization:" in message for message in registrar.messages())


def test_a_did_call_from_sipp_reaches_its_queue(office: Office) -> None:
    configuration = settings(
        sip={"trusted": []},
        trunks={
            "provider": {
                "servers": f"{SIPP_HOST}:5060",
                "networks": [SIPP_HOST],
                "health": "0s",
                "incoming": [{"match": "380*", "prefix": "+"}],
                "incoming_callers": [{"match": "380*", "prefix": "+"}],
                "numbers": {"+380445550000": "queue:sales"},
            }
        },
    )
    _ = office.serve(configuration)
    _, first, _ = office.team()
    caller = office.sipp_caller("caller.xml", "380445550000", hold_ms=3000)
    first.wait_incoming()
    first.accept()
    first.wait_established()
    assert caller.finish().succeeded == 1
    record = office.pbx.record()
    assert (record["caller"], record["called"]) == ("+380440000001", "+380445550000")
    assert (record["queue"], record["agent"]) == ("sales", "901")


def test_a_did_caller_reaches_nothing_else(office: Office) -> None:
    provider = {"servers": f"{SIPP_HOST}:5060", "networks": [SIPP_HOST], "health": "0s"}
    _ = office.serve(settings(sip={"trusted": []}, trunks={"provider": provider}))
    caller = office.sipp_caller("caller.xml", "901", hold_ms=500)
    assert caller.finish().failed == 1
    assert any(" 404 " in message for message in caller.messages())


def test_503_of_the_first_provider_leads_to_the_second(office: Office) -> None:
    first = office.sipp_agent("provider_refuses.xml")
    second = office.sipp_agent("agent.xml", hold_ms=0)
    numbers = {"outgoing": [{"match": "+*", "strip": 1}]}
    configuration = settings(
        trunks={"first": by_address(first, **numbers), "second": by_address(second, **numbers)},
        outgoing=outgoing("first", "second"),
    )
    pbx = office.serve(configuration)
    (caller,) = office.phones("101")
    caller.dial("0445551234")
    caller.wait_established()
    let_pass(1.0)
    caller.hang_up()
    caller.wait_closed()
    assert first.finish().succeeded == 1
    assert second.finish().succeeded == 1
    (invite,) = (m for m in second.messages() if m.startswith("received INVITE"))
    assert f"INVITE sip:380445551234@{HOST}:{second.port}" in invite
    record = pbx.record()
    assert (record["verdict"], record["called"]) == ("answered", "0445551234")
    assert [outcome for _, outcome in offers(record)] == ["congestion", "answered"]
