"""Supervisors: who hears whom, who may, and what happens when somebody leaves."""

import pytest

from pbx.distribution.effects import AgentState
from pbx.events import CallRegrouped, Supervised
from pbx.room_plan import Mode
from pbx.supervising import Supervise, Wish
from tests.exchange.rooms import SUPERVISION, RoomsOffice

WHOM = ("101", "901", "103")


def watching(code: str = "*221", more: str = "") -> RoomsOffice:
    office = RoomsOffice(more)
    office.served()
    office.wire = []
    office.go("103", f"{code}901")
    return office


def reinvited(office: RoomsOffice, *users: str) -> list[str]:
    """What the talkers' phones got meanwhile: nothing, or somebody would have noticed."""
    return [head for user in users for head in office.got(user)]


@pytest.mark.parametrize(
    ("code", "heard"),
    [
        ("*221", ["901", "101", "101 901"]),
        ("*222", ["901", "101 103", "101 901"]),
        ("*223", ["103 901", "101 103", "101 901"]),
    ],
)
def test_modes(code: str, heard: list[str]) -> None:
    office = watching(code)
    assert office.all_hear(*WHOM) == heard
    assert reinvited(office, "101", "901") == []
    office.leave("103")
    assert office.all_hear("101", "901") == ["901", "101"]
    assert reinvited(office, "101", "901") == []
    office.leave("101")
    assert [r.verdict.value for r in office.records] == ["served", "answered"]
    office.close()


def test_switched_by_keys() -> None:
    office = watching()
    office.keys("103", "5")
    assert office.all_hear(*WHOM) == ["901", "101 103", "101 901"]
    office.keys("103", "6")
    assert office.all_hear(*WHOM) == ["103 901", "101 103", "101 901"]
    office.keys("103", "4")
    assert office.all_hear(*WHOM) == ["901", "101", "101 901"]
    office.keys("103", "1*")
    assert office.states("103", "101", "901") == ["idle", "talking", "talking"]
    assert office.supervised() == ["listen", "whisper", "barge", "listen", "ended"]
    assert reinvited(office, "101", "901") == []
    office.close()


def test_the_audit_names_all() -> None:
    office = watching()
    (event,) = office.told(Supervised)
    heard = next(c.id for c in office.exchange.calls.values() if c.conversation)
    assert (event.supervisor, event.extension, event.agent, event.heard) == (
        *("103", "901", "901"),
        heard,
    )
    office.close()


def test_nobody_else_may() -> None:
    office = RoomsOffice()
    office.served()
    office.go("102", "*221901")
    assert office.hears("102") == "not-allowed"
    office.run_for(10.0)
    assert office.state("102") == "idle"
    assert office.supervised() == ["refused"]
    assert office.record.verdict.value == "rejected"
    office.close()


def test_not_every_mode_is_allowed_to_everybody() -> None:
    office = RoomsOffice()
    office.talk("101", "901")
    office.go("102", "*221101")
    assert office.all_hear("102", "101") == ["101 901", "901"]
    office.keys("102", "6")
    assert office.all_hear("102", "101", "901") == ["101 901", "901", "101"]
    office.keys("102", "5")
    assert office.all_hear("101", "901") == ["102 901", "101"]
    assert office.supervised() == ["listen", "refused", "whisper"]
    office.close()


def test_follows_the_agent() -> None:
    office = watching()
    office.leave("101")
    assert office.states("103", "901") == ["talking", "idle"]
    assert office.hears("103") == ""
    office.talk("102", "500", "901")
    assert office.all_hear("102", "901", "103") == ["901", "102", "102 901"]
    office.leave("901")
    assert office.supervised() == ["listen", "waits", "listen", "waits"]
    office.close()


def test_waits_for_the_first_conversation() -> None:
    office = RoomsOffice()
    office.go("103", "*222901")
    assert office.hears("103") == "waits"
    office.run_for(10.0)
    office.served()
    assert office.all_hear(*WHOM) == ["901", "101 103", "101 901"]
    office.close()


ONCE = SUPERVISION.replace("supervision:", "supervision:\n  follow: false")


def test_or_says_that_there_is_none() -> None:
    office = RoomsOffice(ONCE)
    office.go("103", "*221901")
    office.run_for(10.0)
    assert office.state("103") == "idle"
    assert office.supervised() == ["nobody"]
    office.close()


def test_stays_with_the_call_that_is_transferred_and_parked() -> None:
    office = watching(more=ONCE)
    office.transfer("901", "102")
    office.answer("102")
    office.run_for(1.0)
    assert office.all_hear("101", "102", "103") == ["102", "101", "101 102"]
    office.transfer("102", "701")
    assert office.all_hear("101", "103") == ["hold", ""]
    office.go("104", "701")
    assert office.all_hear("101", "104", "103") == ["104", "101", "101 104"]
    office.leave("101")
    assert office.states("103", "104") == ["idle", "idle"]
    office.close()


def test_an_agent_who_transfers_is_followed() -> None:
    office = watching()
    office.transfer("901", "102")
    office.answer("102")
    office.run_for(1.0)
    assert office.all_hear("101", "102", "103") == ["102", "101", ""]
    office.close()


@pytest.mark.parametrize("holder", ["101", "901"])
def test_hold_and_resume(holder: str) -> None:
    other = {"101": "901", "901": "101"}[holder]
    office = watching()
    office.hold(holder, held=True)
    office.run_for(1.0)
    assert office.all_hear(other, "103") == ["hold", ""]
    office.hold(holder, held=False)
    office.run_for(1.0)
    assert office.all_hear(*WHOM) == ["901", "101", "101 901"]
    office.close()


