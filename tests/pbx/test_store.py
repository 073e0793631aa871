import contextlib
import os
import resource
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pbx import store as store_module
from pbx.events import (
    AgentStateChanged,
    CallEnded,
    CallStarted,
    Event,
    PhoneSettingChanged,
    QueueLeft,
    RegistrationChanged,
    RequestRefused,
)
from pbx.history import schema
from pbx.history.records import CallRecord, Hangup, LegAudio, OfferRecord, Verdict
from pbx.status import Alarm
from pbx.store import ALARM, History, Store, StoreError

SOON = 10.0  # Seconds to wait for another thread before a test fails.


class Alarms:
    """Listens in the writer's thread, waits in the test's."""

    def __init__(self) -> None:
        self.heard: list[Alarm] = []
        self._changed = threading.Condition()

    def __call__(self, alarm: Alarm) -> None:
        with self._changed:
            self.heard.append(alarm)
            self._changed.notify_all()

    def wait(self, *states: bool) -> bool:
        with self._changed:
            return self._changed.wait_for(
                lambda: [alarm.active for alarm in self.heard] == list(states), SOON
            )


def record(id: str = "c1", **changes: object) -> CallRecord:
    fields: dict[str, object] = {
        "id": id,
        "started_at": 1_700_000_000.25,
        "ended_at": 1_700_000_100.5,
        "caller": "+380441234567",
        "caller_name": 'Олена "O\'" <x>\x00\x1b[31m',
        "called": "500",
        "queue": "sales",
        "agent": "901",
        "extension": "901",
        "answered_at": 1_700_000_020.125,
        "wait_seconds": 15.0625,
        "ring_seconds": 3.1,
        "talk_seconds": 80.375,
        "verdict": Verdict.ANSWERED,
        "hangup": Hangup.CALLEE,
        "cause": "normal",
        "path": ("greeting", "queue:sales"),
        "offers": (
            OfferRecord("902", "902", 1_700_000_005.0, 15.0, "no answer", "longest idle"),
            OfferRecord("901", "901", 1_700_000_017.0, 3.1, "answered"),
        ),
        "audio": (LegAudio("PCMU", 4000, 4001, 2, 1.5), LegAudio("PCMA", 4001, 4000, 0, 0.25)),
    }
    return CallRecord(**(fields | changes))  # type: ignore[arg-type]


def ended(id: str = "c1", **changes: object) -> CallEnded:
    return CallEnded(id, record(id, **changes), 1_700_000_100.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "pbx.sqlite"


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture
def store(path: Path, alarms: Alarms) -> Iterator[Store]:
    made = Store(path, alarms)
    yield made
    _ = made.close()


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_a_record_comes_back_as_it_was(store: Store) -> None:
    bare = record("c2", answered_at=None, offers=(), audio=(), path=(), verdict=Verdict.ABANDONED)
    store.put(ended())
    store.put(CallEnded("c2", bare, 0.0))
    assert store.flush(SOON)
    assert store.call("c1") == record()
    assert store.call("c2") == bare
    assert store.call("c3") is None


texts = st.text(st.characters(codec="utf-8"), max_size=30)
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**53)
records = st.builds(
    CallRecord,
    **dict.fromkeys(("caller", "caller_name", "called", "queue", "agent", "extension"), texts),
    **dict.fromkeys(("started_at", "ended_at", "wait_seconds", "ring_seconds"), numbers),
    id=texts.filter(bool),
    talk_seconds=numbers,
    answered_at=st.none() | numbers,
    verdict=st.sampled_from(Verdict),
    hangup=st.sampled_from(Hangup),
    cause=texts,
    path=st.lists(texts, max_size=4).map(tuple),
    offers=st.lists(
        st.builds(OfferRecord, texts, texts, numbers, numbers, texts, texts), max_size=3
    ).map(tuple),
    audio=st.lists(st.builds(LegAudio, texts, counts, counts, counts, numbers), max_size=2).map(
        tuple
    ),
)


@given(records)
@settings(max_examples=100)
def test_any_record_survives_the_tables(written: CallRecord) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for migration in schema.MIGRATIONS:
            for sql in migration:
                _ = connection.execute(sql)
        for sql, row in schema.statements(CallEnded(written.id, written, 0.0)):
            _ = connection.execute(sql, row)
        row = connection.execute(schema.READ_CALL, (written.id,)).fetchone()
        offers = connection.execute(schema.READ_OFFERS, (written.id,)).fetchall()
    assert schema.call_record(row, offers) == written


