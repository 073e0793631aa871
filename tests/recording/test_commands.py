"""`pbx recordings`: found, copied, erased; and what the configuration refuses."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pbx.cli import app
from pbx.config.errors import ConfigErrors
from pbx.config.load import load
from pbx.events import RecordingChanged
from pbx.recording import index
from pbx.recording.records import RecordingRecord, State
from pbx.store import Store

NUMBER = "0501234567"
BEGUN = 1_795_000_000.0  # 2026-11-18.


def make(number: int, caller: str, **more: object) -> RecordingRecord:
    values: dict[str, object] = {
        "id": f"{number:08x}-1",
        "call": f"{number:08x}",
        "segment": 1,
        "begun_at": BEGUN + number,
        "caller": caller,
        "called": "500",
        "seconds": 61.5,
        "state": State.KEPT,
        "size": 4,
    }
    return RecordingRecord(**{**values, **more})  # type: ignore[arg-type]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Three recordings, two of them with one number."""
    store = Store(tmp_path / "pbx.sqlite", lambda alarm: None)
    for record in (
        make(1, NUMBER, queue="sales", agent="anna"),
        make(2, "=HYPERLINK(1)", queue="support"),
        make(3, "101", called=NUMBER),
    ):
        path = tmp_path / "recordings" / record.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
        store.put(RecordingChanged(record, BEGUN))
    assert store.close() == 0
    made = tmp_path / "pbx.yaml"
    made.write_text(f"storage: {{path: {tmp_path}/pbx.sqlite}}\nsecrets: {tmp_path}/s.yaml\n")
    return made


def pbx(config: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["recordings", *arguments, "--config", str(config)])
    assert done.exit_code == code, done.output
    return done.output


def ids(config: Path) -> list[str]:
    store = Store(config.parent / "pbx.sqlite", lambda alarm: None)
    found = store.history.recordings(index.READ_FOUND, "", "", "", "", 0.0, 10)
    _ = store.close()
    return [record.id for record in found]


def test_they_are_found(config: Path) -> None:
    listed = pbx(config, "list")
    assert listed.index("00000003-1") < listed.index("00000002-1") < listed.index("00000001-1")
    assert "1:01" in listed
    assert "00000002-1" not in pbx(config, "list", "--number", NUMBER)
    assert "00000003-1" not in pbx(config, "list", "--queue", "sales", "--agent", "anna")
    assert pbx(config, "list", "--call", "ffffffff") == "No recordings.\n"
    assert pbx(config, "list", "--since", "2026-11-30") == "No recordings.\n"
    assert "no day" in pbx(config, "list", "--since", "yesterday", code=2)


def test_a_name_is_no_formula(config: Path) -> None:
    (row,) = csv.DictReader(pbx(config, "list", "--queue", "support", "--csv").splitlines())
    assert (row["caller"], row["seconds"], row["state"]) == ("'=HYPERLINK(1)", "61.500", "kept")


def test_copies(config: Path, tmp_path: Path) -> None:
    place = tmp_path / "copies"
    assert "2 recordings" in pbx(config, "export", str(place), "--number", NUMBER)
    assert {path.name for path in place.iterdir()} == {
        *("00000001-1.wav", "00000003-1.wav", "index.csv"),
    }
    rows = list(csv.DictReader((place / "index.csv").read_text().splitlines()))
    assert [row["file"] for row in rows] == ["00000003-1.wav", "00000001-1.wav"]


def test_an_erased_number_leaves_no_trace(config: Path) -> None:
    assert "either" in pbx(config, "erase", code=2)
    assert "2 recordings deleted" in pbx(config, "erase", "--number", NUMBER, "--yes")
    assert ids(config) == ["00000002-1"]
    root = config.parent / "recordings"
    assert [path.name for path in root.rglob("*.wav")] == ["00000002-1.wav"]
    for path in config.parent.iterdir():
        if path.is_file():
            assert NUMBER.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("recording: {calls: sometimes}", "expected always, never, on_demand, or a share"),
        ("recording: {calls: 120%}", "expected always, never, on_demand, or a share"),
        ("recording: {keep_size: a lot}", "expected a size such as 500 MB"),
        ("recording: {queues: {sale: always}}", 'there is no queue "sale"'),
        ("recording: {extensions: {102: never}}", 'there is no extension "102"'),
        ("recording: {routes: {abroad: always}}", 'there is no route "abroad"'),
        ("recording: {notice: nothing}", 'there is no sound "nothing"'),
        ("recording: {s3: {bucket: Upper}}", "expected the name of a bucket"),
        ("recording: {s3: {bucket: abc, access_key: x}}", "needs a secret key"),
        ("call_keys: {record: '*2'}", "none begins with another"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "pbx.yaml"
    path.write_text(
        f"extensions: [101]\nqueues: {{sales: {{number: 500}}}}\n{text}\n".replace(
            "[101]", "{101: Olena}"
        )
    )
    with pytest.raises(ConfigErrors) as caught:
        _ = load(path, {})
    assert any(fault in str(error) for error in caught.value.errors), caught.value.errors
