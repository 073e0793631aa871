"""Numbers have one spelling, the most exact pattern wins, and no spelling leads past a right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.dialplan import CallClass, DialPlan, Outward, Rights, RoutePlan, TrunkChoice
from pbx.numbering import Numbering, Pattern, dialled
from pbx.tolls import DENIALS_ALARM, Denial, Spent, Tolls
from sip.errors import ParseError
from sip.uri import Uri

KYIV = Numbering("380", "44", local_digits=7)
BOSTON = Numbering(
    "1", "617", international="011", national="1", local_digits=7, national_digits=10
)
PREFIXED = Numbering("380", "44", outside="9")
PROVIDER = (TrunkChoice("provider"),)


def route(id_: str, kind: CallClass, *patterns: str, price: float = 0.0) -> RoutePlan:
    return RoutePlan(id_, tuple(Pattern.parse(p) for p in patterns), kind, PROVIDER, price)


PLAN = DialPlan(
    KYIV,
    (
        route("abroad", CallClass.INTERNATIONAL, "+*", price=1.0),
        route("kyiv", CallClass.LOCAL, "+38044XXXXXXX", price=0.05),
        route("mobiles", CallClass.MOBILE, "+38050*", "+3806[3-8]XXXXXXX", price=0.2),
        route("dear", CallClass.PREMIUM, "+380900*", price=3.0),
        route("services", CallClass.LOCAL, "15XX"),
    ),
    emergency=("101", "112"),
    emergency_trunks=PROVIDER,
)


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:101@pbx", "101"),
        ("sip:%2B380441234567@pbx", "+380441234567"),
        ("sip:+380-44-123.45(67)@pbx", "+380441234567"),
        ("sip:+380%20441234567@pbx", "+380441234567"),
        ("tel:+380-44-123-45-67", "+380441234567"),
        ("tel:1234567;phone-context=+380-44", "+380441234567"),
        ("tel:1234567;phone-context=example.com", "1234567"),
        ("sip:1234567;phone-context=+38044@pbx;user=phone", "+380441234567"),
        ("sip:+380441234567;phone-context=+1@pbx", "+380441234567"),
        ("sip:1234567@pbx;phone-context=+38044", "+380441234567"),
        ("sip:0%30%33809001234@pbx", "003809001234"),
        ("sip:*45@pbx", "*45"),
        ("sip:sales@pbx", "sales"),
        ("sip:%252B380441234567@pbx", "%2B380441234567"),
        ("sip:++380441234567@pbx", "++380441234567"),
        ("sip:pbx", ""),
        ("sip:٣٨٠٤٤١٢٣٤٥٦٧@pbx", "٣٨٠٤٤١٢٣٤٥٦٧"),
        (f"sip:{'1' * 200}@pbx", "1" * 64),
    ],
)
def test_what_was_dialled(uri: str, number: str) -> None:
    assert dialled(Uri.parse(uri)) == number


@pytest.mark.parametrize(
    ("numbering", "number", "canonical"),
    [
        (KYIV, "+380441234567", "+380441234567"),
        (KYIV, "00380441234567", "+380441234567"),
        (KYIV, "0441234567", "+380441234567"),
        (KYIV, "1234567", "+380441234567"),
        (KYIV, "380441234567", "+380441234567"),
        (KYIV, "1500", "1500"),
        (KYIV, "000380441234567", ""),  # A zero too many.
        (KYIV, "00441234567", "+441234567"),
        (KYIV, "12345678", ""),
        (KYIV, "+3804412345678901", ""),  # Longer than any number.
        (KYIV, "+0441234567", ""),
        (KYIV, "+38", ""),
        (KYIV, "+", ""),
        (KYIV, "", ""),
        (KYIV, "*45", ""),
        (KYIV, "sales", ""),
        (KYIV, "٣٨٠٤٤١٢٣٤٥٦٧", ""),
        (BOSTON, "5551234", "+16175551234"),
        (BOSTON, "2125551234", "+12125551234"),
        (BOSTON, "12125551234", "+12125551234"),
        (BOSTON, "011380441234567", "+380441234567"),
        (BOSTON, "911", "911"),
        (PREFIXED, "90441234567", "+380441234567"),
        (PREFIXED, "0441234567", ""),
        (PREFIXED, "9+380441234567", "+380441234567"),
        (PREFIXED, "+380441234567", "+380441234567"),
        (Numbering(), "0441234567", "0441234567"),
        (Numbering(), "00441234567", "+441234567"),
        (Numbering("34", national=""), "915551234", "+34915551234"),
    ],
)
def test_the_one_spelling(numbering: Numbering, number: str, canonical: str) -> None:
    assert numbering.canonical(number) == canonical


@pytest.mark.parametrize(
    ("text", "fitting", "failing"),
    [
        ("112", ["112"], ["11", "1122", "+112"]),
        ("+44*", ["+44", "+441"], ["+4", "44"]),
        ("1[0-57]X", ["100", "159", "177"], ["166", "1"]),
        ("ZN", ["12", "99"], ["02", "11", "1"]),
        ("*", ["", "1", "+44"], []),
        ("+[13]", ["+1", "+3"], ["+2"]),
    ],
)
def test_patterns(text: str, fitting: list[str], failing: list[str]) -> None:
    pattern = Pattern.parse(text)
    assert (str(pattern), [n for n in fitting + failing if pattern.fits(n)]) == (text, fitting)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "nothing to match"),
        ("1+", "+ stands only at the beginning"),
        ("[12", "[ without ]"),
        ("[]", "[] has no digits"),
        ("[5-1]", "[5-1] is no range of digits"),
        ("[a-b]", "[a-b] is no range of digits"),
        ("1.", "'.' has no meaning here"),
        ("1*2", "'*' has no meaning here"),
        ("٣", "'٣' has no meaning here"),
        ("1" * 33, "more than 32 places"),
    ],
)
def test_a_pattern_that_is_none(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        _ = Pattern.parse(text)
    assert str(error.value) == fault


pattern_texts = st.from_regex(r"\+?([0-9XZN]|\[[0-4]-[5-9]\]){1,5}\*?", fullmatch=True)
numbers = st.from_regex(r"\+?[0-9]{0,6}", fullmatch=True)


@given(pattern_texts, pattern_texts, numbers)
def test_who_covers_another_fits_all_that_it_fits(one: str, other: str, number: str) -> None:
    a, b = Pattern.parse(one), Pattern.parse(other)
    if a.covers(b) and b.fits(number):
        assert a.fits(number)
    if a.covers(b) and a.choices != b.choices:
        assert a.rank >= b.rank


@given(st.text(max_size=12))
def test_any_text_is_a_pattern_or_a_value_error(text: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        return
    assert pattern.covers(pattern)


@pytest.mark.parametrize(
    ("number", "route_id", "canonical"),
    [
        ("1234567", "kyiv", "+380441234567"),
        ("0671234567", "mobiles", "+380671234567"),
        ("0501234567", "mobiles", "+380501234567"),
        ("0900123456", "dear", "+380900123456"),
        ("00380900123456", "dear", "+380900123456"),
        ("0322123456", "abroad", "+380322123456"),
        ("1505", "services", "1505"),
        ("112", "emergency", "112"),
    ],
)
def test_the_most_exact_pattern_wins(number: str, route_id: str, canonical: str) -> None:
    found = PLAN.find(number)
    assert found is not None
    assert (found.route, found.number) == (route_id, canonical)


@pytest.mark.parametrize("number", ["", "1", "*45", "sales", "000441234567", "9" * 30, "1600"])
def test_what_is_no_way_out(number: str) -> None:
    assert PLAN.find(number) is None


def test_emergency_needs_no_code_to_get_out() -> None:
    plan = DialPlan(PREFIXED, (), ("112",), PROVIDER)
    found = Outward("112", "emergency", CallClass.EMERGENCY, PROVIDER)
    assert [plan.find("112"), plan.find("9112"), plan.find("911")] == [found, found, None]


# --- no spelling leads past a right


def _written(digits: str, draw: st.DrawFn) -> str:
    """As somebody would write it who wants to get through."""
    text = ""
    for char in digits:
        if draw(st.booleans()):
            text += f"%{ord(char):02X}"
        else:
            text += char
        text += draw(st.sampled_from(["", "", "", "-", ".", "%20", "(", ")", "%2D"]))
    return text


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """Of the premium number +380 900 12 34 56."""
    head, rest = draw(
        st.sampled_from(
            [
                *(("+", "380900123456"), ("00", "380900123456"), ("", "0900123456")),
                *(("", "380900123456"), ("000", "380900123456"), ("0", "0900123456")),
                *(("++", "380900123456"), ("+00", "380900123456"), ("+0", "900123456")),
            ]
        )
    )
    user = _written(head + rest, draw)
    user += draw(st.sampled_from(["", ";phone-context=+380", ";phone-context=x.y", ";isub=1"]))
    if draw(st.booleans()):
        return f"sip:{user}@pbx{draw(st.sampled_from(['', ';user=phone', ';transport=udp']))}"
    return f"tel:{user.replace('%20', '-').replace('%2D', '-').replace('%', '')}"


@given(spellings())
def test_no_spelling_of_a_dear_number_is_a_cheap_one(uri: str) -> None:
    try:
        parsed = Uri.parse(uri)
    except ParseError:
        return
    found = PLAN.find(dialled(parsed))
    if found is not None:
        # A context given on purpose makes another number: dear or abroad, never a cheap one.
        assert found.call_class in (CallClass.PREMIUM, CallClass.INTERNATIONAL), (uri, found)


@given(st.text(alphabet="0123456789+ -.()%;=*#abcd٣४", max_size=30))
def test_whatever_is_dialled_is_canonical_or_refused(text: str) -> None:
    for numbering in (KYIV, BOSTON, PREFIXED, Numbering()):
        number = numbering.canonical(text)
        digits = number.removeprefix("+")
        assert number == "" or (digits.isascii() and digits.isdigit())
        if number.startswith("+"):
            assert 5 <= len(digits) <= 15
            assert digits[0] != "0"
            assert numbering.canonical(number) == number


# --- what has been spent


LOCAL = Outward("+380441234567", "kyiv", CallClass.LOCAL, PROVIDER, price=6.0)
FREE = Outward("1505", "services", CallClass.LOCAL, PROVIDER)
URGENT = Outward("112", "emergency", CallClass.EMERGENCY, PROVIDER)
CLERK = Rights(frozenset({CallClass.LOCAL}), minutes_per_day=10, money_per_day=30.0, calls=2)


def test_rights_are_checked_in_order() -> None:
    tolls = Tolls()
    abroad = Outward("+441234567", "abroad", CallClass.INTERNATIONAL, PROVIDER)
    assert tolls.check("101", CLERK, LOCAL, 0.0) is None
    assert tolls.check("101", CLERK, abroad, 0.0) is Denial.CLASS
    for call in ("a", "b"):
        tolls.begin(call, "101", CLERK, LOCAL)
    assert tolls.check("101", CLERK, LOCAL, 0.0) is Denial.CALLS
    assert tolls.check("102", CLERK, LOCAL, 0.0) is None
    assert tolls.check("101", CLERK, URGENT, 0.0) is None


def test_time_counts_from_the_answer() -> None:
    tolls = Tolls()
    tolls.begin("a", "101", CLERK, LOCAL)
    assert (tolls.total("101", 60.0), tolls.next_deadline) == (Spent(), None)
    tolls.answered("a", 60.0)
    assert tolls.total("101", 90.0) == Spent(30.0, 3.0)
    assert tolls.end("a", 120.0) == Spent(60.0, 6.0)
    assert (tolls.spent, tolls.next_deadline) == ({"101": Spent(60.0, 6.0)}, None)


def test_a_call_ends_when_the_money_does() -> None:
    tolls = Tolls()
    tolls.begin("a", "101", CLERK, LOCAL)
    tolls.answered("a", 0.0)
    assert tolls.next_deadline == 300.0  # 30 at 6 a minute.
    assert tolls.on_time(299.0) == []
    assert tolls.on_time(300.0) == ["a"]
    assert tolls.end("a", 300.0) == Spent(300.0, 30.0)
    assert tolls.check("101", CLERK, LOCAL, 301.0) is Denial.MONEY
    assert tolls.check("101", CLERK, FREE, 301.0) is None


def test_two_calls_at_once_share_what_is_left() -> None:
    tolls = Tolls()
    for call in ("a", "b"):
        tolls.begin(call, "101", CLERK, FREE)
        tolls.answered(call, 0.0)
    assert tolls.next_deadline == 300.0  # Ten minutes, used up by two.
    _ = tolls.end("b", 100.0)
    assert tolls.next_deadline == 500.0
    assert tolls.on_time(500.0) == ["a"]
    _ = tolls.end("a", 500.0)
    assert tolls.check("101", CLERK, FREE, 501.0) is Denial.MINUTES


def test_a_new_day_begins_with_nothing_spent() -> None:
    tolls = Tolls()
    tolls.begin("a", "101", CLERK, FREE)
    tolls.answered("a", 0.0)
    assert tolls.settle(300.0) == [("a", Spent(300.0, 0.0))]
    assert (tolls.total("101", 400.0), tolls.next_deadline) == (Spent(400.0, 0.0), 600.0)
    assert tolls.settle(400.0) == [("a", Spent(100.0, 0.0))]
    tolls.new_day(400.0)
    assert (tolls.spent, tolls.next_deadline) == ({}, 1000.0)
    assert tolls.end("a", 500.0) == Spent(100.0, 0.0)


def test_a_restart_does_not_give_the_day_back() -> None:
    tolls = Tolls()
    tolls.load({"101": Spent(599.0, 0.0)})
    assert tolls.check("101", CLERK, FREE, 0.0) is None
    tolls.begin("a", "101", CLERK, FREE)
    tolls.answered("a", 0.0)
    assert tolls.next_deadline == 1.0


def test_another_configuration_counts_at_once() -> None:
    tolls = Tolls()
    tolls.begin("a", "101", CLERK, FREE)
    tolls.answered("a", 0.0)
    tolls.change_rights({"101": Rights(CLERK.classes, minutes_per_day=1)}, Rights(), 90.0)
    assert tolls.on_time(90.0) == ["a"]


def test_refusals_in_a_row_are_an_alarm() -> None:
    tolls = Tolls()
    assert [tolls.on_denied("101", float(n)) for n in range(DENIALS_ALARM)] == [
        *[False] * (DENIALS_ALARM - 1),
        True,
    ]
    assert not any(tolls.on_denied("102", 20.0 * n) for n in range(20))


@given(
    st.lists(
        st.tuples(st.sampled_from(["begin", "answer", "end", "time"]), st.integers(0, 3)),
        max_size=40,
    ),
    st.lists(st.integers(0, 400), min_size=40, max_size=40),
)
def test_nobody_ever_spends_more_than_the_day_has(
    steps: list[tuple[str, int]], pauses: list[int]
) -> None:
    tolls, now, calls = Tolls(), 0.0, set[str]()
    for (what, which), pause in zip(steps, pauses, strict=False):
        end, name = now + pause, f"call-{which}"
        while (due := tolls.next_deadline) is not None and due <= end:
            now = due
            for call in tolls.on_time(now):
                calls.discard(call)
                _ = tolls.end(call, now)
        now = end
        if what == "begin" and name not in calls:
            if tolls.check("101", CLERK, LOCAL, now) is None:
                calls.add(name)
                tolls.begin(name, "101", CLERK, LOCAL)
        elif what == "answer":
            tolls.answered(name, now)
        elif what == "end":
            calls.discard(name)
            _ = tolls.end(name, now)
        total = tolls.total("101", now)
        assert total.seconds <= 600.0001
        assert total.money <= 30.0001
        assert tolls.running("101") == len(calls) <= 2
