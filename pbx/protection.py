"""The part of the exchange that keeps abuse and overload away: the guard, and room for calls."""

from dataclasses import replace
from math import inf
from typing import Final

from pbx.overload import Admitted, Overload
from pbx.plan import Plan
from pbx.status import BanStatus
from sip.bans import Ban
from sip.endpoint import Endpoint
from sip.events import RequestDone
from sip.guard import Banned, Guard, GuardConfig, Unbanned, parse_source

BY_HAND: Final = "by hand"


class Protection:
    """Gives the endpoint its guard and its admission of calls. `epoch`: Unix time at zero."""

    def __init__(self, endpoint: Endpoint, epoch: float) -> None:
        self.guard = Guard(GuardConfig())
        self.overload = Overload()
        self._endpoint = endpoint
        self._epoch = epoch
        endpoint.admission = self.overload

    # --- a part of the exchange

    @property
    def next_deadline(self) -> float | None:
        return self.guard.next_deadline

    def on_time(self, now: float) -> list[Unbanned]:
        deadline = self.guard.next_deadline
        return self.guard.on_time(now) if deadline is not None and deadline <= now else []

    def configure(self, plan: Plan, now: float) -> list[Unbanned]:
        security = plan.security
        flows = [extension.flow for extension in plan.extensions.values()]
        fixed = {flow.remote[0] for flow in flows if flow is not None}
        config = replace(
            security.guard, allow=(*security.guard.allow, *plan.trusted, *sorted(fixed))
        )
        if config != self.guard.config:
            self.guard.configure(config)
        self.overload.configure(security.overload)
        self._endpoint.guard = self.guard if security.enabled else None
        return [
            lifted
            for ban in self.guard.bans.listing()
            if self.guard.is_allowed(ban.source)
            for lifted in self.guard.unban(ban.source, ban.user)
        ]

    def on_done(self, event: RequestDone, now: float) -> list[object]:
        return []  # We send no requests.

    @property
    def excuse(self) -> str:
        """The sound for the call that was let in last, if it has no room."""
        overload = self.overload
        return overload.plan.excuse if overload.verdict is Admitted.EXCUSED else ""

    # --- by hand

    def ban(self, source: str, seconds: float | None, now: float) -> list[Banned]:
        """ValueError with a line for the admin when it cannot be."""
        source = parse_source(source)
        if self.guard.is_allowed(source):
            raise ValueError(f"{source} is allowed by the configuration (security.allow, trusted)")
        return self.guard.ban(source, BY_HAND, inf if seconds is None else seconds, now)

    def unban(self, source: str, user: str = "") -> list[Unbanned]:
        """Without a user all bans of the source."""
        source = parse_source(source)
        bans = [ban for ban in self.guard.bans.listing() if ban.source == source]
        return [
            lifted
            for ban in bans
            if user in ("", ban.user)
            for lifted in self.guard.unban(source, ban.user)
        ]

    def bans(self) -> list[BanStatus]:
        """Times as Unix seconds, the latest first."""
        records = [
            BanStatus(
                ban.source,
                ban.user,
                ban.reason,
                ban.since + self._epoch,
                None if ban.until == inf else ban.until + self._epoch,
            )
            for ban in self.guard.bans.listing()
        ]
        return sorted(records, key=lambda record: record.since, reverse=True)

    def restore(self, records: list[BanStatus]) -> None:
        """Those of before a restart. Call it before `configure`, which knows who is allowed."""
        for record in records:
            until = inf if record.until is None else record.until - self._epoch
            since = record.since - self._epoch
            self.guard.restore(Ban(record.source, record.user, record.reason, since, until))
