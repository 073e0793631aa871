"""What settings mean together: names that lead nowhere, numbers given twice, queues with no exit.

Each check is a generator of faults over a configuration whose single values are right.
"""

import ipaddress
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import Final

from pbx.config.document import Place
from pbx.config.errors import ERRORS_MAX, did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config, QueueSettings
from pbx.config.values import Destination, DestinationKind
from pbx.distribution.strategies import INDEXES

PASSWORD_CHARACTERS_MIN: Final = 8  # SIP passwords are guessed at thousands a second.
# What scanners try first, beside the number itself.
COMMON_PASSWORDS: Final = {
    *("password", "passw0rd", "asterisk", "changeme", "letmein1", "qwertyui", "qwerty123"),
    *("12345678", "123456789", "1234567890", "87654321", "11223344", "1q2w3e4r", "secret123"),
}
WAYS_OUT: Final = ("on_timeout", "on_full", "on_empty")


def check(config: Config, sounds: Collection[str] = (), music: Collection[str] = ()) -> list[Fault]:
    """All that is wrong. `sounds` and `music` are the names there are; if none, any will do."""
    faults = chain(
        _agents(config),
        _members(config),
        _destinations(config, sounds),
        _music(config, music),
        _loops(config),
        _numbers(config),
        _ports(config),
        _passwords(config),
    )
    return list(islice(faults, ERRORS_MAX))


def _agents(config: Config) -> Iterator[Fault]:
    users: dict[str, str] = {}
    for agent, settings in config.agents.items():
        implied = settings.extension is None
        place: Place = ("agents", agent) if implied else ("agents", agent, "extension")
        extension = config.extension_of(agent)
        if extension not in config.extensions:
            hint = did_you_mean(extension, config.extensions)
            yield Fault(place, f'there is no extension "{extension}"', hint, at_key=implied)
        elif extension in users:
            yield Fault(
                place, f'extension "{extension}" is agent "{users[extension]}" already', "", implied
            )
        _ = users.setdefault(extension, agent)


def _members(config: Config) -> Iterator[Fault]:
    for queue, settings in config.queues.items():
        place: Place = ("queues", queue, "members")
        if settings.strategy not in INDEXES:
            known = ", ".join(strategy.value for strategy in INDEXES)
            what = f"{settings.strategy.value} is not available yet; there are {known}"
            yield Fault(("queues", queue, "strategy"), what)
        if not settings.members:
            yield Fault(place, "this queue has nobody to answer its calls: it needs members")
        seen: set[str] = set()
        for index, member in enumerate(settings.members):
            here = (*place, index, "agent")
            if member.agent not in config.agents:
                hint = did_you_mean(member.agent, config.agents)
                yield Fault(here, f'there is no agent "{member.agent}"', hint)
            elif member.agent in seen:
                yield Fault(here, f'agent "{member.agent}" is in this queue already')
            seen.add(member.agent)
            if member.ring_timeout == 0:
                yield Fault((*place, index, "ring_timeout"), "expected more than 0s")
        if settings.ring_timeout == 0:
            yield Fault(("queues", queue, "ring_timeout"), "expected more than 0s")


def all_destinations(config: Config) -> Iterator[tuple[Place, Destination]]:
    for queue, settings in config.queues.items():
        for way in WAYS_OUT:
            yield ("queues", queue, way), way_out(settings, way)
        for key, destination in settings.on_key.items():
            yield ("queues", queue, "on_key", key), destination
    for number, dialled in config.numbers.items():
        yield ("numbers", number, "to"), dialled.destination


def way_out(queue: QueueSettings, way: str) -> Destination:
    return {
        "on_timeout": queue.on_timeout,
        "on_full": queue.on_full,
        "on_empty": queue.on_empty,
    }[way]


def _destinations(config: Config, sounds: Collection[str]) -> Iterator[Fault]:
    known: dict[DestinationKind, Collection[str]] = {
        DestinationKind.QUEUE: config.queues,
        DestinationKind.EXTENSION: config.extensions,
        DestinationKind.PLAY: sounds,
    }
    wanted = [(place, to.kind, to.target) for place, to in all_destinations(config)]
    wanted += [
        (("queues", queue, "greeting"), DestinationKind.PLAY, settings.greeting)
        for queue, settings in config.queues.items()
        if settings.greeting is not None
    ]
    for place, kind, target in wanted:
        words = known.get(kind, ())
        if kind is DestinationKind.PLAY and not sounds:
            continue
        if kind in known and target not in words:
            noun = "sound" if kind is DestinationKind.PLAY else str(kind)
            yield Fault(place, f'there is no {noun} "{target}"', did_you_mean(target, words))


def _music(config: Config, music: Collection[str]) -> Iterator[Fault]:
    for queue, settings in config.queues.items():
        if music and settings.music not in music:
            hint = did_you_mean(settings.music, music)
            yield Fault(("queues", queue, "music"), f'there is no music "{settings.music}"', hint)


