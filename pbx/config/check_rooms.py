"""What is wrong with conference rooms and with who may listen to whom."""

from collections.abc import Collection, Iterator
from itertools import combinations

from pbx.config.document import Place
from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config


def rooms(config: Config, music: Collection[str] = ()) -> Iterator[Fault]:
    yield from _supervisors(config)
    yield from _keys(config)
    for name, room in config.conferences.items():
        place: Place = ("conferences", name)
        if room.pin is not None and room.pin == room.moderator_pin:
            yield Fault((*place, "moderator_pin"), "the same as `pin`: nobody would be a moderator")
        if room.wait_for_moderator and room.moderator_pin is None:
            what = "nobody can be a moderator: there is no `moderator_pin`"
            yield Fault((*place, "wait_for_moderator"), what)
        if music and room.music not in music:
            hint = did_you_mean(room.music, music)
            yield Fault((*place, "music"), f'there is no music "{room.music}"', hint)


def conference_numbers(config: Config) -> list[tuple[Place, str, str]]:
    """Those that can be dialled: where each stands, and whose it is."""
    return [
        (("conferences", name, "number"), room.number, f'conference "{name}"')
        for name, room in config.conferences.items()
    ]


def _supervisors(config: Config) -> Iterator[Fault]:
    for supervisor, rights in config.supervision.supervisors.items():
        place: Place = ("supervision", "supervisors", supervisor)
        if supervisor not in config.extensions:
            hint = did_you_mean(supervisor, config.extensions)
            yield Fault(place, f'there is no extension "{supervisor}"', hint, at_key=True)
        known = (
            ("agents", rights.agents, config.agents),
            ("queues", rights.queues, config.queues),
            ("extensions", rights.extensions, config.extensions),
        )
        for key, named, there_are in known:
            for index, name in enumerate(named):
                if name not in there_are:
                    hint = did_you_mean(name, there_are)
                    what = f'there is no {key[:-1]} "{name}"'
                    yield Fault((*place, key, index), what, hint)
        if not (rights.everybody or any(named for _, named, _ in known)):
            yield Fault(place, "nobody to listen to: agents, queues, extensions or everybody")


def _keys(config: Config) -> Iterator[Fault]:
    keys: dict[str, str] = config.supervision.keys.model_dump()
    for (one, key), (other, same) in combinations(keys.items(), 2):
        if key and key == same:
            place: Place = ("supervision", "keys", other)
            yield Fault(place, f'"{key}" is the key for {one} already')
