"""Supervisors: who may listen to whom, and what they do there (`pbx/mixing.py` does the sound).

They come by a feature code, or are called by a command from outside; keys and commands change what
they do. Whoever follows an agent waits for each next conversation.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.calls.causes import Cause
from pbx.codes import SEPARATOR
from pbx.events import CallStarted, Regrouped, Supervised
from pbx.flow.supervise import GuestBlock, GuestState, SummonBlock, SuperviseBlock
from pbx.history.records import Hangup, Verdict
from pbx.mixing import Mixing
from pbx.plan import Destination
from pbx.room_plan import Mode
from pbx.switchboard import Item

BEEP: Final = "beep"


class Wish(Enum):
    BEGIN = "begin"  # The supervisor's phone rings, unless it listens already.
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Supervise:
    """A command from outside: this supervisor listens to (whispers to …) that one."""

    supervisor: str  # An extension.
    watched: str = ""  # An extension or an agent; not needed to stop.
    mode: Mode = Mode.LISTEN
    wish: Wish = Wish.BEGIN
    follow: bool | None = None  # None: as the configuration says.


class Supervising(Mixing):
    supervisors: dict[str, None]  # Calls of those who listen, or wait.

    def make_rooms(self) -> None:
        super().make_rooms()
        self.supervisors = {}

    @property
    def has_rooms(self) -> bool:
        return bool(self.guests or self.rooms or self.supervisors)

    # --- from outside

    def supervise(self, wanted: Supervise, now: float) -> list[Item]:
        """ValueError with a line for who asked when it cannot be."""
        call = self._supervision_by(wanted.supervisor)
        if wanted.wish is Wish.STOP:
            if call is None:
                raise ValueError(f"{wanted.supervisor} listens to nobody")
            return [(call, do.Finish(Verdict.SERVED, Cause.NORMAL, Hangup.SYSTEM))]
        watched = self._watchable(wanted)
        if call is not None:
            block = call.block
            if isinstance(block, SuperviseBlock) and block.watched == watched:
                return [(call, do.ChangeMode(wanted.mode))]
            raise ValueError(f"{wanted.supervisor} listens to somebody else: stop that first")
        follow = {None: "", True: "follow", False: "once"}[wanted.follow]
        target = SEPARATOR.join(filter(None, (wanted.mode.value, wanted.watched, follow)))
        return self._summon(wanted.supervisor, target, now)

    def _watchable(self, wanted: Supervise) -> str:
        plan = self.plan
        if wanted.supervisor not in plan.extensions:
            raise ValueError(f'there is no extension "{wanted.supervisor}"')
        name = wanted.watched
        watched = name if name in plan.extensions else plan.extension_of.get(name, "")
        if not watched:
            raise ValueError(f'there is no extension or agent "{name}"')
        rights = plan.rooms.supervision.rights_of(wanted.supervisor)
        if watched == wanted.supervisor or not rights.allow(watched, wanted.mode):
            raise ValueError(f"{wanted.supervisor} may not {wanted.mode.value} there")
        return watched

    def _supervision_by(self, extension: str) -> Call | None:
        calls = (self.calls[name] for name in self.supervisors if name in self.calls)
        return next((call for call in calls if call.caller_extension == extension), None)

    def _summon(self, extension: str, target: str, now: float) -> list[Item]:
        """A call of ours: its phone rings, and what it wanted to hear is there when it answers."""
        known = self.plan.extensions[extension]
        call = Call(
            id=self._tokens.token(12),
            caller_leg="",
            caller=extension,
            caller_name=known.name,
            called=target,
            caller_extension=extension,
            started=now,
            block=SummonBlock(extension, Destination("supervise", target)),
            extension_of=self.plan.extension_of,
            codecs=self.legs.codecs,
            shown=(target.replace(SEPARATOR, "-"), self.plan.company),
        )
        self.calls[call.id] = call
        at = self._wall(now)
        started = CallStarted(call.id, call.caller, call.caller_name, call.called, at)
        return [started, *self._enter(call, call.block, now)]

    def _seat(self, call: Call, command: do.Seat, now: float) -> list[Item]:
        """Who was called is the caller from now on."""
        fork = call.forks.pop(command.party)
        _ = call.party_of.pop(fork.leg, None)
        call.caller_leg, call.occupies = fork.leg, fork.occupies
        if self.legs[fork.leg].media == call.far_media:
            call.far_media = ""
        return [*self.legs.take_over(fork.leg, now), self._offer_over(call, fork, None, now)]

    # --- listening

    def _watch(self, call: Call, command: do.Watch, now: float) -> list[Item]:
        block = call.block
        assert isinstance(block, SuperviseBlock), block
        rights = self.plan.rooms.supervision.rights_of(call.caller_extension)
        itself = block.watched == call.caller_extension
        if not block.watched or itself or not rights.allow(block.watched, block.mode):
            refused = self._commands(call, block.on_refused(call))
            return [self._supervised(call, "refused", now), *refused]
        host = self._host_of(call)
        if host is not None:
            self.supervisors[call.id] = None
            return self._within(call, host, now)
        what = "waits" if block.follow else "nobody"
        if block.follow and block.mode is not Mode.TAKE_OVER:
            self.supervisors[call.id] = None
        else:
            block.follow, what = False, "nobody"
        return [
            self._supervised(call, what, now),
            *self._commands(call, block.on_nobody()),
        ]

    def _host_of(self, call: Call) -> Call | None:
        """Whose conversation is watched: the one that goes on before one that is on hold."""
        block = call.block
        assert isinstance(block, SuperviseBlock), block
        if block.host and not block.follow:
            return self.calls.get(block.host)  # It stays, whoever talks there.
        held: Call | None = None
        for line in self.legs.lines.of(block.watched):
            host = self.calls.get(line.call)
            if host is None or host is call or not self._talks_by(host, line.leg):
                continue
            if not self.legs[line.leg].held:
                return host
            held = host if held is None or host.id == block.host else held
        return held

    def _within(self, call: Call, host: Call, now: float) -> list[Item]:
        """Now this conversation is heard."""
        block = call.block
        assert isinstance(block, SuperviseBlock), block
        worker = self.pool.worker(self.legs[host.caller_leg].media)
        items: list[Item] = [*self.legs.answer(call.caller_leg, call.codecs, worker, now)]
        self._own_near(call)
        if not self._near(call):
            return items  # It could not be answered: its end follows.
        items += self._leave_host(call)
        call.plays += 1  # Whatever was said to them is of no interest.
        self._be_guest(call, host)
        block.on_within(host.id)
        told = self._supervised(call, block.mode.value, now)
        if block.mode is Mode.TAKE_OVER:
            return [*items, *self._change_mode(call, do.ChangeMode(block.mode), now)]
        return [*items, told, *self._tone(host, now)]

    def _talks_by(self, host: Call, leg: str) -> bool:
        fork = self._talks_to(host)
        return fork is not None and leg in (host.caller_leg, fork.leg)

    def _tone(self, host: Call, now: float) -> list[Item]:
        """For those who talk, where the law or the house wants it."""
        beep = self.plan.sounds.get(BEEP)
        if beep is None or not self.plan.rooms.supervision.tone:
            return []
        items = self._settle_host(host.id, now)
        for leg in self._sides(host):
            host.plays += 1
            items += self.legs.play(leg, host.plays, (beep,), repeat=False, resume=False)
        return items

    def _change_mode(self, call: Call, command: do.ChangeMode, now: float) -> list[Item]:
        block = call.block
        if not isinstance(block, SuperviseBlock) or block.state is GuestState.SAYING:
            return []
        rights = self.plan.rooms.supervision.rights_of(call.caller_extension)
        if not rights.allow(block.watched, command.mode):
            return [self._supervised(call, "refused", now)]
        host = self.calls.get(block.host)
        if command.mode is Mode.TAKE_OVER:
            return [] if host is None else self._take_over(call, block, host, now)
        if command.mode is block.mode:
            return []
        block.mode = command.mode
        self.unsettled[call.id] = None
        return [self._supervised(call, command.mode.value, now)]

    def _take_over(self, call: Call, block: SuperviseBlock, host: Call, now: float) -> list[Item]:
        mine = [leg for leg in self._sides(host) if self._extension_of(host, leg) == block.watched]
        if not mine or not self._is_present(call):
            return []
        told = self._supervised(call, Mode.TAKE_OVER.value, now)
        return [told, *self._take_seat(host, mine[0], call, Regrouped.TAKEN_OVER, now)]

    # --- from one conversation to the next

    def settle(self, now: float) -> list[Item]:
        items: list[Item] = []
        for name in list(self.supervisors) if self.unsettled else ():
            call = self.calls.get(name)
            if call is not None and isinstance(call.block, SuperviseBlock):
                items += self._follow(call, call.block, now)
        return [*items, *super().settle(now)]

    def _follow(self, call: Call, block: SuperviseBlock, now: float) -> list[Item]:
        if block.state not in (GuestState.WAITING, GuestState.WITHIN):
            return []
        host = self._host_of(call)
        if host is not None and host.id != block.host:
            return self._within(call, host, now)
        if host is None and block.host:
            # They still talk to nobody else: a transfer may fail, or a call be taken up again.
            return [*self._leave_host(call), *self._host_gone(call, now)]
        return []

    def _host_gone(self, guest: Call, now: float) -> list[Item]:
        items = super()._host_gone(guest, now)
        block = guest.block
        if isinstance(block, SuperviseBlock) and block.state is GuestState.WAITING:
            items.append(self._supervised(guest, "waits", now))
        return items

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        items: list[Item] = []
        if call.id in self.supervisors:
            del self.supervisors[call.id]
            items.append(self._supervised(call, "ended", now))
        return [*items, *super()._tear_down(call, now)]

    def _supervised(self, call: Call, what: str, now: float) -> Supervised:
        block = call.block
        watched = block.watched if isinstance(block, GuestBlock) else ""
        agent = self.plan.agent_of.get(watched, "")
        host = block.host if isinstance(block, GuestBlock) else ""
        at = self._wall(now)
        return Supervised(call.id, call.caller_extension, watched, agent, what, host, at)
