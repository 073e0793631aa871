"""The exchange as it is now, for pages and the command line."""

from pbx.calls.call import Call, CallState
from pbx.calls.fork import ForkState
from pbx.events import Event, QueueLeft
from pbx.exchange import Exchange
from pbx.status import AgentStatus, Alarm, CallStatus, QueueStatus, Status, WorkerStatus


class DayCounts:
    """Answered and abandoned calls per queue since `midnight` (Unix seconds)."""

    def __init__(self, midnight: float) -> None:
        self.midnight = midnight
        self._counts: dict[str, dict[str, int]] = {}

    def on_event(self, event: Event) -> None:
        if isinstance(event, QueueLeft):
            counts = self._counts.setdefault(event.queue, {})
            counts[event.reason] = counts.get(event.reason, 0) + 1

    def load(self, totals: dict[str, dict[str, int]]) -> None:
        """What the history knows of today: we were started in the middle of it."""
        self._counts = {queue: dict(counts) for queue, counts in totals.items()}

    def turn(self, midnight: float) -> None:
        """Another day has begun."""
        if midnight != self.midnight:
            self.midnight = midnight
            self._counts.clear()

    def of(self, queue: str, reason: str) -> int:
        return self._counts.get(queue, {}).get(reason, 0)


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
    return Status(
        version=version,
        at=at,
        uptime_seconds=at - started_at,
        calls=tuple(_call(exchange, call) for call in exchange.calls.values()),
        queues=tuple(_queue(exchange, name, now, counts) for name in exchange.plan.queues),
        agents=tuple(_agent(exchange, name) for name in exchange.plan.agents),
        registrations=len(exchange.registrar),
        workers=workers,
        counters={**exchange.endpoint.counters, **exchange.leftovers()},
        alarms=alarms,
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


def _queue(exchange: Exchange, name: str, now: float, counts: DayCounts) -> QueueStatus:
    view = exchange.distribution.queue(name)
    longest = max((now - place.joined_at for place in view.waiting), default=0.0)
    return QueueStatus(
        id=name,
        waiting=len(view.waiting),
        longest_wait_seconds=longest,
        answered=counts.of(name, "answered"),
        abandoned=counts.of(name, "abandoned"),
        ready=view.ready,
    )


def _agent(exchange: Exchange, name: str) -> AgentStatus:
    view = exchange.distribution.agent(name)
    return AgentStatus(
        id=name,
        state=view.state.value,
        since=view.since + exchange.epoch,
        name=exchange.plan.agents[name].name,
        reason=view.reason,
        call=view.call,
    )
