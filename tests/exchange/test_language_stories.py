"""Everybody hears their own language: callers, extensions, queues, numbers, the company."""

from typing import Final

import pytest

from tests.exchange.company import Company

OFFICE: Final = """
sip: {trusted: [10.9.0.1]}
sounds: {language: uk}
extensions:
  101: Olena
  102: {name: Adam, language: pl}
  103: {name: Boris, language: ru}
  901: {name: Anna, language: en}
agents: {901: Anna}
queues:
  sales:
    number: 500
    members: [901]
    ring_timeout: 600s
    max_wait: 0s
    greeting: welcome
    announce: {position: true, wait: true, every: 30s}
  support:
    number: 501
    members: [901]
    ring_timeout: 600s
    language: en
    max_wait: 20s
numbers:
  700: {to: "play:goodbye"}
  701: {to: "play:goodbye", language: ru}
  702: {to: "queue:support", language: pl}
callers:
  - {number: "+48*", language: pl}
"""


def heard(office: Company, user: str) -> list[str]:
    """What this phone hears now: language/name of each sound."""
    remote = office.of(user).remote
    assert remote is not None
    (line,) = [
        line
        for worker in office.workers
        for line in worker.lines.values()
        if line.port == remote.address[1]
    ]
    found = line.files if line.play else ()
    return ["/".join(file.rsplit("/sounds/")[1].split("/")).removesuffix(".flac") for file in found]


def dial(office: Company, user: str, number: str) -> list[str]:
    office.dial(user, number)
    office.run_for(0.5)
    return heard(office, user)


@pytest.mark.parametrize(
    ("user", "number", "said"),
    [
        ("101", "700", "uk/goodbye"),
        ("102", "700", "pl/goodbye"),
        ("103", "701", "ru/goodbye"),
        ("102", "701", "pl/goodbye"),
        ("101", "701", "ru/goodbye"),
        ("101", "*78", "uk/do-not-disturb-on"),
        ("102", "*78", "pl/do-not-disturb-on"),
        ("102", "*43", "pl/echo-test"),
        ("901", "*45", "en/back-from-break"),
    ],
)
def test_a_prompt_is_in_the_language_of_who_calls(user: str, number: str, said: str) -> None:
    office = Company(OFFICE)
    if number == "*45":
        said = "en/signed-out"
    assert dial(office, user, number) == [said]
    office.close()


def test_the_greeting_is_heard_to_its_end_and_then_the_place() -> None:
    office = Company(OFFICE)
    _ = dial(office, "101", "500")  # Rings the only agent.
    assert dial(office, "102", "500") == ["pl/welcome"]
    office.run_for(10.0)
    assert heard(office, "102") == ["music/hold"]
    office.close()


def test_the_place_is_told_in_the_callers_language_every_so_often() -> None:
    office = Company(OFFICE)
    _ = dial(office, "101", "500")
    _ = dial(office, "102", "500")
    office.run_for(29.6)
    assert heard(office, "101") == ["uk/you-are-next"]
    assert heard(office, "102") == ["pl/queue-position", "pl/digits/2"]
    office.run_for(12.0)
    assert heard(office, "102") == ["music/hold"]
    office.close()


def test_the_queue_speaks_to_who_has_no_language_and_so_does_what_comes_after() -> None:
    office = Company(OFFICE)
    _ = dial(office, "103", "501")
    _ = dial(office, "101", "501")
    office.run_for(20.0)
    assert heard(office, "101") == ["en/sorry-nobody-free"]
    assert heard(office, "103") == ["ru/sorry-nobody-free"]
    office.close()


def test_a_number_has_a_language_for_whoever_has_none() -> None:
    office = Company(OFFICE)
    _ = dial(office, "101", "702")
    office.run_for(20.0)
    assert heard(office, "101") == ["pl/sorry-nobody-free"]
    office.close()


def test_the_time_is_told() -> None:
    office = Company(OFFICE)
    now, *clock = dial(office, "101", "*60")
    assert now == "uk/time/now"
    assert clock[0].startswith("uk/time/hour-")
    office.run_for(20.0)
    assert office.state("101") == "idle"
    office.close()
