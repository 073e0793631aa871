"""Calls to a queue that are answered, with real phones: who rings, what is heard and recorded.

Times in the record must be right to 50 ms against what passed on the wire. What a phone tells of
it comes later than that when the machine is busy, so it counts only for the order of things.
"""

from typing import Any

import numpy as np
import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import ROOT, offers
from tests.interop.programs import let_pass
from tests.interop.tones import CALLER_HZ, FIRST_AGENT_HZ, RATE, SECOND_AGENT_HZ
from tests.interop.wire import Wire, delays, longest_pause

pytestmark = [pytest.mark.interop, pytest.mark.slow]

GREETING = ROOT / "sounds/en/welcome.flac"
MUSIC = ROOT / "sounds/music/hold.flac"
TALK_SECONDS = 3.0
TIME_TOLERANCE = 0.05
LIKENESS_MIN = 0.98  # G.711 alone leaves 0.999.
PICK_UP_SECONDS = 0.5  # From the agent's answer until both hear each other, at most.
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


def assert_clean(phone: Baresip, hz: float, seconds: float) -> None:
    """The tone of the other side arrived whole: its energy, no gap over 20 ms, nothing cut out."""
    heard = tones.measure(phone.heard(), hz)
    assert heard is not None, f"{phone.user} heard no {hz} Hz"
    assert heard.share >= 0.999, heard
    assert (heard.gaps, heard.jumps) == ((), 0), heard
    assert heard.seconds == pytest.approx(seconds, abs=PICK_UP_SECONDS), heard


def assert_times(record: dict[str, Any], wire: Wire, caller: Baresip, agent: Baresip) -> None:
    """Wait, ring and talk as the messages say: queued at our 200, ringing at 180, up at 200."""
    queued = wire.when("200 INVITE", destination=caller.sip_port)
    rang = wire.when("180 INVITE", source=agent.sip_port)
    answered = wire.when("200 INVITE", source=agent.sip_port)
    ended = min(message.at for message in wire.messages if message.what == "BYE")
    times = (record["wait_seconds"], record["ring_seconds"], record["talk_seconds"])
    seen = (answered - queued, answered - rang, ended - answered)
    assert times == pytest.approx(seen, abs=TIME_TOLERANCE)


@pytest.mark.parametrize("who_hangs_up", ["caller", "agent"])
def test_greeting_music_and_talk(office: Office, who_hangs_up: str) -> None:
    pbx = office.pbx
    caller, first, second = office.team()
    greeting, music = tones.read(GREETING), tones.read(MUSIC)
    music_seconds = 2.5 if who_hangs_up == "caller" else 1.0

    with Wire() as wire:
        caller.dial("500")
        caller.wait_established()
        first.wait_incoming()
        let_pass(len(greeting) / RATE + music_seconds)
        first.accept()
        first.wait_established()
        let_pass(TALK_SECONDS)
        one, other = (caller, first) if who_hangs_up == "caller" else (first, caller)
        one.hang_up()
        assert other.wait_closed(1.0).param == "Connection reset by peer"
        one.wait_closed()

    assert_clean(first, CALLER_HZ, TALK_SECONDS)
    assert_clean(caller, FIRST_AGENT_HZ, TALK_SECONDS)
    heard = caller.heard()
    greeted = tones.find(greeting, heard)
    assert greeted.likeness >= LIKENESS_MIN
    assert greeted.at < 0.3
    after = round((greeted.at + 0.1) * RATE) + len(greeting)
    piece = heard[after : after + round((music_seconds - 0.5) * RATE)]
    played = tones.find(piece, np.concatenate([music, music[: len(piece)]]))
    assert played.likeness >= LIKENESS_MIN
    assert played.at == pytest.approx(0.1, abs=0.1)  # It begins at the beginning.

    record = pbx.record()
    assert_times(record, wire, caller, first)
    assert record["verdict"] == "answered"
    assert record["hangup"] == ("caller" if who_hangs_up == "caller" else "callee")
    facts = (record["caller"], record["called"], record["queue"], record["agent"])
    assert facts == ("101", "500", "sales", "901")
    assert offers(record) == [("901", "answered")]
    pbx.wait_metric(1, "pbx_calls_total", verdict="answered")
    pbx.wait_metric(1, "pbx_queue_calls_total", queue="sales", reason="answered")
    pbx.wait_metric(1, "pbx_offers_total", queue="sales", outcome="answered")
    pbx.wait_metric(0, "pbx_calls_active")
    assert second.happened("CALL_INCOMING") == []


