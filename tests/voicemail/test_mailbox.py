"""Stories of owners who hear their messages."""

import pytest

from pbx.events import RequestRefused, VoicemailLeft
from pbx.history.records import Verdict
from pbx.voicemail.messages import Greeting, Status
from pbx.voicemail.pins import LOCK_SECONDS, is_pin
from sip.message import Request
from tests.voicemail.house import OWN_PIN, PIN, TEXT, House

NEW, HEARD, SAVED = Status.NEW, Status.HEARD, Status.SAVED


@pytest.fixture
def house() -> House:
    """102 has two messages, from 101 and 103, and has chosen a PIN."""
    house = House()
    house.own_pin("102")
    house.hang_up("102")
    house.leave("101", seconds=3.0)
    house.leave("103", seconds=4.0)
    house.jobs.clear()
    house.log_in("102", pin=OWN_PIN)
    return house


def message_in(house: House, user: str = "102") -> str:
    """The message that plays, by who left it; "" if none does."""
    callers = {m.id: m.caller for m in house.spool.messages.values()}
    for file in house.heard(user):
        for id, caller in callers.items():
            if id in file:
                return caller
    return ""


def test_the_first_time_a_pin_has_to_be_chosen() -> None:
    house = House()
    house.dial("102", "*97")
    house.run_for(1.0)
    assert house.heard("102") == ["voicemail/enter-pin"]
    house.type("102", f"{PIN}#")
    assert house.heard("102") == ["voicemail/choose-pin", "voicemail/new-pin"]
    house.type("102", "1234#")
    assert house.heard("102") == ["voicemail/weak-pin", "voicemail/new-pin"]
    house.type("102", "9137#")
    assert house.heard("102") == ["voicemail/new-pin-again"]
    house.type("102", "9138#")
    assert house.heard("102") == ["voicemail/pins-differ", "voicemail/new-pin"]
    house.type("102", "9137#9137#")
    assert house.heard("102")[:2] == ["voicemail/pin-changed", "messages/none"]
    assert is_pin("9137", house.spool.pins["102"])
    house.hang_up("102")
    house.log_in("102", pin="9137")
    assert house.heard("102")[0] == "messages/none"
    house.close()


def test_without_a_pin_in_the_configuration_the_own_phone_chooses_one() -> None:
    house = House()
    house.dial("103", "*97")
    house.run_for(1.0)
    assert house.heard("103") == ["voicemail/choose-pin", "voicemail/new-pin"]
    house.close()


def test_and_no_other_phone_gets_in_before() -> None:
    house = House()
    house.dial("101", "*98103")
    house.run_for(1.0)
    house.type("101", "0000#")
    house.run_for(2.5)
    assert house.heard("101") == ["voicemail/wrong-pin", "voicemail/enter-pin"]
    house.close()


def test_new_messages_are_counted_played_and_heard(house: House) -> None:
    assert house.heard("102")[:3] == ["messages/you-have", "digits/2", "messages/new-many"]
    house.press("102", "1")
    house.run_for(0.5)
    envelope = house.heard("102")
    assert envelope[:3] == ["messages/message", "digits/1", "voicemail/from"]
    assert envelope[3:6] == ["digits/1", "digits/0", "digits/1"]
    assert house.statuses("102") == [NEW, NEW]
    wait_for(house, "101")
    assert house.statuses("102") == [HEARD, NEW]
    house.run_for(3.5)
    assert house.heard("102") == ["voicemail/message-menu"]
    house.press("102", "6")
    wait_for(house, "103")
    house.press("102", "4")
    wait_for(house, "101")
    house.press("102", "6")
    wait_for(house, "103")
    house.press("102", "6")
    house.run_for(0.5)
    assert house.heard("102")[:5] == [
        *("voicemail/no-more", "messages/none", "messages/you-have", "digits/2"),
        "messages/old-many",
    ]
    house.close()


def wait_for(house: House, caller: str, seconds: float = 120.0) -> None:
    until = house.now + seconds
    while message_in(house) != caller:
        assert house.step(until), house.heard("102")


def test_keys_work_while_a_message_plays(house: House) -> None:
    house.press("102", "1")
    wait_for(house, "101")
    house.press("102", "6")
    house.run_for(0.1)
    assert house.heard("102")[:2] == ["messages/message", "digits/2"]
    house.close()


