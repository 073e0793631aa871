"""What people set on their phones: forwards, do-not-disturb, call waiting, feature codes."""

from dataclasses import replace
from typing import Final

import pytest

from pbx.events import AgentStateChanged, OfferStarted, PhoneSettingChanged
from pbx.forwarding import Diversion, Reason
from pbx.history.records import Hangup, Verdict
from pbx.phone_settings import PhoneSet, Setting
from tests.exchange.company import Company
from tests.exchange.transfers import Transfers

PEOPLE: Final = """
sip: {trusted: [10.9.0.1]}
extensions:
  101: {name: Olena, ring_timeout: 10s}
  102: {name: Petro, ring_timeout: 10s}
  103: {name: Iryna, ring_timeout: 10s}
  104: {name: Taras, ring_timeout: 10s}
  901: Anna
  902: Borys
agents: {901: Anna, 902: Borys}
break_reasons: [lunch, training]
queues:
  sales: {number: 500, strategy: in_order, within_tier: one_by_one, members: [901, 902]}
"""


def company(more: str = "") -> Company:
    return Company(PEOPLE + more)


def sets(office: Company, extension: str, **settings: str | bool | int | None) -> None:
    for name, value in settings.items():
        change = PhoneSet(extension, Setting(name), value)
        office._do(office.exchange.set_phone(change, office.now))


def code(office: Company, user: str, digits: str) -> str:
    """Dial it, listen to the end; the name of what was said."""
    office.dial(user, digits)
    office.run_for(1.0)
    said = said_to(office)
    office.run_for(4.0)
    assert office.state(user) == "idle"
    return said


def said_to(office: Company) -> str:
    """The prompt that is heard now."""
    (prompt,) = [
        line.files[0].rpartition("/en/")[2].removesuffix(".flac")
        for line in office.workers[0].lines.values()
        if line.play and "/en/" in line.files[0]
    ]
    return prompt


def changes(office: Company) -> list[tuple[str, str, str | None]]:
    return [(e.extension, e.setting, e.value) for e in office.told(PhoneSettingChanged)]


def rings(office: Company, caller: str, number: str, after: float = 1.0) -> list[str]:
    """Who rings a moment after this call."""
    office.dial(caller, number)
    office.run_for(after)
    return office.ringing


# --- forwards


def test_all_calls_go_to_somebody_else_until_that_is_taken_back() -> None:
    office = company()
    assert code(office, "101", "*72102") == "forward-on"
    assert changes(office) == [("101", "forward_always", "102")]
    assert rings(office, "103", "101") == ["102"]
    assert office.got("101").count("INVITE") == 0
    office.answer("102")
    office.run_for(2.0)
    office.hang_up("103")
    office.run_for(1.0)
    record = office.records[-1]
    assert (record.verdict, record.called, record.extension) == (Verdict.ANSWERED, "101", "102")
    assert record.path == ("dial 101", "dial 102")
    assert code(office, "101", "*73") == "forward-off"
    assert rings(office, "103", "101") == ["101"]
    office.close()


def test_a_code_without_a_number_asks_for_it() -> None:
    office = company()
    office.dial("101", "*72")
    office.run_for(1.0)
    assert said_to(office) == "enter-number"
    for key in "102#":
        office.press("101", key)
        office.run_for(0.5)
    assert said_to(office) == "forward-on"
    assert changes(office) == [("101", "forward_always", "102")]
    office.run_for(4.0)
    assert office.record.verdict is Verdict.SERVED
    assert office.record.path == ("collect", "play")
    assert rings(office, "103", "101") == ["102"]
    office.close()


def test_who_is_asked_for_a_number_may_hang_up() -> None:
    office = company()
    office.dial("101", "*72")
    office.run_for(1.0)
    office.press("101", "1")
    office.run_for(0.5)
    office.hang_up("101")
    office.run_for(10.0)
    assert (office.record.verdict, changes(office)) == (Verdict.SERVED, [])
    office.close()


