"""Whose conversation is recorded, into which file, from when to when."""

from dataclasses import dataclass

import pytest

from media import protocol as media
from pbx.events import CallEnded, RecordingChanged
from pbx.recording.records import RecordingRecord, State
from tests.exchange.test_sound_stories import heard_by
from tests.exchange.transfers import Transfers
from tests.sim.audio import Tape
from tests.sim.world import EPOCH

ALWAYS = "recording: {calls: always, path: /tapes}\n"
ON_DEMAND = "recording: {calls: on_demand, path: /tapes, pause: 30s}\n"


@dataclass
class Kept:
    """The last that was said of each recording."""

    office: Transfers

    @property
    def all(self) -> list[RecordingRecord]:
        last = {event.record.id: event.record for event in self.office.told(RecordingChanged)}
        return list(last.values())

    @property
    def spans(self) -> list[tuple[str, str, float]]:
        """Left, right, seconds."""
        return [(r.left, r.right, round(r.seconds)) for r in self.all]

    @property
    def running(self) -> dict[str, Tape]:
        (worker,) = self.office.workers
        return worker.tapes


def press(office: Transfers, user: str, keys: str) -> None:
    for key in keys:
        office.press(user, key)
        office.run_for(0.5)


def test_the_conversation_is_recorded_and_nothing_before_it() -> None:
    office = Transfers(ALWAYS)
    kept = Kept(office)
    office.dial("101", "102")
    office.run_for(3.0)
    assert kept.running == {}
    office.answer("102")
    office.run_for(10.0)
    ((name, tape),) = kept.running.items()
    began = office.told(RecordingChanged)[0].record
    day = "2023/11/14"  # Of EPOCH, in UTC.
    assert tape.path == f"/tapes/{day}/{name}.wav"
    assert (began.state, began.caller, began.called) == (State.RUNNING, "101", "102")
    office.hang_up("102")
    office.run_for(1.0)
    (record,) = kept.all
    assert (record.state, record.left, record.right) == (State.WRITTEN, "101", "102")
    assert record.seconds == pytest.approx(10.0, abs=0.05)
    (ended,) = office.told(CallEnded)
    assert ended.record.recordings == (record.id,) == (f"{ended.call}-1",)
    assert record.begun_at == pytest.approx(EPOCH + office.opened + 3.0, abs=0.1)
    office.close()


def test_a_call_of_a_queue_names_queue_and_agent() -> None:
    office = Transfers("recording: {queues: {sales: always}, path: /tapes}\n")
    office.talk("101", "500", "901")
    office.talk("102", "103")
    office.hang_up("101")
    office.hang_up("102")
    office.run_for(1.0)
    (record,) = Kept(office).all
    assert (record.queue, record.agent, record.right) == ("sales", "901", "901")
    office.close()


def test_after_a_transfer_another_recording_of_the_same_call() -> None:
    office = Transfers(ALWAYS)
    office.talk("101", "102")
    office.run_for(4.0)
    office.transfer("102", "103")
    assert Kept(office).running == {}  # It rings.
    office.run_for(4.0)
    office.answer("103")
    office.run_for(3.0)
    office.hang_up("101")
    office.run_for(1.0)
    kept = Kept(office)
    assert kept.spans == [("101", "102", 5), ("101", "103", 3)]
    (ended,) = office.told(CallEnded)
    assert ended.record.recordings == tuple(record.id for record in kept.all)
    assert [record.segment for record in kept.all] == [1, 2]
    office.close()


def test_a_transfer_in_vain_goes_on_in_another_segment() -> None:
    office = Transfers(ALWAYS)
    office.talk("101", "102")
    office.transfer("102", "103")
    office.reject("103")
    office.run_for(5.0)
    office.hang_up("101")
    office.run_for(1.0)
    assert [(r.left, r.right) for r in Kept(office).all] == [("101", "102"), ("101", "102")]
    office.close()


def test_an_attended_transfer_leaves_nobody_out() -> None:
    office = Transfers(ALWAYS)
    phone = office.another_phone("102")
    office.talk("101", "102")
    office.phone(phone, phone.dial("103", office.now))
    office.run_for(1.0)
    office.answer("103")
    office.run_for(2.0)
    office.transfer_attended("102")
    office.run_for(5.0)
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    assert len(Kept(office).running) == 1
    office.hang_up("101")
    office.run_for(1.0)
    kept = Kept(office)
    assert [(r.left, r.right) for r in kept.all] == [
        *(("101", "102"), ("102", "103")),
        ("101", "103"),
    ]
    linked = [name for event in office.told(CallEnded) for name in event.record.recordings]
    assert sorted(linked) == sorted(record.id for record in kept.all)
    office.close()


