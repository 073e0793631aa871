"""Who is listened to: floods, scanners, guessers, and the offices that must not go dark."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pbx.snapshot import freeze, thaw
from sip import bans as bans_module
from sip import guard as guard_module
from sip.bans import Ban
from sip.flow import Flow
from sip.guard import Banned, Guard, GuardConfig, Unbanned, parse_source, source_of

MESSAGE = b"OPTIONS sip:100@10.0.0.1 SIP/2.0\r\nUser-Agent: baresip v1.1.0\r\n\r\n"
SCANNER = b"OPTIONS sip:100@10.0.0.1 SIP/2.0\r\nuser-agent: Friendly-Scanner\r\n\r\n"


def flow(host: str = "198.51.100.7", port: int = 5060, transport: str = "udp") -> Flow:
    return Flow(transport, ("10.0.0.1", 5060), (host, port))


def heard(guard: Guard, count: int, where: Flow, now: float = 0.0) -> int:
    """How many of so many datagrams at one moment are listened to."""
    return sum(guard.drops(MESSAGE, where, now) is None for _ in range(count))


def wrong(
    guard: Guard, times: int, where: Flow, user: str = "101", now: float = 0.0
) -> list[Banned]:
    return [b for _ in range(times) for b in guard.on_wrong(where, user, proven=True, now=now)]


# --- the bucket of a stranger ---------------------------------------------------------------------


def test_a_stranger_is_heard_as_often_as_the_bucket_allows() -> None:
    guard = Guard(GuardConfig(rate=20.0, burst=100.0))
    assert heard(guard, 1000, flow()) == 100
    assert heard(guard, 1000, flow(), 1.0) == 20
    assert heard(guard, 1000, flow("198.51.100.8"), 1.0) == 100
    assert guard.counters["dropped"] == 900 + 980 + 900


def test_all_ports_of_a_stranger_share_a_bucket() -> None:
    guard = Guard(GuardConfig(burst=100.0))
    assert sum(heard(guard, 1, flow(port=port)) for port in range(1024, 1324)) == 100


def test_a_slash_64_is_one_source() -> None:
    guard = Guard(GuardConfig(burst=100.0))
    assert sum(heard(guard, 1, flow(f"2001:db8::{n:x}")) for n in range(300)) == 100
    assert heard(guard, 1, flow("2001:db8:0:1::1")) == 1
    assert source_of("2001:db8::17") == "2001:db8::/64"
    assert source_of("fe80::1%eth0") == "fe80::/64"


def test_strangers_are_forgotten_from_the_oldest_on() -> None:
    guard = Guard(GuardConfig(burst=1.0))
    for n in range(guard_module.STRANGERS_MAX + 1):
        assert heard(guard, 1, flow(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")) == 1
    assert heard(guard, 1, flow("10.0.0.1")) == 0
    assert heard(guard, 1, flow("10.0.0.0")) == 1  # Had to make room, and begins anew.


# --- scanners -------------------------------------------------------------------------------------


def test_a_scanner_is_banned_by_its_name_and_never_answered() -> None:
    guard = Guard(GuardConfig())
    assert guard.drops(SCANNER, flow(), 1.0) == [Banned("198.51.100.7", "", "scanner", 600.0)]
    assert heard(guard, 10, flow(), 2.0) == 0
    assert guard.refuses("198.51.100.7")


def test_the_name_of_a_scanner_from_a_friend_bans_nobody() -> None:
    """Anybody can write an office's address on a datagram."""
    guard = Guard(GuardConfig())
    guard.on_admitted(flow(), "101", 0.0)
    assert guard.drops(SCANNER, flow(), 1.0) is None


def test_scanners_may_be_let_in() -> None:
    assert Guard(GuardConfig(scanners=())).drops(SCANNER, flow(), 1.0) is None


def test_whoever_never_answers_a_challenge_scans() -> None:
    guard = Guard(GuardConfig(unanswered_max=50))
    assert [guard.on_unanswered(flow(), 1.0) for _ in range(50)] == [[]] * 50
    assert guard.on_unanswered(flow(), 2.0) == [Banned("198.51.100.7", "", "scan", 600.0)]
    assert heard(guard, 1, flow(), 3.0) == 0