def test_the_envelope_can_be_skipped_by_hash_and_the_message_repeated(house: House) -> None:
    house.press("102", "1")
    wait_for(house, "101")
    house.press("102", "5")
    house.run_for(0.1)
    assert house.heard("102")[0] == "messages/message"
    wait_for(house, "101")
    house.close()


def test_delete_and_take_it_back(house: House) -> None:
    house.press("102", "1")
    house.run_for(0.5)
    for said in ("deleted", "undeleted", "deleted"):
        house.press("102", "7")
        house.run_for(0.1)
        assert house.heard("102") == [f"voicemail/{said}", "voicemail/message-menu"]
    assert len(house.box("102")) == 2
    house.hang_up("102")
    house.run_for(0.5)
    assert [m.caller for m in house.box("102")] == ["103"]
    house.close()


def test_saved_ones_stay(house: House) -> None:
    house.press("102", "1")
    house.run_for(0.5)
    house.press("102", "9")
    house.run_for(0.5)
    assert house.heard("102")[0] == "voicemail/saved"
    assert house.statuses("102") == [SAVED, NEW]
    house.close()


def test_old_ones_go_after_their_time() -> None:
    house = House(TEXT.replace("  path: /spool\n", "  path: /spool\n  keep: 2h\n"))
    house.leave("101")
    house.leave("103")
    house.own_pin("102")
    house.press("102", "1")
    wait_for(house, "101")
    house.hang_up("102")
    house.run_for(3600.0)
    assert len(house.box("102")) == 2
    house.run_for(2 * 3600.0)
    assert [m.caller for m in house.box("102")] == ["103"]  # Nobody has heard it.
    house.close()


def test_forward_it_as_it_is(house: House) -> None:
    house.press("102", "1")
    house.run_for(0.5)
    house.type("102", "8")
    assert house.heard("102") == ["voicemail/forward-to"]
    house.type("102", "103#")
    assert house.heard("102") == ["voicemail/forward-comment"]
    house.type("102", "#")
    assert house.heard("102")[0] == "voicemail/forwarded"
    house.run_for(0.5)
    (copy,) = house.box("103")
    assert (copy.caller, copy.forwarded_by, copy.status) == ("101", "102", NEW)
    assert len(house.box("102")) == 2
    house.close()


def test_forward_it_with_a_comment(house: House) -> None:
    house.press("102", "1")
    house.run_for(0.5)
    house.type("102", "8103#1")
    assert house.heard("102") == ["voicemail/record", "beep"]
    house.wait_recording()
    house.run_for(2.0)
    house.press("102", "#")
    house.run_for(0.5)
    assert house.heard("102")[0] == "voicemail/forwarded"
    assert len(house.box("103")) == 1
    house.close()


def test_forward_to_nobody(house: House) -> None:
    house.press("102", "1")
    house.run_for(0.5)
    house.type("102", "8999##")
    assert house.heard("102")[0] == "voicemail/no-mailbox"
    house.close()


def test_call_back(house: House) -> None:
    house.press("102", "1")
    house.run_for(0.5)
    house.press("102", "7")
    house.run_for(0.5)
    house.press("102", "3")
    house.run_for(0.5)
    assert house.ringing == ["101"]
    assert [m.caller for m in house.box("102")] == ["103"]
    house.answer("101")
    house.run_for(1.0)
    assert house.state("102") == "talking"
    house.close()


def test_a_number_that_cannot_be_called_back() -> None:
    house = House()
    trunk = house.call_from("0501234567", "700")
    house.wait_recording()
    _ = trunk.answer(200)
    trunk.ack()
    house.run_for(3.0)
    trunk.bye()
    house.own_pin("102")
    house.press("102", "1")
    house.run_for(0.5)
    house.press("102", "3")
    house.run_for(0.5)
    assert house.heard("102")[0] == "voicemail/no-call-back"
    house.close()


def test_record_hear_and_use_a_greeting(house: House) -> None:
    house.type("102", "01")
    assert house.heard("102") == ["voicemail/greeting-menu"]
    house.type("102", "2")
    assert house.heard("102")[0] == "voicemail/no-greeting"
    house.type("102", "1")
    house.wait_recording()
    house.run_for(3.0)
    house.press("102", "#")
    house.run_for(0.5)
    assert house.heard("102") == ["voicemail/review-menu"]
    house.type("102", "2")
    assert house.heard("102")[0].endswith(".wav") or "/incoming/" in house.heard("102")[0]
    house.type("102", "*1")
    assert house.heard("102")[0] == "voicemail/greeting-kept"
    (file,) = house.spool.greetings
    assert Greeting.UNAVAILABLE.value in file
    house.hang_up("102")
    house.run_for(1.0)
    house.dial("101", "*99102")
    house.run_for(1.0)
    assert [f"{name}.wav" for name in house.heard("101")] == [file, "beep.wav"]
    house.hang_up("101")
    house.run_for(1.0)
    house.log_in("102", pin=OWN_PIN)
    house.type("102", "013")
    house.run_for(0.5)
    assert house.heard("102")[0] == "voicemail/greeting-deleted"
    assert house.spool.greetings == set()
    house.close()


