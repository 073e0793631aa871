"""A media worker is lost in the middle of everything: who hears what afterwards."""

from dataclasses import replace
from typing import Final

import pytest

from pbx.distribution.effects import AgentState
from pbx.events import WorkerFailed
from pbx.history.records import Hangup, Verdict
from tests.exchange.office import Office
from tests.exchange.rooms import RoomsOffice
from tests.exchange.test_sound_stories import heard_by, talking

BACK: Final = 0.5  # How long a start takes.


class Workers(RoomsOffice):
    """With one worker, or with two."""

    def lose(self, *, back: bool = True) -> None:
        """The one with the calls; it comes back if it is the only one, or if wanted."""
        number = next(n for n, worker in enumerate(self.workers) if worker.lines)
        self.lose_worker(number)
        if back:
            self.later(BACK, "worker_is_back", number)
        self.run_for(BACK + 1.0)


def test_two_who_talk_go_on_at_once_on_another_worker() -> None:
    office = Office(workers=2)
    talking(office)
    number = next(n for n, worker in enumerate(office.workers) if worker.lines)
    office.wire = []
    office.lose_worker(number)
    office.run_for(0.1)
    assert office.got("101") == ["INVITE", "ACK"]
    assert (heard_by(office, "101"), heard_by(office, "901")) == ("joined", "joined")
    assert len(office.workers[1 - number].lines) == 2
    assert office.told(WorkerFailed)[0].worker == number
    office.hang_up("101")
    office.run_for(3.0)
    assert (office.record.verdict, office.record.cause) == (Verdict.ANSWERED, "normal")
    assert office.exchange.pool.ports_in_use == 0
    office.worker_is_back(number)
    office.close()


def test_the_only_worker_comes_back() -> None:
    office = Workers()
    office.served()
    office.lose()
    assert office.all_hear("101", "901") == ["901", "101"]
    assert office.agents["901"] == AgentState.TALKING.value
    office.leave("101")
    assert office.record.cause == "normal"
    office.close()


def test_it_does_not_come_back() -> None:
    office = Workers()
    office.served()
    office.lose_worker(0)
    office.run_for(4.5)
    assert office.states("101", "901") == ["talking", "talking"]
    office.run_for(1.0)
    assert office.states("101", "901") == ["idle", "idle"]
    record = office.record
    assert (record.verdict, record.hangup, record.cause) == (
        *(Verdict.ANSWERED, Hangup.SYSTEM, "failed"),
    )
    office.worker_is_back(0)
    office.close()


def test_somebody_hangs_up_while_it_is_away() -> None:
    office = Workers()
    office.served()
    office.lose_worker(0)
    office.run_for(0.1)
    office.leave("901")
    assert office.state("101") == "idle"
    office.worker_is_back(0)
    office.run_for(1.0)
    assert office.exchange.pool.ports_in_use == 0
    office.close()


def test_a_phone_that_does_not_follow() -> None:
    """Its side of the call ends, and the record says why."""
    office = Workers()
    office.talk("101", "102")
    office.lose_worker(0)
    office.unplug(office.of("102"))
    office.worker_is_back(0)
    office.run_for(40.0)
    assert office.state("101") == "idle"
    assert office.record.cause == "silent"
    office.close()


def test_a_phone_that_refuses() -> None:
    office = Workers()
    office.talk("101", "102")
    phone = office.of("102")
    phone.habits = replace(phone.habits, refuses_offers=True)
    office.lose()
    assert office.states("101", "102") == ["idle", "idle"]
    assert (office.record.cause, office.record.hangup) == ("failed", Hangup.SYSTEM)
    office.close()


def test_one_on_hold_hears_music_again() -> None:
    office = Workers()
    office.talk("101", "102")
    office.hold("102", held=True)
    office.run_for(1.0)
    office.lose()
    assert office.hears("101") == "hold"
    office.hold("102", held=False)
    office.run_for(1.0)
    assert office.all_hear("101", "102") == ["102", "101"]
    office.close()


def test_who_waits_in_a_queue() -> None:
    office = Workers()
    office.go("101", "500")
    assert office.hears("101") == "hold"
    office.lose()
    assert office.hears("101") == "hold"
    assert office.ringing == ["901"]
    office.answer("901")
    office.run_for(1.0)
    assert office.all_hear("101", "901") == ["901", "101"]
    office.close()


def test_while_a_phone_rings() -> None:
    """It was told of a port that is no more: it gets the right one when it has answered."""
    office = Workers()
    office.go("101", "102")
    office.wire = []
    office.lose()
    assert office.ringing == ["102"]
    office.answer("102")
    office.run_for(1.0)
    assert office.got("102") == ["ACK", "INVITE", "ACK"]
    assert office.all_hear("101", "102") == ["102", "101"]
    office.close()


def test_a_prompt_is_said_again() -> None:
    office = Workers()
    office.go("101", "*79")
    said = office.hears("101")
    office.lose()
    assert office.hears("101") == said != "nothing"
    office.run_for(10.0)
    assert office.state("101") == "idle"
    office.close()


def test_who_is_parked() -> None:
    office = Workers()
    office.talk("101", "102")
    office.transfer("102", "701")
    office.lose()
    assert office.hears("101") == "hold"
    office.go("103", "701")
    assert office.all_hear("101", "103") == ["103", "101"]
    office.close()


def test_a_supervisor_goes_along() -> None:
    office = Workers()
    office.served()
    office.go("103", "*222901")
    office.lose()
    assert office.all_hear("101", "901", "103") == ["901", "101 103", "101 901"]
    office.leave("103")
    assert office.all_hear("101", "901") == ["901", "101"]
    office.close()


def test_a_conference_goes_on() -> None:
    office = Workers()
    for user in ("101", "102", "103"):
        office.go(user, "800")
    office.run_for(4.0)
    office.lose()
    assert office.all_hear("101", "102", "103") == ["102 103", "101 103", "101 102"]
    office.close()


def test_who_asks_somebody_first() -> None:
    office = Workers()
    office.served()
    office.keys("901", "*2102#")
    office.answer("102")
    office.run_for(1.0)
    office.lose()
    assert office.all_hear("101", "901", "102") == ["hold", "102", "901"]
    office.keys("901", "*2")
    office.run_for(1.0)
    assert office.all_hear("101", "901") == ["901", "101"]
    office.close()


def test_who_types_a_number() -> None:
    office = Workers()
    office.talk("101", "102")
    office.keys("102", "##1")
    office.lose()
    assert office.all_hear("101", "102") == ["102", "101"]
    office.close()


def test_no_worker_at_all() -> None:
    office = Office()
    office.lose_worker(0)
    office.dial("101", "500")
    office.run_for(1.0)
    assert (office.record.verdict, office.got("101")[-1]) == (Verdict.FAILED, "503")
    office.worker_is_back(0)
    office.run_for(30.0)
    talking(office)
    office.close()


@pytest.mark.parametrize("times", [2, 5])
def test_again_and_again(times: int) -> None:
    office = Office(workers=3)
    talking(office)
    for _ in range(times):
        number = next(n for n, worker in enumerate(office.workers) if worker.lines)
        office.lose_worker(number)
        office.later(BACK, "worker_is_back", number)
        office.run_for(1.0)
        assert (heard_by(office, "101"), heard_by(office, "901")) == ("joined", "joined")
    office.close()
    assert office.exchange.pool.ports_in_use == 0
