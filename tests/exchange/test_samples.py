"""The sample companies, called: an office, a service centre, a taxi dispatch."""

from typing import Final

from tests.data import ROOT
from tests.exchange.company import Company
from tests.exchange.trunk import HERE, Trunk

PROVIDER: Final = "203.0.113.7"  # Of the samples.


def company(name: str) -> Company:
    text = (ROOT / f"config/samples/{name}.yaml").read_text()
    return Company(text.replace(PROVIDER, HERE[0]))


def hang_up(company: Company, *calls: Trunk) -> None:
    for call in calls:
        _ = call.answer(200)
        call.ack()
        call.bye()
    company.run_for(1.0)


def test_an_office_where_all_phones_ring() -> None:
    office = company("ring-all-office")
    regular = office.call_from("+380441112233", "500")
    office.run_for(1.0)
    assert office.ringing == ["202"]  # His own manager.
    office.answer("202")
    stranger = office.call_from("+380991234567", "500")
    office.run_for(1.0)
    assert office.ringing == ["201", "203", "204"]
    office.run_for(20.0)
    assert office.ringing == ["201", "203", "204", "205"]  # And who helps.
    unwanted = office.call_from("+19001234567", "500")
    office.run_for(1.0)
    assert unwanted.statuses() == [100, 603]
    _ = unwanted.answer(603)
    unwanted.ack()
    hang_up(office, regular, stranger)
    office.close()


def test_a_centre_of_skills_and_languages() -> None:
    centre = company("skills-centre")
    first = centre.call_from("+380991111111", "510")
    centre.run_for(1.0)
    assert centre.ringing == ["302"]  # Two tags; Olena and Oksana could do more.
    polish = centre.call_from("+48221234567", "512")
    centre.run_for(1.0)
    assert centre.ringing == ["302", "303"]
    centre.answer("303")
    another = centre.call_from("+48227654321", "512")
    centre.run_for(1.0)
    assert centre.ringing == ["302", "305"]
    contracts = centre.call_from("+380992222222", "513")
    centre.run_for(1.0)
    assert centre.ringing == ["302", "304", "305"]
    hang_up(centre, first, polish, another, contracts)
    centre.dial("100", "desk")
    centre.run_for(119.0)
    assert centre.ringing == []  # Somebody may take it.
    centre.run_for(2.0)
    assert len(centre.ringing) == 1
    centre.close()


def test_a_dispatch_that_shares_its_calls_out() -> None:
    taxi = company("taxi-dispatch")
    for agent in ("401", "402", "403"):
        taxi.dial(agent, "*45")
    taxi.run_for(5.0)
    for rest in range(6):
        call = taxi.call_from(f"+38099111111{rest}", "500")
        taxi.run_for(1.0)
        (agent,) = taxi.ringing
        taxi.answer(agent)
        taxi.run_for(1.0)
        hang_up(taxi, call)
        assert taxi.agents[agent] == "wrap_up"
    assert sorted(taxi.answered_by()) == ["401", "401", "402", "402", "403", "403"]
    taxi.run_for(10.0)
    taxi.dial("404", "*45")  # As many as the others who have the fewest: not all are hers now.
    taxi.run_for(10.0)
    late = [taxi.call_from(f"+38099222222{n}", "500") for n in range(2)]
    taxi.run_for(1.0)
    assert len(taxi.ringing) == 2
    hang_up(taxi, *late)
    town_hall = taxi.call_from("+380501234567", "500")
    taxi.run_for(1.0)
    assert taxi.waiting_in("complaints") == ["+380501234567"]
    hang_up(taxi, town_hall)
    taxi.close()
