"""Eight real telephones in one room: everybody hears the seven others, and nobody himself."""

from typing import Final

import numpy as np
import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import settings
from tests.interop.programs import eventually, let_pass

pytestmark = [pytest.mark.interop, pytest.mark.slow]

# None is a multiple of another, a sum or a difference of two, or near to one.
VOICES: Final = {
    "201": 431.0,
    "202": 557.0,
    "203": 709.0,
    "204": 911.0,
    "205": 1153.0,
    "206": 1447.0,
    "207": 1789.0,
    "208": 2203.0,
}
LEVEL: Final = 0.08  # Of full scale: seven together are no louder than one can be.
TONE_SECONDS: Final = 90.0
# A telephone must have heard more than one packet before somebody else is heard: see `baresip`.
JOIN_SECONDS: Final = 0.4
TOLD_SECONDS: Final = 2.0  # Who comes first is told so.
LISTEN_SECONDS: Final = 3.0
SETTLE_SECONDS: Final = 0.6  # Jitter buffers.
LISTEN_TIMES: Final = 3
OTHERS_DB: Final = 1.0  # So much louder or softer than it was said.
SILENT_DB: Final = -40.0  # The grain of G.711.


def join(office: Office) -> dict[str, Baresip]:
    phones: dict[str, Baresip] = {}
    for user, hertz in VOICES.items():
        phones[user] = office.phone(user, tone_hz=hertz)
        voice = phones[user].recordings.parent / "tone.wav"  # It is opened when a call begins.
        tones.write_tone(voice, hertz, TONE_SECONDS, LEVEL)
    for phone in phones.values():
        phone.wait_registered()
        _ = phone.dial("800")
        _ = phone.wait_established()
        let_pass(JOIN_SECONDS)
    return phones


def levels(heard: tones.Samples) -> dict[str, float]:
    """How loud each voice is, in dB of how loud it was said."""
    if len(heard) < LISTEN_SECONDS / 2 * tones.RATE:
        return {}
    window = heard * np.hanning(len(heard)) * 4 / len(heard)
    at = np.arange(len(heard)) / tones.RATE
    found = {u: abs(window @ np.exp(-2j * np.pi * hz * at)) for u, hz in VOICES.items()}
    return {user: 20 * float(np.log10(max(level, 1e-7) / LEVEL)) for user, level in found.items()}


def wrong(phones: dict[str, Baresip]) -> list[str]:
    """What is not as it must be: each hears all others who are there, and nobody else."""
    for phone in phones.values():
        phone.start_listening()
    let_pass(LISTEN_SECONDS)
    heard = {user: levels(phone.stop_listening()) for user, phone in phones.items()}
    found = [f"{hearer} heard nothing" for hearer, voices in heard.items() if not voices]
    for hearer, voices in heard.items():
        for speaker, level in voices.items():
            speaks = speaker != hearer and speaker in phones
            if abs(level) > OTHERS_DB if speaks else level > SILENT_DB:
                found.append(f"{hearer} hears {speaker} at {level:.1f} dB")
    return found


def assert_all_hear_all(phones: dict[str, Baresip]) -> None:
    """It is listened again when it is not so: a busy machine stretches jitter buffers."""
    let_pass(SETTLE_SECONDS)
    found = [""]
    for _ in range(LISTEN_TIMES):
        found = wrong(phones)
        if not found:
            return
    pytest.fail("; ".join(found))


def test_eight_hear_each_other(office: Office) -> None:
    pbx = office.serve(
        settings(
            extensions={user: f"Guest {user}" for user in VOICES},
            conferences={"meeting": {"number": "800", "announce": "off"}},
        )
    )
    phones = join(office)
    assert len(pbx.status()["calls"]) == len(VOICES)
    let_pass(TOLD_SECONDS)
    assert_all_hear_all(phones)
    first = phones.pop("201")
    _ = first.hang_up()
    _ = eventually(lambda: len(pbx.status()["calls"]) == len(phones), "one has gone")
    assert_all_hear_all(phones)
