"""Calls that somebody else takes: picked up while they ring, parked and taken up again."""

import pytest

from pbx.history.records import Verdict
from tests.exchange.test_sound_stories import heard_by
from tests.exchange.transfers import Transfers


@pytest.mark.parametrize("code", ["**102", "*8"])
def test_a_colleague_picks_up_what_rings(code: str) -> None:
    office = Transfers()
    office.dial("101", "102")
    office.run_for(1.0)
    office.dial("103", code)
    office.run_for(1.0)
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    (cancel,) = office.messages("102", "CANCEL")
    assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    office.hang_up("103")
    office.run_for(1.0)
    assert office.states("101", "103") == ["idle", "idle"]
    assert sorted((r.caller, r.extension, r.verdict, r.cause) for r in office.records) == [
        ("101", "103", Verdict.ANSWERED, "normal"),
        ("103", "", Verdict.SERVED, "picked up"),
    ]
    office.close()


@pytest.mark.parametrize("code", ["**104", "*8"])
def test_nothing_rings_there(code: str) -> None:
    office = Transfers()
    office.dial("103", code)
    office.run_for(1.0)
    assert office.state("103") == "idle"
    assert office.got("103")[-1] == "404"
    office.close()


def test_the_call_of_an_agent_is_not_picked_up() -> None:
    """Queues know who they ring: a colleague would be talking without anybody knowing."""
    office = Transfers()
    office.dial("101", "500")
    office.run_for(1.0)
    office.dial("103", "**901")
    office.run_for(1.0)
    assert office.states("101", "901", "103") == ["talking", "ringing", "idle"]
    office.close()


def test_a_lamp_key_takes_the_ringing_call_by_its_dialog() -> None:
    """INVITE with Replaces for an early dialog of ours (RFC 3891 §3)."""
    office = Transfers()
    office.dial("101", "102")
    office.run_for(1.0)
    phone = office.of("103")
    office.phone(phone, phone.dial("102", office.now, replaces=office.of("102").dialog))
    office.run_for(1.0)
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    office.close()


def test_a_dialog_that_nobody_has_is_481() -> None:
    office = Transfers()
    phone = office.of("103")
    office.phone(phone, phone.dial("102", office.now, replaces="none;to-tag=1;from-tag=2"))
    office.run_for(1.0)
    assert office.got("103")[-1] == "481"
    office.close()


def test_parked_by_transfer_and_taken_up_elsewhere() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "701")
    assert office.told_about("102") == [100, 200]
    assert office.states("101", "102") == ["talking", "idle"]
    assert heard_by(office, "101").endswith("hold.flac")
    office.run_for(5.0)
    office.dial("103", "701")
    office.run_for(1.0)
    assert office.states("101", "103") == ["talking", "talking"]
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    office.hang_up("101")
    office.run_for(1.0)
    (first, second) = sorted(office.records, key=lambda record: record.started_at)
    assert [talk.extension for talk in first.talks] == ["102", "103"]
    assert (second.verdict, second.cause) == (Verdict.SERVED, "picked up")
    office.close()


def test_the_first_free_slot_is_said_to_who_asks_for_one() -> None:
    """Attended: dial the code, hear the slot, complete the transfer."""
    office = Transfers()
    office.talk("101", "102")
    second = office.another_phone("102")
    office.phone(second, second.dial("*70", office.now))
    office.run_for(1.0)
    said = [
        line.files
        for line in office.workers[0].lines.values()
        if line.play and "digits" in line.files[0]
    ]
    assert [[name.rpartition("/")[2] for name in files] for files in said] == [
        ["7.flac", "0.flac", "1.flac"]
    ]
    office.transfer("102", "*70", second.dialog)
    office.run_for(1.0)
    assert office.states("101", "102") == ["talking", "idle"]
    assert heard_by(office, "101").endswith("hold.flac")
    office.dial("104", "701")
    office.run_for(1.0)
    assert (heard_by(office, "101"), heard_by(office, "104")) == ("joined", "joined")
    office.close()


def test_nobody_takes_it_up_so_the_parker_rings() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "701")
    office.run_for(59.5)
    assert office.states("101", "102") == ["talking", "ringing"]
    office.answer("102")
    office.run_for(1.0)
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.dial("103", "701")  # The slot is empty.
    office.run_for(1.0)
    assert office.got("103")[-1] == "404"
    office.close()


def test_an_occupied_slot_gives_the_call_back() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "701")
    office.talk("104", "103")
    office.transfer("103", "701")
    assert office.told_about("103") == [100, 486]
    assert (heard_by(office, "104"), heard_by(office, "103")) == ("joined", "joined")
    office.transfer("103", "702")
    assert office.told_about("103") == [100, 486, 100, 200]
    office.close()


def test_all_slots_are_taken() -> None:
    office = Transfers()
    for slot, (caller, called) in (("701", ("101", "102")), ("702", ("103", "104"))):
        office.talk(caller, called)
        office.transfer(called, slot)
    office.talk("102", "104")
    office.transfer("104", "703")
    office.talk("901", "902")
    office.transfer("902", "*70")
    assert office.told_about("902") == [100, 486]
    office.close()


def test_the_parked_caller_hangs_up() -> None:
    office = Transfers()
    office.talk("101", "102")
    office.transfer("102", "701")
    office.hang_up("101")
    office.run_for(1.0)
    assert office.exchange.parked == {}
    assert office.record.verdict is Verdict.ANSWERED
    office.close()


def test_a_free_slot_is_no_number() -> None:
    office = Transfers()
    office.dial("101", "703")
    office.run_for(1.0)
    assert office.got("101")[-1] == "404"
    office.close()


def test_intercom_asks_the_phone_to_answer_by_itself() -> None:
    office = Transfers()
    office.dial("101", "*80102")
    office.run_for(1.0)
    (invite,) = office.messages("102", "INVITE")
    assert invite.get("Call-Info") == "<sip:intercom>;answer-after=0"
    assert "alert-autoanswer" in (invite.get("Alert-Info") or "")
    office.answer("102")
    office.run_for(1.0)
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.close()
