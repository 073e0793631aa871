"""What is wrong with a queue: nobody in it, settings that contradict each other, no way out."""

from collections.abc import Iterator

from pbx.config.document import Place
from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config
from pbx.config.queue_values import CountWindow
from pbx.config.queues import MemberSettings, QueueSettings
from pbx.config.values import DestinationKind, in_words
from pbx.distribution.config import RECALCULATE_MIN, RISE_EVERY_MIN, Strategy, Window
from pbx.distribution.strategies import INDEXES


def members(config: Config) -> Iterator[Fault]:
    for queue, settings in config.queues.items():
        place: Place = ("queues", queue)
        yield from _strategies(place, settings)
        if settings.members and settings.steps:
            yield Fault((*place, "steps"), "give either members or steps, not both")
        elif settings.steps:
            yield from _steps(place, settings)
        elif not settings.members:
            what = "this queue has nobody to answer its calls: it needs members"
            yield Fault((*place, "members"), what)
        if settings.ring_timeout == 0:
            yield Fault((*place, "ring_timeout"), "expected more than 0s")
        seen: dict[str, int] = {}
        for where, member in settings.places():
            yield from _member(config, (*place, *where), member, seen)
            yield from _delay((*place, *where), member, settings)


def _strategies(place: Place, settings: QueueSettings) -> Iterator[Fault]:
    manual = settings.strategy is Strategy.MANUAL
    if settings.then is Strategy.MANUAL:
        yield Fault((*place, "then"), "expected a strategy that rings somebody, found manual")
    needed = [("strategy", settings.strategy)] if not manual else [("then", settings.then)]
    for setting, strategy in needed:
        if strategy not in INDEXES and strategy is not Strategy.MANUAL:
            known = ", ".join(strategy.value for strategy in INDEXES)
            what = f"{strategy.value} is not available yet; there are {known}"
            yield Fault((*place, setting), what)


def _steps(place: Place, settings: QueueSettings) -> Iterator[Fault]:
    for order, step in enumerate(settings.steps):
        for index, member in enumerate(step):
            if "order" in member.model_fields_set:
                here = (*place, "steps", order, index, "order")
                yield Fault(here, "the step says the order already", at_key=True)


def _member(
    config: Config, place: Place, member: MemberSettings, seen: dict[str, int]
) -> Iterator[Fault]:
    """`seen`: the order of those that came before."""
    here = (*place, "agent")
    if member.agent not in config.agents:
        hint = did_you_mean(member.agent, config.agents)
        yield Fault(here, f'there is no agent "{member.agent}"', hint)
    elif member.agent in seen:
        where = f"step {seen[member.agent]}" if "steps" in place else "this queue"
        yield Fault(here, f'agent "{member.agent}" is in {where} already')
    _ = seen.setdefault(member.agent, member.order)
    if member.ring_timeout == 0:
        yield Fault((*place, "ring_timeout"), "expected more than 0s")


def _delay(place: Place, member: MemberSettings, settings: QueueSettings) -> Iterator[Fault]:
    if _never_waits(settings, member.delay):
        yield Fault((*place, "delay"), _no_call_waits(settings))


def _never_waits(settings: QueueSettings, seconds: float) -> bool:
    """No call of this queue waits so long."""
    return 0 < settings.max_wait <= seconds


def _no_call_waits(settings: QueueSettings) -> str:
    return f"no call waits so long here: its max_wait is {in_words(settings.max_wait)}"


def knobs(config: Config) -> Iterator[Fault]:
    """Settings of a queue that contradict each other."""
    for queue, settings in config.queues.items():
        place: Place = ("queues", queue)
        yield from _relax(place, settings)
        yield from _too_often((*place, "recalculate"), settings.recalculate, RECALCULATE_MIN)
        rise_every = settings.priority.rise_every
        yield from _too_often((*place, "priority", "rise_every"), rise_every, RISE_EVERY_MIN)
        if settings.strategy is Strategy.MANUAL and _never_waits(settings, settings.auto_after):
            yield Fault((*place, "auto_after"), _no_call_waits(settings))
        if settings.must_finish and settings.greeting is None and not config.recording.notice:
            yield Fault((*place, "must_finish"), "there is no greeting that could be heard")
        if settings.align == "clock" and settings.window != CountWindow(Window.ROLLING):
            what = f"only an hour can be aligned, and the window is {settings.window}"
            yield Fault((*place, "align"), what, "window: hour")


def _too_often(place: Place, seconds: float, least: float) -> Iterator[Fault]:
    if 0 < seconds < least:
        yield Fault(place, f"expected 0s, or at least {in_words(least)}")


def _relax(place: Place, settings: QueueSettings) -> Iterator[Fault]:
    before = 0.0
    for index, step in enumerate(settings.relax):
        here = (*place, "relax", index, "after")
        if step.after < before:
            what = f"expected at least {in_words(before)}: steps stand in the order of their times"
            yield Fault(here, what)
        elif _never_waits(settings, step.after):
            yield Fault(here, _no_call_waits(settings))
        before = max(before, step.after)


def loops(config: Config) -> Iterator[Fault]:
    """Ways out that lead a caller around for ever. Keys are no fault: the caller chose."""
    reported: set[str] = set()
    for start in in_loops(config):
        for way in config.queues[start].ways_out:
            loop = [] if start in reported else _loop_from(config, start, way)
            if loop:
                reported.update(loop)
                around = " → ".join([*loop, start])
                yield Fault(("queues", start, way), f"callers would go around for ever: {around}")


def in_loops(config: Config) -> list[str]:
    """Every queue that is in a loop, or between two; mostly none."""
    ahead = {queue: set(_next_queues(config, queue)) for queue in config.queues}
    behind: dict[str, set[str]] = {queue: set() for queue in ahead}
    for queue, targets in ahead.items():
        for target in targets:
            behind[target].add(queue)
    _strip(ahead, behind)
    _strip(behind, ahead)
    return list(ahead)


def _strip(ahead: dict[str, set[str]], behind: dict[str, set[str]]) -> None:
    """Take away those with nothing ahead, again and again."""
    ends = [queue for queue, targets in ahead.items() if not targets]
    for end in ends:  # Grows while it is walked.
        del ahead[end]
        for queue in behind.pop(end):
            ahead[queue].remove(end)
            if not ahead[queue]:
                ends.append(queue)


def _loop_from(config: Config, start: str, way: str) -> list[str]:
    """The queues of a shortest loop through `start` that leaves it by `way`; [] if none."""
    came_from = dict.fromkeys(_next_queues(config, start, way), start)
    for queue in (found := list(came_from)):  # Grows while it is walked: breadth first.
        if queue == start:
            loop = [came_from[start]]
            while loop[-1] != start:
                loop.append(came_from[loop[-1]])
            return loop[::-1]
        for after in _next_queues(config, queue):
            if after not in came_from:
                came_from[after] = queue
                found.append(after)
    return []


def _next_queues(config: Config, queue: str, only: str = "") -> list[str]:
    """Where the calls of a queue go on, by this way out or by any."""
    ways = config.queues[queue].ways_out
    destinations = [ways[only]] if only else ways.values()
    found = [to.target for to in destinations if to.kind is DestinationKind.QUEUE]
    return [target for target in dict.fromkeys(found) if target in config.queues]
