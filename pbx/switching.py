"""Calls come, walk through their blocks, and what they want is carried out."""

from collections.abc import Callable
from typing import ClassVar

from pbx.calls import commands as do
from pbx.calls.call import PATH_MAX, Call
from pbx.calls.causes import Cause
from pbx.calls.leg import LegEvent
from pbx.closing import Closing
from pbx.distribution import inputs
from pbx.distribution.effects import Connect, Effect, Leave
from pbx.events import CallQueued, CallStarted
from pbx.flow.block import Block
from pbx.history.records import Hangup, Verdict
from pbx.routing import NUMBER_MAX, arrive, make_block
from pbx.switchboard import NAME_MAX, Item
from sip.flow import Flow


class Switching(Closing):
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
        destination = command.destination
        block = make_block(self.plan, destination, call.caller_extension, self.attendance)
        return self._enter(call, block, now)

    _DO: ClassVar[dict[type, Callable[..., list[Item]]]] = {
        do.Dial: Closing._dial,
        do.Drop: Closing._drop,
        do.PartyOver: Closing._party_over,
        do.HangUpLegs: Closing._hang_up_legs,
        do.RingCaller: Closing._ring_caller,
        do.AnswerCaller: Closing._answer_caller,
        do.Bridge: Closing._bridge,
        do.PlayToCaller: Closing._play,
        do.EchoCaller: Closing._echo,
        do.Hold: Closing._hold,
        do.Tell: _tell_command,
        do.Proceed: _proceed,
        do.GoTo: _go_to,
        do.Finish: Closing._finish,
    }
