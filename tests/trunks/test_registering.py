"""Registering with a provider (RFC 3261 §10.2) and the health of servers, step by step."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.trunks import health, registering
from pbx.trunks.health import AGAIN_SECONDS, ANSWER_SECONDS, Health, HealthMoved, Probe, Pulse
from pbx.trunks.registering import (
    EXPIRES_MAX,
    REFUSED_SECONDS,
    WAIT_SECONDS_MAX,
    Output,
    Registering,
    RegistrationMoved,
    SendRegister,
    State,
    granted,
    retry_after,
)
from sip.message import Response
from sip.resolver import End

ONE, TWO = End("udp", "192.0.2.1", 5060), End("udp", "192.0.2.2", 5060)


def answer(status: int, *headers: tuple[str, str], cseq: int = 1, reason: str = "") -> Response:
    return Response(status, reason or "Because", [("CSeq", f"{cseq} REGISTER"), *headers])


def ok(expires: int = 600, cseq: int = 1) -> Response:
    return answer(200, ("Contact", f"<sip:me@10.0.0.1>;expires={expires}"), cseq=cseq)


class Desk:
    """A machine, a clock and dice; remembers which attempt is open."""

    def __init__(self, *ends: End) -> None:
        self.now = 0.0
        self.rng = Random(3)
        self.machine = Registering("call-id", "me", 600)
        self.attempt = 0
        self.out: list[Output] = []
        self._keep(self.machine.locate(ends, 0.0))

    def _keep(self, outputs: list[Output]) -> list[Output]:
        for output in outputs:
            if isinstance(output, SendRegister):
                self.attempt = output.cseq
        self.out += outputs
        return outputs

    def told(self, response: Response | None) -> list[Output]:
        return self._keep(self.machine.on_response(self.attempt, response, self.now, self.rng))

    def wait(self) -> list[Output]:
        assert self.machine.next_deadline is not None
        self.now = self.machine.next_deadline
        return self._keep(self.machine.on_time(self.now))

    def lose(self) -> list[Output]:
        return self._keep(self.machine.on_lost(self.now, self.rng))

    def stop(self) -> list[Output]:
        return self._keep(self.machine.stop())


def test_it_registers_and_refreshes_in_time() -> None:
    desk = Desk(ONE)
    assert desk.out == [SendRegister(ONE, 600, 1)]
    assert desk.told(ok(cseq=2)) == [RegistrationMoved(True, ONE, "")]
    assert desk.machine.state is State.REGISTERED
    assert desk.machine.next_deadline is not None
    assert 500 < desk.machine.next_deadline <= 560
    assert desk.wait() == [SendRegister(ONE, 600, 18)]
    assert desk.machine.up
    assert desk.told(ok()) == []  # No news.
    assert desk.machine.state is State.REGISTERED


def test_a_short_grant_is_refreshed_in_its_second_half() -> None:
    desk = Desk(ONE)
    _ = desk.told(ok(60))
    assert desk.machine.next_deadline is not None
    assert 27 <= desk.machine.next_deadline <= 30


def test_423_is_asked_again_with_what_they_want_once() -> None:
    desk = Desk(ONE)
    assert desk.told(answer(423, ("Min-Expires", "3600"))) == [SendRegister(ONE, 3600, 17)]
    assert desk.told(answer(423, ("Min-Expires", "7200"))) == [
        RegistrationMoved(False, ONE, "423 Because")
    ]
    assert desk.machine.state is State.WAITING


@pytest.mark.parametrize("least", ["600", "60", "", "x", "-5", "99999999999", "²", "86401"])
def test_a_423_that_makes_no_sense_is_a_refusal(least: str) -> None:
    desk = Desk(ONE)
    assert desk.told(answer(423, ("Min-Expires", least))) == [
        RegistrationMoved(False, ONE, "423 Because")
    ]


def test_a_wrong_password_is_not_tried_for_five_minutes() -> None:
    desk = Desk(ONE, TWO)
    assert desk.told(answer(403, reason="Forbidden")) == [
        RegistrationMoved(False, ONE, "403 Forbidden")
    ]
    assert desk.machine.next_deadline is not None
    assert 0.9 * REFUSED_SECONDS <= desk.machine.next_deadline <= 1.1 * REFUSED_SECONDS
    assert desk.wait() == [SendRegister(ONE, 600, 17)]
    assert desk.told(answer(403, reason="Forbidden")) == []  # No news.


@pytest.mark.parametrize("response", [None, answer(503), answer(500), answer(408)])
def test_the_next_server_when_one_fails(response: Response | None) -> None:
    desk = Desk(ONE, TWO)
    assert desk.told(response) == [SendRegister(TWO, 600, 17)]
    assert desk.told(ok()) == [RegistrationMoved(True, TWO, "")]
    assert desk.machine.end == TWO


def test_when_all_fail_the_waits_grow() -> None:
    desk = Desk(ONE)
    waits: list[float] = []
    for _ in range(8):
        _ = desk.told(None)
        assert desk.machine.next_deadline is not None
        waits.append(desk.machine.next_deadline - desk.now)
        _ = desk.wait()
    for n, wait in enumerate(waits):
        whole = min(15.0 * 2**n, WAIT_SECONDS_MAX)
        assert whole / 2 <= wait <= whole
    _ = desk.told(ok())
    _ = desk.wait()
    _ = desk.told(None)
    assert desk.machine.next_deadline is not None
    assert desk.machine.next_deadline - desk.now <= 15.0  # It begins anew.


def test_they_may_ask_for_peace() -> None:
    desk = Desk(ONE)
    _ = desk.told(answer(503, ("Retry-After", "900 (maintenance);duration=60")))
    assert desk.machine.next_deadline == 900.0


def test_a_refresh_that_fails_goes_to_the_other_server_at_once() -> None:
    desk = Desk(ONE, TWO)
    _ = desk.told(ok())
    _ = desk.wait()
    assert desk.told(None) == [
        RegistrationMoved(False, TWO, "no answer"),
        SendRegister(TWO, 600, 33),
    ]
    assert desk.told(ok()) == [RegistrationMoved(True, TWO, "")]


def test_a_lost_connection_is_made_again_soon() -> None:
    desk = Desk(ONE)
    _ = desk.told(ok())
    assert desk.lose() == [RegistrationMoved(False, ONE, "connection lost")]
    assert desk.machine.next_deadline is not None
    assert desk.machine.next_deadline <= 2.0
    assert desk.wait() == [SendRegister(ONE, 600, 17)]
    assert desk.lose() == []  # The answer to the REGISTER says it.


def test_it_leaves_when_it_is_stopped() -> None:
    desk = Desk(ONE)
    _ = desk.told(ok())
    assert desk.stop() == [RegistrationMoved(False, ONE, "stopped"), SendRegister(ONE, 0, 17)]
    assert desk.told(ok(0)) == []
    assert desk.machine.state is State.OFF
    assert desk.stop() == []


def test_another_address_of_the_provider_is_registered_at() -> None:
    desk = Desk(ONE)
    _ = desk.told(ok())
    assert desk.machine.locate((TWO, ONE), 10.0) == []  # Ours is still there.
    assert desk.machine.locate((TWO,), 20.0) == [SendRegister(TWO, 600, 17)]


def test_an_answer_to_an_older_attempt_counts_for_nothing() -> None:
    desk = Desk(ONE, TWO)
    _ = desk.told(None)
    assert desk.machine.on_response(1, ok(), 0.0, desk.rng) == []
    assert desk.machine.state is State.TRYING


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Contact", "<sip:me@1.2.3.4>;expires=90"), ("Expires", "5")], 90),
        ([("Contact", "<sip:you@1.2.3.4>;expires=90, <sip:me@x>;expires=70")], 70),
        ([("Contact", "<sip:me@1.2.3.4>"), ("Expires", "50")], 50),
        ([("Contact", "<sip:you@1.2.3.4>;expires=90")], 600),
        ([("Contact", "*")], 600),
        ([("Contact", "<<")], 600),
        ([("Expires", "99999999")], EXPIRES_MAX),
        ([("Expires", "-1")], 600),
        ([], 600),
    ],
)
def test_what_was_granted(headers: list[tuple[str, str]], seconds: int) -> None:
    assert granted(answer(200, *headers), "me", 600) == seconds


@pytest.mark.parametrize(("text", "seconds"), [("5", 5.0), ("9999999", 3600.0), ("soon", 0.0)])
def test_retry_after(text: str, seconds: float) -> None:
    assert retry_after(answer(503, ("Retry-After", text))) == seconds


STEPS = ("ok", "423", "403", "500", "silence", "time", "lost", "move", "gone", "stop")


@given(st.lists(st.sampled_from(STEPS), max_size=60), st.integers(0, 2**16))
def test_whatever_happens_it_goes_on(steps: list[str], seed: int) -> None:
    """No state without a way out: it is off, waits for an answer, or for a time."""
    desk = Desk(ONE, TWO)
    desk.rng = Random(seed)
    answers = {
        "ok": ok(),
        "423": answer(423, ("Min-Expires", "900")),
        "403": answer(403),
        "500": answer(500),
        "silence": None,
    }
    ups: list[bool] = []
    for step in steps:
        cseq, before = desk.attempt, len(desk.out)
        match step:
            case "time":
                if desk.machine.next_deadline is not None:
                    _ = desk.wait()
            case "lost":
                _ = desk.lose()
            case "move":
                desk._keep(desk.machine.locate((TWO, ONE), desk.now))
            case "gone":
                desk._keep(desk.machine.locate((ONE,), desk.now))
            case "stop":
                _ = desk.stop()
            case _:
                _ = desk.told(answers[step])
        new = desk.out[before:]
        assert all(output.cseq > cseq for output in new if isinstance(output, SendRegister))
        ups += [output.up for output in new if isinstance(output, RegistrationMoved)]
        machine = desk.machine
        waits_for_time = machine.state in (State.WAITING, State.REGISTERED)
        assert (machine.next_deadline is not None) is waits_for_time
        assert machine.up is (machine.state in (State.REGISTERED, State.REFRESHING))
    if not {"move", "gone"} & set(steps):
        assert not any(a and b for a, b in pairwise(ups))


# --- health


def pulse(interval: float = 30.0) -> Pulse:
    made = Pulse(ONE, interval)
    assert made.start(0.0, Random(1)) == []
    return made


def due(made: Pulse) -> float:
    assert made.next_deadline is not None
    return made.next_deadline


def ask(made: Pulse) -> int:
    (probe,) = made.on_time(due(made))
    assert isinstance(probe, Probe)
    return probe.number


def test_any_answer_is_a_sign_of_life() -> None:
    made = pulse()
    at = due(made)
    assert at < 1.0
    assert made.on_time(at) == [Probe(ONE, 1)]
    assert made.on_answer(1, 404, at + 0.25) == [HealthMoved(ONE, True, "")]
    assert (made.round_trip, made.next_deadline) == (0.25, at + 30.25)
    assert made.on_answer(1, 200, at + 0.5) == []


@pytest.mark.parametrize("status", [None, 503, 408])
def test_two_silences_are_a_failure(status: int | None) -> None:
    made = pulse()
    _ = made.on_answer(ask(made), 200, 1.0)
    asked = due(made)
    assert made.on_answer(ask(made), status, asked) == []
    assert made.usable(asked)
    assert due(made) == asked + AGAIN_SECONDS
    why = "no answer" if status is None else f"answers {status}"
    assert made.on_answer(ask(made), status, asked + 2) == [HealthMoved(ONE, False, why)]
    assert not made.usable(asked + 2)
    assert made.on_answer(ask(made), 200, 99.0) == [HealthMoved(ONE, True, "")]


def test_a_dead_server_is_known_within_five_seconds_of_its_question() -> None:
    made = pulse()
    _ = made.on_answer(ask(made), 200, 1.0)
    asked = due(made)
    _ = made.on_time(asked)
    assert made.on_time(asked + ANSWER_SECONDS) == []
    assert made.on_time(due(made)) == [Probe(ONE, 3)]
    assert made.on_time(due(made)) == [HealthMoved(ONE, False, "no answer")]
    assert due(made) - asked == 2 * ANSWER_SECONDS + AGAIN_SECONDS + 30.0


def test_a_failed_call_asks_at_once_and_is_avoided_until_the_answer() -> None:
    made = pulse()
    _ = made.on_answer(ask(made), 200, 1.0)
    assert made.on_call_failed(10.0) == []
    assert (made.usable(10.0), due(made)) == (False, 10.0)
    assert made.on_answer(ask(made), 200, 10.5) == []
    assert made.usable(10.5)


def test_without_questions_calls_tell() -> None:
    made = pulse(0.0)
    assert made.next_deadline is None
    _ = made.on_call_failed(10.0)
    assert [made.usable(at) for at in (10.0, 39.9, 40.0)] == [False, False, True]
    assert made.on_call_answered() == [HealthMoved(ONE, True, "")]


@given(
    st.lists(st.sampled_from(["time", "ok", "503", "silence", "late", "call", "answered"])),
)
def test_a_pulse_always_asks_again(steps: list[str]) -> None:
    made, now, number = pulse(), 0.0, 0
    states = [made.health]
    for step in steps:
        told: list[health.Output] = []
        match step:
            case "time":
                now = max(now, due(made))
                told = made.on_time(now)
            case "call":
                told = made.on_call_failed(now)
            case "answered":
                told = made.on_call_answered()
            case "late":
                told = made.on_answer(number - 1, 200, now)
            case _:
                status = {"ok": 200, "503": 503, "silence": None}[step]
                told = made.on_answer(number, status, now)
        number = next((t.number for t in told if isinstance(t, Probe)), number)
        assert made.next_deadline is not None
        moved = [t.up for t in told if isinstance(t, HealthMoved)]
        if made.health is not states[-1]:
            assert moved == [made.health is Health.UP]
            states.append(made.health)
        else:
            assert moved == []


def test_the_tables_have_every_state() -> None:
    assert set(registering.TRANSITIONS) == set(State)
    assert set(health.TRANSITIONS) == set(Health)
