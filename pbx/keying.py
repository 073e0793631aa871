"""Keys pressed within a call, for phones without a transfer key of their own."""

from pbx.calls import commands as do
from pbx.calls.call import Call, CallState
from pbx.calls.keys import CallKeys, Typed
from pbx.calls.leg import LegDigit
from pbx.regrouping import Regrouping
from pbx.switchboard import Item


class Keying(Regrouping):
    def _on_key(self, call: Call, event: LegDigit, now: float) -> list[Item]:
        """Of somebody who talks. Only our own extensions may: others would guess the code."""
        codes = self._key_codes(call, event.leg)
        if not codes or self._extension_of(call, event.leg) not in self.plan.extensions:
            return []
        keys = call.keys
        if keys is None or keys.leg != event.leg:
            if keys is not None and keys.asking:
                return []  # The other side cannot press keys into it.
            keys = call.keys = CallKeys(event.leg)
        return self._typed(call, keys, keys.press(event.digit, codes, now), now)

    def _pass_on(self, call: Call, event: LegDigit) -> list[Item]:
        """A key that came by signalling, to whom its owner talks."""
        fork = call.forks.get(call.bridged)
        if not event.signalled or fork is None or call.state is not CallState.TALKING:
            return []
        sides = {call.caller_leg: fork.leg, fork.leg: call.caller_leg}
        return [*self.legs.press(sides.get(event.leg, ""), event.digit)]

    def _key_codes(self, call: Call, leg: str) -> tuple[str, ...]:
        """What may be typed there now."""
        codes: tuple[str, ...] = ()
        if call.consults:  # Who asks first may give up at any time.
            codes = (self.plan.consult_keys, self.plan.conference_keys)
            codes = codes if leg == call.caller_leg else ()
        elif call.state is CallState.TALKING and call.transferor is None:
            codes = (
                self.plan.transfer_keys,
                self.plan.consult_keys,
                self.plan.conference_keys,
            )
        return tuple(filter(None, codes))

    def _on_key_pause(self, call: Call, now: float) -> list[Item]:
        keys = call.keys
        if keys is None or not keys.asking or call.state is not CallState.TALKING:
            return []
        return self._typed(call, keys, keys.on_time(), now)

    def _typed(self, call: Call, keys: CallKeys, typed: Typed, now: float) -> list[Item]:
        match typed:
            case Typed.NOTHING:
                if keys.asking:
                    self._deadlines.start("keys", call.id, keys.until)
                return []
            case Typed.CODE if keys.code == self.plan.conference_keys:
                call.keys = None
                return self._add_party(call, keys.leg, now)
            case Typed.CODE if call.consults:
                return self._end_consultation(call)
            case Typed.CODE:
                return self._ask(call, keys, now)
            case Typed.NUMBER | Typed.CANCELLED:
                call.keys = None
                self._deadlines.stop("keys", call.id)
        again = self._hear_each_other(call, call.forks[call.bridged], now)
        if typed is Typed.CANCELLED:
            return again
        first = keys.code == self.plan.consult_keys
        wanted = do.Consult if first else do.Transfer
        return [*again, (call, wanted(keys.leg, keys.digits))]

    def _ask(self, call: Call, keys: CallKeys, now: float) -> list[Item]:
        """One hears the question, the other one music."""
        keys.ask(now)
        self._deadlines.start("keys", call.id, keys.until)
        other = call.forks[call.bridged].leg
        if keys.leg != call.caller_leg:
            other = call.caller_leg
        asks = self.plan.extensions.get(self._extension_of(call, keys.leg))
        language = asks.language if asks is not None else ""
        items: list[Item] = [*self.legs.part(keys.leg)]
        for leg, sound in ((keys.leg, "enter-number"), (other, "music/hold")):
            files = self.plan.files((sound,), language)
            if files:
                call.plays += 1
                music = leg == other
                items += self.legs.play(leg, call.plays, files, repeat=music, resume=music)
        return items

    def _end_consultation(self, call: Call) -> list[Item]:
        raise NotImplementedError  # In `consulting`.

    def _add_party(self, call: Call, leg: str, now: float) -> list[Item]:
        raise NotImplementedError  # In `mixing`.
