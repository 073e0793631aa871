"""The whole PBX without a socket, a clock or dice: bytes, worker events and time go in, things to
do come out.

One queue of work per wake-up: what the endpoint reports goes to legs, what legs report to calls,
what calls want to
legs and to the distribution, whose effects go to calls again, until nothing is left. Who does what:

    sip.Endpoint -> Legs -> Call + its current Block -> commands -> Legs, MediaPool, Distribution
"""

import traceback
from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast, get_args

from media import protocol as media
from pbx.attendance import Attendance
from pbx.calls.call import Call
from pbx.calls.causes import Cause
from pbx.calls.commands import Command, Finish
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
from pbx.calls.legs import Legs
from pbx.calls.media_pool import MediaPool, ToWorker
from pbx.distribution import inputs
from pbx.distribution.config import DistributionConfig
from pbx.distribution.core import Distribution
from pbx.distribution.effects import (
    AgentChanged,
    AgentState,
    BreakOverdue,
    Effect,
    StatusRefused,
)
from pbx.events import (
    AgentRefused,
    AgentStateChanged,
    BreakTooLong,
    Event,
    WorkerFailed,
)
from pbx.history.records import Hangup, Verdict
from pbx.mailboxes import Mailboxes
from pbx.phone_settings import PhoneSet
from pbx.plan import Plan
from pbx.reception import Reception, tables_of
from pbx.recording.tapes import PauseOver
from pbx.supervising import Supervise
from pbx.switchboard import CarryOutEffects, Item
from pbx.trunks.trunks import CutOff, Resolve
from pbx.voicemail.boxes import Lost, Untold
from pbx.voicemail.jobs import Job
from sip import events as sip
from sip.auth import Gate
from sip.endpoint import Endpoint, EndpointConfig
from sip.errors import ParseError
from sip.flow import Flow
from sip.guard import Banned, Unbanned
from sip.message import Request, Response
from sip.registration import BindingChange, Registrar, RegistrarLimits
from sip.resolver import End, Located
from sip.tokens import Tokens
from sip.trace import without_keys

if TYPE_CHECKING:
    from pbx.deadlines import Timed

Output = sip.Send | ToWorker | Event | Resolve | Job
FAULTS_MAX: Final = 100  # Kept until the edge has logged them.
FAULT_CHARS: Final = 200  # Of what was being done.
FAULT_FRAMES: Final = 4  # Of the traceback: where it happened and how we came there.

STEPS_MAX: Final = 1_000_000
"""Of one wake-up. Only a loop among our own machines gets there."""


