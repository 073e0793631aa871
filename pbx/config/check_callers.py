"""What is wrong with the rules for numbers and callers: nobody there, no effect, never reached."""

from collections.abc import Iterator
from typing import Final

from pbx.config.document import Place
from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import CallerSettings, Config
from pbx.config.values import DestinationKind

WISHES: Final = ("priority", "requires", "agent")
BEGINNING: Final = "*"


def wishes(config: Config) -> Iterator[Fault]:
    """What numbers ask for: of queues only, and of agents that there are."""
    for number, dialled in config.numbers.items():
        place: Place = ("numbers", number)
        if dialled.destination.kind is not DestinationKind.QUEUE:
            for wish in WISHES:
                if wish in dialled.model_fields_set:
                    what = "only a number that leads to a queue can have this"
                    yield Fault((*place, wish), what, at_key=True)
        yield from _agent(config, place, dialled.agent)
    if config.on_blacklist.kind is DestinationKind.QUEUE:
        yield Fault(("on_blacklist",), "callers on the blacklist can wait in no queue")


def callers(config: Config) -> Iterator[Fault]:
    exact: dict[str, int] = {}
    beginnings: dict[str, int] = {}
    for index, caller in enumerate(config.callers):
        place: Place = ("callers", index)
        if caller.queue is not None and caller.queue not in config.queues:
            hint = did_you_mean(caller.queue, config.queues)
            yield Fault((*place, "queue"), f'there is no queue "{caller.queue}"', hint)
        yield from _agent(config, place, caller.agent)
        yield from _effect(place, caller)
        for at, number in enumerate(caller.number):
            first = _first(number, exact, beginnings)
            if first is not None:
                what = f'"{number}" is never reached: entry {first + 1} of callers fits it already'
                yield Fault((*place, "number", at), what)
            stem = number.removesuffix(BEGINNING)
            _ = (exact if stem == number else beginnings).setdefault(stem, index)


def _agent(config: Config, place: Place, agent: str | None) -> Iterator[Fault]:
    if agent is not None and agent not in config.agents:
        hint = did_you_mean(agent, config.agents)
        yield Fault((*place, "agent"), f'there is no agent "{agent}"', hint)


def _effect(place: Place, caller: CallerSettings) -> Iterator[Fault]:
    others = [key for key in ("queue", *WISHES, "language") if getattr(caller, key)]
    if caller.blacklist and others:
        what = "a caller on the blacklist gets nothing else"
        yield Fault((*place, others[0]), what, at_key=True)
    elif not (caller.blacklist or others):
        what = "it needs a queue, priority, requires, agent, language or blacklist"
        yield Fault(place, f"this entry does nothing: {what}")


def _first(number: str, exact: dict[str, int], beginnings: dict[str, int]) -> int | None:
    """The entry that is asked before and fits all that this number fits."""
    stem = number.removesuffix(BEGINNING)
    fits = [beginnings[stem[:n]] for n in range(len(stem) + 1) if stem[:n] in beginnings]
    if stem == number and number in exact:
        fits.append(exact[number])
    return min(fits, default=None)