def test_the_newest_calls_come_first_and_page_by_page(store: Store) -> None:
    for number in range(5):
        store.put(ended(f"c{number}"))
    assert store.flush(SOON)
    assert [call.id for call in store.calls(limit=2)] == ["c4", "c3"]
    assert [call.id for call in store.calls(limit=2, before="c3")] == ["c2", "c1"]
    assert [call.id for call in store.calls(limit=9, before="c1")] == ["c0"]
    assert store.calls(before="nobody") == []
    assert store.calls(limit=-1) == []


def test_a_call_that_ends_twice_is_one_call(store: Store) -> None:
    store.put(ended())
    again = record(offers=(OfferRecord("903", "903", 1.0, 2.0, "busy"),))
    store.put(CallEnded("c1", again, 0.0))
    assert store.flush(SOON)
    assert store.calls() == [again]


def test_agents_registrations_and_queue_visits_have_their_rows(store: Store, path: Path) -> None:
    events: list[Event] = [
        AgentStateChanged("901", "ready", "", 10.0),
        AgentStateChanged("901", "break", "lunch", 20.0),
        RegistrationChanged("901", "sip:901@127.0.0.1", "added", 1, 30.0),
        RegistrationChanged("901", "sip:901@127.0.0.1", "refreshed", 1, 90.0),
        RegistrationChanged("901", "sip:901@127.0.0.1", "expired", 0, 99.0),
        QueueLeft("c1", "sales", "moved", 12.5, 0, 112.5),
        CallStarted("c2", "1", "", "2", 0.0),
        RequestRefused("INVITE", "127.0.0.1", 401, 0.0),
    ]
    for event in events:
        store.put(event)
    assert store.flush(SOON)
    assert rows(path, "SELECT agent, state, reason, at FROM agent_states") == [
        ("901", "ready", "", 10.0),
        ("901", "break", "lunch", 20.0),
    ]
    assert rows(path, "SELECT extension, kind, devices, at FROM registrations") == [
        ("901", "added", 1, 30.0),
        ("901", "expired", 0, 99.0),
    ]
    assert rows(path, "SELECT call_id, queue, joined_at, left_at, reason FROM queue_visits") == [
        ("c1", "sales", 100.0, 112.5, "moved")
    ]


def test_totals_count_by_the_time_of_joining(store: Store) -> None:
    for reason, wait, at in (("answered", 5, 99), ("answered", 5, 105), ("abandoned", 9, 120)):
        store.put(QueueLeft("c", "sales", reason, float(wait), 0, float(at)))
    assert store.flush(SOON)
    assert store.history.queue_totals(since=100.0) == {"sales": {"answered": 1, "abandoned": 1}}
    assert store.history.queue_totals(since=200.0) == {}


def test_agent_totals(store: Store) -> None:
    calls: list[dict[str, object]] = [
        {"started_at": 99.0},
        {"started_at": 100.0},
        {"started_at": 150.0},
        {"started_at": 150.0, "agent": "902"},
        {"started_at": 150.0, "queue": "vip"},
        {"started_at": 150.0, "queue": ""},  # A direct call.
        {"started_at": 150.0, "agent": ""},  # From the queue to somebody's extension.
        {"started_at": 150.0, "answered_at": None},
    ]
    for number, changes in enumerate(calls):
        store.put(CallEnded(f"c{number}", record(f"c{number}", **changes), 0.0))
    assert store.flush(SOON)
    assert store.history.agent_totals(since=100.0) == {
        "sales": {"901": 2, "902": 1},
        "vip": {"901": 1},
    }
    assert store.history.agent_totals(since=200.0) == {}


def test_many_events_are_few_commits(store: Store) -> None:
    for number in range(5000):
        store.put(AgentStateChanged("901", "ready", "", float(number)))
    assert store.flush(SOON)
    assert store.written == 5000
    assert 5 <= store.commits <= 8


def test_close_writes_what_is_left(path: Path, alarms: Alarms) -> None:
    store = Store(path, alarms)
    for number in range(2500):
        store.put(ended(f"c{number}"))
    assert store.close() == 0
    assert rows(path, "SELECT count(*) FROM calls") == [(2500,)]
    assert not path.with_name("pbx.sqlite-wal").exists()
    store.put(ended("late"))
    assert store.close() == 1
    assert alarms.heard == []


