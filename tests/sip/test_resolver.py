"""RFC 3263 on zones written down here, RFC 2782's order, and what is remembered how long."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.resolver import (
    CACHE_MAX,
    FAILED_SECONDS,
    FOREVER,
    STALE_SECONDS_MAX,
    TTL_SECONDS_MIN,
    Abilities,
    Answer,
    Ask,
    End,
    Kind,
    Located,
    Naptr,
    Output,
    Question,
    Record,
    Resolver,
    Site,
    Srv,
    drawn,
    in_order,
)
from sip.uri import Uri

ALL = Abilities(("udp", "tcp", "tls"))
V4 = Abilities(("udp", "tcp", "tls"), (Kind.A,))
Zone = dict[tuple[str, str], tuple[Record, ...]]

# RFC 3263 §4.1 and §4.2, its own example, with a second server.
EXAMPLE: Zone = {
    ("example.com", "NAPTR"): (
        Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
        Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
        Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
    ),
    ("_sip._tcp.example.com", "SRV"): (
        Srv(0, 1, 5060, "server1.example.com"),
        Srv(0, 2, 5070, "server2.example.com"),
        Srv(9, 0, 5060, "backup.example.com"),
    ),
    ("_sip._udp.example.com", "SRV"): (Srv(0, 0, 5060, "server1.example.com"),),
    ("_sips._tcp.example.com", "SRV"): (Srv(0, 0, 5061, "server1.example.com"),),
    ("server1.example.com", "A"): ("192.0.2.1",),
    ("server2.example.com", "A"): ("192.0.2.2", "192.0.2.22"),
    ("backup.example.com", "A"): ("192.0.2.9",),
    ("plain.example.com", "A"): ("192.0.2.30",),
    ("plain.example.com", "AAAA"): ("2001:db8::30",),
    ("closed.example.com", "A"): ("192.0.2.40",),
    ("_sip._udp.closed.example.com", "SRV"): (Srv(0, 0, 0, ""),),
}


def ask(uri: str, zone: Zone, abilities: Abilities = ALL) -> tuple[tuple[Site, ...], list[str]]:
    """The sites, and every question that was put."""
    resolver = Resolver(abilities)
    asked: list[str] = []
    outputs = resolver.resolve("k", Uri.parse(uri), 0.0)
    while outputs:
        output = outputs.pop(0)
        if isinstance(output, Located):
            assert (output.key, resolver.waiting) == ("k", 0)
            return output.sites, asked
        question = output.question
        asked.append(f"{question.kind.value} {question.name}")
        records = zone.get((question.name, question.kind.value), ())
        outputs += resolver.on_answer(Answer(question, records, 300.0), 0.0)
    raise AssertionError("never located")


@pytest.mark.parametrize(
    ("uri", "end"),
    [
        ("sip:192.0.2.7", End("udp", "192.0.2.7", 5060)),
        ("sip:192.0.2.7:5080", End("udp", "192.0.2.7", 5080)),
        ("sip:192.0.2.7;transport=TCP", End("tcp", "192.0.2.7", 5060)),
        ("sip:[2001:db8::7];transport=tcp", End("tcp", "2001:db8::7", 5060)),
        ("sips:192.0.2.7", End("tls", "192.0.2.7", 5061)),
        ("sips:192.0.2.7;transport=tcp", End("tls", "192.0.2.7", 5061)),
        ("sip:example.com;maddr=192.0.2.8", End("udp", "192.0.2.8", 5060)),
    ],
)
def test_an_address_needs_no_dns(uri: str, end: End) -> None:
    assert ask(uri, {}) == ((Site(0, 0, (end,)),), [])
    (located,) = Resolver(ALL).resolve("k", Uri.parse(uri), 5.0)
    assert located == Located("k", (Site(0, 0, (end,)),), FOREVER)


def test_naptr_chooses_the_service_that_we_can_speak() -> None:
    sites, _ = ask("sip:example.com", EXAMPLE, Abilities(("udp", "tcp"), (Kind.A,)))
    assert sites == (
        Site(0, 1, (End("tcp", "192.0.2.1", 5060),)),
        Site(0, 2, (End("tcp", "192.0.2.2", 5070), End("tcp", "192.0.2.22", 5070))),
        Site(9, 0, (End("tcp", "192.0.2.9", 5060),)),
    )


def test_the_lowest_order_wins_whatever_we_prefer() -> None:
    sites, _ = ask("sip:EXAMPLE.com.", EXAMPLE, V4)
    assert sites == (Site(0, 0, (End("tls", "192.0.2.1", 5061),)),)


def test_sips_takes_nothing_but_tls() -> None:
    zone = {k: v for k, v in EXAMPLE.items() if k[1] != "NAPTR"}
    sites, asked = ask("sips:example.com", zone, V4)
    assert sites == (Site(0, 0, (End("tls", "192.0.2.1", 5061),)),)
    assert not any("_sip._" in question for question in asked)


def test_a_given_transport_skips_naptr() -> None:
    sites, asked = ask("sip:example.com;transport=udp", EXAMPLE, V4)
    assert sites == (Site(0, 0, (End("udp", "192.0.2.1", 5060),)),)
    assert asked == ["SRV _sip._udp.example.com", "A example.com", "A server1.example.com"]


def test_a_given_port_skips_srv() -> None:
    sites, asked = ask("sip:server2.example.com:5099", EXAMPLE, V4)
    ends = (End("udp", "192.0.2.2", 5099), End("udp", "192.0.2.22", 5099))
    assert (sites, asked) == ((Site(0, 0, ends),), ["A server2.example.com"])


def test_without_naptr_and_srv_it_is_the_host_by_udp_on_both_families() -> None:
    sites, asked = ask("sip:plain.example.com", EXAMPLE)
    ends = (End("udp", "192.0.2.30", 5060), End("udp", "2001:db8::30", 5060))
    assert sites == (Site(0, 0, ends),)
    assert set(asked) == {
        *("NAPTR plain.example.com", "A plain.example.com", "AAAA plain.example.com"),
        *(f"SRV _sip._{t}.plain.example.com" for t in ("udp", "tcp")),
        "SRV _sips._tcp.plain.example.com",
    }


def test_without_naptr_services_come_in_our_order() -> None:
    zone = {k: v for k, v in EXAMPLE.items() if k[1] != "NAPTR"}
    sites, _ = ask("sip:example.com", zone, Abilities(("tcp", "udp"), (Kind.A,)))
    assert [end.transport for end in in_order(sites, Random(1))] == ["tcp"] * 4 + ["udp"]


def test_a_service_that_says_it_is_closed_is_not_tried_at_its_host() -> None:
    assert ask("sip:closed.example.com", EXAMPLE, V4)[0] == ()


def test_a_transport_that_we_cannot_speak_leads_nowhere() -> None:
    assert ask("sip:example.com;transport=tls", EXAMPLE, Abilities(("udp",)))[0] == ()


# --- what is remembered


NAME = Uri.parse("sip:a.example:5060")
A = Question("a.example", Kind.A)


def located(outputs: list[Output]) -> Located:
    (output,) = outputs
    assert isinstance(output, Located)
    return output


def site(host: str) -> tuple[Site, ...]:
    return (Site(0, 0, (End("udp", host, 5060),)),)


def known(ttl: float, now: float = 100.0) -> Resolver:
    resolver = Resolver(V4)
    assert resolver.resolve("k", NAME, now) == [Ask(A)]
    told = located(resolver.on_answer(Answer(A, ("192.0.2.1",), ttl), now))
    assert told == Located("k", site("192.0.2.1"), now + max(ttl, TTL_SECONDS_MIN))
    return resolver


def test_an_answer_is_good_for_its_time_and_no_longer() -> None:
    resolver = known(60.0)
    assert located(resolver.resolve("x", NAME, 159.9)).good_until == 160.0
    assert resolver.resolve("x", NAME, 160.0) == [Ask(A)]


def test_a_time_to_live_of_nothing_is_a_few_seconds() -> None:
    assert located(known(0.0).resolve("x", NAME, 104.9)).good_until == 100.0 + TTL_SECONDS_MIN


def test_nobody_there_is_remembered_too() -> None:
    resolver = Resolver(V4)
    assert resolver.resolve("k", NAME, 0.0) == [Ask(A)]
    assert located(resolver.on_answer(Answer(A), 0.0)) == Located("k", (), 60.0)
    assert located(resolver.resolve("k", NAME, 59.0)) == Located("k", (), 60.0)
    assert resolver.resolve("k", NAME, 60.0) == [Ask(A)]


def test_while_the_dns_is_away_the_old_answer_serves() -> None:
    resolver = known(60.0)
    assert resolver.resolve("k", NAME, 200.0) == [Ask(A)]
    told = located(resolver.on_answer(Answer(A, failed=True), 205.0))
    assert told == Located("k", site("192.0.2.1"), 205.0 + FAILED_SECONDS)
    late = 160.0 + STALE_SECONDS_MAX
    assert resolver.resolve("k", NAME, late) == [Ask(A)]
    told = located(resolver.on_answer(Answer(A, failed=True), late))
    assert told == Located("k", (), late + FAILED_SECONDS)


def test_one_question_serves_all_who_wait() -> None:
    resolver = Resolver(V4)
    assert resolver.resolve("one", NAME, 0.0) == [Ask(A)]
    assert resolver.resolve("two", NAME, 0.0) == []
    told = resolver.on_answer(Answer(A, ("192.0.2.1",), 60.0), 0.0)
    assert told == [Located(key, site("192.0.2.1"), 60.0) for key in ("one", "two")]


def test_an_answer_that_nobody_asked_for_is_only_remembered() -> None:
    resolver = Resolver(V4)
    assert resolver.on_answer(Answer(A, ("192.0.2.1",), 60.0), 0.0) == []
    assert located(resolver.resolve("k", NAME, 1.0)).sites == site("192.0.2.1")


def test_the_memory_is_bounded() -> None:
    resolver = Resolver(V4)
    for n in range(CACHE_MAX + 10):
        _ = resolver.on_answer(Answer(Question(f"h{n}", Kind.A), ("192.0.2.1",)), 0.0)
    assert len(resolver._cache) == CACHE_MAX


# --- the order of one request


def test_shares_are_as_the_weights_say() -> None:
    sites = [Site(1, weight, (End("udp", f"192.0.2.{weight}", 1),)) for weight in (10, 30, 60, 0)]
    rng = Random(7)
    first = Counter(in_order(sites, rng)[0].host for _ in range(10_000))
    shares = {host: round(count / 1000) for host, count in first.items() if count > 10}
    assert shares == {"192.0.2.10": 1, "192.0.2.30": 3, "192.0.2.60": 6}


def test_those_without_a_weight_have_a_very_small_chance() -> None:
    """RFC 2782; among themselves all have the same."""
    rng = Random(2)
    alone = Counter(drawn("abc", [0, 0, 0], rng)[0] for _ in range(3000))
    assert all(900 < count < 1100 for count in alone.values())
    beside = Counter(drawn("ab", [0, 1], rng)[0] for _ in range(20_000))
    assert 0 < beside["a"] < 60


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100), st.integers(1, 3)), max_size=8),
    st.integers(0, 2**32),
)
def test_an_order_has_everybody_once_and_keeps_to_priorities(
    rows: list[tuple[int, int, int]], seed: int
) -> None:
    sites = [
        Site(priority, weight, tuple(End("udp", f"10.0.{n}.{k}", 5060) for k in range(count)))
        for n, (priority, weight, count) in enumerate(rows)
    ]
    order = in_order(sites, Random(seed))
    assert sorted(order) == sorted(end for site in sites for end in site.ends)
    priority_of = {end: site.priority for site in sites for end in site.ends}
    assert [priority_of[end] for end in order] == sorted(priority_of[end] for end in order)


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 2**32))
def test_everybody_is_drawn(weights: list[int], seed: int) -> None:
    items = list(range(len(weights)))
    assert sorted(drawn(items, weights, Random(seed))) == items


names = st.sampled_from(["a.example", "b.example", "_sip._udp.a.example", "_sip._tcp.a.example"])
records = st.lists(
    st.one_of(
        st.builds(Srv, st.integers(0, 3), st.integers(0, 3), st.integers(0, 65_535), names),
        st.builds(
            Naptr,
            st.integers(0, 3),
            st.integers(0, 3),
            st.sampled_from(["s", "S", "u", ""]),
            st.sampled_from(["SIP+D2U", "SIP+D2T", "E2U+sip"]),
            names,
        ),
        st.sampled_from(["192.0.2.1", "2001:db8::1"]),
    ),
    max_size=4,
).map(tuple)


@given(st.dictionaries(st.tuples(names, st.sampled_from([k.value for k in Kind])), records))
def test_any_zone_comes_to_an_end(zone: Zone) -> None:
    """Whatever a zone says, pointing at itself included, wrong kinds of records included."""
    sites, asked = ask("sip:a.example", zone)
    assert len(asked) == len(set(asked)) <= 40
    for end in (end for found in sites for end in found.ends):
        assert end.host in ("192.0.2.1", "2001:db8::1")
