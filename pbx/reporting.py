"""The exchange as it is now, for pages and the command line."""

from pbx.calls.call import Call, CallState
from pbx.calls.fork import ForkState
from pbx.evenness import gini
from pbx.events import CallAnswered, Event, QueueLeft
from pbx.exchange import Exchange
from pbx.status import (
    AgentStatus,
    Alarm,
    CallStatus,
    QueueStatus,
    Status,
    Told,
    TrunkStatus,
    WorkerStatus,
)
from pbx.trunks.line import Line

Totals = dict[str, dict[str, int]]


class DayCounts:
    """Calls that left each queue since `midnight` (Unix seconds), by reason and by agent."""

    def __init__(self, midnight: float) -> None:
        self.midnight = midnight
        self._counts: Totals = {}
        self._answered: Totals = {}

    def on_event(self, event: Event) -> None:
        match event:
            case QueueLeft():
                _count(self._counts, event.queue, event.reason)
            case CallAnswered() if event.queue and event.agent:
                _count(self._answered, event.queue, event.agent)
            case _:
                pass

    def load(self, totals: Totals, answered: Totals) -> None:
        """What the history knows of today: we were started in the middle of it."""
        self._counts = {queue: dict(counts) for queue, counts in totals.items()}
        self._answered = {queue: dict(counts) for queue, counts in answered.items()}

    def turn(self, midnight: float) -> None:
        """Another day has begun."""
        if midnight != self.midnight:
            self.midnight = midnight
            self._counts.clear()
            self._answered.clear()

    def left(self, queue: str) -> dict[str, int]:
        """By reason."""
        return dict(self._counts.get(queue, {}))

    def answered(self, queue: str) -> dict[str, int]:
        """By agent; who answered nothing is left out."""
        return dict(self._answered.get(queue, {}))

    def answered_by(self) -> dict[str, int]:
        """By agent, of all queues."""
        total: dict[str, int] = {}
        for counts in self._answered.values():
            for agent, count in counts.items():
                total[agent] = total.get(agent, 0) + count
        return total


def _count(counts: Totals, queue: str, key: str) -> None:
    of_queue = counts.setdefault(queue, {})
    of_queue[key] = of_queue.get(key, 0) + 1


def make_status(
    exchange: Exchange,
    now: float,
    *,
    version: str,
    started_at: float,
    counts: DayCounts,
    workers: tuple[WorkerStatus, ...],
    alarms: tuple[Alarm, ...],
) -> Status:
    at = now + exchange.epoch
    core = exchange.distribution
    at_work = {name for name in exchange.plan.agents if core.agent(name).signed_in}
    members = {queue.id: queue.members for queue in exchange.plan.distribution.queues}
    answered = counts.answered_by()
    return Status(
        version=version,
        at=at,
        uptime_seconds=at - started_at,
        calls=tuple(_call(exchange, call) for call in exchange.calls.values()),
        queues=tuple(
            _queue(
                exchange, name, now, counts, {m.agent for m in members[name] if m.agent in at_work}
            )
            for name in exchange.plan.queues
        ),
        agents=tuple(
            _agent(exchange, name, answered.get(name, 0)) for name in exchange.plan.agents
        ),
        registrations=len(exchange.registrar),
        workers=workers,
        counters={**exchange.endpoint.counters, **exchange.leftovers()},
        alarms=alarms,
        bans=len(exchange.protection.guard.bans),
        trunks=tuple(_trunk(exchange, line, now) for line in exchange.trunks.lines.values()),
    )


def _trunk(exchange: Exchange, line: Line, now: float) -> TrunkStatus:
    machine = line.registering
    return TrunkStatus(
        line.name,
        None if machine is None else machine.up,
        sum(pulse.usable(now) for pulse in line.pulses.values()),
        len(line.flows),
        exchange.trunks.channels(line.name),
        "" if machine is None else machine.why,
    )


def _call(exchange: Exchange, call: Call) -> CallStatus:
    state, since = call.block.name, call.started
    if call.state is CallState.TALKING and call.bridged_at is not None:
        state, since = "talking", call.bridged_at
    elif any(fork.state is ForkState.RINGING for fork in call.forks.values()):
        state = "ringing"
    return CallStatus(
        id=call.id,
        state=state,
        since=since + exchange.epoch,
        started_at=call.started + exchange.epoch,
        caller=call.caller,
        called=call.called,
        caller_name=call.caller_name,
        queue=call.queue,
        agent=call.agent,
        extension=call.extension,
    )


def expected_waits(exchange: Exchange) -> dict[str, Told]:
    """How right the waits were that the callers of each queue were told."""
    told: dict[str, Told] = {}
    for name, queue in exchange.distribution.world.queues.items():
        error = queue.estimates.error
        told[name] = Told(error.count, error.close, error.absolute, error.total)
    return told


def _queue(
    exchange: Exchange, name: str, now: float, counts: DayCounts, at_work: set[str]
) -> QueueStatus:
    """`at_work`: its members who are signed in."""
    view = exchange.distribution.queue(name)
    left, answered = counts.left(name), counts.answered(name)
    longest = max((now - place.joined_at for place in view.waiting), default=0.0)
    return QueueStatus(
        id=name,
        waiting=len(view.waiting),
        longest_wait_seconds=longest,
        answered=left.get("answered", 0),
        abandoned=left.get("abandoned", 0),
        ready=view.ready,
        left=left,
        gini=gini([answered.get(agent, 0) for agent in at_work | answered.keys()]),
        main=view.main,
        backup=view.backup,
        ranked_at=None if view.ranked_at is None else view.ranked_at + exchange.epoch,
    )


def _agent(exchange: Exchange, name: str, answered: int) -> AgentStatus:
    view = exchange.distribution.agent(name)
    return AgentStatus(
        id=name,
        state=view.state.value,
        since=view.since + exchange.epoch,
        name=exchange.plan.agents[name].name,
        reason=view.reason,
        call=view.call,
        answered=answered,
    )
