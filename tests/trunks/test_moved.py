"""Calls to the outside that are forwarded, transferred, restarted under; lost connections."""

from random import Random

import pytest

from pbx.config.document import parse
from pbx.config.load import validate
from pbx.events import (
    OutsideEnded,
    TrunkChanged,
)
from pbx.planning import make_plan
from pbx.reporting import DayCounts, make_status
from pbx.status import TrunkStatus
from pbx.trunks.trunks import Resolve, Trunks
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import RequestDone, Send
from sip.flow import Flow
from sip.resolver import End, Site
from sip.tokens import Tokens
from tests.sim.world import SERVER
from tests.trunks.offices import ONE, REGISTERING, TRUNKS, TWO, registering, street


def forwarded(to: str, trunks: str = TRUNKS) -> str:
    for user in ("101: Olena", "102: Taras"):
        number, _, name = user.partition(": ")
        text = f"{number}: {{name: {name}, forward: {{always: '{to}'}}}}"
        trunks = trunks.replace(user, text)
    return trunks


def test_who_forwards_a_call_pays_for_it() -> None:
    """101 may call mobiles, 102 and 103 may not."""
    office, one, two = street(forwarded("0501234567"))
    office.call_in(one, "sip:380441230001@10.0.0.1", "sip:+380671112233@192.0.2.1")
    office.run_for(1.0)
    (invite,) = two.invites
    assert invite.uri == "sip:+380501234567@192.0.2.2"
    assert str(invite.from_.uri) == "sip:+380441239999@192.0.2.2"
    assert invite.get("Diversion") == "<sip:+380441239999@192.0.2.2>;reason=unconditional"
    office.run_for(30.0)
    office.far_end_hangs_up(one)
    office.run_for(1.0)
    assert [e.extension for e in office.told(OutsideEnded)] == ["101"]
    office.dial("103", "102")
    office.run_for(1.0)
    assert (len(two.invites), office.ringing) == (1, ["102"])  # 102 has no right to that.
    office.close()


def test_who_hides_his_number_is_known_to_the_provider_only() -> None:
    office, one, _ = street(TRUNKS.replace("101: Olena", "101: {name: Olena, hide_number: true}"))
    office.dial("101", "1234567")
    office.run_for(1.0)
    (invite,) = one.invites
    assert str(invite.from_.uri) == "sip:anonymous@anonymous.invalid"
    assert invite.get("Privacy") == "id"
    assert invite.get("P-Asserted-Identity") == "<sip:0441230001@192.0.2.1>"
    office.close()


def test_a_forwarded_caller_is_shown_where_that_is_allowed() -> None:
    text = forwarded("0501234567").replace(
        'caller_id: {number: "+380441239999"}',
        'caller_id: {number: "+380441239999", pass_through: true}',
    )
    office, one, two = street(text)
    office.call_in(one, "sip:380441230001@10.0.0.1", "sip:+380671112233@192.0.2.1")
    office.run_for(1.0)
    assert str(two.invites[0].from_.uri) == "sip:+380671112233@192.0.2.2"
    office.call_in(
        one, "sip:380441230001@10.0.0.1", "sip:anonymous@anonymous.invalid", ("Privacy", "id")
    )
    office.run_for(1.0)
    hidden = two.invites[1]
    assert str(hidden.from_.uri) == "sip:anonymous@anonymous.invalid"
    assert hidden.get("Privacy") == "id"
    assert hidden.get("P-Asserted-Identity") == "<sip:+380441239999@192.0.2.2>"
    office.far_end_hangs_up(one)
    office.run_for(1.0)
    office.close()


@pytest.mark.parametrize("seed", range(3))
def test_restarts_in_the_middle_of_everything_change_nothing(seed: int) -> None:
    office, one, _ = street(one="503 answer")
    office.restart_rng, office.restart_inputs = Random(seed), 4
    office.dial("101", "1234567")
    office.run_for(30.0)
    office.call_in(one, "sip:380441230000@10.0.0.1", "sip:+380671112233@192.0.2.1")
    office.run_for(1.0)
    office.answer("901")
    office.run_for(29.0)
    office.hang_up("101")
    office.far_end_hangs_up(one)
    office.run_for(1.0)
    used = office.told(OutsideEnded)
    assert {e.trunk for e in used} == {"second"}
    assert round(sum(e.seconds for e in used)) == 60
    assert office.restarts > 3
    office.close()


