"""One trunk as it is now: where its servers are, which of them answer, where we are registered."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from pbx.trunks.health import Pulse
from pbx.trunks.plan import TrunkPlan
from pbx.trunks.registering import Registering
from sip.flow import Flow
from sip.resolver import End, Site, drawn, in_order

RECONNECT_SECONDS_MAX: Final = 60.0  # Between attempts at a connection that does not stay.


@dataclass(slots=True)
class Line:
    plan: TrunkPlan
    contact_user: str  # Unguessable: who calls it knows our registration.
    number: int  # Tells the answers for this line from those for one of the same name before.
    registering: Registering | None = None
    sites: dict[int, tuple[Site, ...]] = field(default_factory=dict[int, tuple[Site, ...]])
    """By server: what the DNS said last."""
    flows: dict[End, Flow] = field(default_factory=dict[End, Flow])
    pulses: dict[End, Pulse] = field(default_factory=dict[End, Pulse])
    resolve_at: dict[int, float] = field(default_factory=dict[int, float])  # Server → when.
    losses: int = 0  # Connections lost in a row.

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def next_deadline(self) -> float | None:
        found = [pulse.next_deadline for pulse in self.pulses.values()]
        found += self.resolve_at.values()
        if self.registering is not None:
            found.append(self.registering.next_deadline)
        return min((at for at in found if at is not None), default=None)

    def ends(self, rng: Random) -> tuple[End, ...]:
        """All that can be reached, in the order for one request."""
        order: dict[End, None] = {}
        servers = self.plan.servers
        for priority in sorted({server.priority for server in servers}):
            level = [n for n, server in enumerate(servers) if server.priority == priority]
            level.sort(key=lambda n: servers[n].weight > 0)
            for n in drawn(level, [servers[n].weight for n in level], rng):
                order |= dict.fromkeys(in_order(self.sites.get(n, ()), rng))
        return tuple(end for end in order if end in self.flows)

    def hosts(self) -> frozenset[str]:
        return frozenset(end.host for end in self.flows)

    def good_and_poor(self, now: float, rng: Random) -> tuple[tuple[End, ...], tuple[End, ...]]:
        """Ends for a call: those that seem well, and the rest."""
        ends = self.ends(rng)
        if self.registering is not None:
            if not self.registering.up:
                return (), ends
            here = self.registering.end
            # The server that knows us can also be called through; others may not.
            ends = tuple(sorted(ends, key=lambda end: end != here))
        good = tuple(end for end in ends if self._is_well(end, now))
        return good, tuple(end for end in ends if end not in good)

    def _is_well(self, end: End, now: float) -> bool:
        pulse = self.pulses.get(end)
        return pulse is None or pulse.usable(now)

    def set_sites(
        self, server: int, sites: tuple[Site, ...], flows: dict[End, Flow], until: float
    ) -> None:
        """What the DNS says now. Ends that are gone lose their flows; the old ones stay."""
        self.sites[server] = sites
        self.flows |= flows
        known = {end for found in self.sites.values() for site in found for end in site.ends}
        self.flows = {end: flow for end, flow in self.flows.items() if end in known}
        self.pulses = {end: pulse for end, pulse in self.pulses.items() if end in self.flows}
        _ = self.resolve_at.pop(server, None)
        if until != float("inf"):
            self.resolve_at[server] = until

    def drop_flow(self, flow: Flow, now: float) -> list[End]:
        """A connection is gone; ask for another one soon."""
        gone = [end for end, known in self.flows.items() if known == flow]
        if not gone or flow.transport == "udp":
            return []
        for end in gone:
            del self.flows[end]
        self.losses += 1
        wait = min(2.0 ** min(self.losses, 10), RECONNECT_SECONDS_MAX)
        for server, sites in self.sites.items():
            if any(end in site.ends for site in sites for end in gone):
                self.resolve_at[server] = min(self.resolve_at.get(server, now + wait), now + wait)
        return gone
