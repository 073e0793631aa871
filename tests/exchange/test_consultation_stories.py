"""Asking somebody first by keys: `*2`, the number, `#`; then hanging up, or the keys again."""

import pytest

from pbx.events import CallRegrouped
from tests.exchange.test_sound_stories import heard_by
from tests.exchange.test_transfer_stories import press
from tests.exchange.transfers import Transfers


def asking(caller: str = "101", who: str = "102", whom: str = "103") -> Transfers:
    """`who` of the two has asked for `whom`, whose phone rings."""
    office = Transfers()
    office.talk(caller, "102")
    press(office, who, f"*2{whom}#")
    office.run_for(1.0)
    return office


def changes(office: Transfers) -> list[str]:
    return [event.how.value for event in office.told(CallRegrouped)]


@pytest.mark.parametrize("who", ["101", "102"])
def test_who_asked_hangs_up_and_the_other_two_talk(who: str) -> None:
    other = {"101": "102", "102": "101"}[who]
    office = asking(who=who)
    assert heard_by(office, other).endswith("hold.flac")
    assert heard_by(office, who).endswith("ringing.flac")
    office.answer("103")
    office.run_for(1.0)
    assert heard_by(office, other).endswith("hold.flac")
    assert (heard_by(office, who), heard_by(office, "103")) == ("joined", "joined")
    office.hang_up(who)
    office.run_for(1.0)
    assert office.states(who, other, "103") == ["idle", "talking", "talking"]
    assert (heard_by(office, other), heard_by(office, "103")) == ("joined", "joined")
    assert changes(office) == ["asking somebody first", "transferred after asking"]
    office.hang_up(other)
    office.run_for(1.0)
    assert [(r.caller, r.called, r.cause) for r in office.records] == [
        ("101", "102", "transferred"),
        (who, "103", "normal"),
    ]
    office.close()


def test_who_asked_does_not_wait_for_the_answer() -> None:
    office = asking()
    office.hang_up("102")
    office.run_for(1.0)
    assert heard_by(office, "101").endswith("ringing.flac")
    office.answer("103")
    office.run_for(1.0)
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    assert (heard_by(office, "101"), heard_by(office, "103")) == ("joined", "joined")
    office.close()


@pytest.mark.parametrize("answered", [True, False])
def test_the_keys_again_lead_back(answered: bool) -> None:
    office = asking()
    if answered:
        office.answer("103")
        office.run_for(1.0)
    press(office, "102", "*2")
    office.run_for(1.0)
    assert office.states("101", "102", "103") == ["talking", "talking", "idle"]
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    assert changes(office) == ["asking somebody first", "given back"]
    office.hang_up("101")
    office.run_for(1.0)
    assert office.states("101", "102") == ["idle", "idle"]
    office.close()


@pytest.mark.parametrize("how", ["reject", "no answer", "hang up"])
def test_the_one_asked_goes_and_both_talk_again(how: str) -> None:
    office = asking()
    if how == "reject":
        office.reject("103")
    elif how == "hang up":
        office.answer("103")
        office.run_for(1.0)
        office.hang_up("103")
    office.run_for(12.0)
    assert office.states("101", "102", "103") == ["talking", "talking", "idle"]
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.close()


def test_who_waits_hangs_up_and_the_question_is_an_ordinary_call() -> None:
    office = asking()
    office.answer("103")
    office.run_for(1.0)
    office.hang_up("101")
    office.run_for(1.0)
    assert office.states("101", "102", "103") == ["idle", "talking", "talking"]
    office.hang_up("102")
    office.run_for(1.0)
    assert office.states("102", "103") == ["idle", "idle"]
    office.close()


def test_a_queue_gets_the_caller_without_a_question() -> None:
    office = asking(whom="500")
    assert office.states("101", "102", "901") == ["talking", "idle", "ringing"]
    office.close()


def test_a_number_that_is_not_there_changes_nothing() -> None:
    office = asking(whom="999")
    assert (heard_by(office, "101"), heard_by(office, "102")) == ("joined", "joined")
    office.close()


def test_an_agent_asks_and_is_free_when_he_has_hung_up() -> None:
    office = Transfers()
    office.talk("101", "500", "901")
    press(office, "901", "*2103#")
    office.run_for(1.0)
    office.answer("103")
    office.dial("104", "500")
    office.run_for(1.0)
    assert office.state("901") == "talking"
    office.hang_up("901")
    office.run_for(2.0)
    assert office.states("101", "103", "901") == ["talking", "talking", "ringing"]
    office.close()


def test_an_agent_whose_caller_gives_up_stays_busy_until_he_hangs_up() -> None:
    office = Transfers()
    office.talk("101", "500", "901")
    press(office, "901", "*2103#")
    office.run_for(1.0)
    office.answer("103")
    office.run_for(1.0)
    office.hang_up("101")
    office.dial("104", "500")
    office.run_for(2.0)
    assert office.states("104", "901") == ["talking", "talking"]
    assert heard_by(office, "901") == "joined"
    office.hang_up("901")
    office.run_for(2.0)
    assert office.states("103", "901") == ["idle", "ringing"]
    office.close()


def test_the_one_asked_cannot_transfer_who_asks() -> None:
    office = asking()
    office.answer("103")
    office.run_for(1.0)
    press(office, "103", "##104#")
    office.transfer("103", "104")
    assert office.states("102", "103", "104") == ["talking", "talking", "idle"]
    assert heard_by(office, "103") == "joined"
    office.close()


def test_the_office_closes_meanwhile() -> None:
    office = asking()
    office._do(office.exchange.shut_down(office.now))
    office.run_for(2.0)
    assert office.states("101", "102", "103") == ["idle", "idle", "idle"]
    office.close()