def test_hold_changes_nothing() -> None:
    office = Transfers(ALWAYS)
    office.talk("101", "102")
    office.hold("102", True)
    office.run_for(3.0)
    office.hold("102", False)
    office.run_for(3.0)
    office.hang_up("101")
    office.run_for(1.0)
    assert Kept(office).spans == [("101", "102", 7)]
    office.close()


def test_by_keys_begun_paused_and_ended() -> None:
    office = Transfers(ON_DEMAND)
    office.talk("101", "102")
    kept = Kept(office)
    assert kept.running == {}
    press(office, "102", "*1")
    ((name, tape),) = kept.running.items()
    press(office, "102", "*4")
    assert tape.paused
    press(office, "102", "*4")
    assert not tape.paused
    press(office, "102", "*4")
    office.run_for(29.0)
    assert tape.paused
    office.run_for(2.0)
    assert not tape.paused  # By itself: nobody forgets to record again.
    press(office, "101", "*1")
    assert kept.running == {}
    press(office, "101", "*1")
    assert [*kept.running] == [f"{name[:-2]}-2"]
    office.hang_up("101")
    office.run_for(1.0)
    assert [record.segment for record in kept.all] == [1, 2]
    office.close()


def test_ended_by_hand_it_does_not_begin_again_after_a_transfer() -> None:
    office = Transfers(ALWAYS)
    office.talk("101", "102")
    press(office, "102", "*1")
    office.transfer("102", "103")
    office.answer("103")
    office.run_for(2.0)
    assert Kept(office).running == {}
    office.hang_up("101")
    office.run_for(1.0)
    assert len(Kept(office).all) == 1
    office.close()


def test_who_is_never_recorded_is_not_recorded_by_anybody() -> None:
    office = Transfers(
        "recording: {calls: always, extensions: {103: never, 102: always}, path: /tapes}\n"
    )
    office.talk("102", "103")
    press(office, "102", "*1")
    assert Kept(office).running == {}
    (call,) = office.exchange.calls
    with pytest.raises(ValueError, match="may not be recorded"):
        _ = office.exchange.on_record(call, True, office.now)
    with pytest.raises(ValueError, match="not being recorded"):
        _ = office.exchange.on_pause_recording(call, True, office.now)
    office.hang_up("102")
    office.run_for(1.0)
    assert Kept(office).all == []
    office.close()


def test_a_share_of_the_calls() -> None:
    office = Transfers("recording: {calls: 50%, path: /tapes}\n")
    for _ in range(40):
        office.talk("101", "102")
        office.hang_up("101")
        office.run_for(1.0)
    assert 10 <= len(Kept(office).all) <= 30
    office.close()


def test_a_full_disk_is_told_and_ends_no_call() -> None:
    office = Transfers(ALWAYS)
    office.talk("101", "102")
    ((name, _),) = Kept(office).running.items()
    full = media.RecordingEnded(name, "disk", 0.5, "No space left on device")
    _ = office.workers[0].tapes.pop(name)
    office.media_event(0, full)
    office.run_for(1.0)
    assert office.states("101", "102") == ["talking", "talking"]
    (record,) = Kept(office).all
    assert (record.state, record.error) == (State.CUT, "No space left on device")
    office.hang_up("101")
    office.run_for(1.0)
    office.close()


def test_a_worker_that_dies_leaves_a_recording_to_recover_and_the_next_one_goes_on() -> None:
    office = Transfers(ALWAYS)
    office.talk("101", "102")
    office.lose_worker(0)
    office.run_for(0.5)
    (record,) = Kept(office).all
    assert record.state is State.RECOVERED
    office.worker_is_back(0)
    office.run_for(3.0)
    assert [*Kept(office).running] == [f"{record.call}-2"]
    office.hang_up("101")
    office.run_for(1.0)
    (ended,) = office.told(CallEnded)
    assert ended.record.recordings == (record.id, f"{record.call}-2")
    office.close()


def test_a_restart_in_the_middle_changes_nothing() -> None:
    office = Transfers(ALWAYS)
    office.talk("101", "102")
    press(office, "102", "*4")
    office.restart()
    press(office, "102", "*4")
    ((_, tape),) = Kept(office).running.items()
    assert not tape.paused
    office.restart()
    office.hang_up("101")
    office.run_for(1.0)
    (record,) = Kept(office).all
    assert record.state is State.WRITTEN
    office.close()
