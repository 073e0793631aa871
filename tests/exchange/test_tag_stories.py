"""What numbers and callers ask for reaches the agents: tags, priorities, personal agents."""

from pbx.events import OfferStarted
from pbx.history.records import Hangup, Verdict
from tests.exchange.company import Company
from tests.exchange.office import OPENS, TICK

PEOPLE = """
sip: {trusted: [10.9.0.1]}
extensions: {101: Olena, 102: Petro, 103: Iryna, 901: Anna, 902: Borys, 903: Vira}
agents:
  901: {name: Anna, tags: {english: 100}}
  902: {name: Borys, tags: {english: 60, french: 80}}
  903: {name: Vira, tags: {accounts: 100}}
"""
SUPPORT = """
queues:
  support: {number: 500, strategy: in_order, within_tier: one_by_one, members: [901, 902]}
"""


def test_a_number_asks_for_a_tag_and_a_priority() -> None:
    office = Company(
        PEOPLE
        + SUPPORT
        + """
numbers:
  701: {to: queue:support, requires: french >= 50}
  702: {to: queue:support, priority: 7}
"""
    )
    office.dial("101", "701")
    office.run_for(1.0)
    assert office.ringing == ["902"]
    office.dial("102")
    office.run_for(1.0)
    assert office.ringing == ["901", "902"]
    office.answer("901")
    office.answer("902")
    office.dial("103")
    office.run_for(1.0)
    late = office.call_from("0501234567", "702")
    office.run_for(1.0)
    assert office.waiting_in("support") == ["0501234567", "103"]
    assert late.statuses() == [100, 200]
    late.answer(200)
    late.ack()
    late.bye()
    office.close()


def test_what_a_caller_asked_for_goes_along_to_the_next_queue() -> None:
    """All but the personal agent: that one had his chance."""
    office = Company(
        PEOPLE
        + """
queues:
  first: {members: [903], max_wait: 10s, personal_for: 5s, on_timeout: queue:second}
  second: {members: [901, 902], personal_for: 60s}
numbers:
  701: {to: queue:first, requires: "french | accounts", priority: 3, agent: 902}
"""
    )
    office.dial("101", "701")
    office.run_for(1.0)
    assert office.ringing == ["902"]  # No member, but the number is his.
    office.reject("902")
    office.run_for(1.0)
    assert office.ringing == ["903"]
    office.run_until(OPENS + 10.5)
    view = office.exchange.distribution.queue("second").waiting[0]
    assert (view.number, view.priority, view.requires) == ("101", 3, "french | accounts")
    assert office.ringing == ["902"]
    office.hang_up("101")
    office.run_for(1.0)
    assert office.record.path == ("queue first", "queue second")
    assert office.left() == ["timed_out", "abandoned"]
    office.close()


def test_the_first_entry_that_fits_a_caller_counts() -> None:
    office = Company(
        PEOPLE
        + SUPPORT
        + """
  vip: {members: [903], priority: 1}
numbers: {701: {to: queue:support, priority: 10, agent: 901}}
callers:
  - {number: "+380441111111", queue: vip, priority: 5}
  - {number: "+38044*", agent: 902}
  - {number: ["+48*", anonymous], blacklist: true}
"""
    )
    vip = office.call_from("+380441111111", "701")
    office.run_for(1.0)
    assert office.ringing == ["901"]  # The number's own agent, from the queue of VIPs.
    (place,) = office.exchange.distribution.queue("vip").waiting
    assert (place.number, place.priority) == ("+380441111111", 16)
    regular = office.call_from("+380442222222", "701")
    office.run_for(1.0)
    assert office.ringing == ["901", "902"]
    assert [offer.agent for offer in office.told(OfferStarted)] == ["901", "902"]
    refused = office.call_from("+48221234567", "701")
    hidden = office.call_from("anonymous", "701")
    office.run_for(1.0)
    assert [call.statuses()[-1] for call in (refused, hidden)] == [603, 603]
    for call in (refused, hidden):
        _ = call.answer(603)
        call.ack()
    assert [(r.verdict, r.hangup, r.path) for r in office.records] == [
        (Verdict.BLACKLISTED, Hangup.SYSTEM, ("refuse",)),
        (Verdict.BLACKLISTED, Hangup.SYSTEM, ("refuse",)),
    ]
    assert office.left() == []
    for call in (vip, regular):
        _ = call.answer(200)
        call.ack()
        call.bye()
    office.close()


