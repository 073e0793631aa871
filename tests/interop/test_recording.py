"""Conversations of real telephones in files: who is where, how long, and what a crash leaves."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.interop import crowd, tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import RunningPbx, settings
from tests.interop.programs import eventually, let_pass

pytestmark = pytest.mark.interop

TALK_SECONDS = 4.0
CLEAN = 0.99
CLEANEST = 0.999
LENGTH_SECONDS, LENGTH_SECONDS_MAX = 0.02, 0.5
EDGE_SECONDS = 0.1


def rows(pbx: RunningPbx) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{pbx.database}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT * FROM recordings ORDER BY begun_at")
        return [dict(row) for row in found]


def wait_state(pbx: RunningPbx, *states: str) -> list[dict[str, Any]]:
    eventually(
        lambda: [row["state"] for row in rows(pbx)] == [*states], f"{states}, not {rows(pbx)}", 15.0
    )
    return rows(pbx)


def file_of(pbx: RunningPbx, row: dict[str, Any]) -> Path:
    ending = {"opus": "ogg"}.get(row["format"], row["format"])
    (path,) = (pbx.database.parent / "recordings").rglob(f"{row['id']}.{ending}")
    return path


def talk(office: Office, caller: Baresip, called: Baresip) -> None:
    _ = caller.dial("102")
    _ = called.wait_incoming()
    _ = called.accept()
    _ = caller.wait_established()


@pytest.mark.parametrize("kind", ["flac", "opus", "wav"])
def test_both_sides_of_a_conversation(office: Office, kind: str) -> None:
    pbx = office.serve(settings(recording={"calls": "always", "format": kind}))
    caller, called = office.phones("101", "102")
    talk(office, caller, called)
    let_pass(TALK_SECONDS)
    _ = caller.hang_up()
    (row,) = wait_state(pbx, "kept")
    sound, rate = soundfile.read(file_of(pbx, row))
    assert (rate, sound.shape[1]) == (8000, 2)
    assert abs(len(sound) / rate - row["seconds"]) <= 0.02
    assert row["seconds"] == pytest.approx(pbx.record()["talk_seconds"], abs=0.5)
    middle = sound[8000:-8000]
    assert tones.tone_share(middle[:, 0], tones.CALLER_HZ) > CLEAN
    assert tones.tone_share(middle[:, 1], tones.SECOND_AGENT_HZ) > CLEAN
    assert pbx.record()["recordings"] == f'["{row["id"]}"]'


def test_a_crash_of_everything_leaves_what_was_said(office: Office) -> None:
    pbx = office.serve(settings(recording={"calls": "always", "format": "flac"}))
    caller, called = office.phones("101", "102")
    talk(office, caller, called)
    let_pass(TALK_SECONDS)
    pbx.kill_and_start()
    eventually(lambda: any(row["format"] == "flac" for row in rows(pbx)), "it is converted", 15.0)
    (row,) = wait_state(pbx, "recovered")
    assert row["seconds"] >= TALK_SECONDS - 1.0
    sound, rate = soundfile.read(file_of(pbx, row))
    assert len(sound) / rate == pytest.approx(row["seconds"], abs=0.02)
    assert tones.tone_share(sound[8000:-4000, 0], tones.CALLER_HZ) > CLEAN
    place = pbx.database.parent / "recordings"
    eventually(lambda: not [*place.rglob("*.wav")], "the WAV is gone")


def test_by_keys(office: Office) -> None:
    pbx = office.serve(settings(recording={"calls": "on_demand", "format": "wav"}))
    caller, called = office.phones("101", "102")
    talk(office, caller, called)
    let_pass(1.0)
    assert rows(pbx) == []
    caller.press("*1")
    _ = wait_state(pbx, "running")
    let_pass(2.0)
    caller.press("*1")
    (row,) = wait_state(pbx, "kept")
    assert 1.5 < row["seconds"] < 6.0
    _ = caller.hang_up()


@pytest.mark.slow
def test_twenty_conversations_at_once(office: Office) -> None:
    """Each side is on its channel from the first to the last moment, without a gap."""
    pbx = office.serve(
        settings(extensions=crowd.EXTENSIONS, recording={"calls": "always", "format": "wav"})
    )
    people = crowd.Crowd(office)
    people.talk()
    let_pass(TALK_SECONDS)
    people.hang_up()
    found = wait_state(pbx, *["kept"] * crowd.CALLS)
    pbx.wait_idle()
    talked = {record["id"]: record["talk_seconds"] for record in pbx.wait_records(crowd.CALLS)}
    # How much longer people talked than was recorded: a busy machine begins some of them later.
    short = sorted(abs(talked[row["call_id"]] - row["seconds"]) for row in found)
    assert short[crowd.CALLS // 2] <= LENGTH_SECONDS
    assert short[-1] <= LENGTH_SECONDS_MAX
    for row in found:
        sound, rate = soundfile.read(file_of(pbx, row))
        assert len(sound) == round(row["seconds"] * rate)
        for channel, side in enumerate(("left_extension", "right_extension")):
            heard = tones.measure(sound[:, channel], crowd.VOICES[row[side]])
            assert heard is not None
            assert heard.share > CLEANEST
            assert (heard.gaps, heard.jumps) == ((), 0)
            # From when the telephone begins to send until it ends, and half a window each.
            assert heard.begin + heard.seconds > row["seconds"] - EDGE_SECONDS
            assert heard.begin < EDGE_SECONDS
