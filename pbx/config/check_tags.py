"""What is wrong with tags: unknown ones, ambiguous ones, requirements that nobody can meet."""

from collections.abc import Iterator
from typing import Final

from pbx.config.document import Place
from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config
from pbx.config.queues import QueueSettings
from pbx.config.values import DestinationKind
from pbx.distribution.config import DROP_ALL
from pbx.distribution.requirements import both, lacking, meets, named_tags, parse, without

SKILL: Final = "skill"  # The dimension of what is not declared.
_RESERVED: Final = {"and", "or", "not", DROP_ALL}


def tags(config: Config) -> Iterator[Fault]:
    yield from _declared(config)
    yield from _of_agents(config)
    known = known_tags(config)
    for place, text, _ in _requirements(config):
        for tag in sorted(named_tags(parse(text)) - known):
            hint = did_you_mean(tag, known) or "no agent has tags"
            yield Fault(place, f'there is no tag "{tag}"', hint)
    yield from _drops(config, known)
    yield from _impossible(config, known)


def dimensions_of(config: Config) -> dict[str, str]:
    """The dimension of each declared tag."""
    return {tag: dimension for dimension, names in config.tags.items() for tag in names}


def known_tags(config: Config) -> set[str]:
    """What is declared; without declarations, what agents have."""
    if config.tags:
        return set(dimensions_of(config))
    return {tag for agent in config.agents.values() for tag in agent.tags}


def _declared(config: Config) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for dimension, names in config.tags.items():
        if dimension in _RESERVED:
            what = f'"{dimension}" has a meaning of its own in requirements'
            yield Fault(("tags", dimension), what, at_key=True)
        for index, tag in enumerate(names):
            place: Place = ("tags", dimension, index)
            if tag.lower() in _RESERVED:
                yield Fault(place, f'"{tag}" has a meaning of its own in requirements')
            elif tag in config.tags:
                yield Fault(place, f'"{tag}" is a dimension: a tag needs a name of its own')
            elif tag in first:
                yield Fault(place, f'tag "{tag}" is in {first[tag]} already')
            _ = first.setdefault(tag, dimension)


def _of_agents(config: Config) -> Iterator[Fault]:
    known = known_tags(config)
    for agent, settings in config.agents.items():
        for tag in settings.tags:
            place: Place = ("agents", agent, "tags", tag)
            if tag not in known:
                what = f'tag "{tag}" is not declared under `tags`'
                yield Fault(place, what, did_you_mean(tag, known), at_key=True)
            elif not config.tags and tag.lower() in _RESERVED:
                what = f'"{tag}" has a meaning of its own in requirements'
                yield Fault(place, what, at_key=True)


def _requirements(config: Config) -> Iterator[tuple[Place, str, str]]:
    """Where it stands, what it says, and the queue whose members it is about, or ""."""
    for queue, settings in config.queues.items():
        if settings.requires:
            yield ("queues", queue, "requires"), settings.requires, queue
    for number, dialled in config.numbers.items():
        to = dialled.destination
        if dialled.requires:
            target = to.target if to.kind is DestinationKind.QUEUE else ""
            yield ("numbers", number, "requires"), dialled.requires, target
    for index, caller in enumerate(config.callers):
        if caller.requires:
            yield ("callers", index, "requires"), caller.requires, caller.queue or ""


def _drops(config: Config, known: set[str]) -> Iterator[Fault]:
    words = {*known, *(config.tags or {SKILL}), DROP_ALL}
    for queue, settings in config.queues.items():
        for index, step in enumerate(settings.relax):
            if step.drop not in words:
                what = f'there is no tag or dimension "{step.drop}"'
                hint = did_you_mean(step.drop, words)
                yield Fault(("queues", queue, "relax", index, "drop"), what, hint)


def _impossible(config: Config, known: set[str]) -> Iterator[Fault]:
    seen: dict[tuple[str, str], str | None] = {}  # Many numbers ask a queue for the same.
    for place, text, queue in _requirements(config):
        if queue not in config.queues or named_tags(parse(text)) - known:
            continue
        settings = config.queues[queue]
        wanted = both(settings.requires, text)
        if (queue, wanted) not in seen:
            seen[queue, wanted] = _who_lacks_what(config, settings, wanted)
        hint = seen[queue, wanted]
        if hint is not None:
            yield Fault(place, "nobody in this queue can ever meet this", hint)


def _who_lacks_what(config: Config, settings: QueueSettings, wanted: str) -> str | None:
    """Of the first member; None if somebody meets it, maybe not at once."""
    drops = {step.drop for step in settings.relax}
    left = without(parse(wanted), drops, dimensions_of(config))
    agents = [member.agent for _, member in settings.places() if member.agent in config.agents]
    if not agents or any(meets(config.agents[agent].tags, left) for agent in agents):
        return None
    return f"{agents[0]} lacks {lacking(config.agents[agents[0]].tags, left)}"
