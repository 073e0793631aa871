"""What people set on their phones: asked before they are rung, changed by codes or from outside."""

from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.flow.codes import FlipBlock
from pbx.flow.dial import DialBlock
from pbx.forwarding import FREE, reach, with_mailbox
from pbx.outgoing import Outgoing
from pbx.phone_plan import USUAL
from pbx.phone_settings import PhoneSet, Setting, is_possible
from pbx.routing import route
from pbx.switchboard import Item


class Phoning(Outgoing):
    def _ask_reach(self, call: Call, command: do.AskReach, now: float) -> list[Item]:
        block = call.block
        assert isinstance(block, DialBlock), block
        preferences = self.phones.of(command.extension)
        found = FREE
        if preferences is not USUAL:
            found = reach(
                self.plan,
                preferences,
                command.extension,
                lines=self.legs.lines.calls(command.extension),
                been=call.diversions,
                caller=call.caller_extension,
                find=route,
            )
        box = self.plan.voicemail.boxes.get(command.extension)
        if box is not None and box.answers:
            found = with_mailbox(found, command.extension, box.answers)
        return self._commands(call, block.on_reach(call, found, now))

    def _set_phone(self, call: Call, command: do.SetPhone, now: float) -> list[Item]:
        return self._change_phone(command.change, now)

    def _flip_phone(self, call: Call, command: do.FlipPhone, now: float) -> list[Item]:
        block = call.block
        assert isinstance(block, FlipBlock), block
        on = not getattr(self.phones.of(command.extension), command.setting.value)
        items = self._change_phone(PhoneSet(command.extension, command.setting, on), now)
        return [*items, *self._commands(call, block.on_flipped(call, on, now))]

    def _change_phone(self, change: PhoneSet, now: float) -> list[Item]:
        """Nothing comes of what is not possible."""
        if not is_possible(change, self.plan.extensions):
            return []
        items: list[Item] = [*self.phones.change(change, now)]
        self.lamps.note_settings(change.extension)
        if change.setting is Setting.DO_NOT_DISTURB:
            items += self._quieten(now)
        return items

    def _quieten(self, now: float) -> list[Item]:
        """Agents whose phones are not to be disturbed are not rung by queues either."""
        agents = (self.plan.agent_of.get(extension, "") for extension in self.phones.quiet())
        told = self.attendance.on_quiet(frozenset(agent for agent in agents if agent))
        return [item for event in told for item in self._tell(event, now)]