def test_what_was_used_before_a_restart_counts() -> None:
    office, one, _ = street()
    office.exchange.trunks.tolls.load({"102": (119.0, 0.0)})
    office.dial("102", "1234567")
    office.run_for(2.0)
    assert office.state("102") == "idle"
    assert len(one.invites) == 1
    office.close()


def test_the_status_tells_of_trunks() -> None:
    office, one, _ = registering()
    office.dial("101", "+441234567")
    office.run_for(1.0)
    one.silent = True
    office.run_for(60.0)
    status = make_status(
        office.exchange,
        office.now,
        version="1",
        started_at=0.0,
        counts=DayCounts(0.0),
        workers=(),
        alarms=(),
    )
    assert status.trunks == (TrunkStatus("voip", True, 1, 2, 1),)
    one.silent = False
    office.close()


@pytest.mark.parametrize("number", ["0501234567", "+380900123456", "00441234567", "101", "112"])
def test_a_provider_cannot_transfer_us_to_where_it_likes(number: str) -> None:
    """A REFER of the far side has nobody's rights, whoever called it (here one who may all)."""
    office, one, two = street(TRUNKS.replace("calls: 3", "calls: 9"))
    office.dial("101", "1234567")
    office.run_for(1.0)
    (session,) = one.up
    refer = [("Refer-To", f"<sip:{number.replace('+', '%2B')}@10.0.0.1>")]
    office.provide(one, one.endpoint.request_in_dialog(session, "REFER", office.now, refer))
    office.run_for(2.0)
    assert (one.invites[1:], two.invites) == ([], [])
    office.hang_up("101")
    office.far_end_hangs_up(one)
    office.run_for(60.0)
    office.close()


def test_a_lost_connection_is_made_and_registered_anew() -> None:
    """Trunks over TCP: the flow is gone, so is the way back to us (RFC 5626 §4.4.1)."""
    plan = make_plan(validate(parse(REGISTERING.replace("30s", "0s"), "x")), {})
    endpoint = Endpoint(EndpointConfig(), Tokens(b"x"), None)
    trunks = Trunks(endpoint, Tokens(b"y"), 0.0)
    (resolve,) = trunks.configure(plan, 0.0)
    assert resolve == Resolve("trunk:voip:1:0", "sip:sip.provider.example")
    end = End("tcp", "192.0.2.1", 5060)
    sites = (Site(0, 0, (end,)),)

    def connect(number: int, now: float) -> tuple[Flow, list[object]]:
        flow = Flow("tcp", SERVER, ONE, number)
        return flow, trunks.on_resolved(resolve.key, sites, {end: flow}, 1e9, now)

    flow, items = connect(7, 0.0)
    assert [type(item).__name__ for item in items] == ["TrunkChanged", "Send"]
    assert trunks.on_flow_closed(Flow("tcp", SERVER, TWO, 9), 1.0) == []
    (lost,) = endpoint.on_flow_failed(flow, 1.0)
    assert isinstance(lost, RequestDone)
    items = trunks.on_done(lost, 1.0)
    assert [(i.what, i.up) for i in items if isinstance(i, TrunkChanged)] == [
        ("registration", False)
    ]
    assert trunks.on_flow_closed(flow, 1.0) == []
    assert trunks.next_deadline == 3.0  # Two seconds, then twice as long each time.
    assert trunks.on_time(3.0) == [resolve]
    _, items = connect(8, 3.0)
    assert [item for item in items if isinstance(item, Send)] == []  # It waits its time, ...
    while not items or not any(isinstance(item, Send) for item in items):
        assert trunks.next_deadline is not None
        assert trunks.next_deadline < 20.0
        items = trunks.on_time(trunks.next_deadline)
    (send,) = (item for item in items if isinstance(item, Send))
    assert send.flow.connection == 8  # ... and uses the new one.
