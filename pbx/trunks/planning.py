"""From the checked configuration of trunks and routes to plain values."""

from collections.abc import Iterable

from pbx.config.check_trunks import DEFAULT
from pbx.config.model import Config
from pbx.config.routes import ChoiceSettings, OutgoingSettings, RightsSettings
from pbx.config.trunks import RewriteSettings, TrunkSettings
from pbx.config.values import Destination as ConfiguredDestination
from pbx.dialplan import NO_RIGHTS, CallClass, DialPlan, Rights, RoutePlan, TrunkChoice
from pbx.numbering import Numbering, Pattern
from pbx.plan import Destination
from pbx.trunks.plan import (
    NO_OUTSIDE,
    CallerIdPlan,
    Outside,
    Rewrite,
    ServerPlan,
    TrunkPlan,
)


def make_outside(config: Config) -> Outside:
    if not config.trunks:
        return NO_OUTSIDE
    trunks = {name: _trunk(name, trunk) for name, trunk in config.trunks.items()}
    return Outside(trunks, _dial_plan(config))


def _trunk(name: str, trunk: TrunkSettings) -> TrunkPlan:
    caller_id = trunk.caller_id
    unknown = trunk.unknown_numbers
    return TrunkPlan(
        name,
        servers=tuple(ServerPlan(s.address, s.priority, s.weight) for s in trunk.servers),
        domain=(trunk.domain or trunk.host).lower(),
        username=trunk.username,
        password=trunk.password,
        realms=trunk.realms,
        register=trunk.register_,
        expires=round(trunk.expires),
        health_seconds=trunk.health,
        networks=trunk.networks,
        numbers={number: _destination(to) for number, to in trunk.numbers.items()},
        unknown=None if unknown is None else _destination(unknown),
        extensions=trunk.extensions,
        onward=frozenset(trunk.onward),
        incoming=_rules(trunk.incoming),
        incoming_callers=_rules(trunk.incoming_callers),
        outgoing=_rules(trunk.outgoing),
        believed=trunk.believed,
        caller_id=CallerIdPlan(
            caller_id.number,
            caller_id.name,
            dict(caller_id.extensions),
            caller_id.pass_through,
            caller_id.asserted,
            caller_id.account,
        ),
        channels=trunk.channels,
        channels_out=trunk.channels_out,
        redirects=trunk.redirects,
        codecs=trunk.codecs,
    )


def _dial_plan(config: Config) -> DialPlan:
    outgoing = config.outgoing
    urgent = outgoing.emergency.trunks or tuple(ChoiceSettings(trunk=t) for t in config.trunks)
    named = {
        extension: _rights(rights)
        for name, rights in outgoing.rights.items()
        if name != DEFAULT
        for extension in rights.extensions
    }
    others = outgoing.rights.get(DEFAULT)
    return DialPlan(
        _numbering(outgoing),
        tuple(
            RoutePlan(
                name,
                tuple(Pattern.parse(text) for text in route.numbers),
                CallClass(route.kind),
                _choices(route.trunks),
                route.price,
                route.ring_timeout,
            )
            for name, route in outgoing.routes.items()
        ),
        outgoing.emergency.numbers,
        _choices(urgent),
        named,
        NO_RIGHTS if others is None else _rights(others),
        outgoing.say_why,
    )


def _numbering(outgoing: OutgoingSettings) -> Numbering:
    return Numbering(
        outgoing.country.removeprefix("+"),
        outgoing.area,
        outgoing.international,
        outgoing.national,
        outgoing.local_digits,
        outgoing.national_digits,
        outgoing.dial_first,
    )


def _rights(rights: RightsSettings) -> Rights:
    return Rights(
        frozenset(CallClass(kind) for kind in rights.kinds),
        rights.minutes_per_day,
        rights.money_per_day,
        rights.calls,
    )


def _choices(choices: Iterable[ChoiceSettings]) -> tuple[TrunkChoice, ...]:
    """Without priorities of their own they are tried in the order of the list."""
    return tuple(
        TrunkChoice(c.trunk, at if c.priority is None else c.priority, c.weight)
        for at, c in enumerate(choices)
    )


def _rules(rules: Iterable[RewriteSettings]) -> tuple[Rewrite, ...]:
    return tuple(Rewrite(Pattern.parse(r.match), r.strip, r.prefix) for r in rules)


def _destination(to: ConfiguredDestination) -> Destination:
    return Destination(to.kind.value, to.target)
