"""Carries out what calls want: legs, media sessions, the distribution, the call's record."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from media.protocol import SessionStats
from pbx.attendance import Attendance
from pbx.calls import commands as do
from pbx.calls.call import PATH_MAX, Call
from pbx.calls.causes import Cause
from pbx.calls.fork import Fork
from pbx.calls.leg import LegEvent
from pbx.calls.legs import Legs
from pbx.calls.media_pool import MediaPool, NoPorts
from pbx.deadlines import Deadlines
from pbx.distribution import inputs
from pbx.distribution.core import Distribution
from pbx.distribution.effects import Connect, Effect, Leave
from pbx.distribution.journal import Told
from pbx.events import (
    CallAnswered,
    CallEnded,
    CallQueued,
    CallStarted,
    OfferEnded,
    OfferStarted,
    QueueLeft,
)
from pbx.flow.block import Block
from pbx.history.records import CallRecord, Hangup, LegAudio, OfferRecord, Verdict
from pbx.plan import Destination, Plan
from pbx.routing import NUMBER_MAX, arrive, make_block
from sip.flow import Flow
from sip.headers import NameAddr
from sip.registration import Registrar
from sip.tokens import Tokens
from sip.uri import Uri

Item = Any

FLUSH_SECONDS: Final = 2.0
"""How long a finished call's record waits for the workers' figures."""

NAME_MAX: Final = 128
"""Display names are cut to this: they go into records, pages and other phones."""


@dataclass(frozen=True, slots=True)
class CarryOutEffects:
    """Everything that the distribution wants, in its order: what carrying one of its effects out
    makes it want comes after those that it wanted before."""


class Switching:
    def __init__(
        self,
        plan: Plan,
        *,
        tokens: Tokens,
        legs: Legs,
        pool: MediaPool,
        registrar: Registrar,
        distribution: Distribution,
        attendance: Attendance,
        epoch: float,
    ) -> None:
        self.plan = plan
        self.legs = legs
        self.pool = pool
        self.registrar = registrar
        self.distribution = distribution
        self.attendance = attendance
        self.epoch = epoch
        self.calls: dict[str, Call] = {}
        self.ending: dict[str, Call] = {}  # Over, but for the workers' figures.
        self._tokens = tokens
        self._deadlines = Deadlines()
        self._call_by_leg: dict[str, str] = {}
        self._call_by_media: dict[str, str] = {}
        self._effects: deque[Effect] = deque()  # Of the distribution, not carried out yet.
        self.inputs: list[Told] = []  # What the distribution was told: the edge takes it away.

    # --- calls come and go

    def new_call(
        self,
        leg: str,
        offer: bytes,
        flow: Flow,
        caller: str,
        caller_name: str,
        caller_extension: str,
        called: str,
        now: float,
    ) -> list[Item]:
        arrival = arrive(self.plan, called, caller)
        block = make_block(self.plan, arrival.destination, caller_extension, self.attendance)
        call = Call(
            id=self._tokens.token(12),
            caller_leg=leg,
            caller=caller[:NUMBER_MAX],
            caller_name=caller_name[:NAME_MAX],
            called=called[:NUMBER_MAX],
            caller_extension=caller_extension,
            started=now,
            block=block,
            extension_of=self.plan.extension_of,
            wishes=arrival.wishes,
            verdict=Verdict.BLACKLISTED if arrival.blacklisted else None,
        )
        self.calls[call.id] = call
        self._call_by_leg[leg] = call.id
        _ = self.legs.accept(leg, call.id, offer, flow, now)
        call.codecs = self.legs.preferred(leg)
        started = CallStarted(call.id, call.caller, call.caller_name, call.called, self._wall(now))
        items: list[Item] = [started]
        call.occupies = self.plan.agent_of.get(caller_extension, "")
        items += self._occupy(call.occupies, now)
        return [*items, *self._enter(call, block, now)]

    def _enter(self, call: Call, block: Block, now: float) -> list[Item]:
        call.block = block
        target = getattr(block, "queue", "") or getattr(block, "extension", "")
        call.path.append(f"{block.name} {target}".strip())
        return self._commands(call, block.start(call, now))

    def leg_event(self, call: Call, event: LegEvent, now: float) -> list[Item]:
        return self._commands(call, call.on_leg(event, now))

    def effect(self, call: Call, effect: Effect, now: float) -> list[Item]:
        items: list[Item] = []
        if isinstance(effect, Leave):
            call.queued, call.left_at = False, now
            items.append(self._left(call, effect.reason.value, now))
        elif isinstance(effect, Connect):
            items.append(self._left(call, inputs.LeaveReason.ANSWERED.value, now))
        return [*items, *self._commands(call, call.block.on_effect(call, effect, now))]

    def carry_out(self, call: Call, command: do.Command, now: float) -> list[Item]:
        if call.id not in self.calls:
            return []  # It ended by something that came before in the same wake-up.
        return self._DO[type(command)](self, call, command, now)

    # --- commands

    def _dial(self, call: Call, command: do.Dial, now: float) -> list[Item]:
        fork = Fork(command.party, command.extension, command.agent, started=now, why=command.why)
        call.forks[command.party] = fork
        call.left_at = None
        if call.waiting_since is None:
            call.waiting_since = now
        started = OfferStarted(
            call.id, call.queue, command.agent, command.extension, command.why, self._wall(now)
        )
        items: list[Item] = [started]
        if not command.agent:
            fork.occupies = self.plan.agent_of.get(command.extension, "")
            items += self._occupy(fork.occupies, now)
        devices = self._contacts(command.extension)
        nobody = Cause.UNREACHABLE
        try:
            if devices and not call.far_media:
                items += self._open_far(call)
        except NoPorts:
            devices, nobody = [], Cause.CONGESTION
        for uri, flow in devices:
            items += self._dial_device(call, fork, uri, flow, now)
        if not devices:
            del call.forks[fork.party]
            items.append((call, do.PartyOver(fork, nobody)))
            told = call.block.on_party_ended(call, fork.party, nobody, now)
            items += self._commands(call, told)
        return items

    def _dial_device(self, call: Call, fork: Fork, uri: str, flow: Flow, now: float) -> list[Item]:
        call.legs_made += 1
        leg = f"{call.id}.{call.legs_made}"
        fork.legs.append(leg)
        call.party_of[leg] = fork.party
        self._call_by_leg[leg] = call.id
        host, port = flow.local
        from_ = NameAddr(call.caller_name, Uri("sip", call.caller, host, port), ())
        to = NameAddr("", Uri("sip", fork.extension, flow.remote[0], None), ())
        return self.legs.dial(
            leg,
            call.id,
            uri=uri,
            flow=flow,
            from_=from_,
            to=to,
            media=call.far_media,
            codecs=call.codecs,
            now=now,
        )

    def _contacts(self, extension: str) -> list[tuple[str, Flow]]:
        plan = self.plan.extensions.get(extension)
        if plan is None:
            return []
        if plan.contact:
            return [(plan.contact, plan.flow)] if plan.flow is not None else []
        return [(b.contact, b.flow) for b in self.registrar.bindings(extension)]

    def _open_far(self, call: Call) -> list[Item]:
        near = self.legs[call.caller_leg].media if call.caller_leg in self.legs else ""
        # A caller whose worker has just died is about to be hung up.
        worker = self.pool.worker(near) if self.pool.is_open(near) else self.pool.pick_worker()
        name = f"{call.id}.far"
        opened = self.pool.open(name, worker)
        call.far_media = name
        self._own_media(call, name)
        return [opened]

    def _drop(self, call: Call, command: do.Drop, now: float) -> list[Item]:
        fork = call.forks.pop(command.party, None)
        if fork is None:
            return []
        items: list[Item] = []
        for leg in fork.drop():
            items += self.legs.hangup(leg, command.cause, now)
        return [*items, *self._party_over(call, do.PartyOver(fork, command.cause), now)]

    def _party_over(self, call: Call, command: do.PartyOver, now: float) -> list[Item]:
        fork = command.fork
        items: list[Item] = []
        if fork.party != call.bridged:
            items.append(self._offer_over(call, fork, command.cause, now))
        return [*items, *self._vacate(fork.occupies, now)]

    def _hang_up_legs(self, call: Call, command: do.HangUpLegs, now: float) -> list[Item]:
        return [item for leg in command.legs for item in self.legs.hangup(leg, command.cause, now)]

    def _ring_caller(self, call: Call, command: do.RingCaller, now: float) -> list[Item]:
        return [*self.legs.ring(call.caller_leg, now)]

    def _answer_caller(self, call: Call, command: do.AnswerCaller, now: float) -> list[Item]:
        if call.caller_leg not in self.legs or self.pool.is_open(call.caller_leg):
            return []
        worker = self.pool.worker(call.far_media) if call.far_media else None
        items = self.legs.answer(call.caller_leg, call.codecs, worker, now)
        if self.pool.is_open(call.caller_leg):
            self._own_media(call, call.caller_leg)
        return [*items]

    def _bridge(self, call: Call, command: do.Bridge, now: float) -> list[Item]:
        fork = call.forks[command.party]
        assert fork.leg in self.legs, (call, fork)
        remote = self.legs[fork.leg].remote
        if remote is not None:
            call.codecs = (remote.codec, *(c for c in call.codecs if c != remote.codec))
        items = self._answer_caller(call, do.AnswerCaller(), now)
        if call.caller_leg not in self.legs or not self.pool.is_open(call.caller_leg):
            return items  # The caller could not be answered: its end follows.
        call.talk_to(fork, now)
        waited = now - (call.waiting_since if call.waiting_since is not None else call.started)
        items += self.legs.take_over(fork.leg)
        items += self.legs.join(call.caller_leg, fork.leg)
        if self.legs[call.caller_leg].held:  # The caller put us on hold while waiting.
            items += self._hold(call, do.Hold(call.caller_leg, True), now)
        items.append(self._offer_over(call, fork, None, now))
        at = self._wall(now)
        items.append(CallAnswered(call.id, call.queue, fork.agent, fork.extension, waited, at))
        return items

    def _play(self, call: Call, command: do.PlayToCaller, now: float) -> list[Item]:
        if not self.pool.is_open(call.caller_leg):
            return []
        call.plays += 1
        return [
            *self.legs.play(
                call.caller_leg,
                call.plays,
                command.files,
                repeat=command.repeat,
                resume=command.resume,
            )
        ]

    def _echo(self, call: Call, command: do.EchoCaller, now: float) -> list[Item]:
        return [*self.legs.echo(call.caller_leg)]

    def _hold(self, call: Call, command: do.Hold, now: float) -> list[Item]:
        fork = call.forks.get(call.bridged)
        if fork is None or fork.leg not in self.legs or call.caller_leg not in self.legs:
            return []
        waits = [leg for leg in (call.caller_leg, fork.leg) if not self.legs[leg].held]
        if len(waits) == 2:
            return [*self.legs.join(call.caller_leg, fork.leg)]
        items: list[Item] = [*self.legs.part(command.leg)]
        music = self.plan.sounds.get("music/hold")
        for other in waits if music is not None else ():
            call.plays += 1
            items += self.legs.play(other, call.plays, (str(music),), repeat=True, resume=True)
        return items

    def _tell_command(self, call: Call, command: do.Tell, now: float) -> list[Item]:
        event = command.event
        items: list[Item] = []
        if isinstance(event, inputs.CallJoined):
            call.queue, call.queued, call.left_at = event.queue, True, None
            if call.waiting_since is None:
                call.waiting_since = now
        elif isinstance(event, inputs.CallLeft | inputs.ConversationEnded):
            call.queued, call.left_at = False, now
        told = self._tell(event, now)
        at = self._wall(now)
        if isinstance(event, inputs.CallJoined):
            waiting = self._waiting(event.queue)
            items.append(CallQueued(call.id, event.queue, call.caller, waiting, at))
        elif isinstance(event, inputs.CallLeft):
            items.append(self._left(call, event.reason.value, now))
        return [*items, *told]

    def _proceed(self, call: Call, command: do.Proceed, now: float) -> list[Item]:
        return self._commands(call, call.block.on_proceed(call, now))

    def _go_to(self, call: Call, command: do.GoTo, now: float) -> list[Item]:
        if len(call.path) >= PATH_MAX:
            return [(call, do.Finish(Verdict.SYSTEM, Cause.FAILED, Hangup.SYSTEM))]
        destination: Destination = command.destination
        block = make_block(self.plan, destination, call.caller_extension, self.attendance)
        return self._enter(call, block, now)

    def _finish(self, call: Call, command: do.Finish, now: float) -> list[Item]:
        call.end(command, now)
        del self.calls[call.id]
        return self._tear_down(call, now)

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        """Hang up whatever is left and wait for the workers' last figures."""
        items: list[Item] = []
        ended: list[Any] = [*call.drop_all()]
        for drop in ended:
            items += self._drop(call, drop, now)
        cause = call.cause if call.cause is not Cause.ANSWERED_ELSEWHERE else Cause.NORMAL
        items += self.legs.hangup(call.caller_leg, cause, now)
        items += self._vacate(call.occupies, now)
        if call.ended_at is None:  # A fault of ours.
            call.ended_at, call.cause = now, Cause.FAILED
            call.verdict = Verdict.ANSWERED if call.bridged else Verdict.FAILED
        if call.queued:
            items += self._forget_queued(call, now)
        self._deadlines.stop("block", call.id)
        for name in call.media:
            items += self.pool.close(name)
        if not any(name in self._call_by_media for name in call.media):
            return [*items, self._record_event(call, now)]
        self.ending[call.id] = call
        self._deadlines.start("flush", call.id, now + FLUSH_SECONDS)
        return items

    def _forget_queued(self, call: Call, now: float) -> list[Item]:
        """It ended without its queue block: shutdown, or a fault. The agent must be free again."""
        call.queued = False
        if call.bridged and call.agent:
            return self._tell(inputs.ConversationEnded(call.id, call.agent), now)
        reason = inputs.LeaveReason.SYSTEM
        told = self._tell(inputs.CallLeft(call.id, reason), now)
        return [self._left(call, reason.value, now), *told]

    # --- the end of a call's sound, and its record

    def _media_closed(self, session: str, stats: SessionStats | None, now: float) -> list[Item]:
        call_id = self._call_by_media.pop(session, "")
        self.legs.forget_media(session)
        call = self.ending.get(call_id)
        if call is None:
            return []
        if stats is not None and (stats.sent or stats.received):
            call.audio[session] = LegAudio(
                call.codecs[0] if call.codecs else "",
                stats.sent,
                stats.received,
                stats.lost,
                stats.jitter_ms,
            )
        if any(name in self._call_by_media for name in call.media):
            return []
        return self._flush(call_id, now)

    def _flush(self, call_id: str, now: float) -> list[Item]:
        call = self.ending.pop(call_id, None)
        self._deadlines.stop("flush", call_id)
        return [] if call is None else [self._record_event(call, now)]

    def _record_event(self, call: Call, now: float) -> CallEnded:
        ended = call.ended_at if call.ended_at is not None else now
        waiting_from = call.waiting_since if call.waiting_since is not None else call.started
        left = call.left_at if call.left_at is not None else ended
        waited_to = call.bridged_at if call.bridged_at is not None else left
        talked = 0.0 if call.bridged_at is None else ended - call.bridged_at
        audio = tuple(call.audio[name] for name in call.media if name in call.audio)
        record = CallRecord(
            id=call.id,
            started_at=self._wall(call.started),
            ended_at=self._wall(ended),
            caller=call.caller,
            caller_name=call.caller_name,
            called=call.called,
            queue=call.queue,
            agent=call.agent,
            extension=call.extension,
            answered_at=None if call.bridged_at is None else self._wall(call.bridged_at),
            wait_seconds=waited_to - waiting_from,
            ring_seconds=call.ring_seconds,
            talk_seconds=talked,
            verdict=call.verdict or Verdict.FAILED,
            hangup=call.hangup,
            cause=call.cause.value,
            path=tuple(call.path),
            offers=tuple(call.offers),
            audio=audio,
        )
        return CallEnded(call.id, record, self._wall(now))

    # --- inside

    def _offer_over(self, call: Call, fork: Fork, cause: Cause | None, now: float) -> OfferEnded:
        rang = 0.0 if fork.ringing_since is None else (fork.answered or now) - fork.ringing_since
        outcome = "answered" if cause is None else cause.value
        at = self._wall(fork.started)
        call.note_offer(OfferRecord(fork.agent, fork.extension, at, rang, outcome, fork.why))
        return OfferEnded(
            call.id, call.queue, fork.agent, fork.extension, outcome, rang, self._wall(now)
        )

    def _left(self, call: Call, reason: str, now: float) -> QueueLeft:
        since = call.waiting_since if call.waiting_since is not None else call.started
        waiting = self._waiting(call.queue)
        return QueueLeft(call.id, call.queue, reason, now - since, waiting, self._wall(now))

    def _occupy(self, agent: str, now: float) -> list[Item]:
        return self._tell(inputs.AgentOccupied(agent), now) if agent else []

    def _vacate(self, agent: str, now: float) -> list[Item]:
        return self._tell(inputs.AgentVacated(agent), now) if agent else []

    def _own_media(self, call: Call, session: str) -> None:
        call.media.append(session)
        self._call_by_media[session] = call.id

    def _commands(self, call: Call, commands: Sequence[do.Command]) -> list[Item]:
        return [(call, command) for command in commands]

    def _waiting(self, queue: str) -> int:
        found = self.distribution.world.queues.get(queue)
        return 0 if found is None else len(found.line)

    def _tell(self, event: inputs.Input, now: float) -> list[Item]:
        told = Told(now, event, [])
        self.inputs.append(told)  # First, so that an input that fails is in the journal, too.
        told.effects.extend(self.distribution.apply(event, now))
        self._effects.extend(told.effects)
        return [CarryOutEffects()]

    def _wall(self, now: float) -> float:
        return now + self.epoch

    _DO: ClassVar[dict[type, Callable[..., list[Item]]]] = {
        do.Dial: _dial,
        do.Drop: _drop,
        do.PartyOver: _party_over,
        do.HangUpLegs: _hang_up_legs,
        do.RingCaller: _ring_caller,
        do.AnswerCaller: _answer_caller,
        do.Bridge: _bridge,
        do.PlayToCaller: _play,
        do.EchoCaller: _echo,
        do.Hold: _hold,
        do.Tell: _tell_command,
        do.Proceed: _proceed,
        do.GoTo: _go_to,
        do.Finish: _finish,
    }
