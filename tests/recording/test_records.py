"""Names, days and rows of recordings, and who is recorded at all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.recording import index
from pbx.recording.plan import Mode, Policy, RecordingPlan, is_chosen
from pbx.recording.records import RecordingRecord, State, civil, parse_id, place_of

ALWAYS, NEVER, DEMAND = Policy(Mode.ALWAYS), Policy(Mode.NEVER), Policy(Mode.ON_DEMAND)


@given(st.floats(0, 4e9))
def test_the_day_of_a_file_is_that_of_utc(unix: float) -> None:
    day = datetime.fromtimestamp(unix, UTC)
    assert place_of("ab12cd34-1", unix) == f"{day:%Y/%m/%d}/ab12cd34-1"


def test_leap_days() -> None:
    assert [civil(days) for days in (0, 11_016, 11_017, 19_782, 19_783)] == [
        *((1970, 1, 1), (2000, 2, 29), (2000, 3, 1)),
        *((2024, 2, 29), (2024, 3, 1)),
    ]


HOSTILE = [
    *("../x-1", "/etc/passwd", "a" * 70 + "-1", "abcdef12-0", "abcdef12-12345", "abcdef12"),
    *("abcdef12-1/..", "abcdef12-1\n", "abcdef12-1\x00", "..-1", "ABCDEF12-1", "abcdef1g-1"),
    *(f"abcdef12-1{end}" for end in ("/", "\\", ".wav", " ", "%2f", ";", "'", '"', "`")),
    *(f"{'../' * n}abcdef12-1" for n in range(1, 30)),
    *(f"abcdef{n:02x}-{'9' * n}" for n in range(5, 20)),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_no_ids(name: str, tmp_path: Path) -> None:
    assert parse_id(name) is None
    row = index.row_of(RecordingRecord("abcdef12-1", "abcdef12", 1, 0.0))
    with pytest.raises(ValueError, match="no id"):
        _ = index.record_of((name, *row[1:]))


@given(st.text(max_size=80))
def test_whatever_is_an_id_stays_in_its_directory(name: str) -> None:
    if parse_id(name) is not None:
        assert "/" not in name
        assert "." not in name


@given(
    st.builds(
        RecordingRecord,
        id=st.from_regex(r"[0-9a-f]{8,24}-[1-9][0-9]{0,2}", fullmatch=True),
        call=st.text(max_size=20),
        segment=st.integers(1, 999),
        begun_at=st.floats(0, 4e9),
        seconds=st.floats(0, 1e6),
        state=st.sampled_from(State),
        size=st.integers(0, 2**40),
        uploaded=st.booleans(),
    )
)
def test_a_row_is_read_back(record: RecordingRecord) -> None:
    assert index.record_of(index.row_of(record)) == record


@pytest.mark.parametrize(
    ("queue", "extensions", "trunks", "route", "policy"),
    [
        ("", ["101"], [], "", DEMAND),  # Nobody has a say: `calls`.
        ("sales", ["101"], [], "", ALWAYS),
        ("sales", ["101", "boss"], [], "", NEVER),
        ("", ["101"], ["telco"], "", Policy(Mode.SOME, 30)),
        ("sales", [], ["telco"], "", ALWAYS),
        ("", ["101"], ["telco"], "abroad", Policy(Mode.SOME, 50)),
    ],
)
def test_the_strictest_counts(
    queue: str, extensions: list[str], trunks: list[str], route: str, policy: Policy
) -> None:
    plan = RecordingPlan(
        calls=DEMAND,
        queues={"sales": ALWAYS},
        extensions={"boss": NEVER},
        trunks={"telco": Policy(Mode.SOME, 30)},
        routes={"abroad": Policy(Mode.SOME, 50)},
    )
    assert plan.policy(queue, extensions, trunks, route) == policy


def test_a_share_is_a_share() -> None:
    calls = [f"{n * 7919 % 2**32:08x}abcd" for n in range(10_000)]
    chosen = sum(is_chosen(Policy(Mode.SOME, 20), call) for call in calls)
    assert 1900 < chosen < 2100
    assert not any(is_chosen(Policy(Mode.SOME, 0), call) for call in calls)
    assert all(is_chosen(Policy(Mode.SOME, 100), call) for call in calls)
    assert not is_chosen(DEMAND, calls[0])
