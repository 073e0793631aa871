"""The guard inside the whole exchange: what becomes of bans, on reload and after a restart."""

from dataclasses import replace
from math import inf

import pytest

from pbx.events import CallStarted, SourceBanned, SourceUnbanned
from pbx.overload import OverloadPlan
from pbx.security_plan import SecurityPlan
from pbx.snapshot import freeze, thaw
from pbx.status import BanStatus
from sip.guard import GuardConfig
from tests.exchange.office import Office
from tests.exchange.trunk import HERE, PLAIN, Trunk
from tests.sim.world import EPOCH

STRANGER = HERE[0]


def test_a_stranger_who_only_asks_is_banned_and_heard_again_later() -> None:
    office = Office()
    stranger = Trunk(office)
    for _ in range(60):
        stranger.invite("500", PLAIN)
        office.run_for(0.5)
    assert office.told(CallStarted) == []
    assert stranger.statuses() == [401]
    (banned,) = office.told(SourceBanned)
    assert (banned.source, banned.user, banned.reason) == (STRANGER, "", "scan")
    assert banned.until == banned.at + 600.0
    heard = len(stranger.inbox)
    assert heard == 51
    stranger.invite("500", PLAIN)
    office.run_for(5.0)
    assert len(stranger.inbox) == heard
    assert thaw(freeze(office.exchange.protection)).bans() == office.exchange.protection.bans()
    office.run_for(600.0)
    (unbanned,) = office.told(SourceUnbanned)
    assert (unbanned.source, unbanned.by) == (STRANGER, "time")
    stranger.invite("500", PLAIN)
    office.run_for(1.0)
    assert len(stranger.inbox) == heard + 1
    office.close()


def test_bans_by_hand() -> None:
    office = Office(trusted=("203.0.113.0/24",))
    exchange, now = office.exchange, office.now
    (banned,) = exchange.ban("198.51.100.7/32", None, now)
    assert banned == SourceBanned("198.51.100.7", "", "by hand", None, now + EPOCH)
    assert exchange.protection.bans() == [
        BanStatus("198.51.100.7", "", "by hand", now + EPOCH, None)
    ]
    with pytest.raises(ValueError, match="is allowed by the configuration"):
        _ = exchange.ban("203.0.113.5", 60.0, now)
    with pytest.raises(ValueError, match="does not appear to be"):
        _ = exchange.ban("nobody", 60.0, now)
    assert exchange.unban("198.51.100.7", "", now + 1.0) == [
        SourceUnbanned("198.51.100.7", "", "hand", now + 1.0 + EPOCH)
    ]
    assert exchange.unban("198.51.100.7", "", now + 2.0) == []
    office.close()


def test_bans_of_before_a_restart_hold_but_for_those_who_are_allowed_now() -> None:
    office = Office()
    exchange, now = office.exchange, office.now
    records = [
        BanStatus("198.51.100.7", "", "password", now + EPOCH - 10.0, now + EPOCH + 50.0),
        BanStatus("198.51.100.8", "101", "password", now + EPOCH - 20.0, None),
        BanStatus("198.51.100.9", "", "scan", now + EPOCH - 30.0, now + EPOCH + 50.0),
    ]
    exchange.protection.restore(records)
    assert exchange.protection.bans() == records
    security = SecurityPlan(guard=GuardConfig(allow=("198.51.100.9",)))
    lifted = exchange.configure(replace(exchange.plan, security=security), now)
    assert [e.source for e in lifted if isinstance(e, SourceUnbanned)] == ["198.51.100.9"]
    assert exchange.protection.bans() == records[:2]
    assert exchange.protection.guard.bans.listing()[1].until == inf
    office.close()


def test_without_the_guard_everybody_is_heard() -> None:
    office = Office()
    plan = replace(office.exchange.plan, security=SecurityPlan(enabled=False))
    _ = office.exchange.configure(plan, office.now)
    stranger = Trunk(office)
    for _ in range(120):
        stranger.invite("500", PLAIN)
    office.run_for(1.0)
    assert len(stranger.inbox) == 120
    assert office.told(SourceBanned) == []
    office.close()


def test_above_the_limit_a_call_is_refused_and_nothing_of_it_is_kept() -> None:
    office = Office(trusted=(STRANGER,))
    security = SecurityPlan(overload=OverloadPlan(calls_per_second=1.0))
    _ = office.exchange.configure(replace(office.exchange.plan, security=security), office.now)
    caller = Trunk(office)
    caller.invite("500", PLAIN)
    office.run_for(0.1)
    before = office.exchange.leftovers()
    second = Trunk(office, call_id="another")
    second.invite("500", PLAIN)
    office.run_for(0.1)
    assert len(office.told(CallStarted)) == 1
    assert office.exchange.leftovers() == before
    assert second.statuses() == [503]
    assert second.answer(503).get("Retry-After") == "2"
    caller.bye()
    office.close()
