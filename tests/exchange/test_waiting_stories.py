"""Callers in a queue, and everything that can become of them."""

from dataclasses import replace

from pbx.distribution.config import AgentConfig, QueueConfig, Strategy
from pbx.events import CallAnswered
from pbx.history.records import Hangup, OfferRecord, Verdict
from pbx.plan import Destination, SignIn
from tests.exchange.office import OPENS, SALES, TICK, WAYS, Office
from tests.sim.world import EPOCH

RING_ALL = replace(SALES, strategy=Strategy.RING_ALL)
NOBODY_YET = {"901": SignIn.CODE, "902": SignIn.CODE}


def talking(office: Office, caller: str = "101", agent: str = "901") -> None:
    """Until these two talk."""
    office.dial(caller)
    office.run_for(1.0)
    office.answer(agent)
    office.run_for(1.0)


def test_a_call_is_answered_and_its_record_is_exact() -> None:
    office = Office()
    office.dial("101")
    office.run_until(OPENS + 2)
    office.answer("901")
    office.run_until(OPENS + 12)
    office.hang_up("101")
    office.run_until(OPENS + 13)
    record = office.record
    joined = 3 * TICK  # INVITE, 401, INVITE with credentials.
    rings = joined + 2 * TICK  # Our INVITE, its 180.
    picked_up = 2 + TICK
    hung_up = 12 + TICK
    base = EPOCH + OPENS
    assert record.path == ("queue sales",)
    assert (record.caller, record.called, record.queue) == ("101", "500", "sales")
    assert (record.caller_name, record.agent, record.extension) == ("Name 101", "901", "901")
    assert (record.verdict, record.hangup, record.cause) == (
        Verdict.ANSWERED,
        Hangup.CALLER,
        "normal",
    )
    assert record.started_at == base + joined
    assert record.answered_at == base + picked_up
    assert record.ended_at == base + hung_up
    assert record.wait_seconds == picked_up - joined
    assert record.ring_seconds == picked_up - rings
    assert record.talk_seconds == 10.0
    (offer,) = record.offers
    assert replace(offer, why="") == OfferRecord(
        "901", "901", base + joined, picked_up - rings, "answered"
    )
    assert office.left() == ["answered"]
    office.close()


def test_the_agent_may_hang_up_too() -> None:
    office = Office()
    talking(office)
    office.hang_up("901")
    office.run_for(1.0)
    assert (office.record.verdict, office.record.hangup) == (Verdict.ANSWERED, Hangup.CALLEE)
    assert office.state("101") == "idle"
    office.close()


def test_the_caller_abandons_while_waiting() -> None:
    office = Office(agents=NOBODY_YET)
    office.dial("101")
    office.run_for(10.0)
    assert (office.state("101"), office.waiting) == ("talking", ["101"])
    office.hang_up("101")
    office.run_for(1.0)
    assert (office.record.verdict, office.record.hangup) == (Verdict.ABANDONED, Hangup.CALLER)
    assert office.record.wait_seconds == 10.0 - 2 * TICK
    assert (office.left(), office.offers()) == (["abandoned"], [])
    office.close()


def test_the_caller_abandons_while_it_rings() -> None:
    office = Office()
    office.dial("101")
    office.run_for(3.0)
    assert office.ringing == ["901"]
    office.hang_up("101")
    office.run_for(1.0)
    assert office.ringing == []
    assert office.record.verdict is Verdict.ABANDONED
    assert [outcome for _, outcome, _ in office.outcomes()] == ["caller gone"]
    assert office.got("901") == ["INVITE", "CANCEL", "ACK"]
    assert office.agents == {"901": "ready", "902": "ready"}
    office.close()


def test_a_rejection_moves_the_call_to_the_next_agent_at_once() -> None:
    office = Office()
    office.dial("101")
    office.run_until(OPENS + 2)
    office.reject("901", 603)
    office.run_until(OPENS + 3)
    assert office.offers() == [("901", 3 * TICK), ("902", 2 + TICK)]
    assert office.outcomes() == [("901", "rejected", 2 - 4 * TICK)]
    assert office.agents == {"901": "delayed", "902": "ringing"}
    office.close()


def test_a_busy_phone_is_no_rejection() -> None:
    office = Office()
    office.dial("101")
    office.run_until(OPENS + 2)
    office.reject("901", 486)
    office.run_until(OPENS + 3)
    assert [outcome for _, outcome, _ in office.outcomes()] == ["busy"]
    assert office.ringing == ["902"]
    office.close()


