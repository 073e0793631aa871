"""Calls to the outside from end to end: the way they take, what is shown, what is followed."""

import pytest

from pbx.events import (
    OutsideEnded,
)
from pbx.history.records import Verdict
from tests.trunks.offices import TRUNKS, street, uri


def test_a_call_goes_out_and_the_number_is_as_the_provider_wants_it() -> None:
    office, one, two = street()
    office.dial("101", "1234567")
    office.run_for(1.0)
    assert office.state("101") == "talking"
    (invite,) = one.invites
    assert invite.uri == "sip:0441234567@192.0.2.1"
    assert str(invite.from_.uri) == "sip:0441230001@192.0.2.1"
    assert invite.get("P-Asserted-Identity") == "<sip:0441230001@192.0.2.1>"
    assert two.invites == []
    office.run_for(58.5)
    office.hang_up("101")
    office.run_for(1.0)
    assert one.ended == [(200, "remote")]
    assert office.record.verdict is Verdict.ANSWERED
    assert (office.record.called, office.record.path) == ("1234567", ("outgoing",))
    (used,) = office.told(OutsideEnded)  # A call of a minute: not yet written down on its way.
    assert (used.extension, used.trunk, used.number) == ("101", "first", "+380441234567")
    assert (used.call_class, round(used.seconds), round(used.money)) == ("local", 59, 6)
    office.close()


def test_abroad_and_those_without_a_number_of_their_own() -> None:
    office, one, _ = street()
    office.dial("101", "00441234567")
    office.dial("103", "+380441234567")
    office.run_for(1.0)
    assert sorted(uri(one)) == ["sip:00441234567@192.0.2.1", "sip:0441234567@192.0.2.1"]
    froms = {invite.uri: invite.from_.uri.user for invite in one.invites}
    assert froms["sip:0441234567@192.0.2.1"] == "0441230000"
    office.close()


@pytest.mark.parametrize("failure", ["503", "500", "504", "408", "401"])
def test_the_second_trunk_when_the_first_cannot(failure: str) -> None:
    office, one, two = street(one=failure)
    office.dial("101", "1234567")
    office.run_for(6.0)
    assert (office.state("101"), len(one.invites), len(two.invites)) == ("talking", 1, 1)
    office.close()


def test_a_dead_trunk_is_passed_over_after_four_seconds() -> None:
    office, one, two = street()
    one.silent = True
    office.dial("101", "1234567")
    office.run_for(5.0)
    assert (office.state("101"), len(two.invites)) == ("talking", 1)
    office.close()


@pytest.mark.parametrize(
    ("refusal", "verdict", "told"),
    [
        ("486", Verdict.BUSY, "486"),
        ("603", Verdict.REJECTED, "603"),
        ("404", Verdict.NOT_FOUND, "404"),
        ("480", Verdict.NO_ANSWER, "480"),
        ("484", Verdict.NOT_FOUND, "404"),
    ],
)
def test_who_was_called_has_the_last_word(refusal: str, verdict: Verdict, told: str) -> None:
    office, one, two = street(one=refusal)
    office.dial("101", "1234567")
    office.run_for(1.0)
    assert (len(one.invites), len(two.invites)) == (1, 0)
    assert office.record.verdict is verdict
    assert told in office.got("101")
    office.close()


def test_when_no_trunk_can_the_caller_hears_of_congestion() -> None:
    office, one, two = street(one="503", two="503")
    office.dial("101", "1234567")
    office.run_for(1.0)
    assert (len(one.invites), len(two.invites)) == (1, 1)
    assert "503" in office.got("101")
    office.close()


def test_a_failed_trunk_is_not_the_first_choice_for_a_while() -> None:
    office, one, two = street(one="503 answer")
    office.dial("101", "1234567")
    office.run_for(1.0)
    office.hang_up("101")
    office.run_for(1.0)
    office.dial("101", "1234567")
    office.run_for(1.0)
    assert (len(one.invites), len(two.invites)) == (1, 2)
    office.hang_up("101")
    office.run_for(40.0)
    office.dial("101", "1234567")
    office.run_for(1.0)
    assert (len(one.invites), len(two.invites)) == (2, 2)
    office.close()


def test_early_media_reaches_the_caller_and_ringing_rings() -> None:
    office, _, two = street(one="early", two="ring")
    office.dial("101", "1234567")
    office.dial("103", "1234567")
    office.run_for(1.0)
    assert "183" in office.got("101")
    office.hang_up("101")
    office.hang_up("103")
    office.run_for(1.0)
    office.dial("101", "0501234567")
    office.run_for(1.0)
    assert "180" in office.got("101")
    office.hang_up("101")
    office.run_for(1.0)
    assert two.ended[-1][0] == 487
    office.close()


def test_nobody_answers_in_time() -> None:
    office, one, _ = street(one="ring")
    office.dial("101", "1234567")
    office.run_for(61.0)
    assert office.record.verdict is Verdict.NO_ANSWER
    assert one.ended[0][0] == 487
    office.close()


def test_a_provider_that_hangs_up() -> None:
    office, one, _ = street()
    office.dial("101", "1234567")
    office.run_for(5.0)
    office.far_end_hangs_up(one)
    office.run_for(1.0)
    assert (office.state("101"), office.record.verdict) == ("idle", Verdict.ANSWERED)
    assert office.record.hangup.value == "callee"
    office.close()


REDIRECT = TRUNKS.replace("health: 0s\n", "health: 0s\n    redirects: 2\n", 1)


def test_a_redirection_within_the_trunk_is_followed() -> None:
    office, one, _ = street(REDIRECT, one="302 302 answer")
    one.redirect_to = "<sip:0449999999@192.0.2.1>"
    office.dial("101", "1234567")
    office.run_for(1.0)
    assert uri(one) == [
        "sip:0441234567@192.0.2.1",
        "sip:0449999999@192.0.2.1",
        "sip:0449999999@192.0.2.1",
    ]
    assert office.state("101") == "talking"
    office.close()


@pytest.mark.parametrize(
    ("target", "answers"),
    [
        ("<sip:0900123456@192.0.2.2>", "302"),
        ("<tel:+380900123456>", "302"),
        ("<sip:192.0.2.1>", "302"),
        ("<sip:0449999999@192.0.2.1>", "302 302 302"),
        ("nonsense<", "302"),
    ],
)
def test_others_are_not(target: str, answers: str) -> None:
    office, one, two = street(REDIRECT, one=answers)
    one.redirect_to = target
    office.dial("101", "1234567")
    office.run_for(1.0)
    assert two.invites == []
    assert office.state("101") == "idle"
    assert len(one.invites) == len(answers.split())
    office.close()
