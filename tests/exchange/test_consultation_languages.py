"""Who asks somebody first hears their own language, and so does who takes their place."""

from typing import Final

import pytest

from tests.exchange.company import Company
from tests.exchange.test_language_stories import heard

OFFICE: Final = """
sip: {trusted: [10.9.0.1]}
sounds: {language: uk}
extensions:
  101: Olena
  102: {name: Adam, language: pl}
  103: {name: Boris, language: ru, ring_timeout: 10s, forward: {no_answer: 500}}
  104: {name: Kate, language: en}
  901: Anna
agents: {901: Anna}
queues:
  sales: {number: 500, members: [901], ring_timeout: 600s, greeting: welcome}
"""


def asked(caller: str, called: str, who: str) -> Company:
    """`who` of the two asks for 103, whose phone rings."""
    office = Company(OFFICE)
    office.dial(caller, called)
    office.run_for(1.0)
    office.answer(called)
    office.run_for(1.0)
    for key in "*2103#":
        office.press(who, key)
        office.run_for(0.25)
    office.run_for(1.0)
    return office


@pytest.mark.parametrize(("who", "language"), [("102", "pl"), ("101", "uk"), ("104", "en")])
@pytest.mark.parametrize("calls", [True, False])
def test_who_asks_is_spoken_to_as_ever(who: str, language: str, calls: bool) -> None:
    other = "104" if who != "104" else "102"
    office = asked(*((who, other) if calls else (other, who)), who)
    office.run_for(10.0)
    assert heard(office, who) == [f"{language}/welcome"]
    assert heard(office, other) == ["music/hold"]
    office.close()


@pytest.mark.parametrize(("other", "language"), [("102", "pl"), ("101", "uk"), ("104", "en")])
@pytest.mark.parametrize("calls", [True, False])
def test_who_takes_their_place_is_spoken_to_in_another(
    other: str, language: str, calls: bool
) -> None:
    who = "104" if other != "104" else "102"
    office = asked(*((who, other) if calls else (other, who)), who)
    office.hang_up(who)
    office.run_for(10.0)
    assert heard(office, other) == [f"{language}/welcome"]
    office.close()