def test_nobody_picks_up() -> None:
    office = Office()
    office.dial("101")
    office.run_until(OPENS + 17)
    first = 5 * TICK  # The first 180: from then on the ring time counts.
    assert office.offers() == [("901", 3 * TICK), ("902", 15 + first)]
    assert office.outcomes() == [("901", "no answer", 15.0)]
    (cancel,) = office.messages("901", "CANCEL")
    assert cancel.get("Reason") == 'SIP;cause=408;text="No answer"'
    office.close()


def test_an_unplugged_phone_costs_four_seconds_the_first_time_only() -> None:
    office = Office()
    office.unplug(office.of("901"))
    office.dial("101")
    office.run_until(OPENS + 6)
    assert office.offers() == [("901", 3 * TICK), ("902", 4 + 3 * TICK)]
    assert office.outcomes() == [("901", "unreachable", 0.0)]
    assert office.agents == {"901": "delayed", "902": "ringing"}
    office.answer("902")
    office.run_for(1.0)
    assert office.answered_by() == ["902"]
    office.close()


def test_nobody_is_signed_in_and_callers_may_not_join() -> None:
    queue = replace(SALES, join_empty=False)
    office = Office(queue, agents=NOBODY_YET)
    office.dial("101")
    office.run_for(1.0)
    assert (office.record.verdict, office.left()) == (
        Verdict.NOBODY_SIGNED_IN,
        ["nobody_signed_in"],
    )
    assert office.got("101") == ["401", "100", "480"]
    office.close()


def test_nobody_is_signed_in_and_callers_wait_for_a_while() -> None:
    queue = replace(SALES, leave_empty_after=60.0)
    ways = replace(WAYS, on_empty=Destination("play", "sorry"))
    office = Office(queue, agents=NOBODY_YET, ways=ways)
    office.dial("101")
    office.run_until(OPENS + 60)
    assert office.waiting == ["101"]
    office.run_until(OPENS + 64)
    record = office.record
    assert (record.verdict, record.wait_seconds) == (Verdict.NOBODY_SIGNED_IN, 60.0)
    assert record.path == ("queue sales", "play")
    office.close()


def test_the_last_agent_signs_out_while_somebody_waits() -> None:
    office = Office(agents={"901": SignIn.REGISTER})
    talking(office)
    office.dial("102")
    office.run_for(1.0)
    office.registers("901", expires=0)
    office.run_for(1.0)
    assert office.agents == {"901": "talking"}
    office.hang_up("101")
    office.run_for(1.0)
    assert (office.agents, office.waiting) == ({"901": "unreachable"}, ["102"])
    office.run_for(60.0)  # Signed out after the grace time ...
    assert (office.agents, office.waiting) == ({"901": "inactive"}, ["102"])
    office.run_for(60.0)  # ... and then the caller is told.
    assert office.waiting == []
    assert office.records[-1].verdict is Verdict.NOBODY_SIGNED_IN
    office.close()


def test_the_queue_is_full() -> None:
    office = Office(replace(SALES, max_length=1), agents=NOBODY_YET)
    office.dial("101")
    office.run_for(1.0)
    office.dial("102")
    office.run_for(5.0)
    assert office.record.path == ("queue sales", "play")
    assert (office.record.verdict, office.left()) == (Verdict.QUEUE_FULL, ["queue_full"])
    assert office.waiting == ["101"]
    office.close()


def test_the_maximum_wait_is_over() -> None:
    ways = replace(WAYS, on_timeout=Destination("extension", "103"))
    office = Office(replace(SALES, max_wait=20.0), ways=ways)
    office.dial("101")
    office.run_until(OPENS + 20)
    assert office.ringing == ["902"]
    office.run_until(OPENS + 22)
    assert (office.left(), office.ringing) == (["timed_out"], ["103"])
    office.answer("103")
    office.run_for(1.0)
    office.hang_up("103")
    office.run_for(1.0)
    record = office.record
    assert record.path == ("queue sales", "dial 103")
    assert (record.verdict, record.extension, record.agent) == (Verdict.ANSWERED, "103", "")
    assert office.agents == {"901": "ready", "902": "ready"}
    office.close()


def test_a_key_leads_out_of_the_queue() -> None:
    ways = replace(WAYS, on_key=(("1", Destination("extension", "103")),))
    office = Office(ways=ways)
    office.dial("101")
    office.run_for(2.0)
    assert office.ringing == ["901"]
    office.press("101", "7")
    office.run_for(0.5)
    assert office.ringing == ["901"]
    office.press("101", "1")
    office.run_for(0.5)
    assert (office.left(), office.ringing) == (["key"], ["103"])
    office.hang_up("101")
    office.run_for(1.0)
    assert office.record.verdict is Verdict.KEY_PRESSED
    office.close()