def test_a_new_greeting_takes_the_place_of_the_old_one(house: House) -> None:
    for _ in range(2):
        house.type("102", "031")
        house.wait_recording()
        house.run_for(3.0)
        house.press("102", "#")
        house.run_for(0.5)
        house.type("102", "1*")
    (file,) = house.spool.greetings
    assert Greeting.TEMPORARY.value in file
    house.close()


def test_hang_up_while_a_greeting_is_recorded(house: House) -> None:
    house.type("102", "021")
    house.wait_recording()
    house.run_for(3.0)
    house.hang_up("102")
    house.run_for(1.0)
    assert house.spool.greetings == set()
    house.close()


def test_a_greeting_that_is_not_wanted(house: House) -> None:
    house.type("102", "021")
    house.wait_recording()
    house.run_for(3.0)
    house.press("102", "#")
    house.run_for(0.5)
    house.press("102", "*")
    house.run_for(0.5)
    assert house.heard("102") == ["voicemail/options-menu"]
    assert house.spool.drafts == {}
    house.close()


def test_three_wrong_pins_slowly() -> None:
    house = House()
    house.dial("101", "*98102")
    house.run_for(1.0)
    house.type("101", "1111#")
    house.run_for(1.5)
    assert house.heard("101") == []  # It takes its time.
    house.run_for(1.0)
    assert house.heard("101") == ["voicemail/wrong-pin", "voicemail/enter-pin"]
    house.type("101", "2222#")
    house.run_for(3.0)
    assert house.heard("101") == []
    house.run_for(1.5)
    house.type("101", "3333#")
    assert house.heard("101") == ["voicemail/wrong-pin", "goodbye"]
    house.run_for(10.0)
    assert house.state("101") == "idle"
    (refused,) = house.told(RequestRefused)
    assert (refused.method, refused.source) == ("PIN", house.of("101").address[0])
    guard = house.exchange.protection.guard
    assert sum(friend.wrong for friend in guard.friends.values()) == 1
    # Locked for others now, even with the right one; its owner gets in.
    house.log_in("101", "*98102")
    house.run_for(2.5)
    assert house.heard("101") == ["voicemail/wrong-pin", "voicemail/enter-pin"]
    house.hang_up("101")
    house.log_in("102")
    assert house.heard("102")[0] == "voicemail/choose-pin"
    house.run_for(LOCK_SECONDS)
    house.log_in("101", "*98102")
    assert house.heard("101")[0] == "voicemail/choose-pin"
    house.close()


def test_any_mailbox_is_asked_for(house: House) -> None:
    house.dial("101", "*98")
    house.run_for(1.0)
    assert house.heard("101") == ["voicemail/enter-mailbox"]
    house.type("101", f"102#{OWN_PIN}#")
    assert house.heard("101")[0] == "messages/you-have"
    house.close()


def test_from_outside(house: House) -> None:
    trunk = house.call_from("0501234567", "701")
    house.run_for(1.0)
    assert trunk.statuses() == [100, 200]
    _ = trunk.answer(200)
    trunk.ack()
    trunk.bye()
    house.run_for(1.0)
    assert house.records[-1].verdict is Verdict.SERVED
    house.close()


def test_a_mailbox_that_there_is_not_is_like_one_with_another_pin() -> None:
    house = House()
    house.log_in("101", "*98999")
    house.run_for(2.5)
    assert house.heard("101") == ["voicemail/wrong-pin", "voicemail/enter-pin"]
    house.close()


def test_who_has_none_is_told() -> None:
    house = House()
    house.dial("101", "*97")
    house.run_for(0.5)
    assert house.heard("101") == ["voicemail/no-mailbox", "goodbye"]
    house.close()


def test_nobody_presses_anything(house: House) -> None:
    house.run_for(200.0)
    assert house.state("102") == "idle"
    assert house.statuses("102") == [NEW, NEW]
    house.close()