def test_who_presses_nothing_is_sent_away() -> None:
    office = company()
    office.dial("101", "*72")
    office.run_for(21.0)
    assert said_to(office) == "goodbye"
    office.run_for(4.0)
    assert (office.record.verdict, changes(office)) == (Verdict.SERVED, [])
    office.close()


@pytest.mark.parametrize(
    ("digits", "said"),
    [("*72999", "no-such-number"), ("*72101", "not-allowed"), ("*72*45", "not-allowed")],
)
def test_where_no_call_can_go(digits: str, said: str) -> None:
    office = company()
    assert code(office, "101", digits) == said
    assert changes(office) == []
    office.close()


def test_a_call_goes_on_when_nobody_answers() -> None:
    office = company()
    assert code(office, "101", "*52102") == "forward-on"
    assert rings(office, "103", "101", 9.0) == ["101"]
    office.run_for(2.0)
    assert office.ringing == ["102"]
    assert office.state("101") == "idle"
    (call,) = office.exchange.calls.values()
    assert call.diversions == [Diversion("101", Reason.NO_ANSWER)]
    office.answer("102")
    office.run_for(1.0)
    assert office.answered_by() == ["102"]
    assert [outcome[:2] for outcome in office.outcomes()] == [
        ("101", "no answer"),
        ("102", "answered"),
    ]
    office.close()


@pytest.mark.parametrize("status", [486, 603])
def test_a_call_goes_on_when_it_is_declined(status: int) -> None:
    office = company()
    sets(office, "101", forward_busy="102")
    assert rings(office, "103", "101") == ["101"]
    office.reject("101", status)
    office.run_for(1.0)
    assert office.ringing == ["102"]
    office.close()


@pytest.mark.parametrize("setting", ["forward_unreachable", "forward_no_answer"])
def test_a_call_goes_on_when_no_phone_is_there(setting: str) -> None:
    office = company()
    sets(office, "101", **{setting: "102"})
    office.registers("101", expires=0)
    office.run_for(1.0)
    assert rings(office, "103", "101") == ["102"]
    office.close()


def test_forwards_that_lead_in_a_circle_end_at_the_last_phone() -> None:
    office = company()
    sets(office, "101", forward_always="102")
    sets(office, "102", forward_always="103")
    sets(office, "103", forward_always="101")
    assert rings(office, "104", "101") == ["103"]
    office.hang_up("104")
    office.run_for(1.0)
    assert office.record.path == ("dial 101", "dial 102", "dial 103")
    office.close()


def test_nobody_is_called_by_himself() -> None:
    office = company()
    sets(office, "101", forward_always="102")
    assert rings(office, "102", "101") == ["101"]
    office.close()


def test_a_chain_that_nobody_answers_ends_with_a_verdict() -> None:
    office = company()
    for here, there in (("101", "102"), ("102", "103"), ("103", "101")):
        sets(office, here, forward_no_answer=there)
    assert rings(office, "104", "101", 31.0) == []
    record = office.record
    assert (record.verdict, record.hangup) == (Verdict.NO_ANSWER, Hangup.SYSTEM)
    assert record.path == ("dial 101", "dial 102", "dial 103")
    assert record.wait_seconds == 30.0
    assert office.got("104")[-1] == "480"
    office.close()


def test_a_forward_may_lead_to_a_queue() -> None:
    office = company()
    sets(office, "101", forward_always="500")
    assert rings(office, "102", "101") == ["901"]
    office.answer("901")
    office.run_for(1.0)
    office.hang_up("102")
    office.run_for(1.0)
    record = office.record
    assert (record.queue, record.agent) == ("sales", "901")
    office.close()


def test_a_forward_to_what_is_gone_does_not_lose_the_caller() -> None:
    office = company()
    sets(office, "101", forward_always="104")
    plan = office.exchange.plan
    fewer = {name: found for name, found in plan.extensions.items() if name != "104"}
    office.configure(replace(plan, extensions=fewer))
    assert rings(office, "103", "101") == ["101"]
    office.configure(plan)
    office.close()


def test_the_caller_may_hang_up_on_the_way() -> None:
    office = company()
    sets(office, "101", forward_no_answer="102")
    assert rings(office, "103", "101", 10.5) == ["102"]
    office.hang_up("103")
    office.run_for(1.0)
    assert office.ringing == []
    assert office.record.verdict is Verdict.ABANDONED
    office.close()


