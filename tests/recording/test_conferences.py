"""`pbx recordings` finds a conference by any of its members, and erases it for any of them."""

from pathlib import Path

import pytest

from pbx.events import RecordingChanged
from pbx.recording.records import RecordingRecord, State
from pbx.store import Store
from tests.pbx.test_store import ended
from tests.recording.test_commands import BEGUN, ids, make, pbx

MEETING = RecordingRecord(
    "ccccdddd0001-1", "ccccdddd0001", 1, BEGUN, caller="101", called="803", state=State.KEPT
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """101 and 102 met; later 102 called 103, and 104 called nobody who is recorded."""
    store = Store(tmp_path / "pbx.sqlite", lambda alarm: None)
    other = make(1, "102")
    for record in (MEETING, other):
        path = tmp_path / "recordings" / record.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
        store.put(RecordingChanged(record, BEGUN))
    store.put(ended("c101", caller="101", called="803", recordings=(MEETING.id,)))
    store.put(ended("c102", caller="102", called="803", recordings=(MEETING.id,)))
    store.put(ended(other.call, caller="102", called="500", recordings=(other.id,)))
    store.put(ended("c104", caller="104", called="500"))
    assert store.close() == 0
    made = tmp_path / "pbx.yaml"
    made.write_text(f"storage: {{path: {tmp_path}/pbx.sqlite}}\nsecrets: {tmp_path}/s.yaml\n")
    return made


@pytest.mark.parametrize(
    ("by", "found"),
    [
        (("--number", "101"), [MEETING.id]),
        (("--number", "102"), ["00000001-1", MEETING.id]),
        (("--number", "803"), [MEETING.id]),
        (("--number", "104"), []),
        (("--call", "c102"), [MEETING.id]),
        (("--call", MEETING.call), [MEETING.id]),
        (("--call", "00000001"), ["00000001-1"]),
        (("--call", "c104"), []),
    ],
)
def test_whom_it_is_found_by(config: Path, by: tuple[str, str], found: list[str]) -> None:
    listed = pbx(config, "list", *by)
    both = ("00000001-1", MEETING.id)
    assert [name for name in both if name in listed] == found


def test_whoever_took_part_may_have_it_erased(config: Path) -> None:
    assert "2 recordings deleted" in pbx(config, "erase", "--number", "102", "--yes")
    assert ids(config) == []
    assert [*(config.parent / "recordings").rglob("*.wav")] == []
