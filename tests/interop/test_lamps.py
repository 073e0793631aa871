"""Lamps, presence and messages of real programs; phones that are gone; restarts."""

import time

import pytest

from tests.interop.conftest import Office
from tests.interop.pbx import settings
from tests.interop.programs import eventually, let_pass

pytestmark = pytest.mark.interop

INTERVAL = 5.0  # Seconds, of qualifying: the shortest that there is.


def test_the_message_lamp_of_baresip_does_not_run_wild(office: Office) -> None:
    """Refused, it would subscribe again without a pause."""
    phone = office.phone("101", modules=("mwi",))
    phone.wait_registered()
    let_pass(1.0)
    if not any("\nSIP/2.0 401" in m and " SUBSCRIBE\n" in m for m in phone.traced()):
        pytest.skip("this baresip subscribes without end before it has read one answer")
    eventually(lambda: phone.received("NOTIFY"), "the message lamp is told", 5.0)
    let_pass(2.0)
    (notify,) = phone.received("NOTIFY")
    assert "Messages-Waiting: no\n" in notify
    assert "Voice-Message: 0/0 (0/0)" in notify
    sent = [m for m in phone.traced() if "\nSUBSCRIBE " in m]
    assert len(sent) == 2  # The first one without a password.


def test_baresip_sees_who_is_there(office: Office) -> None:
    contact = f'"Taras" <sip:102@{office.pbx.sip}>;presence=p2p\n'
    watcher = office.phone("101", modules=("contact", "presence"), contacts=contact)
    watcher.wait_registered()
    eventually(lambda: watcher.received("NOTIFY"), "the first NOTIFY", 10.0)
    assert "<basic>closed</basic>" in watcher.received("NOTIFY")[0]
    callee = office.phone("102")
    callee.wait_registered()
    eventually(lambda: "<basic>open</basic>" in watcher.received("NOTIFY")[-1], "he is there")
    _ = watcher.dial("102")
    _ = callee.wait_incoming()
    _ = callee.accept()
    watcher.wait_established()
    eventually(lambda: "on-the-phone" in watcher.received("NOTIFY")[-1], "he is on the phone")
    _ = watcher.hang_up()
    eventually(lambda: "on-the-phone" not in watcher.received("NOTIFY")[-1], "he is not")


def test_a_scripted_lamp(office: Office) -> None:
    caller, callee = office.phones("101", "102")
    lamp = office.sipp_caller("watcher.xml", "102")
    eventually(lambda: "NOTIFY" in lamp.methods(), "the lamp is dark")
    let_pass(0.2)  # Longer than changes are held back to be told together.
    _ = caller.dial("102")
    _ = callee.wait_incoming()
    let_pass(0.5)
    _ = callee.accept()
    caller.wait_established()
    let_pass(0.5)
    _ = caller.hang_up()
    counters = lamp.finish()
    assert (counters.succeeded, counters.failed) == (1, 0), lamp.problems()


def test_a_frozen_phone_is_unreachable_until_it_thaws(office: Office) -> None:
    pbx = office.serve(settings(sip={"qualify_interval": INTERVAL}))
    (agent,) = office.phones("901")
    pbx.wait_agent("901", "ready")
    let_pass(INTERVAL + 0.5)
    assert len(agent.received("OPTIONS")) in (1, 2)
    agent.freeze()
    frozen = time.monotonic()
    pbx.wait_agent("901", "unreachable", INTERVAL + 5.0)
    assert time.monotonic() - frozen <= INTERVAL + 5.0
    agent.thaw()
    pbx.wait_agent("901", "ready", INTERVAL)


def test_a_frozen_phone_at_a_fixed_contact_is_not_rung(office: Office) -> None:
    phone = office.fixed_phone("700")
    fixed = {"contact": phone.address, "qualify_interval": INTERVAL}
    pbx = office.serve(settings(extensions={"700": fixed}))
    (caller,) = office.phones("101")
    phone.freeze()
    told = '"registration unreachable","extension":"700"'
    eventually(lambda: told in pbx.output(), "it is unreachable", INTERVAL + 5.0)
    began = caller.dial("700")
    assert "480" in caller.wait_closed().param
    assert time.monotonic() - began < 1.0
    phone.thaw()
    told = '"registration reachable","extension":"700"'
    eventually(lambda: told in pbx.output(), "it is back", INTERVAL)
    _ = caller.dial("700")
    _ = phone.wait_incoming()
    _ = caller.hang_up()
    _ = phone.wait_closed()


def test_registrations_survive_a_kill(office: Office) -> None:
    pbx = office.pbx
    caller, callee = office.phones("101", "102")
    let_pass(0.5)  # The store writes five times a second.
    pbx.kill_and_start()
    killed = time.monotonic()
    _ = caller.dial("102")
    _ = callee.wait_incoming(3.0)
    assert time.monotonic() - killed < 3.0
    assert len(caller.received("SIP/2.0 200")) == 1  # It has not registered again.
    _ = caller.hang_up()
    _ = callee.wait_closed(3.0)
