"""Different makes of telephones, one like another, and who hears what."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.linphone import Linphone
from tests.interop.pbx import ROOT
from tests.interop.pjsip import Pjsip
from tests.interop.programs import let_pass

Telephone = Baresip | Linphone | Pjsip

MAKES: Final = ("baresip", "linphone", "pjsip")
# Each has a voice of its own, none a multiple of another, or near to the tone of ringing.
VOICES: Final = {"101": 1013.0, "102": 613.0, "103": 787.0}
MUSIC: Final = "music"
RINGING: Final = "ringing"  # Of whom it is transferred to: 1 s of 425 Hz, 4 s of nothing.
SETTLE_SECONDS: Final = 0.6  # Jitter buffers after a change; what is on its way still comes.
WINDOW_SECONDS: Final = 1.4
# Of the energy, the wanted tone's: a frame that a phone lost or stretched takes one per cent.
CLEAN: Final = 0.97
OTHERS: Final = 0.01  # What may be left of a voice that is not to be heard.
LIKE_MUSIC: Final = 0.9
PIECE_SECONDS: Final = 0.25
LISTEN_TIMES: Final = 3


def telephone(office: Office, make: str, user: str) -> Telephone:
    """Registered."""
    if make == "baresip":
        phone = office.phone(user, tone_hz=VOICES[user])
        phone.wait_registered()
        return phone
    return linphone(office, user) if make == "linphone" else pjsip(office, user)


def linphone(office: Office, user: str) -> Linphone:
    server, password = office.pbx.sip, office.pbx.password(user)
    phone = Linphone(
        office._place(user), user, tone_hz=VOICES[user], server=server, password=password
    )
    _ = office._programs.enter_context(phone)
    phone.wait_registered()
    return phone


def pjsip(office: Office, user: str, **options: Any) -> Pjsip:  # noqa: ANN401
    """`options`: timer, reliable."""
    server, password = office.pbx.sip, office.pbx.password(user)
    phone = Pjsip(
        office._place(user), user, tone_hz=VOICES[user], server=server, password=password, **options
    )
    _ = office._programs.enter_context(phone)
    phone.wait_registered()
    return phone


def assert_heard(expected: Mapping[Telephone, Telephone | str]) -> None:
    """Who hears whom now; the voices of all others must be gone.

    It is listened again when it is not so: a busy machine stretches jitter buffers for a moment.
    """
    let_pass(SETTLE_SECONDS)
    wrong = [""]
    for _ in range(LISTEN_TIMES):
        for phone in expected:
            phone.start_listening()
        let_pass(WINDOW_SECONDS)
        heard = {phone: phone.stop_listening() for phone in expected}
        wrong = [_difference(phone, heard[phone], voice) for phone, voice in expected.items()]
        if not any(wrong):
            return
    pytest.fail("; ".join(filter(None, wrong)))


def _difference(phone: Telephone, heard: tones.Samples, voice: Telephone | str) -> str:
    """What is wrong with what it heard; "" is nothing."""
    wanted = voice if isinstance(voice, str) else voice.user
    if len(heard) < WINDOW_SECONDS / 2 * tones.RATE:
        return f"{phone.user} heard nothing, not {wanted}"
    shares = {user: round(tones.tone_share(heard, hz), 4) for user, hz in VOICES.items()}
    told = f"{phone.user} hears {shares}, not {wanted}"
    if wanted == MUSIC:
        likeness = like_music(heard)
        return "" if likeness >= LIKE_MUSIC else f"{told}: likeness {likeness:.3f}"
    right = wanted == RINGING or shares.pop(wanted) >= CLEAN
    return "" if right and max(shares.values()) < OTHERS else told


def like_music(heard: tones.Samples) -> float:
    """Of the piece that is most like the music: jitter buffers stretch it here and there."""
    music = tones.read(ROOT / "sounds/music/hold.flac")
    size = round(PIECE_SECONDS * tones.RATE)
    place = np.concatenate([music, music[:size]])
    pieces = [heard[at : at + size] for at in range(0, len(heard) - size, size)]
    return max((tones.find(piece, place).likeness for piece in pieces), default=0.0)


def talk(one: Telephone, other: Telephone) -> None:
    """`one` calls `other`, who answers, and they hear each other."""
    _ = one.dial(other.user)
    _ = other.wait_incoming()
    _ = other.accept()
    _ = one.wait_established()
    _ = other.wait_established()
    assert_heard({one: other, other: one})
