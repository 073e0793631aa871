from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.g711 import (
    ALAW_TO_ULAW,
    DECODE,
    SILENCE,
    TRANSLATE,
    ULAW_TO_ALAW,
    Law,
    Pcm,
    decode,
    encode,
)
from tests.data import need_testdata

LAWS: tuple[Law, ...] = ("PCMU", "PCMA")
CODES = bytes(range(256))


def words(path: Path) -> Pcm:
    """The ITU files hold 16-bit little-endian words, codes too: one per sample, low byte used."""
    return np.fromfile(path, "<i2").astype(np.int16)


@pytest.mark.parametrize(("law", "codes", "sound"), [("PCMU", "u", "reu"), ("PCMA", "a", "rea")])
def test_itu_sweep_of_every_16_bit_value(law: Law, codes: str, sound: str) -> None:
    folder = need_testdata("itu-g711")
    source = words(folder / "sweep.src")
    assert len(source) == len(set(source.tolist())) == 65_536
    encoded = encode(source, law)
    assert encoded == words(folder / f"sweep-r.{codes}").astype(np.uint8).tobytes()
    assert decode(encoded, law).tobytes() == words(folder / f"sweep-r.{sound}").tobytes()


@pytest.mark.parametrize(
    ("law", "pcm", "codes"),
    [
        # ITU-T G.711 tables 1a-2b: ends of the scale, both zeros, the first decision value.
        ("PCMU", [32_767, 32_635, 4, 3, 0, -1, -4, -5, -32_768], "8080feffff7f7f7e00"),
        ("PCMA", [32_767, 16, 15, 0, -1, -16, -17, -32_768], "aad4d5d55555542a"),
    ],
)
def test_known_codes(law: Law, pcm: list[int], codes: str) -> None:
    assert encode(np.array(pcm, np.int16), law).hex() == codes


@pytest.mark.parametrize("law", LAWS)
def test_a_decoded_code_encodes_to_itself(law: Law) -> None:
    # But for µ-law's negative zero, which is the same sound as the positive one.
    expected = bytes(0xFF if law == "PCMU" and code == 0x7F else code for code in CODES)
    assert encode(decode(CODES, law), law) == expected


@pytest.mark.parametrize("law", LAWS)
def test_silence_is_as_quiet_as_it_gets(law: Law) -> None:
    assert abs(int(decode(SILENCE[law], law)[0])) == int(np.abs(DECODE[law]).min())


@given(st.lists(st.integers(-32_768, 32_767), max_size=200), st.sampled_from(LAWS))
def test_error_is_within_half_a_step(samples: list[int], law: Law) -> None:
    pcm = np.array(samples, np.int16)
    back = decode(encode(pcm, law), law).astype(int)
    # 13 or 14 bits of input, 4 bits of mantissa; the loudest samples are clipped.
    assert np.all(np.abs(back - pcm) <= np.maximum(16, np.abs(pcm.astype(int)) / 16 + 16))


def test_translation_goes_through_the_linear_values() -> None:
    assert len(ULAW_TO_ALAW) == len(ALAW_TO_ULAW) == 256
    assert CODES.translate(ULAW_TO_ALAW) == encode(decode(CODES, "PCMU"), "PCMA")
    assert CODES.translate(ALAW_TO_ULAW) == encode(decode(CODES, "PCMA"), "PCMU")
    assert TRANSLATE["PCMU", "PCMA"] is ULAW_TO_ALAW
    assert TRANSLATE["PCMA", "PCMU"] is ALAW_TO_ULAW
    assert SILENCE["PCMU"].translate(ULAW_TO_ALAW) == SILENCE["PCMA"]


def test_shapes_are_flattened_in_order() -> None:
    pcm = np.arange(320, dtype=np.int16).reshape(2, 160)
    assert encode(pcm, "PCMA") == encode(pcm[0], "PCMA") + encode(pcm[1], "PCMA")