def test_a_message_comes_while_the_owner_listens(house: House) -> None:
    """He hears of it by the lamp; what he does concerns the messages that he knows."""
    house.press("102", "1")
    house.run_for(0.5)
    house.leave("901", seconds=3.0)
    house.press("102", "7")
    house.run_for(0.5)
    house.hang_up("102")
    house.run_for(0.5)
    assert [m.caller for m in house.box("102")] == ["103", "901"]
    house.close()


def test_two_phones_in_one_mailbox(house: House) -> None:
    """What one deletes the other cannot play any more; both get to the end."""
    house.log_in("101", "*98102", OWN_PIN)
    for user in ("101", "102"):
        house.press(user, "1")
        house.run_for(0.5)
        house.press(user, "7")
        house.run_for(0.5)
    house.hang_up("101")
    house.run_for(0.5)
    assert [m.caller for m in house.box("102")] == ["103"]
    house.press("102", "5")
    house.run_for(30.0)
    house.hang_up("102")
    house.run_for(0.5)
    assert [m.caller for m in house.box("102")] == ["103"]
    house.close()


def test_the_mailbox_is_deleted_while_its_owner_listens(house: House) -> None:
    house.press("102", "1")
    house.run_for(0.5)
    house.reload(TEXT.replace('    102: {pin: "4071"}\n', "").replace("700: voicemail:102, ", ""))
    house.press("102", "7")
    house.run_for(0.5)
    house.type("102", "6")
    house.run_for(30.0)
    house.hang_up("102")
    house.run_for(0.5)
    assert [m.caller for m in house.box("102")] == ["103"]
    house.close()


def test_the_owner_hangs_up_in_each_step() -> None:
    keys = f"{PIN}#{OWN_PIN}#{OWN_PIN}#16576*018103##01#"
    for length in range(0, len(keys), 3):
        house = House()
        house.leave("101", seconds=3.0)
        house.dial("102", "*97")
        house.run_for(1.0)
        house.type("102", keys[:length])
        house.hang_up("102")
        house.run_for(1.0)
        house.close()


def test_the_lamp_shows_what_there_is() -> None:
    house = House()
    lamp = Lamp(house)
    assert lamp.shows() == ("no", "0/0")
    house.leave("101")
    assert lamp.shows() == ("yes", "1/0")
    house.leave("103")
    assert lamp.shows() == ("yes", "2/0")
    house.own_pin("102")
    house.press("102", "1")
    wait_for(house, "101")
    house.run_for(0.5)
    assert lamp.shows() == ("yes", "1/1")
    house.press("102", "7")
    house.hang_up("102")
    house.run_for(0.5)
    assert lamp.shows() == ("yes", "1/0")
    assert [event.new for event in house.told(VoicemailLeft)] == [1, 2]


def test_counts_are_there_after_a_restart() -> None:
    """What the disk says is told to the exchange before anybody asks."""
    house = House()
    house.leave("101")
    before = house.exchange.voicemail.of("102")
    again = House()
    _ = again.exchange.voicemail.load({"102": before}, again.now)
    again.spool.messages = dict(house.spool.messages)
    assert Lamp(again).shows() == ("yes", "1/0")


class Lamp:
    """The message lamp of 102, by a SUBSCRIBE from a trusted address (RFC 3842)."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.address = ("10.9.0.1", 5080)
        text = (
            "SUBSCRIBE sip:102@10.0.0.1 SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 10.9.0.1:5080;branch=z9hG4bKlamp\r\n"
            "From: <sip:102@10.0.0.1>;tag=lamp\r\nTo: <sip:102@10.0.0.1>\r\n"
            "Call-ID: lamp\r\nCSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\n"
            "Contact: <sip:102@10.9.0.1:5080>\r\nEvent: message-summary\r\n"
            "Accept: application/simple-message-summary\r\nExpires: 900\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        house.send(self.address, text.encode())
        house.run_for(0.5)

    def shows(self) -> tuple[str, str]:
        from sip.message import respond
        from sip.parser import parse

        last = ""
        for data in self.house.inboxes[self.address]:
            message = parse(data)
            if isinstance(message, Request):
                self.house.send(self.address, bytes(respond(message, 200)))
                last = message.body.decode()
        self.house.inboxes[self.address].clear()
        self.house.run_for(0.5)
        if self.house.inboxes[self.address]:
            return self.shows()
        fields = dict(line.split(": ") for line in last.splitlines() if ": " in line)
        return fields["Messages-Waiting"], fields["Voice-Message"].split(" ")[0]
