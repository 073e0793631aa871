"""What happened to one call, and why, told from the journal in plain words.

    story = Story(call, Names({"901": "Anna"}))
    for step in replay.run(lines):
        story.on_step(step, replay.core)
    telling.text(story, clock)

Where a queue rang nobody, its members are counted by what kept each of them (`explain.why_not`,
asked at that very moment).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pbx.distribution import explain
from pbx.distribution.core import Distribution
from pbx.distribution.effects import (
    AgentChanged,
    Announce,
    Connect,
    Effect,
    Leave,
    Other,
    PickRefused,
    Release,
    Ring,
    StopCause,
    StopRinging,
    WhyNot,
)
from pbx.distribution.inputs import (
    AnswerFailed,
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
)
from pbx.history.replay import Began, Step
from pbx.history.stays import KEPT, Gap, Kept, Moment, Offer, Stay, nobody
from pbx.history.words import LEFT, Names, duration, enumerate_names

NAMES_MAX: Final = 8  # Of one group of agents; a queue may have thousands.
MOMENTS_MAX: Final = 1000  # Lines kept: a call that waits for hours may be offered every second.

OUTCOMES: Final[dict[RingOutcome, str]] = {
    RingOutcome.ANSWERED: "answered",
    RingOutcome.REJECTED: "rejected",
    RingOutcome.BUSY: "busy",
    RingOutcome.NO_ANSWER: "no answer",
    RingOutcome.UNREACHABLE: "unreachable",
    RingOutcome.FAILED: "failed",
}
STOPPED: Final[dict[StopCause, str]] = {
    StopCause.ANSWERED_ELSEWHERE: "answered elsewhere",
    StopCause.NO_ANSWER: "no answer",
    StopCause.CALLER_LEFT: "until the caller was gone",
    StopCause.WITHDRAWN: "withdrawn",
}


class Story:
    def __init__(self, call: str, names: Names) -> None:
        self.call = call
        self.stays: list[Stay] = []
        self.moments: list[Moment] = []
        self.left_out = 0  # Moments above the limit.
        self.seen_until = 0.0
        self.interrupted = False  # The process was started again in the middle of the call.
        self.names = names
        self._open: dict[str, Offer] = {}  # By agent: they ring now.

    # --- what the journal says

    def on_step(self, step: Step | Began, core: Distribution | None) -> None:
        """One step of the replay, and the core as it is after it."""
        if isinstance(step, Began):
            self._on_began(step)
            return
        self.seen_until = step.at
        self._on_input(step.event, step, core)
        rings = [e for e in step.effects if isinstance(e, Ring) and e.call == self.call]
        for effect in step.effects:
            self._on_effect(effect, step)
        if rings:
            self._rung(rings, step, core)
        self._watch_gap(step, core)

    @property
    def is_over(self) -> bool:
        """As far as is known; it may still enter another queue."""
        return bool(self.stays) and self.stays[-1].ended is not None

    def _on_began(self, began: Began) -> None:
        if began.fresh and self.stays and not self.is_over:
            self.interrupted = True
            self._note(began.at, "the PBX was started again: what became of the call is not known")
            self._leave(began.at, LeaveReason.SYSTEM)

    def _on_input(self, event: Input, step: Step, core: Distribution | None) -> None:
        call, at = self.call, step.at
        match event:
            case CallJoined() if event.call == call:
                self._joined(event, step, core)
            case CallbackBooked(booked, callback) if call in (booked, callback):
                self._booked(callback, step, core)
            case CallMoved(moved, queue) if moved == call and _knows(core, queue):
                self._note(at, f"it is moved to {queue}")
                self._leave(at, LeaveReason.MOVED)
                self._enter(queue, step, core)
            case CallPicked(picked, agent) if picked == call:
                self._note(at, f"{self._name(agent)} wants to take it from the list")
            case RingStarted(ringing, agent) if ringing == call and agent in self._open:
                offer = self._open[agent]
                offer.began = at if offer.began is None else offer.began
            case RingEnded(rung, agent, outcome) if rung == call:
                self._ring_ended(agent, outcome, at)
            case AnswerFailed(answered, agent) if answered == call and self._stay is not None:
                self._note(at, f"{self._name(agent)}'s phone fails; the caller waits again")
                self._stay.answered_at, self._stay.agent = None, ""
            case ConversationEnded(talked, agent) if talked == call and self._stay is not None:
                self._note(at, f"the conversation with {self._name(agent)} ends{self._talked(at)}")
                self._leave(at, LeaveReason.ANSWERED)
            case CallLeft(left, reason) if left == call and self._stay is not None:
                self._caller_left(reason, at)
            case _:
                pass

    def _on_effect(self, effect: Effect, step: Step) -> None:
        match effect:
            case StopRinging(call, agent, cause) if call == self.call:
                _ = self._ended(agent, STOPPED[cause], step.at)
            case Connect(call, agent) if call == self.call:
                self._connected(agent, step.at)
            case Release(call, agent) if call == self.call:
                self._note(step.at, f"{self._name(agent)} answers, too")
            case Leave(call, _, reason) if call == self.call:
                if self._stay is not None:
                    waited = duration(self._stay.waited(step.at))
                    self._note(step.at, f"it leaves the queue after {waited}: {LEFT[reason]}")
                self._leave(step.at, reason)
            case Announce(call, position, wait) if call == self.call:
                expected = f", about {duration(wait)} to wait" if wait is not None else ""
                self._note(step.at, f"the caller is told: place {position}{expected}")
            case PickRefused(call, agent, why) if call == self.call:
                self._note(step.at, f"{self._name(agent)} cannot have it: {why.value}")
            case _:
                pass

    # --- parts of it

    @property
    def _stay(self) -> Stay | None:
        """The one that goes on."""
        return self.stays[-1] if self.stays and self.stays[-1].ended is None else None

    def _joined(self, event: CallJoined, step: Step, core: Distribution | None) -> None:
        if self._stay is not None:
            return  # A second time: the core ignores it.
        self._enter(event.queue, step, core, event.number)
        wishes = [f"requires {event.requires}"] if event.requires else []
        if event.preferred_agent:
            wishes.append(f"{self._name(event.preferred_agent)} is the caller's own agent")
        if event.priority:
            wishes.append(f"priority {event.priority}")
        if event.joined_at is not None:
            wishes.append(f"its wait began {duration(step.moment - event.joined_at)} earlier")
        caller = f" {event.number}" if event.number else ""
        what = "a callback for" if event.callback else "the caller"
        self._note(step.at, f"{what}{caller} enters {event.queue}{self._place(core)}", wishes)

    def _booked(self, callback: str, step: Step, core: Distribution | None) -> None:
        if callback != self.call:
            self._note(step.at, f"the caller books a callback ({callback})")
            self._leave(step.at, LeaveReason.CALLBACK)
        elif not self.stays and core is not None and callback in core.world.calls:
            self._enter(core.world.calls[callback].queue, step, core)
            self._note(step.at, f"waits on as a callback{self._place(core)}")

    def _enter(self, queue: str, step: Step, core: Distribution | None, number: str = "") -> None:
        known = self.stays[-1].number if self.stays else ""
        self.stays.append(Stay(queue, step.at, number or known))

    def _place(self, core: Distribution | None) -> str:
        if core is None or self.call not in core.world.calls:
            return ""
        view = core.queue(core.world.calls[self.call].queue)
        for waiting in view.waiting:
            if waiting.call == self.call:
                return f", place {waiting.position} of {len(view.waiting)}"
        return ""

    def _rung(self, rings: list[Ring], step: Step, core: Distribution | None) -> None:
        """Everybody rung by one decision, in one moment of the story."""
        stay = self._stay
        if stay is None:
            return
        for ring in rings:
            self._open[ring.agent] = offer = Offer(ring.agent, step.at)
            stay.offers.append(offer)
        agents = [self._name(ring.agent) for ring in rings]
        first = rings[0]
        told = explain.describe(_named(first, enumerate_names(agents, NAMES_MAX), self.names))
        head, *lines = told.split("\n")
        if len(rings) > 1:
            head = head.replace(" is offered ", " are offered ", 1)
        if sum(first.explanation.states) > len(first.explanation.others) + len(rings):
            # A large queue: the explanation lists only who was next.
            lines = [
                f"Not {kept.words()}: {self._some(kept.agents)}."
                for kept in self._kept(step, core, {ring.agent for ring in rings})
            ]
        self._note(step.at, head, lines)

    def _ring_ended(self, agent: str, outcome: RingOutcome, at: float) -> None:
        if outcome is RingOutcome.ANSWERED or agent not in self._open:
            return
        offer = self._ended(agent, OUTCOMES[outcome], at)
        if offer is not None:
            self._note(at, f"{self._name(agent)}: {offer.outcome}, {_rang(offer, at)}")

    def _ended(self, agent: str, outcome: str, at: float) -> Offer | None:
        offer = self._open.pop(agent, None)
        if offer is not None:
            offer.ended, offer.outcome = at, outcome
            if outcome == STOPPED[StopCause.NO_ANSWER]:
                self._note(at, f"{self._name(agent)} does not answer, {_rang(offer, at)}")
            elif outcome == STOPPED[StopCause.WITHDRAWN]:
                self._note(at, f"{self._name(agent)} stops ringing, {_rang(offer, at)}")
        return offer

    def _connected(self, agent: str, at: float) -> None:
        stay = self._stay
        offer = self._ended(agent, OUTCOMES[RingOutcome.ANSWERED], at)
        if stay is None:
            return
        stay.answered_at, stay.agent = at, agent
        rang = f", {_rang(offer, at)}" if offer is not None else ""
        self._note(at, f"{self._name(agent)} answers after {duration(stay.waited(at))}{rang}")

    def _caller_left(self, reason: LeaveReason, at: float) -> None:
        stay = self._stay
        assert stay is not None
        if stay.answered_at is not None:
            self._note(at, f"{LEFT[reason]}{self._talked(at)}")
            self._leave(at, LeaveReason.ANSWERED)
        else:
            self._note(at, f"{LEFT[reason]} after {duration(stay.waited(at))}")
            self._leave(at, reason)

    def _talked(self, at: float) -> str:
        since = self.stays[-1].answered_at
        return f" after {duration(at - since)}" if since is not None else ""

    def _leave(self, at: float, reason: LeaveReason) -> None:
        stay = self._stay
        if stay is None:
            return
        stay.ended, stay.reason = at, reason
        for agent in list(self._open):
            _ = self._ended(agent, STOPPED[StopCause.CALLER_LEFT], at)
        self._close_gap(at)

    # --- the times when nobody is rung

    def _watch_gap(self, step: Step, core: Distribution | None) -> None:
        stay = self._stay
        if stay is None or self._open or stay.answered_at is not None:
            self._close_gap(step.at)
            return
        gap = stay.gaps[-1] if stay.gaps and stay.gaps[-1].ended is None else None
        if gap is None:
            kept = self._kept(step, core, set())
            stay.gaps.append(Gap(step.at, kept, kept))
            told = [f"{group.words()}: {self._some(group.agents)}" for group in kept]
            self._note(step.at, nobody(kept), told)
        elif any(isinstance(effect, AgentChanged) for effect in step.effects):
            gap.last = self._kept(step, core, set())

    def _close_gap(self, at: float) -> None:
        gaps = self.stays[-1].gaps if self.stays else []
        if gaps and gaps[-1].ended is None:
            gaps[-1].ended = at

    def _kept(self, step: Step, core: Distribution | None, rung: set[str]) -> tuple[Kept, ...]:
        """The queue's other members, by what keeps each of them from being rung now."""
        if core is None or self.call not in core.world.calls:
            return ()
        queue = core.world.queues.get(core.world.calls[self.call].queue)
        groups: dict[tuple[WhyNot, str], list[str]] = {}
        for member in queue.config.members if queue is not None else ():
            if member.agent not in rung:
                other, _ = explain.why_not(core, self.call, member.agent, step.moment)
                reason = _reason(other, core)
                groups.setdefault((other.why, reason), []).append(member.agent)
        order = list(KEPT)
        ranked = sorted(groups.items(), key=lambda item: (_order(item[0][0], order), item[0][1]))
        return tuple(Kept(why, reason, tuple(agents)) for (why, reason), agents in ranked)

    def _note(self, at: float, text: str, more: Sequence[str] = ()) -> None:
        if len(self.moments) < MOMENTS_MAX:
            self.moments.append(Moment(at, text, tuple(more)))
        else:
            self.left_out += 1

    def _name(self, agent: str) -> str:
        return self.names.agent(agent)

    def _some(self, agents: Sequence[str]) -> str:
        return enumerate_names([self._name(agent) for agent in agents], NAMES_MAX)


def _rang(offer: Offer, now: float) -> str:
    if offer.began is None:
        return f"offered for {duration(now - offer.at)}, without a sign of ringing"
    return f"rang {duration(offer.rang(now))}"


def _knows(core: Distribution | None, queue: str) -> bool:
    return core is not None and queue in core.world.queues


def _named(ring: Ring, agents: str, names: Names) -> Ring:
    why = ring.explanation
    others = tuple(replace(other, agent=names.agent(other.agent)) for other in why.others)
    return replace(ring, call="the call", agent=agents, explanation=replace(why, others=others))


def _reason(other: Other, core: Distribution) -> str:
    if other.why is WhyNot.BREAK:
        return core.agent(other.agent).reason
    return other.detail if other.why is WhyNot.LACKS_TAG else ""


def _order(why: WhyNot, order: list[WhyNot]) -> int:
    return order.index(why) if why in order else len(order)
