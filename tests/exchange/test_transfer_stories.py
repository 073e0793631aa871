"""One side sends the other elsewhere: blind, attended, "blonde" (before anybody answers), and what
happens when nobody is there."""

import pytest

from pbx.history.records import Hangup, TalkRecord, Verdict
from sip.message import Request
from tests.exchange.test_sound_stories import heard_by
from tests.exchange.transfers import Transfers


def test_the_called_side_transfers_blind() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "103")
    assert office.states("101", "102", "103") == ["talking", "talking", "ringing"]
    office.answer("103")
    office.run_for(2.0)
    assert office.told_about("102") == [100, 200]
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    office.hang_up("103")
    office.run_for(1.0)
    record = office.record
    assert (record.verdict, record.hangup) == (Verdict.ANSWERED, Hangup.CALLEE)
    assert [(talk.extension, talk.agent) for talk in record.talks] == [("102", ""), ("103", "")]
    assert record.path == ("dial 102", "dial 103")
    office.close()


def test_the_caller_transfers_blind() -> None:
    """Who was called is served from then on: the new phone shows their number."""
    office = Transfers()
    office.talk("101", "102")
    office.transfer("101", "103")
    (invite,) = office.messages("103", "INVITE")
    assert invite.from_.uri.user == "102"
    assert invite.from_.display == "Petro"
    office.answer("103")
    office.run_for(2.0)
    assert office.told_about("101") == [100, 200]
    assert office.states("101", "102", "103") == ["idle", "talking", "talking"]
    assert (heard_by(office, "102"), heard_by(office, "103")) == ("joined", "joined")
    office.hang_up("102")
    office.run_for(1.0)
    assert office.states("102", "103") == ["idle", "idle"]
    office.close()


def test_a_busy_destination_gives_the_call_back() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "103")
    office.reject("103")
    office.run_for(1.0)
    assert office.told_about("102") == [100, 486]
    assert office.states("101", "102", "103") == ["talking", "talking", "idle"]
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.hang_up("101")
    office.run_for(1.0)
    assert office.states("101", "102") == ["idle", "idle"]
    assert (office.record.verdict, office.record.hangup) == (Verdict.ANSWERED, Hangup.CALLER)
    office.close()


def test_a_number_that_is_not_there_gives_the_call_back_at_once() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "99999")
    assert office.told_about("102") == [100, 404]
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.transfer("102", "103")  # And another one may be tried.
    office.answer("103")
    office.run_for(2.0)
    assert office.told_about("102") == [100, 404, 100, 200]
    office.close()


def test_nobody_answers_and_the_transferor_has_hung_up_so_his_phone_rings() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "103")
    office.hang_up("102")
    office.run_for(2.0)
    assert office.states("101", "102", "103") == ["talking", "idle", "ringing"]
    office.run_for(10.0)
    assert office.states("101", "102", "103") == ["talking", "ringing", "idle"]
    office.answer("102")
    office.run_for(1.0)
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.close()


def test_nobody_answers_anywhere() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "103")
    office.hang_up("102")
    office.run_for(30.0)
    assert office.states("101", "102", "103") == ["idle", "idle", "idle"]
    assert office.record.cause == "no answer"
    office.close()


def test_who_is_transferred_hangs_up_while_it_rings() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "103")
    office.hang_up("101")
    office.run_for(2.0)
    assert office.states("101", "102", "103") == ["idle", "idle", "idle"]
    assert office.record.verdict is Verdict.ANSWERED
    office.close()


def test_attended_both_calls_become_one() -> None:
    office = Transfers()
    office.talk("101", "102")
    second = office.another_phone("102")
    office.phone(second, second.dial("103", office.now))
    office.run_for(1.0)
    office.answer("103")
    office.run_for(1.0)
    office.transfer("102", "103", second.dialog)
    office.run_for(1.0)
    assert office.told_about("102") == [100, 200]
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    assert second.state.value == "idle"
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    office.hang_up("101")
    office.run_for(1.0)
    assert office.state("103") == "idle"
    assert sorted((r.caller, r.called, r.cause) for r in office.records) == [
        ("101", "102", "transferred"),
        ("102", "103", "normal"),
    ]
    office.close()


def test_blonde_the_new_phone_still_rings() -> None:
    office = Transfers()
    office.talk("101", "102")
    second = office.another_phone("102")
    office.phone(second, second.dial("103", office.now))
    office.run_for(1.0)
    office.transfer("102", "103", second.dialog)
    assert office.told_about("102")[-1] == 200
    assert office.states("101", "102", "103") == ["talking", "idle", "ringing"]
    office.answer("103")
    office.run_for(1.0)
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    office.close()


def test_an_agent_sends_his_caller_to_a_colleague_and_is_free() -> None:
    office = Transfers()
    office.talk("101", "500", "901")
    assert office.agents["901"] == "talking"
    office.transfer("901", "103")
    assert office.agents["901"] == "talking"  # Until somebody answers there.
    office.answer("103")
    office.run_for(2.0)
    assert office.agents["901"] == "ready"
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    office.hang_up("101")
    office.run_for(1.0)
    record = office.record
    assert (record.queue, record.agent, record.verdict) == ("sales", "901", Verdict.ANSWERED)
    assert [(talk.extension, talk.agent) for talk in record.talks] == [("901", "901"), ("103", "")]
    office.close()


