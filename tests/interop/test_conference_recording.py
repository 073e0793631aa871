"""A conference of real telephones in a file, converted and in the index."""

import pytest
import soundfile

from tests.interop import tones
from tests.interop.conftest import Office
from tests.interop.pbx import settings
from tests.interop.programs import let_pass
from tests.interop.test_recording import file_of, rows, wait_state

pytestmark = pytest.mark.interop


def test_a_conference_is_kept_like_any_conversation(office: Office) -> None:
    room = {"number": 803, "record": True, "announce": "off"}
    pbx = office.serve(settings(recording={"format": "flac"}, conferences={"council": room}))
    phones = office.phones("101", "102")
    for phone in phones:
        _ = phone.dial("803")
        _ = phone.wait_established()
    let_pass(6.0)  # Who came first has been told so.
    assert [row["state"] for row in rows(pbx)] == ["running"]
    _ = phones[1].hang_up()
    (row,) = wait_state(pbx, "kept")
    assert (row["caller"], row["called"], row["format"]) == ("101", "803", "flac")
    sound, rate = soundfile.read(file_of(pbx, row), always_2d=True)
    assert abs(len(sound) / rate - row["seconds"]) <= 0.02
    both = sound[4 * rate : -rate].sum(axis=1)
    for tone in (tones.CALLER_HZ, tones.SECOND_AGENT_HZ):
        assert tones.tone_share(both, tone) > 0.4
    _ = phones[0].hang_up()
    assert pbx.record()["recordings"] == f'["{row["id"]}"]'
    assert not (pbx.database.parent / "conferences").exists()
