"""What settings mean together: names that lead nowhere, numbers given twice, weak passwords.

Queues, tags and callers have files of their own. Each check is a generator of faults over a
configuration whose single values are right.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import Final

from pbx.config.check_callers import callers, wishes
from pbx.config.check_devices import devices
from pbx.config.check_phones import dialled_numbers, phones
from pbx.config.check_queues import knobs, loops, members
from pbx.config.check_recording import recording
from pbx.config.check_registrar import registrar
from pbx.config.check_rooms import rooms
from pbx.config.check_security import security
from pbx.config.check_tags import tags
from pbx.config.check_transports import transports
from pbx.config.check_trunks import routes, trunks
from pbx.config.check_voicemail import mailboxes_of, voicemail, voicemail_destinations
from pbx.config.document import Place
from pbx.config.errors import ERRORS_MAX, did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config
from pbx.config.values import Destination, DestinationKind

PASSWORD_CHARACTERS_MIN: Final = 8  # SIP passwords are guessed at thousands a second.
# What scanners try first, beside the number itself.
COMMON_PASSWORDS: Final = {
    *("password", "passw0rd", "asterisk", "changeme", "letmein1", "qwertyui", "qwerty123"),
    *("12345678", "123456789", "1234567890", "87654321", "11223344", "1q2w3e4r", "secret123"),
}
WAYS_OUT: Final = ("on_timeout", "on_full", "on_empty")  # The others may be one of these.


_NOUNS: Final = {DestinationKind.PLAY: "sound", DestinationKind.VOICEMAIL: "mailbox"}


def check(config: Config, sounds: Collection[str] = (), music: Collection[str] = ()) -> list[Fault]:
    """All that is wrong. `sounds` and `music` are the names there are; if none, any will do."""
    faults = chain(
        _agents(config),
        _breaks(config),
        members(config),
        knobs(config),
        tags(config),
        _destinations(config, sounds),
        _music(config, music),
        loops(config),
        wishes(config),
        callers(config),
        recording(config, sounds),
        registrar(config),
        _numbers(config),
        phones(config),
        rooms(config, music),
        devices(config),
        transports(config),
        security(config, sounds),
        voicemail(config, sounds),
        trunks(config, sounds),
        routes(config),
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


def _breaks(config: Config) -> Iterator[Fault]:
    agents = len(config.agents)
    for reason, settings in config.break_reasons.items():
        if settings.keep_at_work >= agents > 0:
            what = f"nobody could ever take this break: there are {agents} agents"
            yield Fault(("break_reasons", reason, "keep_at_work"), what)


def all_destinations(config: Config) -> Iterator[tuple[Place, Destination]]:
    for queue, settings in config.queues.items():
        for way, to in settings.ways_out.items():
            if way in WAYS_OUT or way in settings.model_fields_set:
                yield ("queues", queue, way), to
        for key, destination in settings.on_key.items():
            yield ("queues", queue, "on_key", key), destination
    for number, dialled in config.numbers.items():
        yield ("numbers", number, "to"), dialled.destination
    yield ("on_blacklist",), config.on_blacklist
    yield from voicemail_destinations(config)


def _destinations(config: Config, sounds: Collection[str]) -> Iterator[Fault]:
    known: dict[DestinationKind, Collection[str]] = {
        DestinationKind.QUEUE: config.queues,
        DestinationKind.EXTENSION: config.extensions,
        DestinationKind.PLAY: sounds,
        DestinationKind.VOICEMAIL: mailboxes_of(config),
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
            noun = _NOUNS.get(kind, str(kind))
            yield Fault(place, f'there is no {noun} "{target}"', did_you_mean(target, words))


def _music(config: Config, music: Collection[str]) -> Iterator[Fault]:
    for queue, settings in config.queues.items():
        if music and settings.music not in music:
            hint = did_you_mean(settings.music, music)
            yield Fault(("queues", queue, "music"), f'there is no music "{settings.music}"', hint)


def _numbers(config: Config) -> Iterator[Fault]:
    """Whatever can be dialled leads to one thing."""
    owners: dict[str, str] = {}
    for place, number, owner in dialled_numbers(config):
        if number in owners:
            yield Fault(place, f'"{number}" is the number of {owners[number]} already')
        _ = owners.setdefault(number, owner)


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
