"""Asking somebody first: an attended transfer by keys, for phones that know one call only.

Who asks leaves the call (as a transferor does) and is the caller of a second one, whose `consults`
names the first. The other side hears music meanwhile.

    talk --keys, number--> second call --who asks hangs up--> the one who waits takes their place
     ^                         |
     +-- keys, or it fails ----+
"""

from typing import Final

from pbx.calls import commands as do
from pbx.calls.call import Call, CallState, Transferor
from pbx.calls.causes import Cause
from pbx.events import CallRegrouped, CallStarted, Regrouped
from pbx.flow.consult import ConsultBlock
from pbx.history.records import Hangup, Verdict
from pbx.keying import Keying
from pbx.plan import Destination
from pbx.routing import NUMBER_MAX, arrive, language_of, make_block
from pbx.switchboard import Item

PEOPLE: Final = frozenset({"extension", "intercom", "outside"})
"""Whom one can ask; a queue or a menu gets the other side at once."""


class Consulting(Keying):
    def _consult(self, call: Call, command: do.Consult, now: float) -> list[Item]:
        destination = arrive(self.plan, command.number, call.shown[0]).destination
        if destination is None or destination.kind not in PEOPLE:
            return [(call, do.Transfer(command.leg, command.number))]
        if call.state is not CallState.TALKING or call.transferor is not None:
            return []
        mine = self._extension_of(call, command.leg)
        told = CallRegrouped(call.id, mine, command.number, Regrouped.CONSULT, self._wall(now))
        called = command.leg == call.caller_leg
        items = [told, *self._set_aside(call, command.leg, now)]
        if called:  # Who waits was called: nobody has asked yet what is spoken to them.
            call.language = language_of(self.plan, "", call.shown[0], call.caller_extension)
        items += self._enter(call, ConsultBlock(mine), now)
        return [*items, *self._ask_first(call, command, destination, now)]

    def _ask_first(
        self, first: Call, command: do.Consult, destination: Destination, now: float
    ) -> list[Item]:
        """The second call, whose caller has been up for long."""
        mine = self._extension_in(first)
        number, name = self._identity(mine, "")
        language = language_of(self.plan, command.number, number, mine)
        call = Call(
            id=self._tokens.token(12),
            caller_leg=command.leg,
            caller=number,
            caller_name=name,
            called=command.number[:NUMBER_MAX],
            caller_extension=mine,
            started=now,
            block=make_block(self.plan, destination, mine, self.attendance, language),
            extension_of=self.plan.extension_of,
            language=language,
            shown=(number, name),
            sent_by=mine,
            consults=first.id,
        )
        self.calls[call.id] = call
        items: list[Item] = self._take_out(first, command.leg)
        self._bring_in(call, command.leg, (call.called, ""))
        call.codecs = self.legs.preferred(command.leg)
        at = self._wall(now)
        items.append(CallStarted(call.id, call.caller, call.caller_name, call.called, at))
        return [*items, *self._enter(call, call.block, now)]

    def _extension_in(self, first: Call) -> str:
        assert first.transferor is not None, first
        return first.transferor.fork.extension

    def _first_of(self, call: Call) -> tuple[Call, Transferor] | None:
        """The call that waits for the outcome of this one, and who left it."""
        first = self.calls.get(call.consults)
        if first is None or first.transferor is None:
            return None
        return first, first.transferor

    # --- the ways out

    def _end_consultation(self, call: Call) -> list[Item]:
        """Back by the same keys."""
        verdict = Verdict.ANSWERED if call.state is CallState.TALKING else Verdict.ABANDONED
        return [(call, do.Finish(verdict, Cause.NORMAL, Hangup.CALLER))]

    def _finish(self, call: Call, command: do.Finish, now: float) -> list[Item]:
        found = self._first_of(call)
        stays = call.caller_leg in self.legs and command.cause is not Cause.SHUTDOWN
        if found is None or not stays:
            return super()._finish(call, command, now)
        first, transferor = found
        call.consults, first.transferor = "", None
        items = self._take_out(call, transferor.leg)
        items += super()._finish(call, command, now)
        self._bring_in(first, transferor.leg, first.shown)
        return [*items, *self._talk_again(first, transferor, command.cause, now)]

    def _consult_over(self, call: Call, command: do.ConsultOver, now: float) -> list[Item]:
        """An attended transfer; a "blonde" one if nobody has answered yet."""
        found = self._first_of(call)
        call.consults = ""
        if found is None or found[0].caller_leg not in self.legs:
            return [(call, do.Finish(Verdict.ABANDONED, Cause.NORMAL, Hangup.CALLER))]
        first, transferor = found
        mine, stays = transferor.fork.extension, first.caller_leg
        who = (first.caller_extension, first.occupies, first.shown)
        call.language, first.occupies = first.language, ""
        at = self._wall(now)
        items: list[Item] = [CallRegrouped(first.id, mine, call.id, Regrouped.ATTENDED, at)]
        items += self._release_transferor(first, now)
        items += self.pool.close(transferor.media)
        items += self._take_out(first, stays)
        items += self._replace(call, transferor.leg, stays, who, now)
        return [*items, (first, do.Finish(Verdict.ANSWERED, Cause.TRANSFERRED, Hangup.SYSTEM))]

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        items: list[Item] = []
        found = self._first_of(call)
        if found is not None:  # Everything ends, or this call is broken.
            items += self._release_transferor(found[0], now)
            items.append((found[0], do.Finish(Verdict.ANSWERED, call.cause, Hangup.SYSTEM)))
        second = self._second_of(call)
        if second is not None:
            items += self._stand_alone(call, second, now)
        return [*items, *super()._tear_down(call, now)]

    def _second_of(self, call: Call) -> Call | None:
        if call.transferor is None:
            return None
        second = self.calls.get(self._call_by_leg.get(call.transferor.leg, ""))
        return second if second is not None and second.consults == call.id else None

    def _stand_alone(self, first: Call, second: Call, now: float) -> list[Item]:
        """Who waited has hung up: the question becomes an ordinary call."""
        second.consults, second.sent_by = "", ""
        second.occupies = self.plan.agent_of.get(second.caller_extension, "")
        return [*self._occupy(second.occupies, now), *self._release_transferor(first, now)]