def test_who_comes_while_one_is_held() -> None:
    office = RoomsOffice()
    office.served()
    office.hold("901", held=True)
    office.run_for(1.0)
    office.go("103", "*221901")
    assert office.all_hear("101", "103") == ["hold", ""]
    office.hold("901", held=False)
    office.run_for(1.0)
    assert office.all_hear(*WHOM) == ["901", "101", "101 901"]
    office.close()


def test_who_leaves_while_one_is_held() -> None:
    office = watching()
    office.hold("901", held=True)
    office.run_for(1.0)
    office.leave("103")
    assert office.hears("101") == "hold"
    office.hold("901", held=False)
    office.run_for(1.0)
    assert office.all_hear("101", "901") == ["901", "101"]
    office.close()


def test_who_speaks_goes_on_while_the_agent_holds() -> None:
    office = watching("*223")
    office.hold("901", held=True)
    office.run_for(1.0)
    assert office.all_hear("101", "103") == ["103", "101"]
    office.close()


def test_two_supervisors() -> None:
    office = watching("*223")
    office.go("104", "*222901")
    assert office.all_hear("101", "901", "103", "104") == [
        *("103 901", "101 103 104", "101 901", "101 103 901"),
    ]
    office.leave("103")
    assert office.all_hear("101", "901", "104") == ["901", "101 104", "101 901"]
    office.leave("104")
    assert office.all_hear("101", "901") == ["901", "101"]
    office.close()


def test_the_agent_leaves_and_who_spoke_goes_on() -> None:
    office = watching("*223")
    office.leave("901")
    assert office.states("101", "901", "103") == ["talking", "idle", "talking"]
    assert office.all_hear("101", "103") == ["103", "101"]
    assert office.agents["901"] == AgentState.READY.value
    assert [e.how.value for e in office.told(CallRegrouped)] == ["stepped in"]
    office.leave("101")
    assert office.state("103") == "idle"
    office.close()


def test_the_agent_leaves_who_is_only_listened_to() -> None:
    office = watching()
    office.leave("901")
    assert office.states("101", "103") == ["idle", "talking"]
    office.close()


def test_the_client_leaves_who_was_spoken_to() -> None:
    office = watching("*223")
    office.leave("101")
    assert office.states("901", "103") == ["idle", "talking"]
    assert office.hears("103") == ""
    office.close()


@pytest.mark.parametrize("way", ["code", "key"])
def test_taking_over(way: str) -> None:
    office = watching("*224" if way == "code" else "*221")
    if way == "key":
        office.keys("103", "7")
    assert office.states("101", "901", "103") == ["talking", "idle", "talking"]
    assert office.all_hear("101", "103") == ["103", "101"]
    assert office.supervised()[-2:] == ["take_over", "ended"]
    assert reinvited(office, "101") == []
    office.leave("103")
    assert office.state("101") == "idle"
    assert [r.cause for r in office.records] == ["transferred", "normal"]
    office.close()


def test_a_tone_for_those_who_talk() -> None:
    office = RoomsOffice(SUPERVISION + "  tone: true\n")
    office.served()
    office.dial("103", "*221901")
    office.run_for(0.2)
    assert office.all_hear(*WHOM) == ["beep", "beep", "101 901"]
    office.run_for(5.0)
    assert office.all_hear(*WHOM) == ["901", "101", "101 901"]
    office.close()


def test_a_transfer_by_keys_while_somebody_listens() -> None:
    office = watching()
    office.keys("901", "##")
    assert office.all_hear("901", "101") == ["enter-number", "hold"]
    office.keys("901", "*")
    assert office.all_hear(*WHOM) == ["901", "101", "101 901"]
    office.keys("901", "##102#")
    office.answer("102")
    office.run_for(1.0)
    assert office.all_hear("101", "102", "103") == ["102", "101", ""]
    office.close()


def test_asking_somebody_first_is_heard() -> None:
    office = watching("*222")
    office.keys("901", "*2102#")
    office.answer("102")
    office.run_for(1.0)
    assert office.all_hear("101", "901", "102", "103") == ["hold", "102 103", "901", "102 901"]
    office.keys("901", "*2")
    office.run_for(1.0)
    assert office.all_hear(*WHOM) == ["901", "101 103", "101 901"]
    office.close()


def test_a_command_rings_the_supervisor() -> None:
    office = RoomsOffice()
    office.served()
    office.supervise(Supervise("103", "901", Mode.WHISPER))
    assert office.state("103") == "ringing"
    office.answer("103")
    office.run_for(1.0)
    assert office.all_hear(*WHOM) == ["901", "101 103", "101 901"]
    office.supervise(Supervise("103", "901", Mode.BARGE))
    assert office.all_hear(*WHOM) == ["103 901", "101 103", "101 901"]
    office.supervise(Supervise("103", wish=Wish.STOP))
    assert office.states("101", "901", "103") == ["talking", "talking", "idle"]
    assert office.supervised() == ["whisper", "barge", "ended"]
    office.close()


@pytest.mark.parametrize("end", ["reject", "nothing"])
def test_a_supervisor_who_does_not_answer(end: str) -> None:
    office = RoomsOffice()
    office.served()
    office.supervise(Supervise("103", "901"))
    if end == "reject":
        office.reject("103")
    office.run_for(40.0)
    assert office.states("101", "103") == ["talking", "idle"]
    office.close()


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Supervise("102", "901"), "102 may not listen there"),
        (Supervise("103", "103"), "103 may not listen there"),
        (Supervise("103", "999"), 'there is no extension or agent "999"'),
        (Supervise("999", "901"), 'there is no extension "999"'),
        (Supervise("103", wish=Wish.STOP), "103 listens to nobody"),
    ],
)
def test_impossible_commands(wanted: Supervise, why: str) -> None:
    office = RoomsOffice()
    with pytest.raises(ValueError, match=why):
        office.supervise(wanted)
    office.close()