def test_round_robin_takes_turns(office: Office) -> None:
    caller, first, second = office.team()
    for agent, idle in ((first, second), (second, first), (first, second)):
        rings_before = len(idle.happened("CALL_INCOMING"))
        caller.dial("500")
        caller.wait_established()
        agent.wait_incoming()
        agent.accept()
        agent.wait_established()
        let_pass(0.5)
        caller.hang_up()
        agent.wait_closed()
        caller.wait_closed()
        assert len(idle.happened("CALL_INCOMING")) == rings_before
        office.pbx.wait_agent(agent.user, "ready")
    records = office.pbx.wait_records(3)
    assert [record["agent"] for record in records] == ["901", "902", "901"]


def test_ring_all_first_answer_wins(office: Office) -> None:
    caller, first, second = office.team()
    with Wire() as wire:
        caller.dial("501")
        caller.wait_established()
        for phone in (first, second):
            phone.wait_incoming()
        let_pass(1.0)
        second.accept()
        second.wait_established()
        first.wait_closed(1.0)
        let_pass(TALK_SECONDS)
        caller.hang_up()
        second.wait_closed()
        caller.wait_closed()

    (cancel,) = first.received("CANCEL")
    assert f"Reason: {ELSEWHERE}" in cancel.splitlines()
    assert second.received("CANCEL") == []
    assert_clean(second, CALLER_HZ, TALK_SECONDS)
    assert_clean(caller, SECOND_AGENT_HZ, TALK_SECONDS)
    record = office.pbx.record()
    assert_times(record, wire, caller, second)
    assert sorted(offers(record)) == [("901", "answered elsewhere"), ("902", "answered")]
    assert record["agent"] == "902"


def test_a_second_caller_waits_until_an_agent_is_free(office: Office) -> None:
    """Both talk to the same agent, one after the other, and neither hears the other."""
    caller, agent, other = office.phones("101", "901", "102")
    office.pbx.wait_agent("901", "ready")
    caller.dial("500")
    caller.wait_established()
    agent.wait_incoming()
    agent.accept()
    agent.wait_established()
    other.dial("500")
    other.wait_established()
    office.pbx.wait_waiting("sales", 1)
    let_pass(1.0)
    caller.hang_up()
    caller.wait_closed()
    agent.wait_closed()
    agent.wait_incoming()
    agent.accept()
    agent.wait_established()
    let_pass(2.0)
    agent.hang_up()
    other.wait_closed()
    agent.wait_closed()
    assert_clean(agent, SECOND_AGENT_HZ, 2.0)
    # A phone with one line refuses the second call while the first is not over.
    requests = [message.split()[0] for message in agent.received("") if "SIP/2.0 " not in message]
    assert requests[:4] == ["INVITE", "ACK", "BYE", "INVITE"]
    records = office.pbx.wait_records(2)
    assert [record["agent"] for record in records] == ["901", "901"]
    assert records[1]["wait_seconds"] > 1.0


def test_sound_is_passed_on_at_once(office: Office) -> None:
    """Music comes every 20 ms; of a conversation no packet is lost or kept back."""
    pbx = office.pbx
    caller, agent = office.phones("101", "901")
    pbx.wait_agent("901", "ready")
    with Wire() as waiting:
        caller.dial("501")
        caller.wait_established()
        agent.wait_incoming()
        let_pass(2.0)
    with Wire() as talking:
        agent.accept()
        agent.wait_established()
        let_pass(TALK_SECONDS)
        caller.hang_up()
        agent.wait_closed()
    music = waiting.to(caller.rtp_ports)
    assert len(music) >= 90
    assert longest_pause(music) < 0.100  # Phones bridge that; a tick that was left out twice.
    assert music[-1].at - music[0].at == pytest.approx((len(music) - 1) / 50, abs=0.03)
    for hearer, speaker in ((agent, caller), (caller, agent)):
        out = talking.to(hearer.rtp_ports)
        sent = [
            packet for packet in talking.to(pbx.media_ports) if packet.source in speaker.rtp_ports
        ]
        took = delays(sent, out)
        assert len(took) >= (TALK_SECONDS - PICK_UP_SECONDS) * 50
        # A busy machine delays some; a relay that waits for the next 20 ms tick delays all.
        assert float(np.median(took)) < 0.008