def test_the_count_begins_anew_after_the_window() -> None:
    guard = Guard(GuardConfig(unanswered_max=50, window=600.0))
    for n in range(200):
        assert guard.on_unanswered(flow(), n * 15.0) == []


# --- wrong passwords ------------------------------------------------------------------------------


def test_ten_wrong_passwords_of_a_stranger_are_a_ban() -> None:
    guard = Guard(GuardConfig())
    assert wrong(guard, 9, flow()) == []
    assert wrong(guard, 1, flow(), "102") == [Banned("198.51.100.7", "", "password", 600.0)]
    assert heard(guard, 1, flow(port=6000)) == 0
    assert heard(guard, 1, flow("198.51.100.8")) == 1


def office(guard: Guard, phones: int = 50) -> None:
    for n in range(phones):
        guard.on_admitted(flow(port=2000 + n), str(200 + n), 0.0)


def test_one_wrong_phone_among_fifty_right_ones_is_alone_in_quarantine() -> None:
    guard = Guard(GuardConfig())
    office(guard)
    assert wrong(guard, 10, flow(port=1999)) == [Banned("198.51.100.7", "101", "password", 600.0)]
    assert guard.is_quarantined(flow(port=3000), "101")
    assert not guard.is_quarantined(flow(port=2000), "200")
    assert not guard.is_quarantined(flow("198.51.100.8"), "101")
    assert heard(guard, 1000, flow(port=2000)) == 1000
    assert not guard.refuses("198.51.100.7")


def test_a_right_password_forgives_the_wrong_ones_before_it() -> None:
    guard = Guard(GuardConfig())
    office(guard)
    for _ in range(5):
        assert wrong(guard, 9, flow()) == []
        guard.on_admitted(flow(), "101", 1.0)


def test_guessing_for_every_user_from_inside_an_office_ends_in_a_ban() -> None:
    guard = Guard(GuardConfig())
    office(guard, 2)
    assert [ban for n in range(29) for ban in wrong(guard, 1, flow(), str(n))] == []
    ban = Banned("198.51.100.7", "", "password", 600.0)
    assert [found for n in range(29, 50) for found in wrong(guard, 1, flow(), str(n))] == [ban]


def test_forged_guesses_cannot_ban_an_office() -> None:
    """Without our nonce nobody has shown that he receives what we send to that address."""
    guard = Guard(GuardConfig())
    office(guard)
    for n in range(10_000):
        where = flow(port=1024 + n % 60_000)
        assert guard.on_wrong(where, "101", proven=False, now=1.0) == []
    assert heard(guard, 1, flow(port=2000)) == 1
    assert not guard.is_quarantined(flow(), "101")


def test_who_was_a_friend_long_ago_is_a_stranger() -> None:
    guard = Guard(GuardConfig())
    office(guard)
    assert wrong(guard, 10, flow(), now=guard_module.FRIEND_SECONDS + 1.0) == [
        Banned("198.51.100.7", "", "password", 600.0)
    ]


def test_each_further_ban_is_twice_as_long_up_to_the_limit() -> None:
    guard = Guard(GuardConfig(ban_seconds=600.0, ban_seconds_max=3000.0))
    seconds: list[float] = []
    now = 0.0
    for _ in range(4):
        (ban,) = wrong(guard, 10, flow(), now=now)
        seconds.append(ban.seconds)
        now += ban.seconds
        assert guard.next_deadline == now
        assert guard.on_time(now) == [Unbanned("198.51.100.7", "", "time")]
        assert heard(guard, 1, flow(), now) == 1
    assert seconds == [600.0, 1200.0, 2400.0, 3000.0]


# --- a phone that does not stop -------------------------------------------------------------------


def test_a_friend_that_is_refused_in_a_tight_loop_is_muted_alone_and_for_a_while() -> None:
    guard = Guard(GuardConfig())
    office(guard)
    loop = flow(port=2000)
    answered = 0
    for n in range(10_000):
        if guard.drops(b"SUBSCRIBE sip:x SIP/2.0\r\n", loop, 1.0 + n / 1000) is None:
            answered += 1
            assert guard.on_refused(loop, 1.0 + n / 1000) == []
    assert answered == guard_module.REFUSALS_MAX + 50 + 1  # Once for each phone of the office.
    assert guard.drops(b"BYE sip:x SIP/2.0\r\n", loop, 9.0) is None
    assert guard.drops(b"SIP/2.0 200 OK\r\n", loop, 9.0) is None
    assert heard(guard, 10, flow(port=2001), 9.0) == 10
    assert heard(guard, 1, loop, 12.0) == 1


