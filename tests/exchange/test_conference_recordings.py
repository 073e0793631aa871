"""What is said in a conference is in the index of recordings, like every other conversation."""

from typing import Final

from media import protocol as media
from pbx.events import RecordingChanged
from pbx.recording.records import RecordingRecord, State
from tests.exchange.office import TICK
from tests.exchange.rooms import SUPERVISION, RoomsOffice
from tests.sim.world import EPOCH

RECORDED: Final = (
    "  council: {number: 803, record: true}\n"
    "recording: {path: /tapes, calls: on_demand}\n" + SUPERVISION
)
DAY: Final = "2023/11/14"  # Of EPOCH, in UTC.


def kept(office: RoomsOffice) -> list[RecordingRecord]:
    """The last that was said of each recording."""
    last = {event.record.id: event.record for event in office.told(RecordingChanged)}
    return list(last.values())


def running(office: RoomsOffice) -> dict[str, str]:
    """Recording → file."""
    return {n: tape.path for worker in office.workers for n, tape in worker.tapes.items()}


def of_calls(office: RoomsOffice) -> dict[str, tuple[str, ...]]:
    """What the records of calls say, by caller."""
    return {record.caller: record.recordings for record in office.records}


def test_it_has_an_entry_a_file_and_a_name_in_the_records_of_its_members() -> None:
    office = RoomsOffice(RECORDED)
    office.go("101", "803")
    assert running(office) == {}
    began = office.now
    office.go("102", "803")
    ((name, path),) = running(office).items()
    (record,) = kept(office)
    assert path == f"/tapes/{DAY}/{name}.wav"
    assert record == RecordingRecord(
        name, name.removesuffix("-1"), 1, record.begun_at, caller="101", called="803"
    )
    assert EPOCH + began < record.begun_at < EPOCH + began + 0.1
    office.run_for(9.0)
    office.go("103", "803")
    office.leave("102")
    office.leave("103")
    (record,) = kept(office)
    assert (record.state, running(office)) == (State.WRITTEN, {})
    assert record.seconds == 12.0 - 2 * TICK  # From the request of one to the BYE of another.
    office.leave("101")
    assert of_calls(office) == {"101": (name,), "102": (name,), "103": (name,)}
    office.close()


def test_each_time_that_they_are_together_is_a_part_and_whoever_missed_one_is_not_in_it() -> None:
    office = RoomsOffice(RECORDED)
    office.go("101", "803")
    office.go("102", "803")
    office.leave("102")
    office.go("103", "803")
    office.leave("103")
    office.leave("101")
    first, second = kept(office)
    assert (first.call, first.segment, second.segment) == (second.call, 1, 2)
    assert of_calls(office) == {
        "101": (first.id, second.id),
        "102": (first.id,),
        "103": (second.id,),
    }
    office.go("101", "803")
    office.go("102", "803")
    third = kept(office)[2]
    assert third.call != first.call
    assert third.segment == 1
    office.leave("101")
    office.leave("102")
    office.close()


def test_a_room_that_is_not_recorded_has_none() -> None:
    office = RoomsOffice(RECORDED)
    office.go("101", "800")
    office.go("102", "800")
    assert running(office) == {}
    office.leave("101")
    office.leave("102")
    assert (kept(office), of_calls(office)) == ([], {"101": (), "102": ()})
    office.close()


def test_a_worker_that_dies_leaves_a_part_to_recover_and_the_next_one_begins() -> None:
    office = RoomsOffice(RECORDED)
    office.go("101", "803")
    office.go("102", "803")
    (first,) = running(office)
    office.lose_worker(0)
    office.run_for(0.5)
    assert [record.state for record in kept(office)] == [State.RECOVERED]
    office.worker_is_back(0)
    office.run_for(3.0)
    (second,) = running(office)
    assert second == first.replace("-1", "-2")
    office.leave("101")
    office.leave("102")
    assert of_calls(office)["101"] == (first, second)
    office.close()


def test_a_full_disk_ends_it_and_no_more_is_begun_before_they_part() -> None:
    office = RoomsOffice(RECORDED)
    office.go("101", "803")
    office.go("102", "803")
    (name,) = running(office)
    _ = office.workers[0].tapes.pop(name)
    full = media.RecordingEnded(name, "disk", 0.5, "No space left on device")
    office.media_event(0, full)
    office.go("103", "803")
    assert ([r.state for r in kept(office)], running(office)) == ([State.CUT], {})
    office.leave("101")
    office.leave("102")
    office.leave("103")
    assert of_calls(office) == {"101": (name,), "102": (name,), "103": ()}
    office.close()


def test_who_is_sent_there_from_a_talk_has_both_in_one_record() -> None:
    office = RoomsOffice(RECORDED)
    office.go("102", "803")
    office.talk("101", "103")
    office.keys("103", "*1")
    (own,) = running(office)
    office.transfer("103", "803")
    office.run_for(1.0)
    (meeting,) = running(office)
    office.run_for(4.0)
    assert office.all_hear("101", "102") == ["102", "101"]
    office.leave("101")
    office.leave("102")
    assert of_calls(office) == {"101": (own, meeting), "102": (meeting,)}
    assert [record.state for record in kept(office)] == [State.WRITTEN] * 2
    office.close()