def test_wrap_up_is_time_without_calls_and_a_code_ends_it() -> None:
    office = Office(replace(SALES, wrap_up=30.0), agents={"901": SignIn.REGISTER})
    talking(office)
    office.hang_up("101")
    office.run_for(1.0)
    office.dial("102")
    office.run_for(1.0)
    assert (office.agents, office.ringing) == ({"901": "wrap_up"}, [])
    office.dial("901", "*47")
    office.run_for(1.0)
    assert office.agents == {"901": "occupied"}  # They hear that it worked.
    office.run_for(3.0)
    assert (office.agents, office.ringing) == ({"901": "ringing"}, ["901"])
    office.close()


def test_wrap_up_ends_by_itself() -> None:
    office = Office(replace(SALES, wrap_up=30.0), agents={"901": SignIn.REGISTER})
    talking(office)
    office.hang_up("101")
    office.dial("102")
    office.run_for(30.0)
    assert office.ringing == []
    office.run_for(0.5)
    assert office.ringing == ["901"]
    office.close()


def test_an_agent_who_signs_out_while_ringing_stops_ringing() -> None:
    office = Office()
    office.dial("101")
    office.run_for(3.0)
    office.registers("901", expires=0)
    office.run_for(1.0)
    assert (office.agents["901"], office.ringing) == ("unreachable", ["902"])
    assert [outcome for _, outcome, _ in office.outcomes()] == ["withdrawn"]
    office.close()


def test_a_break_during_a_call_takes_effect_afterwards() -> None:
    """By the second line of the desk: the code is dialled from another device."""
    office = Office(agents={"901": SignIn.REGISTER}, devices={"901": 2})
    office.dial("101")
    office.run_for(1.0)
    office.answer("901")
    office.run_for(1.0)
    second = office.of("901", 1)
    office.phone(second, second.dial("*46", office.now))
    office.run_for(5.0)
    assert office.agents == {"901": "talking"}
    office.hang_up("101")
    office.run_for(1.0)
    assert office.agents == {"901": "break"}
    office.dial("901", "*46")
    office.run_for(5.0)
    assert office.agents == {"901": "ready"}
    office.close()


def test_feature_codes_sign_in_and_out() -> None:
    office = Office(agents=NOBODY_YET)
    office.dial("102", "*45")  # Not an agent.
    office.dial("101")
    office.dial("901", "*45")
    office.run_for(1.0)
    assert office.agents == {"901": "occupied", "902": "inactive"}
    office.run_for(4.0)
    assert (office.agents, office.ringing) == ({"901": "ringing", "902": "inactive"}, ["901"])
    office.answer("901")
    office.run_for(1.0)
    office.hang_up("101")
    office.run_for(1.0)
    office.dial("901", "*45")
    office.run_for(5.0)
    assert office.agents == {"901": "inactive", "902": "inactive"}
    verdicts = {record.caller: record.verdict for record in office.records}
    assert verdicts == {"101": Verdict.ANSWERED, "102": Verdict.REJECTED, "901": Verdict.SERVED}
    office.close()


def test_too_many_misses_in_a_row_lead_to_a_break() -> None:
    office = Office(
        agents={"901": SignIn.REGISTER},
        agent_configs={"901": AgentConfig("901", max_no_answer=2)},
    )
    office.dial("101")
    office.run_for(60.0)
    assert [who for who, _ in office.offers()] == ["901", "901"]
    assert office.agents == {"901": "break"}
    office.dial("901", "*46")
    office.run_for(5.0)
    assert office.ringing == ["901"]
    office.close()


def test_ring_all_and_two_calls_at_once_share_the_phones() -> None:
    office = Office(RING_ALL)
    office.dial("101")
    office.run_until(OPENS + 2)
    assert office.ringing == ["901", "902"]
    office.dial("102")
    office.run_until(OPENS + 3)
    # One phone goes over as soon as it has obeyed the CANCEL, and shows no missed call.
    assert office.offers()[2:] == [("902", 2 + 3 * TICK)]
    assert [(who, how) for who, how, _ in office.outcomes()] == [("902", "withdrawn")]
    (cancel,) = office.messages("902", "CANCEL")
    assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert office.ringing == ["901", "902"]
    office.answer("902")
    office.run_for(1.0)
    assert office.state("902") == office.state("102") == "talking"
    assert office.ringing == ["901"]
    office.answer("901")
    office.run_for(1.0)
    assert office.answered_by() == ["902", "901"]
    assert office.state("901") == office.state("101") == "talking"
    office.close()


