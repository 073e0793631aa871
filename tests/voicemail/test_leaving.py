"""Stories of callers who leave a message."""

from random import Random

import pytest

from media import protocol as media
from pbx.events import VoicemailLeft
from pbx.history.records import Verdict
from pbx.log import describe
from pbx.metrics import Metrics
from pbx.voicemail import jobs
from pbx.voicemail.messages import Status
from pbx.voicemail.places import draft_file
from tests.exchange.office import OPENS
from tests.sim.world import EPOCH
from tests.voicemail.house import ROOT, TEXT, House

GREETING = ["voicemail/person-at", "digits/1", "digits/0", "digits/2"]
UNAVAILABLE = [*GREETING, "voicemail/is-unavailable", "voicemail/leave-message", "beep"]
BUSY = [*GREETING, "voicemail/is-busy", "voicemail/leave-message", "beep"]


def test_nobody_answers_so_a_message_is_left() -> None:
    house = House()
    house.dial("101", "102")
    house.run_for(30.5)
    assert house.ringing == []
    assert house.heard("101") == UNAVAILABLE
    house.wait_recording()
    house.run_for(7.5)
    house.hang_up("101")
    house.run_for(1.0)
    (message,) = house.box("102")
    assert (message.caller, message.name, message.status) == ("101", "Olena", Status.NEW)
    assert message.seconds == pytest.approx(7.5, abs=0.02)
    assert message.at > EPOCH + OPENS + 30
    assert house.record.verdict is Verdict.VOICEMAIL
    assert house.record.path == ("dial 102", "voicemail 102")
    house.close()


def test_who_is_busy_is_said_to_be_busy() -> None:
    house = House()
    house.dial("101", "102")
    house.run_for(1.0)
    house.reject("102")
    house.run_for(1.0)
    assert house.heard("101") == BUSY
    house.close()


def test_no_phone_is_there() -> None:
    house = House()
    house.registers("102", expires=0)
    house.run_for(1.0)
    house.dial("101", "102")
    house.run_for(1.0)
    assert house.heard("101") == UNAVAILABLE
    house.close()


def test_do_not_disturb_leads_to_the_mailbox_at_once() -> None:
    house = House()
    house.dial("102", "*78")
    house.run_for(5.0)
    house.dial("101", "102")
    house.run_for(1.0)
    assert house.heard("101") == BUSY
    house.close()


def test_a_forward_goes_before_the_mailbox() -> None:
    house = House()
    house.dial("102", "*90103")
    house.run_for(5.0)
    house.dial("101", "102")
    house.run_for(1.0)
    house.reject("102")
    house.run_for(1.0)
    assert house.ringing == ["103"]
    house.close()


def test_all_calls_may_be_forwarded_to_a_mailbox() -> None:
    house = House()
    house.dial("102", "*72*99102")
    house.run_for(5.0)
    house.dial("101", "102")
    house.run_for(1.0)
    assert house.heard("101") == UNAVAILABLE
    assert house.ringing == []
    house.close()


def test_only_the_cases_that_are_configured() -> None:
    house = House(TEXT.replace('102: {pin: "4071"}', '102: {pin: "4071", answers: [no_answer]}'))
    house.dial("101", "102")
    house.run_for(1.0)
    house.reject("102")
    house.run_for(1.0)
    assert house.record.verdict is Verdict.BUSY
    house.close()


def test_a_queue_ends_in_its_mailbox() -> None:
    house = House()
    trunk = house.call_from("0501234567", "500")
    house.wait_recording()
    _ = trunk.answer(200)
    trunk.ack()
    house.run_for(4.0)
    trunk.bye()
    house.run_for(1.0)
    (message,) = house.box("sales")
    assert (message.caller, round(message.seconds)) == ("0501234567", 4)
    assert house.record.verdict is Verdict.TIMED_OUT
    assert house.record.path == ("queue sales", "voicemail sales")
    house.close()


