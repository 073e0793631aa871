"""Calls come, walk through their blocks, and what they want is carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pbx.calls import commands as do
from pbx.calls.call import PATH_MAX, Call
from pbx.calls.causes import Cause
from pbx.calls.leg import LegDigit, LegEnded, LegEvent
from pbx.distribution import inputs
from pbx.distribution.effects import Connect, Effect, Leave
from pbx.events import CallQueued, CallStarted
from pbx.flow.park import PickUpBlock
from pbx.history.records import Hangup, Verdict
from pbx.outgoing import payer_of
from pbx.plan import Destination
from pbx.recording.taping import Taping
from pbx.routing import NUMBER_MAX, arrive, language_of, make_block
from pbx.switchboard import NAME_MAX, Item
from sip.flow import Flow


@dataclass(frozen=True, slots=True)
class Arriving:
    """A call that comes in."""

    leg: str
    offer: bytes
    flow: Flow
    caller: str  # Number and name.
    name: str
    extension: str  # "" for somebody outside.
    called: str
    trunk: str = ""
    replaces: str = ""  # The leg whose place it wants (RFC 3891).
    excuse: str = ""  # A sound instead of all that: there is no room for it.


class Switching(Taping):
    def new_call(self, new: Arriving, now: float) -> list[Item]:
        policy = self.plan.encryption.of(new.extension, new.trunk)
        warning = self.legs.why_refused(policy, new.flow, new.offer)
        if warning:
            if new.trunk:
                _ = self.trunks.end(new.leg, now)
            return [*self.legs.refuse(new.leg, warning, now)]
        arrival = arrive(self.plan, new.called, new.caller, new.trunk)
        language = language_of(self.plan, new.called, new.caller, new.extension)
        block = make_block(self.plan, arrival.destination, new.extension, self.attendance, language)
        if new.replaces:
            block = PickUpBlock("", new.replaces)
        if new.excuse:
            excuse = Destination("play", new.excuse)
            block = make_block(self.plan, excuse, new.extension, self.attendance, language)
        leg = new.leg
        call = Call(
            id=self._tokens.token(12),
            caller_leg=leg,
            caller=new.caller[:NUMBER_MAX],
            caller_name=new.name[:NAME_MAX],
            called=new.called[:NUMBER_MAX],
            caller_extension=new.extension,
            started=now,
            block=block,
            trunk=new.trunk,
            extension_of=self.plan.extension_of,
            wishes=arrival.wishes,
            language=language,
            verdict=Verdict.BLACKLISTED if arrival.blacklisted else None,
        )
        self.calls[call.id] = call
        self._call_by_leg[leg] = call.id
        call.shown = (call.caller, call.caller_name)
        _ = self.legs.accept(
            leg,
            call.id,
            new.offer,
            new.flow,
            now,
            extension=new.extension,
            called=call.called,
            trunk=new.trunk,
            policy=policy,
        )
        call.codecs = self.legs.preferred(leg)
        started = CallStarted(call.id, call.caller, call.caller_name, call.called, self._wall(now))
        items: list[Item] = [started]
        call.occupies = self.plan.agent_of.get(new.extension, "")
        items += self._occupy(call.occupies, now)
        return [*items, *self._enter(call, block, now)]

    def leg_event(self, call: Call, event: LegEvent, now: float) -> list[Item]:
        if type(event) is LegEnded and call.id in self.guests:
            stepped = self.step_in(call, event, now)
            if stepped is not None:
                return stepped
        items = self._commands(call, call.on_leg(event, now))
        if type(event) is LegDigit:
            items += [*self._pass_on(call, event), *self._on_key(call, event, now)]
        return items

    def effect(self, call: Call, effect: Effect, now: float) -> list[Item]:
        items: list[Item] = []
        if isinstance(effect, Leave):
            call.queued, call.left_at = False, now
            items.append(self._left(call, effect.reason.value, now))
        elif isinstance(effect, Connect):
            call.conversation = effect.agent
            items.append(self._left(call, inputs.LeaveReason.ANSWERED.value, now))
        return [*items, *self._commands(call, call.block.on_effect(call, effect, now))]

    def carry_out(self, call: Call, command: do.Command, now: float) -> list[Item]:
        if call.id not in self.calls:
            return []  # It ended by something that came before in the same wake-up.
        return self._DO[type(command)](self, call, command, now)

    def _tell_command(self, call: Call, command: do.Tell, now: float) -> list[Item]:
        event = command.event
        items: list[Item] = []
        if isinstance(event, inputs.CallJoined):
            call.queue, call.queued, call.left_at = event.queue, True, None
            if call.waiting_since is None:
                call.waiting_since = now
        elif isinstance(event, inputs.CallLeft | inputs.ConversationEnded):
            call.queued, call.left_at, call.conversation = False, now, ""
        told = self._tell(event, now)
        at = self._wall(now)
        if isinstance(event, inputs.CallJoined):
            waiting = self._waiting(event.queue)
            self.lamps.note_queue(event.queue)
            items.append(CallQueued(call.id, event.queue, call.caller, waiting, at))
        elif isinstance(event, inputs.CallLeft):
            items.append(self._left(call, event.reason.value, now))
        return [*items, *told]

    def _proceed(self, call: Call, command: do.Proceed, now: float) -> list[Item]:
        return self._commands(call, call.block.on_proceed(call, now))

    def _go_to(self, call: Call, command: do.GoTo, now: float) -> list[Item]:
        if len(call.path) >= PATH_MAX:
            return [(call, do.Finish(Verdict.SYSTEM, Cause.FAILED, Hangup.SYSTEM))]
        destination = command.destination
        block = make_block(self.plan, destination, payer_of(call), self.attendance, call.language)
        return self._enter(call, block, now)

    _DO: ClassVar[dict[type, Callable[..., list[Item]]]] = {
        do.Dial: Taping._dial,
        do.Watch: Taping._watch,
        do.ChangeMode: Taping._change_mode,
        do.Seat: Taping._seat,
        do.AnswerRoom: Taping._answer_room,
        do.EnterRoom: Taping._enter_room,
        do.RoomKey: Taping._room_key,
        do.Drop: Taping._drop,
        do.PartyOver: Taping._party_over,
        do.HangUpLegs: Taping._hang_up_legs,
        do.RingCaller: Taping._ring_caller,
        do.AnswerCaller: Taping._answer_caller,
        do.Bridge: Taping._bridge,
        do.PlayToCaller: Taping._play,
        do.StopPlaying: Taping._stop_playing,
        do.AskReach: Taping._ask_reach,
        do.SetPhone: Taping._set_phone,
        do.FlipPhone: Taping._flip_phone,
        do.Mail: Taping._mail,
        do.SayToCaller: Taping._say,
        do.SayTime: Taping._say_time,
        do.EchoCaller: Taping._echo,
        do.Hold: Taping._hold,
        do.EarlyMedia: Taping._early_media,
        do.DialTrunk: Taping._dial_trunk,
        do.Transfer: Taping._transfer,
        do.Consult: Taping._consult,
        do.ConsultOver: Taping._consult_over,
        do.RefuseTransfer: Taping._refuse_transfer,
        do.TransferorGone: Taping._transferor_gone,
        do.Transferred: Taping._transferred,
        do.ParkCall: Taping._park_call,
        do.PickUp: Taping._pick_up,
        do.Tell: _tell_command,
        do.Proceed: _proceed,
        do.GoTo: _go_to,
        do.Finish: Taping._finish,
    }