def test_ring_all_and_two_calls_at_once_without_sharing() -> None:
    office = Office(replace(RING_ALL, share_ringing=False))
    office.dial("101")
    office.dial("102")
    office.run_until(OPENS + 2)
    assert office.ringing == ["901", "902"]
    assert len(office.offers()) == 2
    office.answer("902")
    office.run_until(OPENS + 3)
    # At the very moment of the answer the second call rings whoever is free.
    assert office.offers()[2:] == [("901", 2 + TICK)]
    assert office.ringing == ["901"]
    office.hang_up("902")
    office.run_until(OPENS + 4)
    assert office.offers()[3:] == [("902", 3 + TICK)]
    assert office.ringing == ["901", "902"]
    office.answer("901")
    office.run_for(1.0)
    assert office.answered_by() == ["902", "901"]
    assert office.ringing == []
    assert office.state("901") == office.state("102") == "talking"
    office.close()


def test_ring_all_losers_see_no_missed_call() -> None:
    office = Office(RING_ALL)
    office.dial("101")
    office.run_for(2.0)
    office.answer("901")
    office.run_for(1.0)
    (cancel,) = office.messages("902", "CANCEL")
    assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert [(who, how) for who, how, _ in office.outcomes()] == [
        ("901", "answered"),
        ("902", "answered elsewhere"),
    ]
    assert office.agents == {"901": "talking", "902": "ready"}
    office.close()


def test_several_devices_of_one_agent() -> None:
    office = Office(agents={"901": SignIn.REGISTER}, devices={"901": 3})
    office.dial("101")
    office.run_for(2.0)
    assert [office.state("901", n) for n in range(3)] == ["ringing"] * 3
    assert len(office.offers()) == 1
    office.answer("901", 1)
    office.run_for(1.0)
    assert [office.state("901", n) for n in range(3)] == ["idle", "talking", "idle"]
    reasons = [office.messages("901", "CANCEL", n)[0].get("Reason") for n in (0, 2)]
    assert reasons == ['SIP;cause=200;text="Call completed elsewhere"'] * 2
    assert office.told(CallAnswered)[0].extension == "901"
    office.close()


def test_one_of_several_devices_is_dead() -> None:
    office = Office(agents={"901": SignIn.REGISTER}, devices={"901": 2})
    office.unplug(office.of("901", 0))
    office.dial("101")
    office.run_for(6.0)
    assert (office.state("901", 1), office.outcomes()) == ("ringing", [])
    office.answer("901", 1)
    office.run_for(1.0)
    assert office.answered_by() == ["901"]
    office.close()


def test_callers_are_served_in_order_of_arrival() -> None:
    office = Office(agents={"901": SignIn.REGISTER})
    for caller in ("102", "103", "101"):
        office.dial(caller)
        office.run_for(1.0)
    assert office.waiting == ["102", "103", "101"]
    served: list[str] = []
    for _ in range(3):
        office.answer("901")
        office.run_for(1.0)
        served += [call.caller for call in office.exchange.calls.values() if call.bridged]
        office.hang_up("901")
        office.run_for(1.0)
    assert served == ["102", "103", "101"]
    office.close()


def test_a_new_agent_is_rung_for_those_who_wait_already() -> None:
    """The configuration is replaced in the middle of the call's wait."""
    office = Office(agents={"901": SignIn.CODE})
    office.dial("101")
    office.run_for(5.0)
    larger = Office(
        QueueConfig("sales", Strategy.ROUND_ROBIN),
        agents={"901": SignIn.CODE, "102": SignIn.REGISTER},
    )
    office.configure(larger.exchange.plan)
    office.run_for(1.0)
    assert office.ringing == ["102"]
    office.answer("102")
    office.run_for(1.0)
    assert office.answered_by() == ["102"]
    office.close()


def test_music_that_cannot_be_played_is_not_tried_for_ever() -> None:
    office = Office(agents=NOBODY_YET)
    office.workers[0].broken_files = frozenset({"/music.wav"})
    office.dial("101")
    office.run_for(5.0)
    steps = office.steps
    office.run_for(5.0)
    assert office.steps - steps < 5
    assert office.waiting == ["101"]
    office.close()


def test_the_agents_phone_is_free_before_the_next_call_rings_it() -> None:
    """A phone with one line would answer busy to an INVITE that comes before the BYE."""
    office = Office(agents={"901": SignIn.REGISTER})
    office.dial("101")
    office.run_for(1.0)
    office.answer("901")
    office.run_for(1.0)
    office.dial("102")
    office.run_for(1.0)
    office.hang_up("101")
    office.run_for(1.0)
    assert [head for head in office.got("901") if head in ("INVITE", "BYE")] == [
        "INVITE",
        "BYE",
        "INVITE",
    ]
    assert office.ringing == ["901"]
    office.close()