def test_a_caller_from_outside_is_forwarded_too() -> None:
    office = company()
    sets(office, "101", forward_always="102")
    trunk = office.call_from("0501234567", "101")
    office.run_for(1.0)
    assert office.ringing == ["102"]
    office.answer("102")
    office.run_for(1.0)
    assert trunk.statuses() == [100, 180, 200]
    trunk.answer(200)
    trunk.ack()
    trunk.bye()
    office.close()


def test_after_an_answer_the_next_chain_begins_anew() -> None:
    """102 has answered for 101 and transfers the caller to 104, whose calls go to 101."""
    office = Transfers()
    sets(office, "101", forward_always="102")
    office.talk("103", "101", "102")
    sets(office, "101", forward_always="")
    sets(office, "104", forward_always="101")
    office.transfer("102", "104")
    assert office.ringing == ["101"]
    office.answer("101")
    office.run_for(1.0)
    assert office.states("101", "102", "103") == ["talking", "idle", "talking"]
    office.close()


def test_a_transferred_call_follows_forwards_too() -> None:
    office = Transfers()
    sets(office, "103", forward_no_answer="104")
    office.talk("101", "102")
    office.transfer("102", "103")
    assert office.ringing == ["103"]
    office.run_for(10.0)
    assert office.ringing == ["104"]
    office.answer("104")
    office.run_for(1.0)
    assert office.states("101", "102", "103", "104") == ["talking", "idle", "idle", "talking"]
    office.close()


def test_a_transferred_call_that_is_refused_comes_back() -> None:
    office = Transfers()
    sets(office, "103", do_not_disturb=True)
    office.talk("101", "102")
    office.transfer("102", "103")
    assert office.told_about("102")[-1] == 486
    assert office.states("101", "102", "103") == ["talking", "talking", "idle"]
    office.close()


# --- do-not-disturb, call waiting


def test_do_not_disturb() -> None:
    office = company()
    assert code(office, "101", "*78") == "do-not-disturb-on"
    assert rings(office, "103", "101") == []
    assert office.got("103")[-1] == "486"
    assert office.records[-1].verdict is Verdict.BUSY
    sets(office, "101", forward_busy="102")
    assert rings(office, "103", "101") == ["102"]
    office.hang_up("103")
    office.run_for(1.0)
    assert code(office, "101", "*79") == "do-not-disturb-off"
    assert rings(office, "103", "101") == ["101"]
    office.close()


def test_who_does_not_want_to_be_disturbed_may_call() -> None:
    office = company()
    sets(office, "101", do_not_disturb=True)
    assert rings(office, "101", "102") == ["102"]
    office.close()


def test_an_agent_who_does_not_want_to_be_disturbed_is_not_rung() -> None:
    office = company()
    assert code(office, "901", "*78") == "do-not-disturb-on"
    assert office.agents == {"901": "unreachable", "902": "ready"}
    assert rings(office, "101", "500") == ["902"]
    office.reject("902")
    office.run_for(1.0)
    assert office.ringing == []
    office.dial("901", "*79")
    office.run_for(4.0)
    assert office.ringing == ["901"]
    office.close()


def test_do_not_disturb_stops_what_rings() -> None:
    office = company()
    assert rings(office, "101", "500") == ["901"]
    sets(office, "901", do_not_disturb=True)
    office.run_for(1.0)
    assert office.ringing == ["902"]
    office.close()


def test_an_agent_who_wants_no_calls_is_not_signed_out_nor_rung_after_a_restart() -> None:
    office = company()
    sets(office, "901", do_not_disturb=True)
    office.run_for(120.0)
    assert office.agents["901"] == "unreachable"
    office.restart()
    office.configure(office.exchange.plan)
    office.registers("901", expires=0)
    office.run_for(1.0)
    office.registers("901")
    office.run_for(1.0)
    assert office.agents["901"] == "unreachable"
    sets(office, "901", do_not_disturb=False)
    assert office.agents["901"] == "ready"
    office.close()


