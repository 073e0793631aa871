"""Transfers by keys pressed within a call, for phones without a transfer key of their own."""

from pbx.calls import commands as do
from pbx.calls.call import Call, CallState
from pbx.calls.keys import CallKeys, Typed
from pbx.calls.leg import LegDigit
from pbx.regrouping import Regrouping
from pbx.switchboard import Item


class Keying(Regrouping):
    def _on_key(self, call: Call, event: LegDigit, now: float) -> list[Item]:
        """Of somebody who talks. Only our own extensions may: others would guess the code."""
        code = self.plan.transfer_keys
        if not code or call.state is not CallState.TALKING or call.transferor is not None:
            return []
        if self._extension_of(call, event.leg) not in self.plan.extensions:
            return []
        keys = call.keys
        if keys is None or keys.leg != event.leg:
            if keys is not None and keys.asking:
                return []  # The other side cannot press keys into it.
            keys = call.keys = CallKeys(event.leg)
        return self._typed(call, keys, keys.press(event.digit, code, now), now)

    def _on_key_pause(self, call: Call, now: float) -> list[Item]:
        keys = call.keys
        if keys is None or not keys.asking or call.state is not CallState.TALKING:
            return []
        return self._typed(call, keys, keys.on_time(), now)

    def _typed(self, call: Call, keys: CallKeys, typed: Typed, now: float) -> list[Item]:
        if keys.asking and typed in (Typed.NOTHING, Typed.CODE):
            self._deadlines.start("keys", call.id, keys.until)
        match typed:
            case Typed.NOTHING:
                return []
            case Typed.CODE:
                return self._ask(call, keys)
            case Typed.NUMBER | Typed.CANCELLED:
                call.keys = None
                self._deadlines.stop("keys", call.id)
        again = self._hear_each_other(call, call.forks[call.bridged], now)
        if typed is Typed.CANCELLED:
            return again
        return [*again, (call, do.Transfer(keys.leg, keys.digits))]

    def _ask(self, call: Call, keys: CallKeys) -> list[Item]:
        """One hears the question, the other one music."""
        other = call.forks[call.bridged].leg
        if keys.leg != call.caller_leg:
            other = call.caller_leg
        sounds = self.plan.sounds
        items: list[Item] = [*self.legs.part(keys.leg)]
        for leg, sound in (
            (keys.leg, sounds.get("enter-number")),
            (other, sounds.get("music/hold")),
        ):
            if sound is not None:
                call.plays += 1
                music = leg == other
                items += self.legs.play(leg, call.plays, (sound,), repeat=music, resume=music)
        return items
