"""Which entry of `callers` fits a number: the first one, found without asking each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.callers import ANONYMOUS, CallerRule, CallerRules, Wishes, number_of
from pbx.config import Config
from pbx.plan import Destination
from pbx.planning import make_plan
from pbx.routing import Arrival, arrive

COMPANY = {
    "extensions": {"101": "", "901": ""},
    "agents": {"901": ""},
    "queues": {"sales": {"members": [901], "number": 500}, "vip": {"members": [901]}},
    "numbers": {
        "701": {"to": "queue:sales", "priority": 2, "requires": "fr | pl", "agent": "901"},
        "702": {"to": "extension:101"},
    },
    "callers": [
        {"number": ["1", "2*"], "queue": "vip", "priority": 3},
        {"number": "21", "agent": "901"},
        {"number": "3*", "requires": "de", "agent": "901"},
        {"number": "anonymous", "blacklist": True},
    ],
    "on_blacklist": "hangup",
}
PLAN = make_plan(Config.model_validate(COMPANY), {})
SALES, VIP = Destination("queue", "sales"), Destination("queue", "vip")


@pytest.mark.parametrize(
    ("called", "caller", "expected"),
    [
        ("500", "101", Arrival(SALES)),
        ("500", "1", Arrival(VIP, Wishes(3))),
        ("sales", "1", Arrival(VIP, Wishes(3))),
        ("500", "11", Arrival(SALES)),
        ("500", "2", Arrival(VIP, Wishes(3))),
        ("500", "21", Arrival(VIP, Wishes(3))),
        ("701", "9", Arrival(SALES, Wishes(2, "fr | pl", "901"))),
        ("701", "2345", Arrival(VIP, Wishes(5, "fr | pl", "901"))),
        ("701", "30", Arrival(SALES, Wishes(2, "(fr | pl) & (de)", "901"))),
        ("500", "Anonymous", Arrival(Destination("hangup"), blacklisted=True)),
        ("500", "", Arrival(Destination("hangup"), blacklisted=True)),
        # Queues only.
        ("101", "anonymous", Arrival(Destination("extension", "101"))),
        ("702", "1", Arrival(Destination("extension", "101"))),
        ("999", "1", Arrival(None)),
    ],
)
def test_arrivals(called: str, caller: str, expected: Arrival) -> None:
    assert arrive(PLAN, called, caller) == expected


@pytest.mark.parametrize("caller", ["anonymous", "Restricted", "unknown", ""])
def test_no_number(caller: str) -> None:
    assert number_of(caller) == ""


NUMBERS = st.text("12", max_size=3)
PATTERNS = st.one_of(
    NUMBERS.filter(bool),
    st.text("12", min_size=1, max_size=3).map("{}*".format),
    st.just(ANONYMOUS),
)


def fits(pattern: str, number: str) -> bool:
    if pattern.endswith("*"):
        return bool(number) and number.startswith(pattern[:-1])
    return number == ("" if pattern == ANONYMOUS else pattern)


@given(st.lists(st.lists(PATTERNS, min_size=1, max_size=3), max_size=6), NUMBERS)
def test_the_first_that_fits(rules: list[list[str]], number: str) -> None:
    made = [CallerRule(tuple(patterns), str(n)) for n, patterns in enumerate(rules)]
    wanted = next((r for r in made if any(fits(p, number) for p in r.numbers)), None)
    assert CallerRules.of(made).find(number) == wanted
