"""A whole office in which people set whatever they like: no call goes in a circle, none is lost."""

from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pbx.phone_settings import FORWARDS, PhoneSet, Setting
from tests.exchange.company import Company

PEOPLE: Final = ("101", "102", "103", "104", "105")
OFFICE: Final = """
extensions:
  101: {ring_timeout: 5s}
  102: {ring_timeout: 5s}
  103: {ring_timeout: 5s}
  104: {ring_timeout: 5s}
  105: {ring_timeout: 5s}
  901: Anna
agents: {901: Anna}
queues: {sales: {number: 500, members: [901], max_wait: 20s, on_timeout: extension:101}}
"""
CALL_SECONDS: Final = 60.0  # Five phones, and the queue: more than all of them ring.

targets = st.sampled_from(["", *PEOPLE, "500", "999", "*45"])
changes = st.one_of(
    st.builds(PhoneSet, st.sampled_from(PEOPLE), st.sampled_from(sorted(FORWARDS)), targets),
    st.builds(PhoneSet, st.sampled_from(PEOPLE), st.just(Setting.DO_NOT_DISTURB), st.booleans()),
    st.builds(PhoneSet, st.sampled_from(PEOPLE), st.just(Setting.CALLS_MAX), st.integers(0, 2)),
)
habits = st.sampled_from(["answers", "declines", "is away", "does nothing"])


@given(
    done=st.lists(changes, max_size=15),
    people=st.fixed_dictionaries(dict.fromkeys(PEOPLE[1:], habits)),
    called=st.sampled_from([*PEOPLE[1:], "500"]),
    restart_after=st.floats(0.0, 10.0),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_call_ends_with_an_answer_or_a_verdict(
    done: list[PhoneSet], people: dict[str, str], called: str, restart_after: float
) -> None:
    office = Company(OFFICE)
    for change in done:
        office._do(office.exchange.set_phone(change, office.now))
    for user, habit in people.items():
        phone = office.of(user)
        phone.habits.answer_after = 1.0 if habit == "answers" else None
        phone.habits.reject_after = 1.0 if habit == "declines" else None
        if habit == "is away":
            office.registers(user, expires=0)
    office.run_for(1.0)
    office.dial("101", called)
    office.run_for(restart_after)
    office.restart()
    office.run_for(CALL_SECONDS)
    for call in office.exchange.calls.values():
        assert call.bridged, call
        office.hang_up("101")
    office.run_for(2.0)
    record = office.record
    rung = [step for step in record.path if step.startswith("dial ")]
    assert len(set(rung)) == len(rung) <= len(PEOPLE), record.path
    assert "dial 101" not in rung or "queue sales" in record.path
    office.close()


@given(done=st.lists(changes, max_size=10))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_restart_brings_back_what_was_set(done: list[PhoneSet]) -> None:
    office = Company(OFFICE)
    for change in done:
        office._do(office.exchange.set_phone(change, office.now))
    before = {user: office.exchange.phones.of(user) for user in PEOPLE}
    office.restart()
    assert {user: office.exchange.phones.of(user) for user in PEOPLE} == before
    office.close()
