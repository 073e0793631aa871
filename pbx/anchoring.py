"""A media worker is lost: its calls go on, on another one or on the same one once it is back.

Each phone that talks gets a re-INVITE to a new port; what it heard before goes on there: the other
side, music, a prompt, a room. A phone that only rings was promised a port that is no more: it gets
the re-INVITE when it has answered. What cannot go on ends with the cause `failed`.
"""

from typing import Final

from pbx.calls import commands as do
from pbx.calls.call import Call, CallState
from pbx.calls.causes import Cause
from pbx.calls.leg import LegState
from pbx.calls.media_pool import NoPorts
from pbx.closing import Closing
from pbx.conferences import Conferences
from pbx.flow.conference import ConferenceBlock
from pbx.flow.consult import ConsultBlock
from pbx.flow.supervise import GuestBlock
from pbx.history.records import Hangup, Verdict
from pbx.switchboard import Item

BACK_SECONDS: Final = 5.0
"""So long calls wait, in silence, for their worker to be started again, if there is no other."""

FAILED: Final = do.Finish(Verdict.FAILED, Cause.FAILED, Hangup.SYSTEM)


class Anchoring(Conferences):
    def lose_worker(self, worker: int, now: float) -> list[Item]:
        self.pool.on_worker_lost(worker)
        if self.pool.any_alive:
            return self._anchor_all(worker, now)
        self._deadlines.start("worker", str(worker), now + BACK_SECONDS)
        return []

    def regain_worker(self, worker: int, now: float) -> list[Item]:
        self.pool.on_worker_back(worker)
        waiting = [n for n in range(self.pool.workers) if ("worker", str(n)) in self._deadlines]
        return [item for number in waiting for item in self._anchor_all(number, now)]

    def _anchor_all(self, worker: int, now: float) -> list[Item]:
        """All calls of this worker, whether it is back or not."""
        self._deadlines.stop("worker", str(worker))
        lost = self.pool.take_all(worker)
        calls: dict[str, None] = {}
        for session in lost:
            calls[self._call_by_media.get(session, "")] = None
        stranded = {leg.id for leg in self.legs.all() if leg.media in lost}
        items: list[Item] = []
        for session in lost:
            items += self._media_closed(session, None, now)
        self._forget_rooms_of(worker)
        for name in calls:
            call = self.calls.get(name)
            if call is not None:
                items += self._anchor_or_end(call, stranded, now)
        return items

    def _forget_rooms_of(self, worker: int) -> None:
        """They are made anew when it is known where their members are."""
        for name, room in self.rooms.items():
            if room.worker == worker:
                room.members, room.music = (), set()
                if name in self.calls:
                    self.unsettled[name] = None
        for there in self.conferences.values():
            if there.recorder == worker:
                there.recording = ""  # The next one is another segment.
            for name in there.members[:1]:
                self.unsettled[name] = None

    def _anchor_or_end(self, call: Call, stranded: set[str], now: float) -> list[Item]:
        if call.far_media and not self.pool.is_open(call.far_media):
            call.far_media = ""  # Who is rung next is told of another one.
        try:
            return self._anchor(call, stranded, now)
        except NoPorts:
            return [(call, FAILED)]

    def _anchor(self, call: Call, stranded: set[str], now: float) -> list[Item]:
        """NoPorts when there is nowhere to go."""
        mine = [leg for leg in self._legs_of(call) if leg in stranded]
        up = [leg for leg in mine if self.legs[leg].state is LegState.UP]
        if call.caller_leg in mine and call.caller_leg not in up:
            return [(call, FAILED)]  # It hears us already, but has no answer yet that could change.
        worker = self._next_worker(call)
        items: list[Item] = []
        for leg in up:
            items += self.legs.move(leg, worker, now)
            self._own_media(call, self.legs[leg].media)
            self._note_move(call, leg)
        ringing = [leg for leg in mine if leg not in up]
        if ringing:
            items += self._open_far(call)
            for leg in ringing:
                self.legs.promise(leg, call.far_media)
        return [*items, *self._sound_again(call, now)]

    def _finish(self, call: Call, command: do.Finish, now: float) -> list[Item]:
        """What cannot go on is given back to nobody either."""
        if command is FAILED:
            return Closing._finish(self, call, command, now)
        return super()._finish(call, command, now)

    def _legs_of(self, call: Call) -> list[str]:
        legs = [call.caller_leg, *(leg for fork in call.forks.values() for leg in fork.legs)]
        if call.transferor is not None:
            legs.append(call.transferor.leg)
        return [leg for leg in legs if leg in self.legs and self.legs[leg].call == call.id]

    def _next_worker(self, call: Call) -> int:
        """Where the others are whom this call hears, so that nobody need be moved twice."""
        near = self._near(call)
        block = call.block
        if not near and isinstance(block, GuestBlock) and block.host in self.calls:
            near = self._near(self.calls[block.host])
        if not near and isinstance(block, ConferenceBlock):
            there = self.conferences.get(block.conference)
            worker = None if there is None else self._worker_of(there)
            if worker is not None:
                return worker
        return self.pool.worker(near) if near else self.pool.pick_worker()

    def _note_move(self, call: Call, leg: str) -> None:
        """Who is set aside is known by the media session, too."""
        for waits in (call, self.calls.get(call.consults)):
            if waits is not None and waits.transferor is not None and waits.transferor.leg == leg:
                waits.transferor.media = self.legs[leg].media

    def _sound_again(self, call: Call, now: float) -> list[Item]:
        if call.keys is not None and call.keys.asking:
            call.keys = None  # They may press them again.
            self._deadlines.stop("keys", call.id)
        if call.state is CallState.TALKING:
            fork = self._talks_to(call)
            return [] if fork is None else self._hear_each_other(call, fork, now)
        if not self._near(call):
            return []
        self.unsettled[call.id] = None
        block, music = call.block, self.plan.sounds.get("music/hold")
        if isinstance(block, ConsultBlock) and music is not None:
            return self._play(call, do.PlayToCaller((music,), repeat=True, resume=True), now)
        again = block.on_sound_lost(call, now)
        if not again:  # What was played has ended: it will not be told by anybody else.
            call.plays += 1
            again = block.on_played(call, now)
        return self._commands(call, again)