def _loops(config: Config) -> Iterator[Fault]:
    """Ways out that lead a caller around for ever. Keys are no fault: the caller chose."""
    reported: set[str] = set()
    for start in _without_end(config):
        for way in WAYS_OUT:
            loop = _loop_from(config, start, way)
            if loop and start not in reported:
                reported.update(loop)
                around = " → ".join([*loop, start])
                yield Fault(("queues", start, way), f"callers would go around for ever: {around}")


def _without_end(config: Config) -> list[str]:
    """The queues left when those that surely end are taken away, again and again: mostly none."""
    left = {queue: set(_next_queues(config, queue, WAYS_OUT)) for queue in config.queues}
    while ended := {queue for queue, after in left.items() if not after}:
        left = {queue: after - ended for queue, after in left.items() if queue not in ended}
    return list(left)


def _loop_from(config: Config, start: str, way: str) -> list[str]:
    """The queues of a shortest loop through `start` that leaves it by `way`; [] if none."""
    came_from = dict.fromkeys(_next_queues(config, start, (way,)), start)
    for queue in (found := list(came_from)):  # Grows while it is walked: breadth first.
        if queue == start:
            loop = [came_from[start]]
            while loop[-1] != start:
                loop.append(came_from[loop[-1]])
            return loop[::-1]
        for after in _next_queues(config, queue, WAYS_OUT):
            if after not in came_from:
                came_from[after] = queue
                found.append(after)
    return []


def _next_queues(config: Config, queue: str, ways: tuple[str, ...]) -> list[str]:
    destinations = [way_out(config.queues[queue], way) for way in ways]
    found = [to.target for to in destinations if to.kind is DestinationKind.QUEUE]
    return [target for target in dict.fromkeys(found) if target in config.queues]


def _numbers(config: Config) -> Iterator[Fault]:
    """Whatever can be dialled leads to one thing."""
    owners: dict[str, str] = {}
    dialled: list[tuple[Place, str, str]] = [
        (("extensions", id_), id_, f'extension "{id_}"') for id_ in config.extensions
    ]
    dialled += [
        (("queues", queue, "number"), settings.number, f'queue "{queue}"')
        for queue, settings in config.queues.items()
        if settings.number is not None
    ]
    dialled += [(("numbers", number), number, f'numbers "{number}"') for number in config.numbers]
    codes = config.feature_codes
    dialled += [
        (("feature_codes", name), code, f"the feature code {name}")
        for name, code in (
            ("sign_in", codes.sign_in),
            ("break", codes.break_),
            ("end_wrap_up", codes.end_wrap_up),
        )
    ]
    for place, number, owner in dialled:
        if number in owners:
            yield Fault(place, f'"{number}" is the number of {owners[number]} already')
        _ = owners.setdefault(number, owner)


def _ports(config: Config) -> Iterator[Fault]:
    sip, web, media = config.sip, config.web, config.media
    if not (sip.udp or sip.tcp):
        yield Fault(("sip",), "SIP needs udp, tcp or both")
    if sip.tcp and sip.port == web.port != 0 and _meet(sip.host, web.host):
        yield Fault(("web", "port"), f"port {web.port} is that of SIP over TCP already")
    if sip.udp and media.ports.low <= sip.port <= media.ports.high and _meet(sip.host, media.host):
        yield Fault(("media", "ports"), f"these ports hold that of SIP, {sip.port}")


def _meet(one: str, other: str) -> bool:
    return one == other or any(ipaddress.ip_address(host).is_unspecified for host in (one, other))


def _passwords(config: Config) -> Iterator[Fault]:
    for id_, extension in config.extensions.items():
        place: Place = ("extensions", id_, "password")
        if extension.contact is not None and extension.password:
            yield Fault(place, "an extension with a fixed contact has no password")
        elif extension.password:
            yield from _weak(place, extension.password, {id_, extension.name})
    if config.web.password:
        yield from _weak(("web", "password"), config.web.password, {config.company})


def _is_made_from(word: str, password: str) -> bool:
    rest = password.replace(word, "")
    return rest != password and (not rest or rest.isdigit())


def _weak(place: Place, password: str, known: set[str]) -> Iterator[Fault]:
    lower = password.lower()
    words = {word.lower() for word in known if word}
    why = ""
    if len(password) < PASSWORD_CHARACTERS_MIN:
        why = f"it has fewer than {PASSWORD_CHARACTERS_MIN} characters"
    elif lower in COMMON_PASSWORDS:
        why = "scanners try it first"
    elif max(Counter(lower).values()) > len(lower) // 2:
        why = "it is mostly one character"
    elif any(_is_made_from(word, lower) for word in words):
        why = "it is made from the name"
    if why:
        hint = "leave it out: a strong one is made at the first start"
        yield Fault(place, f"a weak password: {why}", hint)