def test_the_mailbox_of_a_queue_has_no_number_to_speak() -> None:
    house = House()
    trunk = house.call_from("0501234567", "500")
    house.run_for(21.0)
    _ = trunk.answer(200)
    trunk.ack()
    assert [line.files for w in house.workers for line in w.lines.values() if line.play] == [
        ("/sounds/voicemail/leave-message.wav", "/sounds/beep.wav")
    ]
    trunk.bye()
    house.run_for(1.0)
    house.close()


def test_hash_skips_the_greeting_and_ends_the_message() -> None:
    house = House()
    house.dial("101", "700")
    house.run_for(1.0)
    house.type("101", "#")
    assert house.heard("101") == ["beep"]
    house.wait_recording()
    house.run_for(3.0)
    house.press("101", "#")
    house.run_for(0.5)
    assert house.heard("101") == ["voicemail/thank-you", "goodbye"]
    assert [round(s) for s in house.lengths("102")] == [3]
    house.run_for(10.0)
    assert house.state("101") == "idle"
    assert house.record.verdict is Verdict.VOICEMAIL
    house.close()


def test_a_short_one_is_thrown_away() -> None:
    house = House()
    house.leave("101", seconds=1.9)
    assert house.box("102") == []
    assert house.record.verdict is Verdict.ABANDONED
    house.leave("101", seconds=2.1)
    assert len(house.box("102")) == 1
    house.close()


def test_too_short_is_said_to_who_is_still_there() -> None:
    house = House()
    house.dial("101", "*99102")
    house.wait_recording()
    house.run_for(1.0)
    house.press("101", "#")
    house.run_for(0.5)
    assert house.heard("101") == ["voicemail/too-short"]
    house.close()


def test_the_longest_message() -> None:
    house = House()
    house.dial("101", "*99102")
    house.wait_recording()
    house.run_for(179.0)
    assert house.box("102") == []
    house.run_for(2.0)
    assert house.heard("101") == ["voicemail/thank-you", "goodbye"]
    assert house.lengths("102") == [180.0]
    house.close()


def test_silence_ends_it_and_is_not_kept() -> None:
    for seconds, kept in ((20.0, [14.0]), (7.0, [])):
        house = House()
        house.dial("101", "*99102")
        house.wait_recording()
        house.run_for(seconds)
        (name,) = house.exchange.voicemail.recordings
        del house.workers[0].tapes[name]
        house.media_event(0, media.RecordingEnded(name, "silence", seconds))
        house.run_for(0.5)
        assert house.lengths("102") == kept
        assert house.heard("101")[0] == f"voicemail/{'thank-you' if kept else 'too-short'}"
        house.close()


def test_a_full_mailbox_says_so() -> None:
    house = House()
    house.leave("101", "*99103")
    house.leave("102", "*99103")
    house.dial("101", "*99103")
    house.run_for(1.0)
    assert house.heard("101") == ["voicemail/full"]
    house.run_for(3.0)
    assert house.state("101") == "idle"
    assert len(house.box("103")) == 2
    house.close()


def test_two_callers_do_not_get_past_the_limit_together() -> None:
    house = House(TEXT.replace("max_messages: 2", "max_messages: 1"))
    house.dial("101", "*99103")
    house.wait_recording()
    house.dial("102", "*99103")
    house.run_for(1.0)
    assert house.heard("102") == ["voicemail/full"]
    house.close()


def test_zero_leads_to_the_operator_in_every_step() -> None:
    for number in range(3):
        house = House()
        house.dial("101", "*99102")
        house.run_for(1.0)
        if number:
            house.wait_recording()
            house.run_for(2.5 if number == 2 else 1.0)
        house.press("101", "0")
        house.run_for(1.0)
        assert house.ringing == ["901"]
        assert len(house.box("102")) == (number == 2)
        house.answer("901")
        house.run_for(1.0)
        assert house.state("101") == "talking"
        house.close()


