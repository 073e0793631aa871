"""What a recorded day tells about its callers and agents, one input with its effects at a time.

The ledger is kept as in a simulated day; beside it, what each caller and each phone did, and the
script of all that agents and supervisors did whatever the callers did.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState
from pbx.distribution.core import Distribution
from pbx.distribution.effects import (
    AgentChanged,
    AgentState,
    Connect,
    Effect,
    Leave,
    Ring,
    StopRinging,
)
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentUnreachable,
    AgentVacated,
    AnswerFailed,
    CallbackBooked,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
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
from pbx.simulation.day import CALLS_MAX, DAY_SECONDS_MAX, Response, Timed
from pbx.simulation.durations import Seen
from pbx.simulation.errors import SimulationError
from pbx.simulation.ledger import Ledger
from pbx.simulation.phones import NO_ANSWER_BREAK

# These follow from what callers and the core do: a day lived otherwise has its own.
CONSEQUENCES: Final = (
    *(CallJoined, CallLeft, CallbackBooked, CallPicked, RingStarted, RingEnded, AnswerFailed),
    *(ConversationEnded, WrapUpEnded, WrapUpExtended, TimePassed),
)


@dataclass(slots=True)
class Known:
    """Of one caller, as far as the day has come."""

    joined: CallJoined
    at: float
    waited: float | None = None  # Until an answer, or until he or the queues gave up.
    gave_up: LeaveReason | None = None
    sent_away: tuple[str, LeaveReason] | None = None
    answered_at: float | None = None
    agent: str = ""
    talk: float | None = None
    cut_short: bool = False  # He talked on when the recording ended.
    wrap_up_ends: float | None = None
    wrap_up_more: float = 0.0
    responses: dict[str, list[Response]] = field(default_factory=dict[str, list[Response]])


class Recorder:
    def __init__(self, core: Distribution, at: float) -> None:
        """`core`: as it is before the first input, perhaps in the middle of its work."""
        self.config = core.world.config
        self.start = self.now = at
        self.ledger = Ledger(at, inf)
        self.script: list[Timed] = []
        self.callers: list[Known] = []
        self.overflow: dict[tuple[str, LeaveReason], Counter[str]] = {}
        self.breaks: list[float] = []  # How long those lasted that misses led to.
        self._known: dict[str, Known] = {}  # By call; a placeholder's is its caller's.
        self._ringing: dict[tuple[str, str], float] = {}
        self._wrapping: dict[str, tuple[Known, float]] = {}
        self._on_break: dict[str, float] = {}
        self.picks: list[float] = []  # How long calls that could be picked were not.
        self._ready: dict[str, float] = {}  # Agent -> since when.
        self._talking: dict[str, str] = {}  # Call -> agent.
        self._before: set[str] = set()  # Of those, whoever talked already when the day began.
        self._core = core
        for agent in core.world.agents.values():
            self._begin_agent(agent)
        for call in sorted(core.world.calls.values(), key=lambda call: call.place):
            self._begin_call(call, core)

    def input(self, at: float, event: Input, effects: Sequence[Effect]) -> None:
        """Raises SimulationError if the day is too long or too busy."""
        if at - self.start > DAY_SECONDS_MAX:
            raise SimulationError("the journal is longer than a week")
        self.now = at
        if isinstance(event, CONSEQUENCES):
            self._consequence(event, at)
        else:
            self._act(event, at)
        self.ledger.effects(effects, at)
        for effect in effects:
            self._effect(effect, at)

    def restarted(self, core: Distribution, at: float) -> None:
        """Another core took over; calls that it does not know have gone."""
        self._core = core
        self.now = at = max(self.now, at)
        self.script.append(Timed(at, Configured(core.world.config)))
        for agent in core.world.agents.values():
            state = AgentChanged(agent.id, agent.state, agent.reason, at)
            self.ledger.effects([state], at)
            if not agent.signed_in:
                self.script.append(Timed(at, AgentSignedOut(agent.id)))
            if not agent.reachable:
                self.script.append(Timed(at, AgentUnreachable(agent.id)))
        calls = core.world.calls
        for call in [*self.ledger.open, *self._talking]:
            if call not in calls:
                self._gone(call, LeaveReason.SYSTEM, at)
        self._ringing.clear()

    def finish(self) -> None:
        """No more is known of this day."""
        at = self.now
        for call in [*self._before]:
            self._talked(call, at)
        for (call, agent), since in self._ringing.items():
            self._responded(call, agent, Seen(at - since, None))
        self._ringing.clear()
        for known in self.callers:
            if known.waited is None:
                known.waited = at - known.at
            if known.answered_at is not None and known.talk is None:
                known.talk, known.cut_short = at - known.answered_at, True
        self.ledger.end = at
        self.ledger.finish(at)

    # --- As the day begins: ---

    def _begin_agent(self, agent: Agent) -> None:
        at, name = self.start, agent.id
        self.ledger.effects([AgentChanged(name, agent.state, agent.reason, at)], at)
        if agent.reachable:
            self.script.append(Timed(at, AgentReachable(name)))
        if agent.signed_in:
            self.script.append(Timed(at, AgentSignedIn(name)))
            if agent.status is AgentStatus.BREAK:
                event = AgentStatusSet(name, AgentStatus.BREAK, agent.status_reason)
                self.script.append(Timed(at, event))
        self.script.extend([Timed(at, AgentOccupied(name))] * agent.occupied)

    def _begin_call(self, call: Call, core: Distribution) -> None:
        if call.state is CallState.TALKING:
            self._before.add(call.id)
            self._talking[call.id] = call.agent
            self.script.append(Timed(self.start, AgentOccupied(call.agent)))
        elif call.queue in core.world.queues:
            priority = -call.place[0] - core.world.queues[call.queue].config.priority
            self._joined(CallJoined(call.id, call.queue, call.number, priority), self.start)

    # --- Inputs: ---

    def _act(self, event: Input, at: float) -> None:
        """Agents and supervisors."""
        match event:
            case AgentStatusSet(agent) if agent in self._on_break:
                return  # Back from a break that another day has at another time.
            case Configured(config) if not self.config.queues:
                self.config = config  # A PBX that starts is told so at once.
                return
            case CallMoved(call, queue):
                if queue not in self._core.world.queues or not self._is_here(call):
                    return
                self._talked(call, at)
                if call not in self._known:
                    self._joined(CallJoined(call, queue), at)
                    return
                self.ledger.left(call, LeaveReason.MOVED, at)
                self.ledger.joined(call, queue, at)
            case _:
                pass
        self.script.append(Timed(at, event))

    def _consequence(self, event: Input, at: float) -> None:
        match event:
            case CallJoined():
                self._joined(event, at)
            case CallLeft(call, reason):
                self._gone(call, reason, at)
            case CallbackBooked(call, callback):
                visit = self.ledger.open.get(call)
                if visit is not None and not self._is_here(callback):
                    self._known[callback] = self._known[call]
                    self._gone(call, LeaveReason.CALLBACK, at)
                    self.ledger.joined(callback, visit.queue, at, callback=True)
            case ConversationEnded(call, agent) if self._talking.get(call) == agent:
                self._talked(call, at)
            case AnswerFailed(call, agent) if self._talking.get(call) == agent:
                self._failed(call, agent)
            case RingEnded(call, agent, outcome):
                since = self._ringing.pop((call, agent), None)
                if since is not None:
                    self._responded(call, agent, Seen(at - since, outcome))
            case WrapUpEnded(agent) if agent in self._wrapping:
                known, since = self._wrapping.pop(agent)
                known.wrap_up_ends = at - since
            case WrapUpExtended(agent, seconds) if agent in self._wrapping:
                self._wrapping[agent][0].wrap_up_more += seconds
            case _:
                pass

    def _joined(self, event: CallJoined, at: float) -> None:
        call = event.call
        if self._is_here(call):
            return
        known = self._known.get(call)
        if known is not None and known.sent_away is not None:
            self.overflow.setdefault(known.sent_away, Counter())[event.queue] += 1
            known.waited = known.sent_away = None
        else:
            if len(self.callers) >= CALLS_MAX:
                raise SimulationError(f"the journal has more than {CALLS_MAX:,} calls")
            # Whoever was served and is sent to a queue again comes as another.
            again = event if known is None else replace(event, call=f"{call}~{len(self.callers)}")
            known = self._known[call] = Known(again, at)
            self.callers.append(known)
        self.ledger.joined(call, event.queue, at, callback=event.callback)

    def _gone(self, call: str, reason: LeaveReason, at: float) -> None:
        """The caller leaves, waiting or talking."""
        if call not in self.ledger.open:
            self._talked(call, at)
            return
        self.ledger.left(call, reason, at)
        known = self._known[call]
        if known.gave_up is None:
            known.waited, known.gave_up = at - known.at, reason

    def _is_here(self, call: str) -> bool:
        """Waiting, ringing or talking."""
        return call in self.ledger.open or call in self._talking

    def _talked(self, call: str, at: float) -> None:
        agent = self._talking.pop(call, "")
        if call in self._before:
            self._before.remove(call)
            self.script.append(Timed(at, AgentVacated(agent)))
        known = self._known.get(call)
        if known is not None and known.answered_at is not None and known.talk is None:
            known.talk = at - known.answered_at
            self._wrapping[known.agent] = (known, at)

    def _failed(self, call: str, agent: str) -> None:
        """He answered, but his phone failed then."""
        del self._talking[call]
        self.ledger.answer_failed(call)
        waiting = self._core.world.calls.get(call)
        if call in self._before:
            self._before.remove(call)
            self.script.append(Timed(self.now, AgentVacated(agent)))
            if waiting is not None:
                self._joined(CallJoined(call, waiting.queue, waiting.number), self.now)
        known = self._known.get(call)
        if known is not None and known.answered_at is not None:
            known.answered_at = known.waited = None
            if seen := known.responses.get(agent):
                seen[-1] = Seen(seen[-1].seconds, RingOutcome.FAILED)

    def _responded(self, call: str, agent: str, response: Response) -> None:
        known = self._known.get(call)
        if known is not None:
            known.responses.setdefault(agent, []).append(response)

    # --- Effects: ---

    def _effect(self, effect: Effect, at: float) -> None:
        match effect:
            case Ring(call, agent):
                self._ringing[call, agent] = at
                if effect.auto_answer and call in self.ledger.open:
                    ready = self._ready.get(agent, self.start)
                    self.picks.append(at - max(self.ledger.open[call].joined_at, ready))
            case StopRinging(call, agent):
                since = self._ringing.pop((call, agent), None)
                if since is not None:
                    self._responded(call, agent, Seen(at - since, None))
            case Connect(call, agent):
                known = self._known.get(call)
                self._talking[call] = agent
                _ = self._wrapping.pop(agent, None)
                if known is not None:
                    known.answered_at, known.agent = at, agent
                    if known.waited is None:
                        known.waited = at - known.at
            case Leave(call, queue, reason):
                known = self._known.get(call)
                if known is not None:
                    known.waited, known.sent_away = at - known.at, (queue, reason)
            case AgentChanged(agent, state, reason):
                self._changed(agent, state, reason, at)
            case _:
                pass

    def _changed(self, agent: str, state: AgentState, reason: str, at: float) -> None:
        if state is AgentState.READY:
            self._ready[agent] = at
        if (state, reason) == (AgentState.BREAK, NO_ANSWER_BREAK):
            _ = self._on_break.setdefault(agent, at)
        elif agent in self._on_break:
            self.breaks.append(at - self._on_break.pop(agent))