def test_do_not_disturb_of_the_configuration() -> None:
    office = Company(PEOPLE.replace("901: Anna\n  902", "901: {do_not_disturb: true}\n  902"))
    assert office.agents == {"901": "unreachable", "902": "ready"}
    assert office.told(OfferStarted) == []
    office.close()


def test_calls_of_a_queue_do_not_follow_forwards() -> None:
    office = company()
    sets(office, "901", forward_always="101")
    assert rings(office, "102", "500") == ["901"]
    office.close()


def test_call_waiting_has_a_limit() -> None:
    office = company()
    sets(office, "101", calls_max=1, forward_busy="104")
    assert rings(office, "102", "101") == ["101"]
    office.answer("101")
    office.run_for(1.0)
    assert rings(office, "103", "101") == ["104"]
    office.hang_up("102")
    office.hang_up("103")
    office.run_for(1.0)
    sets(office, "101", forward_busy="")
    office.dial("101", "102")
    office.run_for(1.0)
    office.dial("103", "101")
    office.run_for(1.0)
    assert office.records[-1].verdict is Verdict.BUSY
    office.close()


# --- codes


def test_codes_are_for_those_who_have_a_phone_here() -> None:
    office = company()
    trunk = office.call_from("0501234567", "*72102")
    office.run_for(1.0)
    assert trunk.statuses() == [100, 403]
    assert changes(office) == []
    _ = trunk.answer(403)
    trunk.ack()
    office.close()


def test_a_break_has_a_reason() -> None:
    office = company()
    assert code(office, "901", "*462") == "on-break"
    told = [(e.state, e.reason) for e in office.told(AgentStateChanged) if e.agent == "901"]
    assert told[-1] == ("break", "training")
    assert code(office, "901", "*461") == "on-break"
    told = [(e.state, e.reason) for e in office.told(AgentStateChanged) if e.agent == "901"]
    assert told[-1] == ("break", "lunch")
    assert code(office, "901", "*46") == "back-from-break"
    assert office.agents["901"] == "ready"
    assert code(office, "901", "*469") == "no-such-number"
    assert office.agents["901"] == "ready"
    office.close()


def test_who_is_no_agent_cannot_take_a_break() -> None:
    office = company()
    office.dial("101", "*46")
    office.run_for(1.0)
    assert office.got("101")[-1] == "403"
    office.close()


def test_hidden_numbers() -> None:
    office = company()
    assert code(office, "101", "*67") == "number-hidden"
    assert office.exchange.phones.of("101").hide_number
    assert code(office, "101", "*68") == "number-shown"
    assert not office.exchange.phones.of("101").hide_number
    office.close()


def test_the_echo_test_has_a_code() -> None:
    office = company()
    office.dial("101", "*43")
    office.run_for(1.0)
    assert said_to(office) == "echo-test"
    office.close()


def test_other_codes() -> None:
    office = company('feature_codes: {do_not_disturb_on: "*25", do_not_disturb_off: off}\n')
    assert code(office, "101", "*25") == "do-not-disturb-on"
    office.dial("101", "*79")
    office.run_for(1.0)
    assert office.got("101")[-1] == "404"
    office.close()


def test_a_restart_and_a_reload_forget_nothing() -> None:
    office = company()
    assert code(office, "101", "*72102") == "forward-on"
    office.restart()
    office.configure(office.exchange.plan)
    assert rings(office, "103", "101") == ["102"]
    office.close()


def test_what_the_store_kept_is_loaded() -> None:
    office = company()
    office.exchange.phones.load(
        [("101", "forward_always", "102"), ("901", "do_not_disturb", "true")]
    )
    office.configure(office.exchange.plan)
    assert office.agents["901"] == "unreachable"
    assert rings(office, "103", "101") == ["102"]
    office.close()


def test_what_is_impossible_changes_nothing() -> None:
    office = company()
    sets(office, "101", forward_always="101", do_not_disturb="yes", calls_max=-1)
    sets(office, "nobody", do_not_disturb=True)
    assert changes(office) == []
    office.close()
