"""A greeting that must be heard to its end before anybody is rung."""

from dataclasses import replace
from typing import Final

from pbx.events import CallQueued
from pbx.history.records import Verdict
from pbx.plan import Destination, SignIn
from tests.exchange.office import OPENS, SALES, TICK, WAYS, Office
from tests.exchange.test_sound_stories import heard_by
from tests.sim.audio import PROMPT_SECONDS

GREETED: Final = replace(WAYS, greeting=("/welcome.wav",), must_finish=True)
CAME: Final = 3 * TICK  # INVITE, 401, INVITE with credentials.


def begins(office: Office) -> list[float]:
    """When calls came into the queue, since the doors opened."""
    return [office.since_open(event.at) for event in office.told(CallQueued)]


def test_nobody_is_rung_before_the_greeting_is_over() -> None:
    office = Office(ways=GREETED)
    office.dial("101")
    office.run_for(1.0)
    assert heard_by(office, "101") == "/welcome.wav"
    assert (office.offers(), begins(office), office.waiting) == ([], [], [])
    assert office.agents == {"901": "ready", "902": "ready"}
    office.run_for(PROMPT_SECONDS)
    (joined,) = begins(office)
    assert joined >= CAME + PROMPT_SECONDS
    assert office.offers() == [("901", joined)]
    assert heard_by(office, "101") == "/music.wav"
    office.answer("901")
    office.run_for(1.0)
    assert (heard_by(office, "101"), heard_by(office, "901")) == ("joined", "joined")
    office.hang_up("101")
    office.run_for(1.0)
    assert (office.record.verdict, office.record.queue) == (Verdict.ANSWERED, "sales")
    assert office.record.path == ("queue sales",)
    office.close()


def test_without_it_an_agent_who_answers_cuts_the_greeting_off() -> None:
    office = Office(ways=replace(GREETED, must_finish=False))
    office.dial("101")
    office.run_for(0.5)
    assert heard_by(office, "101") == "/welcome.wav"
    office.answer("901")
    office.run_for(0.1)
    assert heard_by(office, "101") == "joined"
    office.close()


def test_who_hangs_up_during_the_greeting_was_in_no_queue() -> None:
    office = Office(ways=GREETED)
    office.dial("101")
    office.run_for(1.0)
    office.hang_up("101")
    office.run_for(PROMPT_SECONDS)
    assert (office.record.verdict, office.record.queue) == (Verdict.ABANDONED, "")
    assert (begins(office), office.left(), office.offers()) == ([], [], [])
    office.close()


def test_a_key_leads_out_of_the_greeting() -> None:
    ways = replace(GREETED, on_key=(("1", Destination("extension", "103")),))
    office = Office(ways=ways)
    office.dial("101")
    office.run_for(1.0)
    office.press("101", "7")
    office.run_for(0.2)
    assert heard_by(office, "101") == "/welcome.wav"
    office.press("101", "1")
    office.run_for(0.5)
    assert (office.ringing, office.left(), begins(office)) == (["103"], [], [])
    office.run_for(PROMPT_SECONDS)
    assert begins(office) == []  # Its end is of no interest any more.
    office.hang_up("101")
    office.run_for(1.0)
    assert office.record.verdict is Verdict.KEY_PRESSED
    office.close()


def test_the_wait_that_counts_begins_after_the_greeting() -> None:
    office = Office(replace(SALES, max_wait=5.0), ways=GREETED, agents={"901": SignIn.CODE})
    office.dial("101")
    office.run_for(1.0 + PROMPT_SECONDS)
    (joined,) = begins(office)
    office.run_until(OPENS + joined + 5.0 - TICK)
    assert office.left() == []
    office.run_for(2 * TICK)
    assert office.left() == ["timed_out"]
    office.run_for(PROMPT_SECONDS)
    assert office.record.wait_seconds == 5.0
    office.close()


def test_a_full_queue_turns_away_after_the_greeting() -> None:
    office = Office(replace(SALES, max_length=1), ways=GREETED, agents={"901": SignIn.CODE})
    office.dial("101")
    office.dial("102")
    office.run_for(1.0 + PROMPT_SECONDS)
    assert (office.waiting, office.left()) == (["101"], ["queue_full"])
    office.close()


def test_a_lost_worker_means_the_greeting_anew() -> None:
    office = Office(ways=GREETED, workers=2)
    office.dial("101")
    office.run_for(1.0)
    (worker,) = [n for n, worker in enumerate(office.workers) if worker.lines]
    office.lose_worker(worker)
    office.run_for(PROMPT_SECONDS - 0.5)
    assert (heard_by(office, "101"), begins(office)) == ("/welcome.wav", [])
    office.run_for(1.5)
    (joined,) = begins(office)
    assert office.offers() == [("901", joined)]
    office.close()


def test_who_came_first_is_served_first_however_long_the_greeting() -> None:
    """The first caller's greeting began anew; both wait for the one agent who comes."""
    office = Office(ways=GREETED, agents={"901": SignIn.CODE}, workers=2)
    office.checker.alike = False  # Who comes into the queue first does not wait there first.
    office.dial("101")
    office.run_for(1.0)
    first = next(n for n, worker in enumerate(office.workers) if worker.lines)
    office.dial("102")
    office.run_for(1.0)
    other = next(n for n, worker in enumerate(office.workers) if worker.lines and n != first)
    assert other != first
    office.lose_worker(first)
    office.run_for(2 * PROMPT_SECONDS)
    earlier, later = office.told(CallQueued)
    assert (earlier.caller, later.caller) == ("102", "101")
    assert office.waiting == ["101", "102"]
    office.close()