def test_callers_without_a_number_are_not_taken_for_one() -> None:
    office = Company(
        PEOPLE
        + """
queues:
  support: {number: 500, strategy: longest_idle, members: [901, 902], sticky: 1h}
"""
    )
    first = office.call_from("anonymous", "500")
    office.run_for(1.0)
    assert office.waiting_in("support") == [""]
    office.answer("901")
    office.run_for(1.0)
    _ = first.answer(200)
    first.ack()
    first.bye()
    office.run_for(1.0)
    second = office.call_from("anonymous", "500")
    office.run_for(1.0)
    assert office.ringing == ["902"]
    assert office.records[0].caller == "anonymous"
    _ = second.answer(200)
    second.ack()
    second.bye()
    office.close()


def test_a_caller_comes_back_to_whom_he_talked_with() -> None:
    office = Company(
        PEOPLE
        + """
queues:
  support: {number: 500, strategy: round_robin, members: [901, 902], sticky: {for: 7d}}
"""
    )
    for caller, agent in (("101", "901"), ("101", "901"), ("102", "902"), ("101", "901")):
        office.dial(caller)
        office.run_for(1.0)
        assert office.ringing == [agent]
        office.answer(agent)
        office.run_for(1.0)
        office.hang_up(caller)
        office.run_for(1.0)
    office.close()


def test_the_blacklist_of_all_queues() -> None:
    office = Company(PEOPLE + SUPPORT + 'blacklist: [102, "+48*"]\n')
    call = office.call_from("+48221234567", "500")
    office.dial("102")
    office.run_for(1.0)
    assert call.statuses() == [100, 603]
    _ = call.answer(603)
    call.ack()
    assert office.ringing == []
    assert [r.verdict for r in office.records] == [Verdict.BLACKLISTED] * 2
    assert office.left() == ["blacklisted", "blacklisted"]
    office.dial("102", "901")  # It is about queues.
    office.run_for(1.0)
    assert office.ringing == ["901"]
    office.close()


def test_the_way_out_of_the_blacklist() -> None:
    office = Company(
        PEOPLE
        + SUPPORT
        + """
blacklist: [101]
callers: [{number: 102, blacklist: true}]
on_blacklist: play:goodbye
"""
    )
    for caller in ("101", "102"):
        office.dial(caller)
        office.run_for(10.0)
        assert office.state(caller) == "idle"
    assert [(r.verdict, r.path) for r in office.records] == [
        (Verdict.BLACKLISTED, ("queue support", "play")),
        (Verdict.BLACKLISTED, ("play",)),
    ]
    office.close()


def test_nobody_signed_in_has_the_tag() -> None:
    office = Company(
        PEOPLE.replace("{english: 60, french: 80}", "{french: 80}, signed_in: code")
        + """
queues:
  support:
    number: 500
    members: [901, 902]
    requires: french
    leave_unmatched_after: 5s
    on_no_agent: extension:103
"""
    )
    office.dial("101")
    office.run_until(OPENS + 4)
    assert office.ringing == []
    office.run_until(OPENS + 5.5)
    assert office.ringing == ["103"]
    assert office.left() == ["no_match"]
    office.hang_up("101")
    office.run_for(1.0)
    assert (office.record.verdict, office.record.path) == (
        Verdict.NOBODY_SUITABLE,
        ("queue support", "dial 103"),
    )
    office.close()


def test_what_is_required_is_relaxed() -> None:
    office = Company(
        PEOPLE
        + """
queues:
  support:
    number: 500
    members: [901, 903]
    requires: french & english
    relax: [{after: 10s, drop: french}]
"""
    )
    office.dial("101")
    office.run_until(OPENS + 9.5)
    assert office.ringing == []
    office.run_until(OPENS + 11)
    assert office.ringing == ["901"]
    assert office.offers() == [("901", 10 + 3 * TICK)]
    office.close()


def test_everybody_missed_it() -> None:
    office = Company(
        PEOPLE
        + """
queues:
  support:
    number: 500
    strategy: round_robin
    members: [901, 902]
    ring_timeout: 5s
    rounds: 1
    on_all_missed: extension:103
"""
    )
    office.dial("101")
    office.run_until(OPENS + 9)
    assert office.ringing == ["902"]
    office.run_until(OPENS + 11)
    assert office.ringing == ["103"]
    assert office.left() == ["all_missed"]
    office.hang_up("101")
    office.run_for(1.0)
    assert office.record.verdict is Verdict.ALL_MISSED
    office.close()


def test_steps_and_a_helper() -> None:
    office = Company(
        PEOPLE
        + """
queues:
  support:
    number: 500
    steps: [[901, {agent: 903, delay: 20s}], [902]]
    ring_timeout: 30s
    tier_timeout: 8s
"""
    )
    office.dial("101")
    office.run_until(OPENS + 7)
    assert office.ringing == ["901"]
    office.run_until(OPENS + 9)
    assert office.ringing == ["902"]
    office.close()