class Exchange(Reception):
    """Everything that decides. `epoch` is the Unix time at monotonic zero."""

    def __init__(
        self,
        plan: Plan,
        *,
        secret: bytes,
        seed: int,
        epoch: float,
        workers: int,
        ports: tuple[int, int],
        sip_config: EndpointConfig,
        registrar: RegistrarLimits,
        strict: bool = False,
    ) -> None:
        tokens = Tokens(secret)
        gate = Gate(plan.realm, plan.accounts, plan.trusted, secret)
        endpoint = Endpoint(sip_config, tokens, gate)
        pool = MediaPool(workers, *ports, plan.media_bind)
        super().__init__(
            plan,
            tokens=tokens,
            legs=Legs(endpoint, pool, Tokens(secret + b" of the keys for sound")),
            pool=pool,
            registrar=Registrar(registrar),
            distribution=Distribution(DistributionConfig(), seed),
            attendance=Attendance(plan.sign_out_grace_seconds),
            epoch=epoch,
        )
        self.endpoint = endpoint
        self.gate = gate
        self.parts = self.make_parts()
        self.make_rooms()
        self._timed: tuple[Timed, ...] = (
            *(self.legs, self.distribution, self.registrar, self.attendance, self._deadlines),
            *tables_of(self.parts.values()),
        )
        self._asked = tuple(part for part in self.parts.values() if not tables_of([part]))
        self.strict = strict
        self.faults: list[str] = []
        self._apply_plan()

    # --- inputs from the edge

    def start(self, now: float) -> list[Output]:
        """Once, at the beginning: the configuration takes effect."""
        return self.configure(self.plan, now)

    def configure(self, plan: Plan, now: float) -> list[Output]:
        """Another configuration; calls, offers and registrations go on."""
        self.plan = plan
        for call in self.calls.values():
            call.extension_of = plan.extension_of
        self._apply_plan()
        self.gate.replace(plan.realm, plan.accounts, plan.trusted)
        items: list[Item] = self._tell(inputs.Configured(plan.distribution), now)
        for part in self.parts.values():
            items += part.configure(plan, now)
        items += self._quieten(now)  # First, so that nobody is rung for a moment.
        items += self._attend(self.attendance.configure(plan, self._devices()), now)
        return self._run(items, now)

    def set_phone(self, change: PhoneSet, now: float) -> list[Output]:
        """A setting of a phone, changed from outside; nothing comes of an impossible one."""
        return self._run(self._change_phone(change, now), now)

    def on_supervise(self, wanted: Supervise, now: float) -> list[Output]:
        """Somebody outside wants to listen, whisper, speak or stop. ValueError when it cannot."""
        return self._run(self.supervise(wanted, now), now)

    def on_datagram(self, data: bytes, flow: Flow, now: float) -> list[Output]:
        items: list[Item] = self.endpoint.on_datagram(data, flow, now)
        if self.qualify.awaited and flow in self.qualify.awaited:
            items += self.qualify.on_sign(flow, now)
        return self._run(items, now)

    def on_message(self, message: Request | Response, flow: Flow, now: float) -> list[Output]:
        items: list[Item] = self.endpoint.on_message(message, flow, now)
        if self.qualify.awaited and flow in self.qualify.awaited:
            items += self.qualify.on_sign(flow, now)
        return self._run(items, now)

    def on_garbage(self, error: ParseError, flow: Flow, now: float) -> list[Output]:
        """Bytes of a connection that are no message: answered where that is possible."""
        return self._run([*self.endpoint.on_garbage(error, flow)], now)

    def on_delay(self, seconds: float, now: float) -> None:
        """How long what came waited before we looked at it: whether calls must be refused."""
        self.protection.overload.on_delay(seconds, now)

    def ban(self, source: str, seconds: float | None, now: float) -> list[Output]:
        """By hand; for ever without seconds. ValueError when it cannot be."""
        return self._run([*self.protection.ban(source, seconds, now)], now)

    def unban(self, source: str, user: str, now: float) -> list[Output]:
        """By hand. ValueError when this is no address."""
        return self._run([*self.protection.unban(source, user)], now)

    def on_flow_closed(self, flow: Flow, now: float) -> list[Output]:
        items: list[Item] = [*self.endpoint.on_flow_failed(flow, now)]
        lost = self.registrar.flow_closed(flow)
        self.comebacks.on_closed(lost)
        items += lost
        items += self.trunks.on_flow_closed(flow, now)
        return self._run(items, now)

    def on_media(self, worker: int, event: media.Event, now: float) -> list[Output]:
        return self._run(self._on_media(worker, event, now), now)

    def on_worker_lost(self, worker: int, error: str, now: float) -> list[Output]:
        """A media worker has died, or hangs: its calls go on elsewhere, or when it is back."""
        items: list[Item] = [WorkerFailed(worker, error, self._wall(now))]
        items += self._recordings_lost(worker, now)
        items += self.lose_worker(worker, now)
        return self._run([*items, *self.voicemail.on_worker_lost(worker)], now)

    def on_worker_back(self, worker: int, now: float) -> list[Output]:
        return self._run(self.regain_worker(worker, now), now)

    def on_time(self, now: float) -> list[Output]:
        items: list[Item] = [*self.endpoint.on_time(now)]
        items += self.legs.on_time(now)
        due = self.distribution.next_deadline
        if due is not None and due <= now:  # Else it would only fill the journal.
            items += self._tell(inputs.TimePassed(), now)
        items += self.registrar.on_time(now)
        items += self._attend(self.attendance.on_time(now), now)
        for part in self.parts.values():
            items += part.on_time(now)
        for kind, key in self._deadlines.take_expired(now):
            items += self._on_deadline(kind, key, now)
        return self._run(items, now)

    def on_period(self, period: inputs.Period, now: float) -> list[Output]:
        """A day or an hour has begun where the company is: the edge knows time zones."""
        items: list[Item] = self._new_toll_day(now) if period is inputs.Period.DAY else []
        return self._run([*items, *self._tell(inputs.PeriodBegan(period), now)], now)

    def on_resolved(self, located: Located, flows: Mapping[End, Flow], now: float) -> list[Output]:
        """The edge has looked up what a `Resolve` asked for."""
        streams = {end.host: flow for end, flow in flows.items() if end.transport == "tcp"}
        for end, flow in flows.items():
            if end.transport == "udp":  # Who offers TCP beside it gets large requests there.
                self.endpoint.use_stream(flow, streams.get(end.host))
        found = self.trunks.on_resolved(located.key, located.sites, flows, located.good_until, now)
        return self._run(found, now)

    def shut_down(self, now: float) -> list[Output]:
        """End every call, politely. New ones should not be let in any more."""
        items: list[Item] = []
        for call in list(self.calls.values()):
            verdict = Verdict.ANSWERED if call.bridged else Verdict.SYSTEM
            items.append((call, Finish(verdict, Cause.SHUTDOWN, Hangup.SYSTEM)))
        return self._run([*items, *self.trunks.stop(now)], now)

    def sign_off(self, now: float) -> list[AgentStateChanged]:
        """At the very end: nobody is at work any more, so that their time does not go on."""
        at = self._wall(now)
        return [
            AgentStateChanged(agent, AgentState.INACTIVE.value, "shutdown", at)
            for agent in self.distribution.agents
            if self.distribution.agent(agent).state is not AgentState.INACTIVE
        ]

    @property
    def next_deadline(self) -> float | None:
        """Call `on_time` no later than this."""
        at = self.endpoint.next_deadline
        nearest = inf if at is None else at
        for timed in self._timed:
            heap = timed.heap
            if heap and heap[0][0] < nearest and (at := timed.next_deadline) is not None:
                nearest = min(nearest, at)
        for part in self._asked:
            if (at := part.next_deadline) is not None and at < nearest:
                nearest = at
        return None if nearest == inf else nearest

    @property
    def silent(self) -> bool:
        """No call is left, and no record or port waits for a media worker."""
        busy = self.calls or self.ending or len(self.legs) or len(self.pool)
        return not (busy or self.trunks.leaving or self.voicemail.recordings or self.tapes.running)

    def leftovers(self) -> dict[str, int]:
        """What is alive, by kind. All zero (but for bindings) when nobody talks."""
        return {
            **self.endpoint.leftovers(),
            "calls": len(self.calls),
            "ending": len(self.ending),
            "legs": len(self.legs),
            "media": len(self.pool),
            "ports": self.pool.ports_in_use,
            "deadlines": len(self._deadlines),
            "recordings": len(self.tapes.running),
            "drafts": len(self.voicemail.recordings) + len(self.voicemail.drafts),
        }

    # --- the work queue

    def _run(self, items: list[Item], now: float) -> list[Output]:
        outputs: list[Output] = []
        handlers = self._HANDLERS
        work = items[::-1]  # The next one is the last.
        steps = 0
        while work:
            item = work.pop()
            handler = handlers.get(item.__class__)
            if handler is None:
                outputs.append(item)
                continue
            steps += 1
            assert steps < STEPS_MAX, item
            try:
                more: list[Item] = handler(self, item, now)
            except Exception as error:
                if self.strict:
                    raise
                more = self._on_fault(error, item, now)
            if more:
                work += more[::-1]
        if self.unsettled:
            outputs += self._run(self.settle(now), now)
        if self.lamps.dirty:
            outputs += self._run(self.lamps.flush(now), now)
        return outputs

    def _on_fault(self, error: Exception, item: Item, now: float) -> list[Item]:
        """A bug of ours ends the call it concerns, never the process. Its record says `failed`."""
        where = "".join(traceback.format_exception(error, limit=-FAULT_FRAMES)).strip()
        self.faults.append(f"{without_keys(str(item)[:FAULT_CHARS])}: {where}")
        del self.faults[:-FAULTS_MAX]
        call = self._call_of(item)
        if call is None or call.id not in self.calls:
            return []
        del self.calls[call.id]
        return self._tear_down(call, now)

    def _call_of(self, item: Item) -> Call | None:
        if type(item) is tuple:
            return cast("tuple[Call, Command]", item)[0]
        leg = getattr(item, "leg", None) or getattr(item, "session", None)
        if isinstance(leg, str) and leg in self.legs:
            return self.calls.get(self.legs[leg].call)
        name = getattr(item, "call", None)
        return self.calls.get(name) if isinstance(name, str) else None

    def _do(self, item: tuple[Call, Command], now: float) -> list[Item]:
        call, command = item
        if self.has_rooms:
            self.unsettled[call.id] = None
        done = self.carry_out(call, command, now)
        self._arm(call)
        return done

    def _arm(self, call: Call) -> None:
        deadline = call.block.next_deadline
        if deadline is not None and call.id in self.calls:
            self._deadlines.start("block", call.id, deadline)
        else:
            self._deadlines.stop("block", call.id)

    def _on_deadline(self, kind: str, key: str, now: float) -> list[Item]:
        if kind == "flush":
            return self._flush(key, now)
        if kind == "worker":
            return self._anchor_all(int(key), now)
        call = self.calls.get(key)
        if call is None:
            return []
        if kind == "keys":
            return self._on_key_pause(call, now)
        return self._or_arm(call, self._commands(call, call.block.on_time(call, now)))

    def _or_arm(self, call: Call, items: list[Item]) -> list[Item]:
        """A block that wants nothing done may have set itself another time: see `_do`."""
        if not items:
            self._arm(call)
        return items

    # --- what the layers report

    def _on_leg(self, event: LegEvent, now: float) -> list[Item]:
        call = self.calls.get(self._call_by_leg.get(event.leg, ""))
        if isinstance(event, LegEnded):
            _ = self._call_by_leg.pop(event.leg, None)
        if call is None:
            return []
        if self.has_rooms:
            self.unsettled[call.id] = None
        return self._or_arm(call, self.leg_event(call, event, now))

    def _carry_out_effects(self, item: CarryOutEffects, now: float) -> list[Item]:
        return [self._effects.popleft(), item] if self._effects else []

    def _on_effect(self, effect: Effect, now: float) -> list[Item]:
        if isinstance(effect, AgentChanged):
            return self._agent_changed(effect, now)
        if isinstance(effect, StatusRefused):
            return [AgentRefused(effect.agent, effect.why.value, self._wall(now))]
        if isinstance(effect, BreakOverdue):
            return [BreakTooLong(effect.agent, effect.reason, self._wall(now))]
        call = self.calls.get(effect.call)
        if call is None:
            return []
        return self.effect(call, effect, now)

    def _agent_changed(self, effect: AgentChanged, now: float) -> list[Item]:
        self.attendance.note_state(effect.agent, effect.state)
        self.lamps.note_agent(effect.agent)
        return [AgentStateChanged(effect.agent, effect.state.value, effect.reason, self._wall(now))]

    def _on_media(self, worker: int, event: media.Event, now: float) -> list[Item]:
        match event:
            case media.Digit() | media.Silent():
                return [*self.legs.on_media(event, now)]
            case media.PlayEnded():
                return self._played(event, now)
            case media.Closed():
                self.pool.on_closed(event.session)
                return self._media_closed(event.session, event.stats, now)
            case media.RecordingEnded() if event.recording in self.voicemail.recordings:
                return self._voicemail_recorded(event, now)
            case media.RecordingEnded():
                return self._recording_ended(event, now)
            case media.Failed():
                return self._media_lost(event.session, now)
            case _:
                return []

    def _media_lost(self, session: str, now: float) -> list[Item]:
        ended = self.legs.on_media_lost(session, now)
        call = self.calls.get(self._call_by_media.get(session, ""))
        if ended or call is None:
            return [*ended]
        # Nobody talks through it yet, but the phones that ring for this call were promised it.
        return [(call, Finish(Verdict.FAILED, Cause.FAILED, Hangup.SYSTEM))]

    def _played(self, event: media.PlayEnded, now: float) -> list[Item]:
        call = self.calls.get(self._call_by_media.get(event.session, ""))
        if call is not None and call.bridged:
            return self._notice_played(call, event, now)
        if call is None or event.play != call.plays:
            return []
        return self._or_arm(call, self._commands(call, call.block.on_played(call, now)))

    def _on_progress(self, event: sip.SessionProgress, now: float) -> list[Item]:
        return [*self.legs.on_progress(event, now)]

    def _on_answered(self, event: sip.SessionAnswered, now: float) -> list[Item]:
        return [*self.legs.on_answered(event, now)]

    def _on_acked(self, event: sip.SessionAcked | sip.OfferAnswered, now: float) -> list[Item]:
        return [*self.legs.on_late_answer(event.session, event.body, now)]

    def _on_offered(self, event: sip.SessionOffered, now: float) -> list[Item]:
        return [*self.legs.on_offered(event, now)]

    def _on_ended(self, event: sip.SessionEnded, now: float) -> list[Item]:
        if 300 <= event.status < 400 and self.trunks.legs:
            again = self._redirect(event, now)
            if again is not None:
                return again
        plainly = self.legs.invite_plainly(event, now)
        return [*(self.legs.on_ended(event, now) if plainly is None else plainly)]

    def _on_trunk_leg(self, event: LegAnswered | LegEnded, now: float) -> list[Item]:
        """As `_on_leg`, for events that a trunk's account books must know first."""
        items = self._note_trunk_leg(event, now) if self.trunks.legs else []
        return [*items, *self._on_leg(event, now)]

    def _on_cut_off(self, event: CutOff, now: float) -> list[Item]:
        return [*self.legs.hangup(event.leg, Cause.FORBIDDEN, now)]

    def _on_in_dialog(self, event: sip.InDialogRequest, now: float) -> list[Item]:
        return [*self.legs.on_request(event, now)]

    def _on_offer_rejected(self, event: sip.OfferRejected, now: float) -> list[Item]:
        return [*self.legs.on_offer_rejected(event, now)]

    def _apply_plan(self) -> None:
        self.legs.codecs = self.plan.codecs
        self.legs.codec_plan = self.plan.peer_codecs
        self.legs.media_host = self.plan.media_host
        self.legs.silence_seconds = self.plan.silence_seconds
        self.legs.encryption = self.plan.encryption
        if self.plan.registrar.limits is not None:
            self.registrar.limits = self.plan.registrar.limits

    _HANDLERS: ClassVar[dict[type, Any]] = {
        tuple: _do,
        sip.InviteReceived: Reception._on_invite,
        sip.SessionProgress: _on_progress,
        sip.SessionAnswered: _on_answered,
        sip.SessionAcked: _on_acked,
        sip.OfferAnswered: _on_acked,
        sip.OfferRejected: _on_offer_rejected,
        sip.SessionOffered: _on_offered,
        sip.SessionEnded: _on_ended,
        sip.RequestReceived: Reception._on_request,
        sip.InDialogRequest: _on_in_dialog,
        sip.RequestDone: Reception._on_done,
        sip.Subscribed: Reception._on_subscription,
        sip.SubscriptionRefreshed: Reception._on_subscription,
        sip.Notified: Reception._on_subscription,
        sip.SubscriptionEnded: Reception._on_subscription,
        Banned: Reception._on_banned,
        Unbanned: Reception._on_unbanned,
        BindingChange: Reception._on_binding,
        CarryOutEffects: _carry_out_effects,
        LegRinging: _on_leg,
        LegEarly: _on_leg,
        LegTransfer: _on_leg,
        LegAnswered: _on_trunk_leg,
        LegEnded: _on_trunk_leg,
        CutOff: _on_cut_off,
        Lost: Mailboxes._voicemail_lost,
        Untold: Mailboxes._voicemail_untold,
        PauseOver: Reception._pause_over,
        LegDigit: _on_leg,
        LegHeld: _on_leg,
        **dict.fromkeys(
            get_args(Effect),
            _on_effect,
        ),
    }
