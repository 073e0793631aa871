"""Numbers and callers on their way through a trunk, and which way a call takes."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.numbering import Pattern
from pbx.trunks.plan import CallerIdPlan, Rewrite, ServerPlan, TrunkPlan
from pbx.trunks.rewriting import Caller, arriving, leaving, rewritten
from pbx.trunks.selection import Candidate, Way, choose
from sip.errors import RemoteError
from sip.message import Request
from sip.parser import parse
from sip.resolver import End

ME = "0123456789abcdef01234567"
PLAN = TrunkPlan("voip", (ServerPlan("sip:192.0.2.1"),), "provider.test", username="acme")
FROM = "Bob <sip:+380501112233@x.example>;tag=1"


def rule(match: str, strip: int = 0, prefix: str = "") -> Rewrite:
    return Rewrite(Pattern.parse(match), strip, prefix)


@pytest.mark.parametrize(
    ("number", "sent"),
    [
        ("+380441234567", "0441234567"),
        ("+12125551234", "0012125551234"),
        ("112", "112"),
        ("", ""),
    ],
)
def test_the_first_rule_that_fits_counts(number: str, sent: str) -> None:
    rules = (rule("+380*", 4, "0"), rule("+*", 1, "00"))
    assert rewritten(rules, number) == sent


def invite(
    uri: str, *headers: tuple[str, str], to: str = "<sip:x@y>", from_: str = FROM
) -> Request:
    return Request("INVITE", uri, [("From", from_), ("To", to), *headers])


@pytest.mark.parametrize(
    ("request_", "number"),
    [
        (invite("sip:380441230000@10.0.0.1"), "380441230000"),
        (invite(f"sip:{ME}@10.0.0.1", to="<sip:380441230001@p>"), "380441230001"),
        (invite(f"sip:{ME}@10.0.0.1", to='"x" <tel:+380-44-123>'), "+38044123"),
        (
            invite(f"sip:{ME}@10.0.0.1", ("P-Called-Party-ID", "<sip:77@p>"), to="<sip:88@p>"),
            "77",
        ),
        (invite(f"sip:{ME}@10.0.0.1", ("P-Called-Party-ID", "<<"), to="<sip:88@p>"), "88"),
        # Who does not know our contact cannot choose the number by its To.
        (invite("sip:500@10.0.0.1", to="<sip:88@p>"), "500"),
    ],
)
def test_which_number_was_called(request_: Request, number: str) -> None:
    assert arriving(PLAN, request_, ME).number == number


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["P-Asserted-Identity", "Remote-Party-ID", "Privacy", "P-Called-Party-ID"]
            ),
            st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=60),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_a_provider_writes_there_is_a_caller(
    headers: list[tuple[str, str]], believed: bool
) -> None:
    plan = TrunkPlan("voip", (), "provider.test", believed=believed)
    try:
        found = arriving(plan, invite("sip:1@x", *headers), ME)
    except RemoteError as error:
        raise AssertionError(headers) from error
    assert found.caller
    assert found.number == "1"


SHOWING = CallerIdPlan(number="+380441230000", name="Acme", extensions={"101": "+380441230001"})


@pytest.mark.parametrize(
    ("rule_", "caller", "from_", "headers"),
    [
        (
            SHOWING,
            Caller("101", "", "Olena"),
            '"Acme" <sip:+380441230001@p.test>',
            {"P-Asserted-Identity": '"Acme" <sip:+380441230001@p.test>'},
        ),
        (CallerIdPlan(), Caller("101"), "<sip:acme@p.test>", {}),
        (CallerIdPlan(), Caller("", "+380501"), "<sip:acme@p.test>", {}),
        (
            CallerIdPlan("+1", asserted=False, pass_through=True),
            Caller("", "+380501112233", "Bob", diverted_by="102"),
            '"Bob" <sip:+380501112233@p.test>',
            {"Diversion": "<sip:+1@p.test>;reason=unconditional"},
        ),
        (
            CallerIdPlan("+1", asserted=False, pass_through=True),
            Caller("", "bob", "", diverted_by="102", diversion_reason="user-busy"),
            "<sip:+1@p.test>",
            {"Diversion": "<sip:+1@p.test>;reason=user-busy"},
        ),
        (
            CallerIdPlan("+1"),
            Caller("101", hidden=True),
            '"Anonymous" <sip:anonymous@anonymous.invalid>',
            {"P-Asserted-Identity": "<sip:+1@p.test>", "Privacy": "id"},
        ),
        (
            CallerIdPlan("+1", user_is_account=True),
            Caller("101"),
            "<sip:acme@p.test>",
            {"P-Asserted-Identity": "<sip:+1@p.test>"},
        ),
    ],
)
def test_what_the_other_side_sees(
    rule_: CallerIdPlan, caller: Caller, from_: str, headers: dict[str, str]
) -> None:
    name = "" if not rule_.pass_through else rule_.name
    plan = TrunkPlan("voip", (), "p.test", username="acme", caller_id=rule_)
    made, extra = leaving(plan, caller)
    expected = from_ if name or '"Bob"' not in from_ else "<sip:+380501112233@p.test>"
    assert (str(made), dict(extra)) == (expected, headers)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_no_name_or_number_makes_another_header(name: str, number: str, by: str) -> None:
    """GHSA-2grh-7mhv-fcfw: control characters in names never begin a line of their own."""
    plan = TrunkPlan(
        "voip", (), "p.test", caller_id=CallerIdPlan("+1", pass_through=True), extensions=True
    )
    made, extra = leaving(plan, Caller("", number, name, diverted_by="1" if by else ""))
    request = Request(
        "INVITE",
        "sip:1@p.test",
        [
            *(("Via", "SIP/2.0/UDP x;branch=z9hG4bK1"), ("From", str(made.with_tag("t")))),
            *(("To", "<sip:1@p.test>"), ("Call-ID", "c"), ("CSeq", "1 INVITE"), *extra),
        ],
    )
    names = [header for header, _ in parse(bytes(request)).headers]
    assert names[:5] == ["Via", "From", "To", "Call-ID", "CSeq"]
    assert set(names[5:]) <= {"P-Asserted-Identity", "Diversion", "Content-Length"}


# --- which way


A, B, C = (End("udp", f"192.0.2.{n}", 5060) for n in (1, 2, 3))


def test_good_ends_of_all_trunks_come_before_poor_ones() -> None:
    first = Candidate("first", 0, 1, (A,), (B,))
    second = Candidate("second", 1, 1, (C,))
    order: list[str] = []
    while (way := choose([second, first], order, Random(1))) is not None:
        order.append(str(way))
    assert [way.rpartition(":")[0] for way in order] == [
        "first udp:192.0.2.1",
        "second udp:192.0.2.3",
        "first udp:192.0.2.2",
    ]


def test_trunks_of_one_priority_share_by_weight() -> None:
    rng = Random(5)
    candidates = [Candidate("one", 0, 1, (A,)), Candidate("three", 0, 3, (B,))]
    counts: Counter[str] = Counter()
    for _ in range(4000):
        way = choose(candidates, (), rng)
        assert way is not None
        counts[way.trunk] += 1
    assert 2800 < counts["three"] < 3200


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 3), st.integers(0, 2)),
        max_size=5,
    ),
    st.integers(0, 999),
)
def test_every_way_is_tried_once(rows: list[tuple[int, int, int, int]], seed: int) -> None:
    candidates = [
        Candidate(
            f"t{n}",
            priority,
            weight,
            tuple(End("udp", f"10.0.{n}.{k}", 5060) for k in range(good)),
            tuple(End("udp", f"10.1.{n}.{k}", 5060) for k in range(poor)),
        )
        for n, (priority, weight, good, poor) in enumerate(rows)
    ]
    ways: list[Way] = []
    rng = Random(seed)
    while (way := choose(candidates, [str(w) for w in ways], rng)) is not None:
        ways.append(way)
    assert len(ways) == len(set(ways)) == sum(good + poor for _, _, good, poor in rows)
    kinds = [way.end.host.startswith("10.1.") for way in ways]
    assert kinds == sorted(kinds)
