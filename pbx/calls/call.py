"""One call: a caller, the people rung for them, and at most one of these connected.

    SETUP <--transfer, park-- TALKING
      |  \\-------Bridge------>  |
      +---------> ENDED <--------+

Takes the neutral events of its legs and what its current block answers; gives commands. Knows
nothing of SIP or RTP.
"""

from dataclasses import dataclass, field
from typing import Final, assert_never

from pbx.callers import NO_WISHES, Wishes
from pbx.calls.causes import Cause
from pbx.calls.commands import (
    Command,
    ConsultOver,
    Drop,
    Finish,
    HangUpLegs,
    Hold,
    PartyOver,
    RefuseTransfer,
    Transfer,
    TransferorGone,
)
from pbx.calls.fork import Fork, ForkState
from pbx.calls.keys import CallKeys
from pbx.calls.leg import (
    LegAnswered,
    LegDigit,
    LegEarly,
    LegEnded,
    LegEvent,
    LegHeld,
    LegRinging,
    LegTransfer,
)
from pbx.flow.block import Block
from pbx.forwarding import Diversion
from pbx.history.records import Hangup, LegAudio, OfferRecord, TalkRecord, Verdict
from sip.states import Named

OFFERS_MAX: Final = 1000
"""Offers kept for one call's record. A caller who waits for hours in a ring-all queue makes
many."""

TALKS_MAX: Final = 64
"""Conversations kept for one call's record: each but the first comes from a transfer."""

PATH_MAX: Final = 64
"""Blocks a call may walk through: a loop in the configuration ends here."""


class CallState(Named):
    SETUP = "setup"
    TALKING = "talking"
    ENDED = "ended"


TRANSITIONS: Final[dict[CallState, frozenset[CallState]]] = {
    CallState.SETUP: frozenset({CallState.TALKING, CallState.ENDED}),
    CallState.TALKING: frozenset({CallState.SETUP, CallState.ENDED}),
    CallState.ENDED: frozenset(),
}


@dataclass(slots=True)
class Transferor:
    """Who transferred the other side, until that talks to somebody else."""

    leg: str
    media: str  # The leg's media session.
    fork: Fork  # Set aside; to go back to, should the transfer fail.
    block: Block