def test_an_office_behind_one_port_may_register_all_its_phones() -> None:
    """A proxy or SBC: each of a thousand phones is challenged first, and right afterwards."""
    guard = Guard(GuardConfig())
    proxy = flow(port=5060)
    for n in range(1000):
        now = n / 100
        assert guard.drops(b"REGISTER sip:x SIP/2.0\r\n", proxy, now) is None
        assert guard.on_unanswered(proxy, now) == []
        assert guard.drops(b"REGISTER sip:x SIP/2.0\r\n", proxy, now) is None
        guard.on_admitted(proxy, str(n), now)
    for _ in range(guard_module.REFUSALS_MAX + 1000):  # All come back at one moment.
        assert guard.drops(b"REGISTER sip:x SIP/2.0\r\n", proxy, 100.0) is None
        assert guard.on_unanswered(proxy, 100.0) == []
    assert guard.drops(b"REGISTER sip:x SIP/2.0\r\n", proxy, 100.0) is None
    assert guard.on_unanswered(proxy, 100.0) == []
    assert guard.drops(b"REGISTER sip:x SIP/2.0\r\n", proxy, 100.0) == []


# --- who is allowed, and whom we call -------------------------------------------------------------


def test_who_is_allowed_is_never_held_up_or_banned() -> None:
    guard = Guard(GuardConfig(allow=("198.51.100.0/24", "2001:db8::/32")))
    assert heard(guard, 5000, flow()) == 5000
    assert wrong(guard, 100, flow()) == []
    assert [guard.on_unanswered(flow(), 0.0) for _ in range(100)] == [[]] * 100
    assert guard.drops(SCANNER, flow(), 0.0) is None
    assert guard.ban("198.51.100.7", "by hand", 60.0, 0.0) == []
    assert heard(guard, 5000, flow("2001:db8::5")) == 5000


def test_who_is_no_longer_allowed_is_a_stranger() -> None:
    guard = Guard(GuardConfig(allow=("198.51.100.0/24",)))
    assert heard(guard, 5000, flow()) == 5000
    guard.configure(GuardConfig())
    assert heard(guard, 5000, flow()) == 100


def test_answers_of_those_we_call_are_welcome() -> None:
    guard = Guard(GuardConfig())
    guard.on_called(flow(), 0.0)
    assert heard(guard, 3000, flow()) == 3000


def test_calling_the_banned_does_not_lift_the_ban() -> None:
    guard = Guard(GuardConfig())
    _ = guard.ban("198.51.100.7", "by hand", 60.0, 0.0)
    guard.on_called(flow(), 1.0)
    assert heard(guard, 1, flow(), 1.0) == 0


# --- by hand --------------------------------------------------------------------------------------


def test_a_network_is_banned_and_unbanned_by_hand() -> None:
    guard = Guard(GuardConfig())
    office(guard)
    network = parse_source("198.51.100.9/24")
    assert network == "198.51.100.0/24"
    assert guard.ban(network, "by hand", 60.0, 1.0) == [Banned(network, "", "by hand", 60.0)]
    assert heard(guard, 1, flow(port=2000), 2.0) == 0
    assert guard.refuses("198.51.100.77")
    assert not guard.refuses("198.51.101.1")
    assert guard.unban(network) == [Unbanned(network, "", "hand")]
    assert heard(guard, 1, flow(port=2000), 2.0) == 1
    assert guard.unban(network) == []


def test_sources_as_people_write_them() -> None:
    written = ["192.0.2.7", "192.0.2.7/32", "2001:db8::7", "2001:db8::/64", "2001:db8::/48"]
    assert [parse_source(text) for text in written] == [
        *("192.0.2.7", "192.0.2.7", "2001:db8::/64", "2001:db8::/64", "2001:db8::/48")
    ]