def test_a_second_start_finds_the_first_ones_calls(path: Path, alarms: Alarms) -> None:
    for number in (1, 2):
        store = Store(path, alarms)
        store.put(ended(f"c{number}"))
        assert store.close() == 0
    assert [call.id for call in History(path).calls()] == ["c2", "c1"]
    versions = [(number,) for number in range(1, len(schema.MIGRATIONS) + 1)]
    assert rows(path, "SELECT version FROM schema_version") == versions


def test_what_people_set_on_their_phones_is_kept(path: Path, alarms: Alarms) -> None:
    store = Store(path, alarms)
    for event in (
        PhoneSettingChanged("101", "forward_always", "102", 1.0),
        PhoneSettingChanged("102", "do_not_disturb", "true", 2.0),
        PhoneSettingChanged("101", "forward_always", "103", 3.0),
        PhoneSettingChanged("101", "forward_busy", "", 4.0),
        PhoneSettingChanged("102", "do_not_disturb", None, 5.0),
    ):
        store.put(event)
    assert store.close() == 0
    assert History(path).phone_settings() == [
        ("101", "forward_always", "103"),
        ("101", "forward_busy", ""),
    ]


def test_a_database_of_the_first_version_gets_the_newer_tables(path: Path, alarms: Alarms) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for sql in (schema.CREATE_VERSIONS, *schema.MIGRATIONS[0]):
            _ = connection.execute(sql)
        _ = connection.execute(schema.WRITE_VERSION, (1, 0.0))
    store = Store(path, alarms)
    store.put(PhoneSettingChanged("101", "forward_always", "102", 1.0))
    store.put(ended("c1"))
    assert store.close() == 0
    assert History(path).phone_settings() == [("101", "forward_always", "102")]
    assert [call.id for call in History(path).calls()] == ["c1"]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        _ = connection.execute("BEGIN EXCLUSIVE")
        yield
        _ = connection.execute("ROLLBACK")


def test_a_locked_database_costs_nothing_but_time(store: Store, path: Path, alarms: Alarms) -> None:
    with locked(path):
        for number in range(1500):
            store.put(ended(f"c{number}"))
        assert alarms.wait(True)
        assert store.failing
        assert not store.flush(0.0)
    assert alarms.wait(True, False)
    assert store.flush(SOON)
    assert rows(path, "SELECT id FROM calls ORDER BY number") == [(f"c{n}",) for n in range(1500)]
    assert store.dropped == 0
    assert [alarm.text for alarm in alarms.heard] == [
        f"cannot write {path}: database is locked",
        f"{path} is written again",
    ]
    assert {alarm.name for alarm in alarms.heard} == {ALARM}


def test_a_database_locked_at_the_start_is_no_reason_not_to_start(
    path: Path, alarms: Alarms
) -> None:
    path.parent.mkdir()
    with locked(path):
        store = Store(path, alarms)
        store.put(ended())
        assert alarms.wait(True)
    assert alarms.wait(True, False)
    assert store.close() == 0
    assert History(path).calls() == [record()]


def test_close_gives_up_on_a_locked_database(path: Path, alarms: Alarms) -> None:
    store = Store(path, alarms)
    with locked(path):
        for number in range(2500):
            store.put(ended(f"c{number}"))
        assert alarms.wait(True)
        assert store.close(timeout=0.0) == 2500
    assert rows(path, "SELECT count(*) FROM calls") == [(0,)]


