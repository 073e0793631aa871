"""Guests of a conversation: supervisors, and third ones who were added to it.

A guest is the caller of a call of its own, which stands in a guest block and names its *host*: the
call whose conversation it hears. So every record says what it would say anyway, and whoever leaves
leaves alone. What everybody hears is one room in the media worker, derived here from the state of
the calls; it is looked at when something has happened to one of them (`unsettled`), after all that
came of it. The two who talk are relayed in the room as outside it: nobody notices guests coming
and going.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from media.protocol import Member, Mix
from pbx.calls import commands as do
from pbx.calls.call import Call, CallState
from pbx.calls.causes import Cause
from pbx.calls.keys import CallKeys
from pbx.calls.leg import LegEnded, LegState
from pbx.calls.media_pool import NoPorts, ToWorker
from pbx.events import CallRegrouped, Regrouped
from pbx.flow.supervise import GuestBlock
from pbx.flow.talk import TalkBlock
from pbx.history.records import Hangup, Verdict
from pbx.mailboxes import Mailboxes
from pbx.room_plan import SPEAKS, Mode
from pbx.switchboard import Item

if TYPE_CHECKING:
    from pbx.calls.fork import Fork


@dataclass(slots=True)
class Room:
    """What a worker was told last."""

    name: str
    worker: int
    members: tuple[Member, ...] = ()
    music: set[str] = field(default_factory=set[str])  # Legs that hear music instead.


def heard_together(hears: dict[str, list[str]]) -> tuple[Member, ...]:
    """`hears`: session → those whom it hears. They are put in order, so that equal rooms are."""
    return tuple(Member(name, tuple(sorted(others))) for name, others in sorted(hears.items()))


class Mixing(Mailboxes):
    guests: dict[str, list[str]]  # Host → the calls of its guests, in order of coming.
    rooms: dict[str, Room]  # Host or conference → its room.
    unsettled: dict[str, None]  # Calls that something has happened to.

    def make_rooms(self) -> None:
        self.guests, self.rooms, self.unsettled = {}, {}, {}

    @property
    def has_rooms(self) -> bool:
        """Else no call needs to be looked at."""
        return bool(self.guests or self.rooms)

    def settle(self, now: float) -> list[Item]:
        """Whatever has happened: who hears whom now?"""
        touched, self.unsettled = self.unsettled, {}
        hosts: dict[str, None] = {}
        for name in touched:
            if name in self.guests or name in self.rooms:
                hosts[name] = None
            call = self.calls.get(name)
            if call is not None and isinstance(call.block, GuestBlock) and call.block.host:
                hosts[call.block.host] = None
        return [item for host in hosts for item in self._settle_host(host, now)]

    # --- coming and going

    def _be_guest(self, call: Call, host: Call) -> None:
        block = call.block
        assert isinstance(block, GuestBlock), block
        block.host = host.id
        self.guests.setdefault(host.id, []).append(call.id)
        self.unsettled[host.id] = None

    def _leave_host(self, call: Call) -> list[Item]:
        """This guest hears nobody any more."""
        host = call.block.host if isinstance(call.block, GuestBlock) else ""
        theirs = self.guests.get(host)
        if theirs is None or call.id not in theirs:
            return []
        theirs.remove(call.id)
        if not theirs:
            del self.guests[host]
        self.unsettled[host] = None
        items: list[Item] = self.legs.part(call.caller_leg)
        self._forget_room(host)
        return items

    def _forget_room(self, name: str) -> None:
        """Somebody left it by another command: what the worker knows is not what we think."""
        if name in self.rooms:
            self.rooms[name].members = ()

    def _pull_out(self, call: Call) -> list[Item]:
        """Those who talk leave the room, for something is to be played to them."""
        room, fork = self.rooms.get(call.id), call.forks.get(call.bridged)
        if room is None or fork is None:
            return []
        self._forget_room(call.id)
        return [*self.legs.part(call.caller_leg), *self.legs.part(fork.leg)]

    def _guests_of(self, call: Call) -> list[Call]:
        return [self.calls[name] for name in self.guests.get(call.id, ()) if name in self.calls]

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        items = self._leave_host(call)
        for guest in self._guests_of(call):
            items += self._leave_host(guest)
            items += self._host_gone(guest, now)
        items += self._dissolve(call.id)
        return [*items, *super()._tear_down(call, now)]

    def _host_gone(self, guest: Call, now: float) -> list[Item]:
        """The conversation that it heard is over, for it at least."""
        block = guest.block
        assert isinstance(block, GuestBlock), block
        return self._commands(guest, block.on_host_gone(guest, now))

    def _dissolve(self, name: str) -> list[Item]:
        room = self.rooms.pop(name, None)
        return [] if room is None else [ToWorker(room.worker, Mix(room.name))]

    # --- who hears whom

    def _settle_host(self, name: str, now: float) -> list[Item]:
        call = self.calls.get(name)
        if call is None:
            return self._dissolve(name)
        if name not in self.guests:
            return self._two_again(call, now)
        near = self._near(call)
        if not near:
            return []
        room = self.rooms.get(name)
        worker = self.pool.worker(near)
        items: list[Item] = []
        if room is None or room.worker != worker:
            items += self._dissolve(name)
            room = self.rooms[name] = Room(f"{name}.room", worker)
        for guest in self._guests_of(call):
            items += self._fetch(guest, worker, now)
        return [*items, *self._show(call, room)]

    def _two_again(self, call: Call, now: float) -> list[Item]:
        """The last guest has gone."""
        if call.id not in self.rooms:
            return []
        music = self.rooms[call.id].music
        dissolved = self._dissolve(call.id)
        sides = self._sides(call)
        held = any(self.legs[leg].held for leg in sides)
        if not sides or (held and not music.isdisjoint(sides)):
            return dissolved
        return [*self._hear_each_other(call, call.forks[call.bridged], now), *dissolved]

    def _fetch(self, guest: Call, worker: int, now: float) -> list[Item]:
        """Its sound comes to where the conversation is, and not the other way round."""
        leg = guest.caller_leg
        if leg not in self.legs or self.legs[leg].state is not LegState.UP:
            return []
        old = self.legs[leg].media
        if self.pool.is_open(old) and self.pool.worker(old) == worker:
            return []
        try:
            items = self.legs.move(leg, worker, now)
        except NoPorts:
            return [(guest, do.Finish(Verdict.FAILED, Cause.CONGESTION, Hangup.SYSTEM))]
        self._own_media(guest, self.legs[leg].media)
        return [*items, *self.pool.close(old)]

    def _show(self, call: Call, room: Room) -> list[Item]:
        """Tell the worker who hears whom, if that is new."""
        hears, lonely = self._picture(call)
        members = heard_together(hears)
        items: list[Item] = []
        music = self.plan.sounds.get("music/hold")
        begins = lonely - room.music if music is not None else set[str]()
        for leg in sorted(begins):
            items += self.legs.part(leg)
        if members != room.members:
            items.append(ToWorker(room.worker, Mix(room.name, members)))
        room.members, room.music = members, lonely
        for leg in sorted(begins):
            call.plays += 1
            play = self.legs.play(leg, call.plays, (str(music),), repeat=True, resume=True)
            items += play
        return items

    def _picture(self, call: Call) -> tuple[dict[str, list[str]], set[str]]:
        """Session → those whom it hears; and the legs that hear music: held, and alone."""
        sides = self._sides(call)
        up = [leg for leg in sides if not self.legs[leg].held]
        present = [g for g in self._guests_of(call) if self._is_present(g)]
        speakers = [g.caller_leg for g in present if _mode(g) in SPEAKS]
        hears: dict[str, list[str]] = {}
        lonely: set[str] = set()
        for leg in up:
            whisperers = [g.caller_leg for g in present if self._whispers(g, call, leg)]
            others = [*(other for other in up if other != leg), *speakers, *whisperers]
            if others:
                hears[leg] = others
            else:
                lonely.add(leg)
        within = [leg for leg in up if leg in hears]
        for guest in present:
            leg = guest.caller_leg
            hears[leg] = [*within, *(other for other in speakers if other != leg)]
        media = {leg: self.legs[leg].media for leg in hears}
        return {media[leg]: [media[other] for other in hears[leg]] for leg in hears}, lonely

    def _sides(self, call: Call) -> tuple[str, ...]:
        """The legs of those who talk; none while one of them is asked for a number."""
        fork = self._talks_to(call)
        if fork is None or (call.keys is not None and call.keys.asking):
            return ()
        return (call.caller_leg, fork.leg)

    def _talks_to(self, call: Call) -> "Fork | None":
        if call.state is not CallState.TALKING:
            return None
        fork = call.forks.get(call.bridged)
        if fork is None or fork.leg not in self.legs or call.caller_leg not in self.legs:
            return None
        return fork

    def _is_present(self, guest: Call) -> bool:
        leg = guest.caller_leg
        if leg not in self.legs or self.legs[leg].held:
            return False
        return self.legs[leg].state is LegState.UP and self.pool.is_open(self.legs[leg].media)

    def _whispers(self, guest: Call, host: Call, leg: str) -> bool:
        block = guest.block
        if not isinstance(block, GuestBlock) or block.mode is not Mode.WHISPER:
            return False
        return self._extension_of(host, leg) == block.watched

    # --- what is heard otherwise

    def _join(self, call: Call, leg: str, now: float) -> list[Item]:
        if call.id not in self.guests:
            return super()._join(call, leg, now)
        self.unsettled[call.id] = None
        return self._bring(call, leg, now)  # What is heard comes with the room.

    def _hold(self, call: Call, command: do.Hold, now: float) -> list[Item]:
        if call.id in self.guests:
            return []
        return super()._hold(call, command, now)

    def _ask(self, call: Call, keys: CallKeys, now: float) -> list[Item]:
        return [*self._pull_out(call), *super()._ask(call, keys, now)]

    def _set_aside(self, call: Call, leg: str, now: float) -> list[Item]:
        return [*self._pull_out(call), *super()._set_aside(call, leg, now)]

    def _bring_in(self, call: Call, leg: str, remote: tuple[str, str]) -> None:
        super()._bring_in(call, leg, remote)
        if self.has_rooms:
            self.unsettled[call.id] = None

    # --- who takes whose place

    def step_in(self, call: Call, event: LegEnded, now: float) -> list[Item] | None:
        """One of those who talk has hung up: a guest who speaks goes on with the other one.

        None when there is no such guest. A supervisor goes on with the client, not with the agent.
        """
        fork = self._talks_to_somebody(call)
        if fork is None or event.leg not in (call.caller_leg, fork.leg):
            return None
        gone = self._extension_of(call, event.leg)
        for guest in self._guests_of(call):
            mode = _mode(guest)
            watched = guest.block.watched if isinstance(guest.block, GuestBlock) else ""
            goes_on = mode is Mode.PARTY or (mode is Mode.BARGE and watched == gone)
            if goes_on and self._is_present(guest):
                return self._take_seat(call, event.leg, guest, Regrouped.STEPPED_IN, now)
        return None

    def _talks_to_somebody(self, call: Call) -> "Fork | None":
        """As `_talks_to`, when one of the two has hung up."""
        talks = call.state is CallState.TALKING and call.transferor is None
        return call.forks.get(call.bridged) if talks and not call.consults else None

    def _take_seat(
        self, call: Call, old: str, guest: Call, how: Regrouped, now: float
    ) -> list[Item]:
        """This guest is the one who talks, instead of `old`."""
        leg = guest.caller_leg
        told = CallRegrouped(call.id, guest.caller_extension, guest.id, how, self._wall(now))
        items: list[Item] = [told, *self._leave_host(guest), *self._take_out(guest, leg)]
        who = (guest.caller_extension, guest.occupies, guest.shown)
        guest.occupies = ""
        if old == call.caller_leg:
            items += self._only_busy(call, now)
        items += self._replace(call, old, leg, who, now)
        over = do.Finish(Verdict.SERVED, Cause.TRANSFERRED, Hangup.SYSTEM)
        return [*items, (guest, over)]

    def _only_busy(self, call: Call, now: float) -> list[Item]:
        """The queue's caller has gone; its agent talks on, but in no conversation of a queue."""
        agent, fork = call.conversation, call.forks[call.bridged]
        items: list[Item] = []
        if agent:
            items = [*self._occupy(agent, now), *self._end_conversation(call, now)]
            fork.occupies, fork.agent = agent, ""
        if call.block.name != "talk":
            call.block = TalkBlock(fork.extension)
        return items

    # --- three who talk

    def _add_party(self, call: Call, leg: str, now: float) -> list[Item]:
        """By keys, while another call of the same person waits: all three hear each other."""
        if call.state is not CallState.TALKING or call.transferor is not None:
            return []
        first = self._first_of(call)
        if first is not None:
            items = self._be_third(first[0], call, leg, now)
            return [*items, *self._come_back(first[0], leg, now)]
        found = self._held_by(self._extension_of(call, leg), call, leg)
        if found is None:
            return []
        other, held = found
        if call.conversation and not other.conversation:
            # The queue's call stays what it is.
            return [*self._be_third(call, other, held, now), *self._hang_up_third(held, now)]
        return [*self._be_third(other, call, leg, now), *self._swap(other, held, leg, now)]

    def _held_by(self, extension: str, call: Call, leg: str) -> tuple[Call, str] | None:
        """The call that this person has put on hold, and their leg of it; on the same phone, if
        there are several."""
        flow = self.legs[leg].flow
        found: list[tuple[bool, Call, str]] = []
        for line in self.legs.lines.of(extension):
            other = self.calls.get(line.call)
            if other is None or other is call or other.consults or line.leg not in self.legs:
                continue
            if line.leg in self._sides(other) and self.legs[line.leg].held:
                found.append((self.legs[line.leg].flow != flow, other, line.leg))
        return min(found, key=lambda one: one[0])[1:] if found else None

    def _be_third(self, host: Call, call: Call, leg: str, now: float) -> list[Item]:
        """The other side of `call` is a guest of `host`; `leg`, who talked to it, is in neither."""
        mine = self._extension_of(call, leg)
        at = self._wall(now)
        told = CallRegrouped(call.id, mine, host.id, Regrouped.CONFERENCE, at)
        items: list[Item] = [told, *self._pull_out(call)]
        if leg == call.caller_leg:
            items += self._change_sides(call, now)
        else:
            items += self._end_conversation(call, now)
        fork = call.forks.pop(call.bridged)
        call.stop_talking(now)
        items += self._vacate(fork.occupies, now)
        _ = call.party_of.pop(leg, None)
        items += self._take_out(call, leg)
        call.consults = call.sent_by = ""
        call.block = GuestBlock(Mode.PARTY)
        call.path.append("guest")
        self._be_guest(call, host)
        for guest in self._guests_of(call):
            items += self._leave_host(guest)
            self._be_guest(guest, host)
        return items

    def _come_back(self, host: Call, leg: str, now: float) -> list[Item]:
        """Who asked somebody first is in the call again that waited."""
        transferor, host.transferor = host.transferor, None
        assert transferor is not None, host
        self._bring_in(host, leg, host.shown)
        return self._talk_again(host, transferor, Cause.NORMAL, now)

    def _swap(self, host: Call, old: str, leg: str, now: float) -> list[Item]:
        """The same person talks by another leg; the queue need not know."""
        fork = host.forks[host.bridged]
        items: list[Item] = [*self.pool.close(self.legs[old].media)]
        if old == host.caller_leg:
            host.caller_leg = leg
            self._bring_in(host, leg, (host.called, ""))
        else:
            _ = host.party_of.pop(old, None)
            host.party_of[leg] = fork.party
            fork.leg, fork.legs = leg, [leg]
            self._bring_in(host, leg, host.shown)
        self._forget_room(host.id)
        _ = self._call_by_leg.pop(old, None)
        return [
            *items,
            *self._hang_up_third(old, now),
            *self._hear_each_other(host, fork, now),
        ]

    def _hang_up_third(self, leg: str, now: float) -> list[Item]:
        """A leg that is in no call any more."""
        items: list[Item] = [*self.pool.close(self.legs[leg].media)]
        self.legs.give(leg, "", "", "")
        return [*items, *self.legs.hangup(leg, Cause.NORMAL, now)]


def _mode(guest: Call) -> Mode:
    block = guest.block
    assert isinstance(block, GuestBlock), block
    return block.mode
