"""The harness itself, without our server: phones call each other directly, sipp calls sipp.

What fails here is the fault of the harness or of the machine, not of the PBX.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip, take_netstring
from tests.interop.programs import (
    FIRST_PORT,
    LAST_PORT,
    children,
    free_ports,
    is_alive,
    let_pass,
)
from tests.interop.sipp import Counters, Sipp
from tests.interop.tones import CALLER_HZ, FIRST_AGENT_HZ, RATE
from tests.interop.wire import Packet, Wire, delays, longest_pause

pytestmark = pytest.mark.interop
SOUNDS = Path(__file__).parents[2] / "sounds"
TALK_SECONDS = 3.0


def tone(hz: float, seconds: float) -> tones.Samples:
    return np.asarray(0.3 * np.sin(2 * np.pi * hz * np.arange(round(RATE * seconds)) / RATE))


# The measuring: what a fault looks like is known before it is looked for.


def test_a_clean_tone_measures_clean() -> None:
    heard = tones.measure(tone(437.0, 2.0), 437.0)
    assert heard is not None
    assert heard.share > 0.9999
    assert (heard.gaps, heard.jumps) == ((), 0)
    assert heard.seconds == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("lost_ms", [40, 60, 200])
def test_silence_in_a_tone_is_a_gap(lost_ms: int) -> None:
    samples = tone(437.0, 2.0)
    samples[8000 : 8000 + lost_ms * 8] = 0.0
    heard = tones.measure(samples, 437.0)
    assert heard is not None
    assert list(heard.gaps) == [pytest.approx(lost_ms, abs=4)]


@pytest.mark.parametrize("hz", [CALLER_HZ, FIRST_AGENT_HZ, tones.SECOND_AGENT_HZ])
@pytest.mark.parametrize("packets", [1, 2, 3])
def test_a_packet_cut_out_is_a_phase_jump(hz: float, packets: int) -> None:
    samples = tone(hz, 2.0)
    heard = tones.measure(np.delete(samples, slice(8000, 8000 + 160 * packets)), hz)
    assert heard is not None
    assert heard.jumps >= 1


def test_another_tone_beside_it_lowers_the_share() -> None:
    heard = tones.measure(tone(437.0, 2.0) + 0.1 * tone(1013.0, 2.0), 437.0)
    assert heard is not None
    assert heard.share == pytest.approx(1 / 1.01, abs=0.001)


def test_no_tone_is_none() -> None:
    assert tones.measure(np.zeros(8000), 437.0) is None
    assert tones.measure(tone(1013.0, 1.0), 437.0) is None


def test_a_prompt_is_found_in_what_was_heard() -> None:
    prompt = tones.read(SOUNDS / "en/welcome.flac")
    other = tones.read(SOUNDS / "en/goodbye.flac")
    music = tones.read(SOUNDS / "music/hold.flac")
    heard = np.concatenate([np.zeros(800), prompt, music[:40_000]])
    assert tones.find(prompt, heard).at == pytest.approx(0.1)
    assert tones.find(prompt, heard).likeness > 0.999
    assert tones.find(other, heard).likeness < 0.8
    piece = music[200_000:216_000]
    assert tones.find(piece, music).at == pytest.approx(25.0)


def test_netstrings_come_in_pieces() -> None:
    buffer = bytearray(b'11:{"event":1}')
    assert take_netstring(buffer) is None
    buffer += b',9:{"a":"b"},7:{'
    assert take_netstring(buffer) == {"event": 1}
    assert take_netstring(buffer) == {"a": "b"}
    assert take_netstring(buffer) is None
    assert buffer == b"7:{"


def test_ports_do_not_run_out() -> None:
    """Each test takes some hundreds; they come round again, but not soon."""
    given = [free_ports(400) for _ in range(40)]
    assert all(FIRST_PORT <= first <= LAST_PORT - 400 for first in given)
    spans = [set(range(first, first + 400)) for first in given[:12]]
    assert len(set().union(*spans)) == 12 * 400


# The phones.


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as programs:
        yield programs


def two_phones(started: ExitStack, tmp_path: Path, answer: str = "manual") -> tuple[Baresip, ...]:
    anna = started.enter_context(Baresip(tmp_path / "anna", "anna", tone_hz=CALLER_HZ))
    bob = Baresip(tmp_path / "bob", "bob", tone_hz=FIRST_AGENT_HZ, answer=answer)
    return anna, started.enter_context(bob)


@pytest.mark.parametrize("who_hangs_up", ["caller", "callee"])
def test_two_phones_talk(started: ExitStack, tmp_path: Path, who_hangs_up: str) -> None:
    anna, bob = two_phones(started, tmp_path)
    dialled = anna.dial(bob.address)
    assert bob.wait_incoming().at - dialled < 0.5
    anna.wait_ringing()
    bob.accept()
    assert abs(anna.wait_established().at - bob.wait_established().at) < 0.2
    let_pass(TALK_SECONDS)
    first, second = (anna, bob) if who_hangs_up == "caller" else (bob, anna)
    first.hang_up()
    assert second.wait_closed().param == "Connection reset by peer"
    first.wait_closed()
    for phone, hz in ((anna, FIRST_AGENT_HZ), (bob, CALLER_HZ)):
        heard = tones.measure(phone.heard(), hz)
        assert heard is not None
        assert heard.share >= 0.999
        assert (heard.gaps, heard.jumps) == ((), 0)
        assert heard.seconds == pytest.approx(TALK_SECONDS, abs=0.2)


def test_a_phone_answers_by_itself_and_hears_digits(started: ExitStack, tmp_path: Path) -> None:
    anna, bob = two_phones(started, tmp_path, answer="auto")
    anna.dial(bob.address)
    anna.wait_established()
    bob.wait_established()
    anna.press("5")
    assert bob.wait("CALL_DTMF_START").param == "5"
    bob.wait("CALL_DTMF_END")
    assert [head.split()[0] for head in bob.received("")] == ["INVITE", "ACK"]


def test_a_rejected_call(started: ExitStack, tmp_path: Path) -> None:
    anna, bob = two_phones(started, tmp_path)
    anna.dial(bob.address)
    bob.wait_incoming()
    bob.hang_up()
    assert anna.wait_closed().param == "486 Rejected"


def test_a_frozen_phone_says_nothing_and_is_ended_all_the_same(
    started: ExitStack, tmp_path: Path
) -> None:
    anna, bob = two_phones(started, tmp_path)
    bob.freeze()
    anna.dial(bob.address)
    let_pass(1.0)
    assert anna.happened("CALL_RINGING") == []
    bob.thaw()
    anna.wait_ringing()
    bob.freeze()
    begun = time.monotonic()
    started.close()
    assert time.monotonic() - begun < 6
    assert not any(map(is_alive, (anna.pid, bob.pid)))
    assert children(anna.pid) == set()


def test_a_stall_shows_on_the_wire_only(started: ExitStack, tmp_path: Path) -> None:
    """The phone sends late what it did not send in time, so its hearer's recording is whole."""
    anna, bob = two_phones(started, tmp_path, answer="auto")
    with Wire() as wire:
        anna.dial(bob.address)
        anna.wait_established()
        let_pass(0.6)
        anna.freeze()
        let_pass(0.3)
        anna.thaw()
        let_pass(0.6)
        anna.hang_up()
        bob.wait_closed()
    assert longest_pause(wire.to(bob.rtp_ports)) > 0.25
    assert longest_pause(wire.to(anna.rtp_ports)) < 0.15
    heard = tones.measure(bob.heard(), CALLER_HZ)
    assert heard is not None
    assert (heard.gaps, heard.jumps) == ((), 0)