def test_a_ban_outlives_a_restart() -> None:
    guard = Guard(GuardConfig())
    guard.restore(Ban("198.51.100.7", "", "password", -50.0, 10.0))
    guard.restore(Ban("198.51.100.8", "101", "password", -50.0, 10.0))
    assert heard(guard, 1, flow()) == 0
    assert guard.is_quarantined(flow("198.51.100.8"), "101")
    assert guard.on_time(10.0) == [
        Unbanned("198.51.100.7", "", "time"),
        Unbanned("198.51.100.8", "101", "time"),
    ]
    assert not guard.is_quarantined(flow("198.51.100.8"), "101")


def test_the_ban_list_is_bounded() -> None:
    guard = Guard(GuardConfig())
    for n in range(bans_module.BANS_MAX + 5):
        _ = guard.ban(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "by hand", 60.0 + n, 0.0)
    assert len(guard.bans) == bans_module.BANS_MAX
    assert not guard.refuses("10.0.0.4")
    assert guard.refuses("10.0.0.5")


# --- for anything at all --------------------------------------------------------------------------

HOSTS = ("198.51.100.7", "198.51.100.8", "2001:db8::1", "2001:db8::2", "192.0.2.1")
WHERE = st.builds(flow, st.sampled_from(HOSTS), st.integers(5060, 5063))


class AnyDay(RuleBasedStateMachine):
    """Whatever happens: the allowed are heard, the banned are not, and a copy does the same."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = Guard(GuardConfig(allow=("192.0.2.0/24",), wrong_max=3, unanswered_max=5))
        self.now = 0.0

    @rule(seconds=st.sampled_from((0.001, 1.0, 100.0, 5000.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        expired = self.guard.on_time(self.now)
        assert len({(one.source, one.user) for one in expired}) == len(expired)

    @rule(where=WHERE, data=st.sampled_from((MESSAGE, SCANNER, b"", b"BYE x")))
    def datagram(self, where: Flow, data: bytes) -> None:
        banned = source_of(where.remote[0]) in self.guard.bans.hosts
        dropped = self.guard.drops(data, where, self.now)
        assert not (banned and dropped is None)
        if where.remote[0] == "192.0.2.1":
            assert dropped is None

    @rule(where=WHERE, user=st.sampled_from("ab"), proven=st.booleans())
    def wrong(self, where: Flow, user: str, proven: bool) -> None:
        self.check(where, self.guard.on_wrong(where, user, proven, self.now))

    @rule(where=WHERE)
    def unanswered(self, where: Flow) -> None:
        self.check(where, self.guard.on_unanswered(where, self.now))

    @rule(where=WHERE, user=st.sampled_from("ab"))
    def admitted(self, where: Flow, user: str) -> None:
        if not self.guard.refuses(where.remote[0]):  # Else nothing is heard of it.
            self.guard.on_admitted(where, user, self.now)
            assert self.guard.is_friend(where.remote[0])

    @rule(where=WHERE)
    def by_hand(self, where: Flow) -> None:
        source = source_of(where.remote[0])
        if self.guard.unban(source) == []:
            self.check(where, self.guard.ban(source, "by hand", 60.0, self.now))

    def check(self, where: Flow, bans: list[Banned]) -> None:
        assert len(bans) <= 1
        for ban in bans:
            assert ban.source == source_of(where.remote[0]) != "192.0.2.1"
            assert self.guard.bans.get(ban.source, ban.user) is not None

    @invariant()
    def a_copy_does_the_same(self) -> None:
        copy = thaw(freeze(self.guard))
        assert freeze(copy) == freeze(self.guard)
        assert copy.next_deadline == self.guard.next_deadline


TestAnyDay = AnyDay.TestCase


@given(st.binary(max_size=200), WHERE)
def test_any_bytes(data: bytes, where: Flow) -> None:
    guard = Guard(GuardConfig())
    assert guard.drops(data, where, 0.0) in (
        None,
        [Banned(source_of(where.remote[0]), "", "scanner", 600.0)],
    )


@given(st.text(max_size=40))
def test_any_text_is_a_source_or_a_value_error(text: str) -> None:
    try:
        source = parse_source(text)
    except ValueError:
        return
    assert parse_source(source) == source
