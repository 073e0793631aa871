"""What is wrong with trunks and routes: names that lead nowhere, doors that stand open."""

from collections.abc import Collection, Iterator
from typing import Final

from pbx.config.document import Place
from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config
from pbx.config.routes import ChoiceSettings
from pbx.config.values import Destination, DestinationKind
from pbx.numbering import SHORT_DIGITS_MAX, Pattern

DEFAULT: Final = "default"  # The rights of everybody else.
_HOME: Final = frozenset({"local", "mobile"})  # Kinds that end at the border.


def trunks(config: Config, sounds: Collection[str]) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for name, trunk in config.trunks.items():
        place: Place = ("trunks", name)
        if trunk.register_ and not (trunk.username and trunk.password):
            missing = "username" if not trunk.username else "password"
            yield Fault((*place, "register"), f"to sign in there it needs a {missing}")
        yield from _numbers(config, name, sounds)
        for at, other in enumerate(trunk.onward):
            if other not in config.trunks:
                hint = did_you_mean(other, config.trunks)
                yield Fault((*place, "onward", at), f'there is no trunk "{other}"', hint)
            elif other == name:
                what = "calls must not leave through the trunk that they came by"
                yield Fault((*place, "onward", at), what)
        for extension in trunk.caller_id.extensions:
            if extension not in config.extensions:
                hint = did_you_mean(extension, config.extensions)
                where = (*place, "caller_id", "extensions", extension)
                yield Fault(where, f'there is no extension "{extension}"', hint, at_key=True)
        for at, network in enumerate(trunk.networks):
            first = owners.setdefault(network, name)
            if first != name and not (trunk.numbers and config.trunks[first].numbers):
                what = f'these are addresses of trunk "{first}" already'
                hint = "only `numbers` of both can tell whose a call is"
                yield Fault((*place, "networks", at), what, hint)


def routes(config: Config) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    patterns: list[tuple[Place, str, Pattern]] = []
    for name, route in config.outgoing.routes.items():
        place: Place = ("outgoing", "routes", name)
        yield from _choices(config, (*place, "trunks"), route.trunks)
        for at, text in enumerate(route.numbers):
            first = owners.setdefault(text, name)
            where: Place = (*place, "numbers", at)
            if first != name:
                yield Fault(where, f'"{text}" belongs to route "{first}" already')
            patterns.append((where, route.kind, Pattern.parse(text)))
    for where, kind, pattern in patterns:
        yield from _form(config, where, kind, pattern)
    yield from _emergency(config)
    yield from _rights(config)


def _numbers(config: Config, name: str, sounds: Collection[str]) -> Iterator[Fault]:
    trunk = config.trunks[name]
    wanted: list[tuple[Place, Destination]] = [
        (("trunks", name, "numbers", number), to) for number, to in trunk.numbers.items()
    ]
    if trunk.unknown_numbers is not None:
        wanted.append((("trunks", name, "unknown_numbers"), trunk.unknown_numbers))
    known: dict[DestinationKind, Collection[str]] = {
        DestinationKind.QUEUE: config.queues,
        DestinationKind.EXTENSION: config.extensions,
        DestinationKind.PLAY: sounds,
    }
    for place, to in wanted:
        words = known.get(to.kind)
        if words is None or to.target in words or (to.kind is DestinationKind.PLAY and not sounds):
            continue
        noun = "sound" if to.kind is DestinationKind.PLAY else str(to.kind)
        yield Fault(place, f'there is no {noun} "{to.target}"', did_you_mean(to.target, words))


def _choices(config: Config, place: Place, choices: tuple[ChoiceSettings, ...]) -> Iterator[Fault]:
    seen: set[str] = set()
    for at, choice in enumerate(choices):
        if choice.trunk not in config.trunks:
            hint = did_you_mean(choice.trunk, config.trunks)
            what = f'there is no trunk "{choice.trunk}"'
            yield Fault((*place, at, "trunk"), what, hint)
        elif choice.trunk in seen:
            yield Fault((*place, at, "trunk"), f'trunk "{choice.trunk}" is in this list already')
        seen.add(choice.trunk)


def _form(config: Config, place: Place, kind: str, pattern: Pattern) -> Iterator[Fault]:
    """Numbers are compared in their international form; the form says which country it is."""
    country = config.outgoing.country
    if not country:
        return
    whole = pattern.choices[:1] == ("+",)
    if not whole and (pattern.open or len(pattern.choices) > SHORT_DIGITS_MAX):
        what = f'"{pattern}" fits no number: they are compared in their international form'
        yield Fault(place, what, f"write it as +{country}…")
    elif whole and kind in _HOME and not Pattern.parse(f"+{country}*").covers(pattern):
        what = f'"{pattern}" fits numbers of other countries: these are not {kind}'
        yield Fault(place, what, f"begin it with +{country}, or make its kind international")


def _emergency(config: Config) -> Iterator[Fault]:
    emergency = config.outgoing.emergency
    yield from _choices(config, ("outgoing", "emergency", "trunks"), emergency.trunks)
    if not config.trunks:
        return
    taken = {number: f'extension "{number}"' for number in config.extensions}
    taken |= {number: f'numbers "{number}"' for number in config.numbers}
    taken |= {
        queue.number: f'queue "{name}"' for name, queue in config.queues.items() if queue.number
    }
    for at, number in enumerate(emergency.numbers):
        if number in taken:
            what = f'"{number}" is the number of {taken[number]}: nobody could call for help'
            yield Fault(("outgoing", "emergency", "numbers", at), what)


def _rights(config: Config) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for name, rights in config.outgoing.rights.items():
        place: Place = ("outgoing", "rights", name)
        if name == DEFAULT and rights.extensions:
            what = "these rights are for the extensions that are named nowhere"
            yield Fault((*place, "extensions"), what, at_key=True)
        elif name != DEFAULT and not rights.extensions:
            yield Fault(place, "nobody has these rights: they need extensions", at_key=True)
        for at, extension in enumerate(rights.extensions):
            if extension not in config.extensions:
                hint = did_you_mean(extension, config.extensions)
                where: Place = (*place, "extensions", at)
                yield Fault(where, f'there is no extension "{extension}"', hint)
            first = owners.setdefault(extension, name)
            if first != name:
                what = f'extension "{extension}" has the rights "{first}" already'
                yield Fault((*place, "extensions", at), what)