def test_star_leads_the_owner_to_the_menu() -> None:
    house = House()
    house.dial("103", "*99102")
    house.run_for(1.0)
    house.type("103", "*")
    assert house.heard("103") == ["voicemail/enter-pin"]
    house.close()


def test_the_caller_hangs_up_in_each_step() -> None:
    for step in range(60):
        house = House()
        house.dial("101", "*99102")
        house.run_for(step * 0.5)
        house.hang_up("101")
        house.run_for(2.0)
        whole = [round(s, 1) for s in house.lengths("102")]
        assert len(whole) <= 1
        assert all(s >= 2.0 for s in whole)
        house.close()


def test_a_lost_worker_loses_no_message() -> None:
    house = House()
    house.dial("101", "*99102")
    house.wait_recording()
    house.run_for(5.0)
    (draft,) = [found.draft for found in house.exchange.voicemail.recordings.values()]
    house.workers[0].recorded[draft_file(ROOT, draft.id)] = 4.5
    house.lose_workers()
    house.run_for(1.0)
    assert house.lengths("102") == [4.5]
    house.close()


def test_a_worker_that_never_says_so() -> None:
    house = House()
    house.dial("101", "*99102")
    house.wait_recording()
    (draft,) = [found.draft for found in house.exchange.voicemail.recordings.values()]
    house.workers[0].tapes.clear()
    house.workers[0].recorded[draft_file(ROOT, draft.id)] = 4.5
    house.run_for(239.0)
    assert house.box("102") == []
    house.run_for(2.0)
    assert house.lengths("102") == [4.5]
    house.close()


def test_a_mailbox_that_is_deleted_while_it_is_filled_loses_nothing() -> None:
    house = House()
    house.dial("101", "*99102")
    house.wait_recording()
    house.run_for(3.0)
    house.reload(TEXT.replace('    102: {pin: "4071"}\n', "").replace("700: voicemail:102, ", ""))
    house.run_for(1.0)
    house.hang_up("101")
    house.run_for(1.0)
    assert not house.exchange.voicemail.knows("102")
    assert [round(s) for s in house.lengths("102")] == [4]
    house.dial("101", "*99102")
    house.run_for(1.0)
    assert house.records[-1].verdict is Verdict.NOT_FOUND
    house.reload(TEXT)
    house.own_pin("102")
    assert "messages/new-one" in house.heard("102")
    house.close()


def test_a_mailbox_that_goes_before_its_greeting() -> None:
    house = House()
    house.dial("101", "102")
    house.run_for(5.0)
    house.reload(TEXT.replace('    102: {pin: "4071"}\n', "").replace("700: voicemail:102, ", ""))
    house.run_for(26.0)
    assert house.record.verdict in (Verdict.NOT_FOUND, Verdict.NO_ANSWER)
    house.close()


def test_a_message_is_there_only_when_the_disk_has_it() -> None:
    house = House()
    house.dial("101", "*99102")
    house.wait_recording()
    house.run_for(3.0)
    house.hang_up("101")
    house.run_for(1 / 64)
    assert house.box("102") == []
    assert isinstance(house.jobs[0], jobs.Begin)
    house.run_for(1.0)
    assert len(house.box("102")) == 1
    house.close()


def test_restarts_in_the_middle_of_everything() -> None:
    for seed in range(4):
        house = House(seed=seed)
        house.restart_rng, house.restart_inputs = Random(seed), 5
        house.leave("101", seconds=3.0)
        house.leave("103", "102", seconds=3.0)
        assert [round(s) for s in house.lengths("102")] == [3, 3]
        assert house.restarts > 5
        house.close()


def test_it_is_logged_and_counted() -> None:
    house = House()
    house.leave("101", seconds=3.0)
    (event,) = house.told(VoicemailLeft)
    name, fields = describe(event)
    assert (name, fields["mailbox"], fields["caller"], fields["new"]) == (
        *("voicemail", "102", "101"),
        1,
    )
    metrics = Metrics("test")
    metrics.on_event(event)
    assert b"\npbx_voicemail_total 1" in metrics.render()
    house.close()