@dataclass(slots=True)
class Call:
    id: str
    caller_leg: str
    caller: str
    caller_name: str
    called: str
    caller_extension: str  # "" for a caller from outside.
    started: float
    block: Block
    extension_of: dict[str, str]  # Agent → extension.
    trunk: str = ""  # That it came in through.
    wishes: Wishes = NO_WISHES
    language: str = ""  # Spoken to the caller; "": that of the company.
    occupies: str = ""  # The agent who calls from their own phone.
    state: CallState = CallState.SETUP
    forks: dict[str, Fork] = field(default_factory=dict[str, Fork])
    party_of: dict[str, str] = field(default_factory=dict[str, str])  # Leg → party.
    bridged: str = ""  # The party the caller talks to.
    bridged_at: float | None = None  # The first time.
    waited: float | None = None  # Seconds, before that.
    talking_since: float | None = None
    talks_with: tuple[str, str] = ("", "")  # Extension, agent.
    talked: float = 0.0  # Seconds, before that.
    talks: list[TalkRecord] = field(default_factory=list[TalkRecord])
    transferor: Transferor | None = None
    keys: CallKeys | None = None  # What somebody types within the conversation.
    sent_by: str = ""  # The extension that transferred the caller: its rights count.
    consults: str = ""  # This is a question between: the call that waits meanwhile.
    ring_back: str = ""  # The extension of one who hung up meanwhile: rung if nobody answers.
    shown: tuple[str, str] = ("", "")  # Number and name that those see whom we ring.
    ended_at: float | None = None
    waiting_since: float | None = None
    left_at: float | None = None  # It left its queue and does not wait any more.
    queue: str = ""
    queued: bool = False  # The distribution knows this call.
    conversation: str = ""  # With this agent, as it believes.
    agent: str = ""
    extension: str = ""
    ring_seconds: float = 0.0
    verdict: Verdict | None = None
    hangup: Hangup = Hangup.SYSTEM
    cause: Cause = Cause.NORMAL
    path: list[str] = field(default_factory=list[str])
    diversions: list[Diversion] = field(default_factory=list[Diversion])  # Forwards followed.
    offers: list[OfferRecord] = field(default_factory=list[OfferRecord])
    audio: dict[str, LegAudio] = field(default_factory=dict[str, LegAudio])
    far_media: str = ""  # The media session offered to the people we ring.
    fars: int = 0  # How many such sessions there were.
    codecs: tuple[str, ...] = ()
    # Numbers what is played, so that a late end of the last prompt is told from the next one's.
    plays: int = 0
    legs_made: int = 0
    media: list[str] = field(default_factory=list[str])  # Media sessions opened for this call.

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.state.name} {self.block.name} forks={len(self.forks)}>"

    def on_leg(self, event: LegEvent, now: float) -> list[Command]:
        if self.transferor is not None and event.leg == self.transferor.leg:
            return [TransferorGone()] if isinstance(event, LegEnded) else []
        if isinstance(event, LegTransfer):
            return self._on_transfer(event)
        if event.leg == self.caller_leg:
            return self._on_caller(event, now)
        ended = isinstance(event, LegEnded)
        party = (self.party_of.pop if ended else self.party_of.get)(event.leg, "")
        fork = self.forks.get(party)
        if fork is None or event.leg not in fork.legs:
            # It answered while our CANCEL was on its way, or ends after we dropped it (RFC 3261
            # §9.1).
            late = isinstance(event, LegAnswered)
            return [HangUpLegs((event.leg,), Cause.ANSWERED_ELSEWHERE)] if late else []
        return self._on_fork(fork, event, now)

    def _on_caller(self, event: LegEvent, now: float) -> list[Command]:
        match event:
            case LegEnded():
                return self._caller_gone(event, now)
            case LegDigit():
                return self.block.on_digit(self, event.digit, now)
            case LegHeld():
                return [Hold(event.leg, event.held)] if self.state is CallState.TALKING else []
            case LegRinging() | LegEarly() | LegAnswered() | LegTransfer():
                return []
            case _:
                assert_never(event)

    def _on_transfer(self, event: LegTransfer) -> list[Command]:
        """Only who talks may send the other side elsewhere, and one at a time."""
        fork = self.forks.get(self.bridged)
        sides = (self.caller_leg, fork.leg) if fork is not None else ()
        if self.transferor is not None or self.consults or event.leg not in sides:
            return [RefuseTransfer(event.leg)]
        return [Transfer(event.leg, event.number, event.replaces)]

    def _caller_gone(self, event: LegEnded, now: float) -> list[Command]:
        if self.state is CallState.ENDED:
            return []
        if self.consults:
            return [ConsultOver()]
        talking = self.state is CallState.TALKING
        commands = self.block.on_caller_gone(self, now)
        verdict = Verdict.ANSWERED if talking else self.verdict or Verdict.ABANDONED
        if not talking and not event.by_peer:
            verdict = Verdict.FAILED
        if not talking and self.block.name in ("play", "echo"):
            verdict = self.verdict or Verdict.SERVED
        by = Hangup.CALLER if event.by_peer else Hangup.SYSTEM
        # First the agent's phone is free, then the next call may ring it.
        drops = self.drop_all() if talking else []
        return [*drops, *commands, Finish(verdict, event.cause, by)]

    def _on_fork(self, fork: Fork, event: LegEvent, now: float) -> list[Command]:
        match event:
            case LegRinging():
                first = fork.on_ringing(now)
                return self.block.on_party_ringing(self, fork.party, now) if first else []
            case LegEarly():
                alone = fork.on_early(event.leg)
                return self.block.on_party_early(self, fork.party, now) if alone else []
            case LegAnswered():
                losers = fork.on_answered(event.leg, now)
                if losers is None:
                    return [HangUpLegs((event.leg,), Cause.ANSWERED_ELSEWHERE)]
                stop: list[Command] = (
                    [HangUpLegs(tuple(losers), Cause.ANSWERED_ELSEWHERE)] if losers else []
                )
                return [*stop, *self.block.on_party_answered(self, fork.party, now)]
            case LegEnded():
                cause = fork.on_ended(event.leg, event.cause)
                if cause is None:
                    return []
                del self.forks[fork.party]
                told = self.block.on_party_ended(self, fork.party, cause, now)
                return [PartyOver(fork, cause), *told]
            case LegDigit() | LegTransfer():
                return []
            case LegHeld():
                talks = self.bridged == fork.party
                return [Hold(event.leg, event.held)] if talks else []
            case _:
                assert_never(event)

    def drop_all(self) -> list[Command]:
        cause = Cause.NORMAL if self.state is CallState.TALKING else Cause.CALLER_GONE
        return [Drop(party, cause) for party in self.forks]

    def talk_to(self, fork: Fork, now: float) -> None:
        assert fork.state is ForkState.UP, fork
        self.diversions.clear()  # The next chain of forwards begins anew.
        self._become(CallState.TALKING)
        self.bridged, self.talking_since = fork.party, now
        self.talks_with = (fork.extension, fork.agent)
        if self.bridged_at is None:
            self.bridged_at = now
            self.waited = now - (self.started if self.waiting_since is None else self.waiting_since)
        self.agent, self.extension = fork.agent or self.agent, fork.extension
        rang_from = fork.ringing_since if fork.ringing_since is not None else fork.started
        self.ring_seconds = max(0.0, (fork.answered or now) - rang_from)

    def stop_talking(self, now: float) -> None:
        """The one who was bridged leaves; the caller stays."""
        self._become(CallState.SETUP)
        self.note_talk(now)
        self.keys = None
        self.bridged, self.waiting_since, self.left_at = "", None, None

    def note_talk(self, now: float) -> None:
        if self.talking_since is None:
            return
        seconds, self.talking_since = now - self.talking_since, None
        self.talked += seconds
        if len(self.talks) < TALKS_MAX:
            self.talks.append(TalkRecord(*self.talks_with, seconds))

    def end(self, finish: Finish, now: float) -> None:
        self.note_talk(now)
        self._become(CallState.ENDED)
        self.ended_at = now
        self.verdict, self.cause, self.hangup = finish.verdict, finish.cause, finish.by
        if self.bridged_at is not None:
            self.verdict = Verdict.ANSWERED  # Whatever became of a transfer.

    def note_offer(self, record: OfferRecord) -> None:
        if len(self.offers) < OFFERS_MAX:
            self.offers.append(record)

    def _become(self, state: CallState) -> None:
        assert state in TRANSITIONS[self.state], (self.id, self.state, state)
        self.state = state
