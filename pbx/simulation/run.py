"""One day lived with a core of its own, in virtual time: as fast as the core decides.

One heap holds what will happen outside the core: calls that come, phones that are answered,
conversations that end, patience that ends. Before each of them the core gets its own deadlines.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from heapq import heappop, heappush
from itertools import islice
from math import inf
from random import Random
from typing import Final

from pbx.distribution.config import DistributionConfig, Strategy
from pbx.distribution.core import Distribution
from pbx.distribution.effects import (
    AgentChanged,
    AgentState,
    Connect,
    Leave,
    Ring,
    StopRinging,
)
from pbx.distribution.errors import ConfigError
from pbx.distribution.inputs import (
    AgentStatus,
    AgentStatusSet,
    CallbackBooked,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    ConversationEnded,
    Input,
    LeaveReason,
    RingEnded,
    RingOutcome,
    RingStarted,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from pbx.simulation.day import Caller, Day, Response
from pbx.simulation.durations import Seen
from pbx.simulation.errors import SimulationError
from pbx.simulation.ledger import Ledger
from pbx.simulation.phones import NO_ANSWER_BREAK, Phones

TICK_SECONDS: Final = 1e-6
HOPS_MAX: Final = 8  # Queues that send their calls to each other would do it for ever.
PICKS_MAX: Final = 10  # So far down the list an agent looks for a call that he may take ...
LOOK_AGAIN_SECONDS: Final = 5.0  # ... and so much later he looks again.

# What happens outside the core. At the same moment agents act before callers.
_ACT: Final = 0  # The next line of the day's script.
_ARRIVE: Final = 1  # The next caller.
_RESPOND: Final = 2
_HANG_UP: Final = 3
_GIVE_UP: Final = 4
_REJOIN: Final = 5
_WRAP_UP: Final = 6
_COME_BACK: Final = 7
_PICK: Final = 8

AT_ONCE: Final[Response] = Seen(0.0, RingOutcome.ANSWERED)

Watch = Callable[[float, Input], None]
"""Told every input just before the core is: to write a journal."""


def live(day: Day, seed: int, phones: Phones, watch: Watch | None = None) -> Ledger:
    """The day as it turns out with this seed. Raises SimulationError for a bad configuration."""
    try:
        run = Run(day, seed, phones, watch)
    except ConfigError as error:
        raise SimulationError(str(error)) from error
    return run.live()


class Run:
    """What is outside the core, and how it answers to the core's effects."""

    __slots__ = (
        *("core", "day", "ledger"),
        *("_heap", "_hops", "_looks", "_offers", "_pending", "_phones", "_picked", "_pickers"),
        *("_queue_of", "_random", "_ready", "_serial", "_talking", "_waiting", "_watch", "_wraps"),
    )

    def __init__(self, day: Day, seed: int, phones: Phones, watch: Watch | None) -> None:
        self.day = day
        self.core = Distribution(day.config, seed)
        self.ledger = Ledger(max(day.start, day.counted_from), day.end)
        self._phones = phones
        self._random = Random(f"{seed}/phones")
        self._watch = watch
        self._heap: list[tuple[float, int, int, str, str]] = []
        self._serial = 0
        self._waiting: dict[str, Caller] = {}  # Or ringing.
        self._talking: dict[str, Caller] = {}  # Or on their way to another queue.
        self._queue_of: dict[str, str] = {}  # Where they wait.
        self._hops: dict[str, int] = {}
        self._pending: dict[str, tuple[int, RingOutcome]] = {}  # Of an agent whose phone rings.
        self._offers: dict[tuple[str, str], int] = {}  # So often an agent was offered a call.
        self._wraps: dict[str, int] = {}  # Agent -> when he ends his wrap-up himself.
        self._pickers = _pickers(day.config)  # Agent -> his manual queues.
        self._ready: dict[str, None] = {}  # Pickers who may look at the list ...
        self._looks: dict[str, int] = {}  # ... and when each does so next.
        self._picked: set[str] = set()  # Calls that somebody is just taking from it.

    def live(self) -> Ledger:
        """Until the day is over and everybody has gone, or has waited far beyond its end."""
        heap, core = self._heap, self.core
        happen = (
            *(self._act, self._arrive, self._respond, self._hang_up, self._give_up),
            *(self._rejoin, self._end_wrap_up, self._come_back, self._pick),
        )
        latest = self.day.end + self.day.drain
        now, passed = self.day.start, -inf
        self._expect_act(0)
        self._expect_arrival(0)
        while True:
            due = core.next_deadline
            at = heap[0][0] if heap else inf
            if due is not None and due <= at:
                if due > latest or not (heap or self._waiting):
                    break
                # What the core sets for this very moment finds the clock a little further on.
                passed = now = max(due, passed + TICK_SECONDS)
                self._apply(TimePassed(), now)
            elif at > latest:
                break
            else:
                at, number, what, call, agent = heappop(heap)
                now = max(now, at)
                happen[what](now, number, call, agent)
        self.ledger.finish(max(now, self.day.end))
        return self.ledger

    def _apply(self, event: Input, now: float) -> None:
        if self._watch is not None:
            self._watch(now, event)
        effects = self.core.apply(event, now)
        if not effects:
            return
        self.ledger.effects(effects, now)
        for effect in effects:
            if isinstance(effect, AgentChanged):
                if self._pickers or effect.reason == NO_ANSWER_BREAK:
                    self._changed(effect, now)
            elif isinstance(effect, Ring):
                self._ring(effect, now)
            elif isinstance(effect, Connect):
                self._connect(effect, now)
            elif isinstance(effect, StopRinging):
                _ = self._pending.pop(effect.agent, None)
                self._picked.discard(effect.call)
            elif isinstance(effect, Leave):
                self._left(effect, now)

    def _expect(self, at: float, what: int, call: str, agent: str) -> int:
        """Put it on the heap; the number tells it from others of the same agent."""
        self._serial = number = self._serial + 1
        heappush(self._heap, (at, number, what, call, agent))
        return number

    # --- From the heap: ---

    def _expect_act(self, number: int) -> None:
        script = self.day.script
        if number < len(script):
            heappush(self._heap, (script[number].at, number, _ACT, "", ""))

    def _act(self, now: float, number: int, call: str, agent: str) -> None:
        event = self.day.script[number].event
        self._expect_act(number + 1)
        if isinstance(event, CallMoved):
            if event.call not in self._waiting:
                return  # On this day it does not wait now.
            self._queue_of[event.call] = event.queue
            self.ledger.left(event.call, LeaveReason.MOVED, now)
            self.ledger.joined(event.call, event.queue, now)
        # The core refuses a bad configuration, and goes on with the one that it has.
        with suppress(ConfigError):
            self._apply(event, now)

    def _expect_arrival(self, number: int) -> None:
        callers = self.day.callers
        if number < len(callers):
            heappush(self._heap, (callers[number].at, number, _ARRIVE, "", ""))

    def _arrive(self, now: float, number: int, call: str, agent: str) -> None:
        caller = self.day.callers[number]
        self._expect_arrival(number + 1)
        if caller.patience < inf:
            _ = self._expect(now + caller.patience, _GIVE_UP, caller.call, "")
        self._join(caller, caller.queue, now)

    def _rejoin(self, now: float, number: int, call: str, queue: str) -> None:
        caller = self._talking.pop(call)
        if caller.at + caller.patience > now:
            self._join(caller, queue, now)

    def _join(self, caller: Caller, queue: str, now: float) -> None:
        call = caller.call
        self._waiting[call] = caller
        self._queue_of[call] = queue
        self.ledger.joined(call, queue, now, callback=caller.callback)
        self._apply(
            CallJoined(
                call,
                queue,
                caller.number,
                caller.priority,
                caller.requires,
                caller.preferred_agent,
                None,
                caller.callback,
            ),
            now,
        )
        if self._ready and call in self._waiting:
            self._expect_pick(queue, now)

    def _respond(self, now: float, number: int, call: str, agent: str) -> None:
        pending = self._pending.get(agent)
        if pending is not None and pending[0] == number:
            del self._pending[agent]
            self._apply(RingEnded(call, agent, pending[1]), now)

    def _hang_up(self, now: float, number: int, call: str, agent: str) -> None:
        caller = self._talking.pop(call)
        self._apply(ConversationEnded(call, agent), now)
        if caller.wrap_up_ends is not None:
            self._wraps[agent] = self._expect(now + caller.wrap_up_ends, _WRAP_UP, call, agent)
        if caller.wrap_up_more:
            self._apply(WrapUpExtended(agent, caller.wrap_up_more), now)

    def _end_wrap_up(self, now: float, number: int, call: str, agent: str) -> None:
        if self._wraps.get(agent) == number:
            del self._wraps[agent]
            self._apply(WrapUpEnded(agent), now)

    def _give_up(self, now: float, number: int, call: str, agent: str) -> None:
        caller = self._waiting.pop(call, None)
        if caller is None:
            return
        queue = self._queue_of.pop(call)
        self.ledger.left(call, caller.gives_up, now)
        if caller.gives_up is LeaveReason.CALLBACK:
            placeholder = replace(caller, call=f"{call}-back", patience=inf, callback=True)
            self._waiting[placeholder.call] = placeholder
            self._queue_of[placeholder.call] = queue
            self.ledger.joined(placeholder.call, queue, now, callback=True)
            self._apply(CallbackBooked(call, placeholder.call), now)
        else:
            self._apply(CallLeft(call, caller.gives_up), now)

    def _come_back(self, now: float, number: int, call: str, agent: str) -> None:
        if agent not in self.core.agents:
            return  # Removed meanwhile.
        known = self.core.world.agents.get(agent)  # Perhaps he was dismissed meanwhile.
        if known is not None and (known.state, known.reason) == (AgentState.BREAK, NO_ANSWER_BREAK):
            self._apply(AgentStatusSet(agent, AgentStatus.ACTIVE), now)

    # --- From the core: ---

    def _ring(self, ring: Ring, now: float) -> None:
        call, agent = ring.call, ring.agent
        caller = self._waiting[call]
        if ring.auto_answer:
            response = AT_ONCE
            self._picked.add(call)
        else:
            before = 0
            if caller.responses:
                before = self._offers.get((call, agent), 0)
                self._offers[call, agent] = before + 1
            response = self._phones.respond(caller, agent, before, self._random)
        if response.outcome is not None:
            number = self._expect(now + response.seconds, _RESPOND, call, agent)
            self._pending[agent] = (number, response.outcome)
        if response.seconds > 0:
            # Nothing follows from it, so it may come between two effects.
            if self._watch is not None:
                self._watch(now, RingStarted(call, agent))
            _ = self.core.apply(RingStarted(call, agent), now)

    def _connect(self, connect: Connect, now: float) -> None:
        call, agent = connect.call, connect.agent
        caller = self._waiting.pop(call)
        del self._queue_of[call]
        self._talking[call] = caller
        _ = self._pending.pop(agent, None)
        self._picked.discard(call)
        _ = self._expect(now + caller.talk, _HANG_UP, call, agent)

    def _left(self, leave: Leave, now: float) -> None:
        """The queue gave the call up; perhaps another takes it."""
        call = leave.call
        caller = self._waiting.pop(call)
        del self._queue_of[call]
        target = self.day.overflow.get((leave.queue, leave.reason))
        hops = self._hops.get(call, 0)
        if target is not None and hops < HOPS_MAX:
            self._hops[call] = hops + 1
            self._talking[call] = caller
            _ = self._expect(now, _REJOIN, call, target)

    def _changed(self, changed: AgentChanged, now: float) -> None:
        agent = changed.agent
        if changed.state is AgentState.BREAK and changed.reason == NO_ANSWER_BREAK:
            back = self._phones.back_after.draw(self._random)
            _ = self._expect(now + back, _COME_BACK, "", agent)
        if agent in self._pickers:
            if changed.state is AgentState.READY:
                self._ready[agent] = None
                self._look(agent, now + self._look_after())
            else:
                _ = self._ready.pop(agent, None)

    # --- Queues from whose list agents pick: ---

    def _expect_pick(self, queue: str, now: float) -> None:
        """Whoever has been ready longest sees the new call first."""
        for agent in self._ready:
            if queue in self._pickers[agent]:
                self._look(agent, now + self._look_after())
                return

    def _look(self, agent: str, at: float) -> None:
        """When the agent looks at the list next: he has one pair of eyes."""
        self._looks[agent] = self._expect(at, _PICK, "", agent)

    def _pick(self, now: float, number: int, call: str, agent: str) -> None:
        """He takes the first call of the list that he may have."""
        if agent not in self._ready or self._looks.get(agent) != number:
            return
        queues = self._pickers[agent]
        free = (call for call in self._queue_of if call not in self._picked)
        seen = (call for call in free if self._queue_of[call] in queues)
        for wanted in list(islice(seen, PICKS_MAX)):
            self._apply(CallPicked(wanted, agent), now)
            if agent not in self._ready:
                return
        if self._queue_of:
            self._look(agent, now + LOOK_AGAIN_SECONDS)

    def _look_after(self) -> float:
        return self._phones.answer_after.draw(self._random)


def _pickers(config: DistributionConfig) -> dict[str, frozenset[str]]:
    queues: dict[str, set[str]] = {}
    for queue in config.queues:
        if queue.strategy is Strategy.MANUAL:
            for member in queue.members:
                queues.setdefault(member.agent, set()).add(queue.id)
    return {agent: frozenset(names) for agent, names in queues.items()}
