"""The part of the exchange that knows the trunks: which one a call may take, whose an incoming
call is, and what calls to the outside use. What keeps the trunks themselves going is in `lines`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from pbx.calls.causes import Cause
from pbx.dialplan import Outward, TrunkChoice
from pbx.events import OutsideEnded
from pbx.plan import Plan
from pbx.tolls import Spent, Tolls
from pbx.trunks.lines import Item, Lines, Resolve, transport_of
from pbx.trunks.plan import TrunkPlan
from pbx.trunks.rewriting import Caller, Incoming, arriving, leaving, rewritten
from pbx.trunks.selection import Candidate, Way, choose
from sip.endpoint import Endpoint
from sip.flow import Flow
from sip.headers import NameAddr
from sip.login import Login
from sip.message import Request
from sip.networks import contains
from sip.resolver import End
from sip.tokens import Tokens
from sip.uri import Uri

__all__ = ["CutOff", "Paid", "Resolve", "TrunkCall", "TrunkLeg", "Trunks"]

BILL_SECONDS: Final = 60.0  # What a crash may cost.
# Causes that say more about the trunk than about who is called.
TROUBLE: Final = frozenset({Cause.UNREACHABLE, Cause.CONGESTION, Cause.FAILED})


@dataclass(frozen=True, slots=True)
class TrunkCall:
    """All that an INVITE through a trunk needs."""

    trunk: str
    uri: str
    flow: Flow
    from_: NameAddr
    to: NameAddr
    headers: tuple[tuple[str, str], ...]
    login: Login | None
    codecs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paid:
    """Who pays for a call to the outside."""

    call: str
    extension: str  # "": nobody; it came from another trunk.
    outward: Outward


@dataclass(frozen=True, slots=True)
class CutOff:
    """Hang up on this leg: its extension has nothing left for today."""

    leg: str


@dataclass(slots=True)
class TrunkLeg:
    """A call through a trunk. It takes a channel until it ends."""

    trunk: str
    outgoing: bool
    end: End | None = None
    paid: Paid | None = None
    sent: TrunkCall | None = None
    answered: bool = False
    redirects: int = 0


class Trunks(Lines):
    def __init__(self, endpoint: Endpoint, tokens: Tokens, epoch: float) -> None:
        super().__init__(endpoint, tokens, epoch)
        self.tolls = Tolls()
        self._legs: dict[str, TrunkLeg] = {}
        self._busy: dict[str, int] = {}  # Trunk → channels in use, ...
        self._busy_out: dict[str, int] = {}  # ... and those of calls that went out.
        self._bill_at: float | None = None  # When calls under way are written down again.

    def configure(self, plan: Plan, now: float) -> list[Item]:
        rules = plan.outside.dial_plan
        self.tolls.change_rights(rules.rights, rules.others, now)
        return super().configure(plan, now)

    def on_time(self, now: float) -> list[Item]:
        items: list[Item] = []
        due = self.tolls.next_deadline
        if due is not None and due <= now:
            items += [CutOff(leg) for leg in self.tolls.on_time(now)]
        if self._bill_at is not None and self._bill_at <= now:
            items += self.bill(now)
        return [*items, *super().on_time(now)]

    @property
    def next_deadline(self) -> float | None:
        if not self._lines and not self._legs:
            return None
        due = (self.tolls.next_deadline, self._bill_at, self._nearest)
        return min((at for at in due if at is not None), default=None)

    # --- calls that come in

    def identify(self, request: Request, flow: Flow) -> str | None:
        """Whose call this is, by where it comes from and what it calls: never by what it says
        about who sends it (RFC 3261 §26.3.2.2: a From is anybody's)."""
        if not self._lines:
            return None
        host = flow.remote[0]
        user = Uri.parse(request.uri).user
        for line in self._lines.values():
            if line.contact_user and user == line.contact_user and host in line.hosts():
                return line.name
        named = list(
            dict.fromkeys(name for name, network in self._networks if contains((network,), host))
        )
        if len(named) > 1:  # Several accounts with one provider: the number tells.
            for name in named:
                line = self._lines[name]
                if arriving(line.plan, request, line.contact_user).number in line.plan.numbers:
                    return name
        return named[0] if named else None

    def arrive(self, trunk: str, request: Request) -> Incoming:
        line = self._lines[trunk]
        return arriving(line.plan, request, line.contact_user)

    def plan_of(self, trunk: str) -> TrunkPlan | None:
        line = self._lines.get(trunk)
        return None if line is None else line.plan

    # --- calls that go out

    def select(
        self, choices: Sequence[TrunkChoice], tried: Collection[str], now: float, *, urgent: bool
    ) -> Way | Cause:
        """The next way for a call; why there is none: CONGESTION when only channels are missing."""
        full = False
        candidates: list[Candidate] = []
        for choice in choices:
            line = self._lines.get(choice.trunk)
            if line is None:
                continue
            if not urgent and not self._has_room(line.plan, outgoing=True):
                full = True
                continue
            good, poor = line.good_and_poor(now, self._rng)
            candidates.append(Candidate(line.name, choice.priority, choice.weight, good, poor))
        way = choose(candidates, tried, self._rng)
        if way is not None:
            return way
        return Cause.CONGESTION if full else Cause.UNREACHABLE

    def prepare(self, way: Way, number: str, caller: Caller, now: float) -> TrunkCall | None:
        """None: the trunk or its end has gone meanwhile."""
        line = self._lines.get(way.trunk)
        flow = None if line is None else line.flows.get(way.end)
        if line is None or flow is None:
            return None
        plan = line.plan
        sent = rewritten(plan.outgoing, number)
        from_, headers = leaving(plan, caller)
        to = NameAddr("", Uri("sip", sent, plan.domain, None))
        login = Login(plan.username, plan.password, plan.realms) if plan.password else None
        return TrunkCall(
            plan.name,
            str(Uri("sip", sent, plan.domain, _port_of(plan), transport_of(way.end))),
            flow,
            from_,
            to,
            tuple(headers),
            login,
            plan.codecs,
        )

    def redirected(self, leg: str, contact: Uri, now: float) -> str:
        """Where a 3xx sends this leg (RFC 3261 §8.1.3.4), if it may go there: to the same trunk
        only, and not for ever. "" if not: that would be somebody else's call on our bill."""
        known = self._legs.get(leg)
        line = None if known is None else self._lines.get(known.trunk)
        if known is None or line is None or known.redirects >= line.plan.redirects:
            return ""
        hosts = {line.plan.domain, *line.hosts()}
        hosts |= {Uri.parse(server.uri).host for server in line.plan.servers}
        if contact.scheme != "sip" or not contact.user or contact.host.lower() not in hosts:
            return ""
        known.redirects += 1
        return str(contact._replace(headers="", password=None))

    def begin(
        self,
        trunk: str,
        leg: str,
        end: End | None = None,
        *,
        outgoing: bool = True,
        paid: Paid | None = None,
        sent: TrunkCall | None = None,
    ) -> None:
        """This leg takes a channel, and somebody's time when it is answered."""
        self._legs[leg] = TrunkLeg(trunk, outgoing, end, paid, sent)
        self._take(trunk, 1, outgoing=outgoing)
        if paid is not None and paid.extension:
            rights = self._outside.dial_plan.rights_of(paid.extension)
            self.tolls.begin(leg, paid.extension, rights, paid.outward)

    def answered(self, leg: str, now: float) -> None:
        """Its time counts from now on."""
        self.tolls.answered(leg, now)
        if self._bill_at is None:
            self._bill_at = now + BILL_SECONDS

    def bill(self, now: float) -> list[Item]:
        """Write down what calls under way have used: nobody's day begins anew by a crash."""
        items: list[Item] = []
        for leg, spent in self.tolls.settle(now):
            known = self._legs.get(leg)
            if known is not None:
                items += self.used(known, spent, now)
        self._bill_at = now + BILL_SECONDS if self.tolls.calls else None
        return items

    def used(self, leg: TrunkLeg, spent: Spent, now: float) -> list[Item]:
        paid = leg.paid
        if paid is None or spent.seconds <= 0:
            return []
        outward, at = paid.outward, now + self._epoch
        kind = outward.call_class.value
        return [
            OutsideEnded(
                *(paid.call, paid.extension, leg.trunk, outward.number, kind),
                seconds=spent.seconds,
                money=spent.money,
                at=at,
            )
        ]

    def has_room(self, trunk: str) -> bool:
        """For another call from outside."""
        line = self._lines.get(trunk)
        return line is not None and self._has_room(line.plan, outgoing=False)

    def end(self, leg: str, now: float) -> Spent:
        """Its channel is free again; what it used since its answer."""
        known = self._legs.pop(leg, None)
        if known is None:
            return Spent()
        self._take(known.trunk, -1, outgoing=known.outgoing)
        return Spent() if known.paid is None else self.tolls.end(leg, now)

    def leg(self, leg: str) -> TrunkLeg | None:
        return self._legs.get(leg)

    def on_outcome(self, trunk: str, end: End, cause: Cause | None, now: float) -> list[Item]:
        """What became of a call through it; None: it was answered."""
        line = self._lines.get(trunk)
        pulse = None if line is None else line.pulses.get(end)
        if line is None or pulse is None:
            return []
        if cause is None:
            told = pulse.on_call_answered()
            if not told:
                return []  # As nearly always: nothing has changed.
        elif cause in TROUBLE:
            told = pulse.on_call_failed(now)
        else:
            return []
        return self._settled(self._after_pulse(line, told, now))

    def channels(self, trunk: str) -> int:
        """In use now."""
        return self._busy.get(trunk, 0)

    @property
    def legs(self) -> int:
        return len(self._legs)

    def _take(self, trunk: str, channels: int, *, outgoing: bool) -> None:
        self._busy[trunk] = self._busy.get(trunk, 0) + channels
        if outgoing:
            self._busy_out[trunk] = self._busy_out.get(trunk, 0) + channels

    def _has_room(self, plan: TrunkPlan, *, outgoing: bool) -> bool:
        if plan.channels and self._busy.get(plan.name, 0) >= plan.channels:
            return False
        out = self._busy_out.get(plan.name, 0)
        return not (outgoing and plan.channels_out and out >= plan.channels_out)


def _port_of(plan: TrunkPlan) -> int | None:
    """That of a server which is the domain itself: another PBX on an odd port."""
    for server in plan.servers:
        uri = Uri.parse(server.uri)
        if uri.host == plan.domain and uri.port is not None:
            return uri.port
    return None