def test_what_does_not_fit_the_spool_is_counted(
    store: Store, path: Path, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(path):
        store.put(ended("first"))
        assert alarms.wait(True)  # The writer holds it and nothing else: the queue is empty.
        monkeypatch.setattr(store_module, "SPOOL_MAX", 10)
        for number in range(25):
            store.put(ended(f"c{number}"))
        assert (store.waiting, store.dropped) == (10, 15)
    assert store.flush(SOON)
    kept = [("first",), *((f"c{number}",) for number in range(10))]
    assert rows(path, "SELECT id FROM calls ORDER BY number") == kept


@contextlib.contextmanager
def tiny_disk(directory: Path) -> Iterator[Path]:
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a full disk needs the right to mount a tmpfs")
    try:
        yield directory
    finally:
        _ = subprocess.run(["umount", str(directory)], check=True)


def test_a_full_disk_costs_no_record(tmp_path: Path, alarms: Alarms) -> None:
    with tiny_disk(tmp_path / "disk") as disk:
        store = Store(disk / "pbx.sqlite", alarms)
        store.put(ended("before"))
        assert store.flush(SOON)
        fill_up(disk / "ballast")
        for number in range(100):
            store.put(ended(f"c{number}", cause="x" * 2000))
        assert alarms.wait(True)
        assert "full" in alarms.heard[0].text or "I/O" in alarms.heard[0].text
        (disk / "ballast").unlink()
        assert alarms.wait(True, False)
        assert store.close() == 0
        ids = rows(disk / "pbx.sqlite", "SELECT id FROM calls ORDER BY number")
        assert ids == [("before",), *((f"c{number}",) for number in range(100))]


def test_a_file_that_may_not_grow_costs_no_record(store: Store, path: Path, alarms: Alarms) -> None:
    """A disk quota, or a full disk for those who may not mount one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 10, before[1]))
    try:
        for number in range(500):
            store.put(ended(f"c{number}", cause="x" * 2000))
        assert alarms.wait(True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert alarms.wait(True, False)
    assert store.flush(SOON)
    ids = rows(path, "SELECT id FROM calls ORDER BY number")
    assert ids == [(f"c{number}",) for number in range(500)]


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            _ = ballast.write(b"x" * 4096)


def test_one_bad_record_does_not_stop_the_others(store: Store, path: Path) -> None:
    store.put(ended("good"))
    store.put(ended("odd", caller_name="half \ud83d of a pair", talk_seconds=float("nan")))
    store.put(ended("bad", caller=object()))
    store.put(ended("huge", ring_seconds=2**70))
    store.put(ended("last"))
    assert store.flush(SOON)
    assert [call.id for call in store.calls()] == ["last", "odd", "good"]
    odd = store.call("odd")
    assert odd is not None
    assert (odd.caller_name, odd.talk_seconds) == ("half ? of a pair", 0.0)
    assert (store.rejected, store.written, store.failing) == (2, 3, False)


def test_a_database_that_was_moved_away_is_made_anew(
    store: Store, path: Path, alarms: Alarms
) -> None:
    store.put(ended("old"))
    assert store.flush(SOON)
    for file in path.parent.iterdir():
        _ = file.rename(file.with_name(file.name.replace("pbx", "old")))
    store.put(ended("new"))
    assert store.flush(SOON)
    assert [call.id for call in store.calls()] == ["new"]
    assert alarms.heard == []


def not_a_database(path: Path) -> None:
    _ = path.write_bytes(b"This is a diary. " * 100)


def a_directory(path: Path) -> None:
    path.mkdir()


def from_the_future(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        _ = connection.execute(schema.CREATE_VERSIONS)
        _ = connection.execute(schema.WRITE_VERSION, (99, 0.0))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (not_a_database, "file is not a database"),
        (a_directory, "unable to open"),
        (from_the_future, "newer version (schema 99, this one knows "),
    ],
)
def test_a_hopeless_database_is_told_at_once(
    path: Path, alarms: Alarms, spoil: Callable[[Path], None], words: str
) -> None:
    path.parent.mkdir()
    spoil(path)
    with pytest.raises(StoreError) as caught:
        _ = Store(path, alarms)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, alarms: Alarms) -> None:
    _ = (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Not a directory"):
        _ = Store(tmp_path / "file" / "var" / "pbx.sqlite", alarms)


def test_no_database_to_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        _ = History(tmp_path / "none.sqlite").calls()


def test_a_listener_that_fails_costs_no_record(path: Path) -> None:
    heard = threading.Event()

    def fail(_: Alarm) -> None:
        heard.set()
        raise RuntimeError("the loop is closed")

    store = Store(path, fail)
    with locked(path):
        store.put(ended())
        assert heard.wait(SOON)
    assert store.close() == 0
    assert History(path).calls() == [record()]


@given(st.lists(st.sampled_from(["put", "flush"]), max_size=12))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_flushed_is_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "pbx.sqlite"
    store, put = Store(path, Alarms()), 0
    for step in steps:
        if step == "put":
            store.put(ended(f"c{put}"))
            put += 1
        else:
            assert store.flush(SOON)
            assert len(store.calls(1000)) == put
    assert store.close() == 0
    assert len(History(path).calls(1000)) == put