def test_how_long_packets_take() -> None:
    came = [Packet(at=n / 50, source=1, destination=2, ssrc=7, sequence=n) for n in range(3)]
    went = [replace(packet, at=packet.at + 0.001, destination=3) for packet in came[1:]]
    assert delays(came, went) == [pytest.approx(0.001), pytest.approx(0.001)]
    assert longest_pause(came) == pytest.approx(0.02)


# sipp.


def test_sipp_calls_sipp(started: ExitStack, tmp_path: Path) -> None:
    calls = 10
    agent = started.enter_context(Sipp(tmp_path / "uas", "agent.xml", calls=calls, hold_ms=100))
    caller = Sipp(
        tmp_path / "uac", "caller.xml", target=f"127.0.0.1:{agent.port}", calls=calls, rate=20,
        hold_ms=300, keys={"ext": "500", "caller": "77"},
    )  # fmt: skip
    started.enter_context(caller)
    good = Counters(created=calls, succeeded=calls, failed=0, retransmissions=0, unexpected=0)
    assert caller.finish() == good, caller.problems()
    assert agent.finish() == good, agent.problems()
    assert agent.methods().count("INVITE") == calls
    assert caller.methods().count("200 INVITE") == calls


@pytest.mark.parametrize(
    ("scenario", "refusal"),
    [("agent_busy.xml", "486 Busy Here"), ("agent_declines.xml", "603 Decline")],
)
def test_sipp_refuses_a_phone(
    started: ExitStack, tmp_path: Path, scenario: str, refusal: str
) -> None:
    agent = started.enter_context(Sipp(tmp_path / "uas", scenario, hold_ms=200))
    anna = started.enter_context(Baresip(tmp_path / "anna", "anna"))
    anna.dial(agent.address)
    assert anna.wait_closed().param == refusal
    assert agent.finish().succeeded == 1, agent.problems()


def test_sipp_rings_until_the_phone_gives_up(started: ExitStack, tmp_path: Path) -> None:
    agent = started.enter_context(Sipp(tmp_path / "uas", "agent_rings.xml"))
    anna = started.enter_context(Baresip(tmp_path / "anna", "anna"))
    anna.dial(agent.address)
    anna.wait_ringing()
    anna.hang_up()
    assert agent.finish().succeeded == 1, agent.problems()
    assert agent.methods() == ["INVITE", "CANCEL", "ACK"]


def test_sipp_answers_after_the_cancel(started: ExitStack, tmp_path: Path) -> None:
    """The scenario is sound: baresip ends the dialog that came too late, as everybody must."""
    agent = started.enter_context(Sipp(tmp_path / "uas", "agent_answers_late.xml", timeout=10))
    anna = started.enter_context(Baresip(tmp_path / "anna", "anna"))
    anna.dial(agent.address)
    anna.wait_ringing()
    anna.hang_up()
    assert agent.finish().succeeded == 1, agent.problems()
    assert agent.methods() == ["INVITE", "CANCEL", "ACK", "BYE"]


def test_sipp_waits_for_the_other_side_to_hang_up(started: ExitStack, tmp_path: Path) -> None:
    anna = started.enter_context(Baresip(tmp_path / "anna", "anna"))
    caller = Sipp(
        tmp_path / "uac", "caller_waits.xml", target=f"127.0.0.1:{anna.sip_port}", timeout=10,
        host="127.0.0.3", keys={"ext": "anna", "caller": "77"},
    )  # fmt: skip
    started.enter_context(caller)
    anna.wait_incoming()
    anna.accept()
    anna.wait_established()
    anna.hang_up()
    assert caller.finish().succeeded == 1, caller.problems()