def test_an_agent_sends_his_caller_to_another_queue() -> None:
    office = Transfers()
    office.talk("101", "500", "901")
    office.transfer("901", "501")
    assert office.told_about("901") == [100, 200]
    assert office.agents == {"901": "ready", "902": "ringing"}
    office.answer("902")
    office.run_for(1.0)
    assert (heard_by(office, "101"), heard_by(office, "902")) == ("joined", "joined")
    assert office.agents == {"901": "ready", "902": "talking"}
    office.hang_up("902")
    office.run_for(1.0)
    assert office.agents == {"901": "ready", "902": "ready"}
    assert [(talk.extension, talk.agent) for talk in office.record.talks] == [
        ("901", "901"),
        ("902", "902"),
    ]
    office.close()


def test_a_caller_sends_the_agent_elsewhere() -> None:
    office = Transfers()
    office.talk("101", "500", "901")
    office.transfer("101", "103")
    office.answer("103")
    office.run_for(2.0)
    assert office.states("101", "901", "103") == ["idle", "talking", "talking"]
    assert office.agents["901"] == "occupied"
    office.hang_up("103")
    office.run_for(1.0)
    assert office.agents["901"] == "ready"
    office.close()


def test_held_before_the_transfer_hears_music_then_ringing_then_the_new_one() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.hold("102", True)
    office.run_for(1.0)
    assert heard_by(office, "101").endswith("hold.flac")
    office.transfer("102", "103")
    assert heard_by(office, "101").endswith("ringing.flac")
    office.answer("103")
    office.run_for(2.0)
    assert heard_by(office, "101") == "joined"
    office.close()


def test_one_record_holds_the_seconds_of_each_conversation() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.run_for(4.0)
    office.transfer("102", "103")
    office.answer("103")
    office.run_for(8.0)
    office.hang_up("101")
    office.run_for(1.0)
    record = office.record
    assert [talk.extension for talk in record.talks] == ["102", "103"]
    assert sum(talk.seconds for talk in record.talks) == record.talk_seconds
    assert isinstance(record.talks[0], TalkRecord)
    office.close()


def press(office: Transfers, user: str, digits: str) -> None:
    for digit in digits:
        office.press(user, digit)
        office.run_for(0.25)


def test_by_keys_within_the_call() -> None:
    office = Transfers()
    office.talk("101", "102")
    press(office, "102", "##")
    assert heard_by(office, "102").endswith("enter-number.flac")
    assert heard_by(office, "101").endswith("hold.flac")
    press(office, "102", "103#")
    assert office.states("101", "102", "103") == ["talking", "talking", "ringing"]
    office.answer("103")
    office.run_for(1.0)
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    office.close()


def test_the_number_is_complete_after_a_pause_too() -> None:
    office = Transfers()
    office.talk("101", "102")
    press(office, "101", "5##104")
    office.run_for(4.0)
    assert office.states("101", "102", "104") == ["talking", "talking", "ringing"]
    office.close()


@pytest.mark.parametrize("typed", ["##*", "##999#", "##", "##103#"])
def test_keys_that_lead_nowhere_give_the_call_back(typed: str) -> None:
    office = Transfers()
    office.talk("101", "102")
    press(office, "102", typed)
    office.run_for(2.0)
    if typed.endswith("103#"):
        office.reject("103")
    office.run_for(12.0)
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.close()


def test_slow_keys_are_no_code() -> None:
    office = Transfers()
    office.talk("101", "102")
    press(office, "102", "#")
    office.run_for(2.0)
    press(office, "102", "#")
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.close()


def test_who_calls_from_outside_cannot_transfer_by_keys() -> None:
    office = Transfers()
    trunk = office.call_from("0501234567", "102")
    office.run_for(1.0)
    office.answer("102")
    office.run_for(1.0)
    trunk.ack()
    body = b"Signal=#\r\nDuration=160\r\n"
    for _ in range(2):
        trunk.info(body)
        office.run_for(0.2)
    assert heard_by(office, "102") == "joined"
    office.hang_up("102")
    office.run_for(1.0)
    office.close()


def test_who_calls_from_outside_cannot_transfer_at_all() -> None:
    """Or anybody could make our extensions call numbers that cost money."""
    office = Transfers()
    trunk = office.call_from("0501234567", "102")
    office.run_for(1.0)
    office.answer("102")
    office.run_for(1.0)
    trunk.ack()
    trunk.refer("103")
    office.run_for(1.0)
    notified = [m for m in trunk.messages() if isinstance(m, Request) and m.method == "NOTIFY"]
    assert b"SIP/2.0 403 Forbidden\r\n" in {message.body for message in notified}
    assert office.states("102", "103") == ["talking", "idle"]
    assert heard_by(office, "102") == "joined"
    office.hang_up("102")
    office.run_for(1.0)
    office.close()


def test_who_is_called_outside_cannot_transfer_either() -> None:
    """The other end of a trunk is nobody's extension, whatever it presses or sends."""
    office = Transfers()
    office.talk("101", "102")
    (call,) = office.exchange.calls.values()
    call.forks[call.bridged].extension = "trunk:provider"
    press(office, "102", "##")
    assert heard_by(office, "101") == "joined"
    office.transfer("102", "103")
    assert office.told_about("102") == [100, 403]
    assert office.states("101", "102", "103") == ["talking", "talking", "idle"]
    office.close()
