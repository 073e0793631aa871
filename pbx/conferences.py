"""Conference rooms: who is in them, who hears whom, what is announced.

A room is there from the first member to the last one. All its sound is on one media worker; members
whose sound is elsewhere are fetched by a re-INVITE.
"""

from dataclasses import dataclass, field
from typing import Final

from media.protocol import EndRecording, Mix, Record
from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.calls.causes import Cause
from pbx.calls.media_pool import ToWorker
from pbx.events import ConferenceChanged, RecordingChanged
from pbx.flow.conference import ConferenceBlock
from pbx.history.records import Hangup, Verdict
from pbx.mixing import Room, heard_together
from pbx.recording.records import RecordingRecord
from pbx.recording.tapes import SEGMENTS_MAX, Running, Tape, Tapes
from pbx.room_plan import Announce, ConferencePlan, RoomWish
from pbx.speech import extension, number
from pbx.supervising import BEEP, Supervising
from pbx.switchboard import Item

DIGITS_SPOKEN_MAX: Final = 8  # Of a number that is announced.
RECORDING_SECONDS: Final = 8 * 3600.0


@dataclass(slots=True)
class Conference:
    name: str
    members: list[str] = field(default_factory=list[str])  # Calls, in order of coming.
    locked: bool = False
    meeting: str = ""  # In the index of recordings, in place of a call.
    recording: str = ""
    recordings: int = 0
    recorder: int = 0  # The worker that writes it.


def room_of(conference: str) -> str:
    """No call has such an id."""
    return f"conference:{conference}"


class Conferences(Supervising):
    conferences: dict[str, Conference]
    tapes: Tapes  # Made with the other parts.

    def make_rooms(self) -> None:
        super().make_rooms()
        self.conferences = {}

    @property
    def has_rooms(self) -> bool:
        return bool(self.guests or self.rooms or self.supervisors or self.conferences)

    # --- coming

    def _answer_room(self, call: Call, command: do.AnswerRoom, now: float) -> list[Item]:
        """At once where the others are, so that nobody need be fetched."""
        block = _block(call)
        there = self.conferences.get(block.conference)
        worker = None if there is None else self._worker_of(there)
        items: list[Item] = [*self.legs.answer(call.caller_leg, call.codecs, worker, now)]
        self._own_near(call)
        return items

    def _worker_of(self, conference: Conference) -> int | None:
        for name in conference.members:
            near = self._near(self.calls[name]) if name in self.calls else ""
            if near:
                return self.pool.worker(near)
        return None

    def _enter_room(self, call: Call, command: do.EnterRoom, now: float) -> list[Item]:
        block = _block(call)
        plan = self.plan.rooms.conferences.get(block.conference)
        if plan is None or not self._near(call):
            return [(call, do.Finish(Verdict.SYSTEM, Cause.NOT_FOUND, Hangup.SYSTEM))]
        there = self.conferences.get(plan.id)
        if there is not None and len(there.members) >= plan.members_max:
            return self._refused(call, "conference/full", now)
        if there is not None and there.locked and not block.moderator:
            return self._refused(call, "conference/locked", now)
        if there is None:
            there = self.conferences[plan.id] = Conference(plan.id)
        there.members.append(call.id)
        block.on_within()
        items: list[Item] = [self._changed(plan.id, call, "joined", now)]
        items += self._greet(call, plan, there, now)
        items += self._settle_conference(plan.id, now)  # First, so that it ends no announcement.
        return [*items, *self._announce(plan, there, call, "conference/has-joined", now)]

    def _refused(self, call: Call, sound: str, now: float) -> list[Item]:
        call.verdict = Verdict.REJECTED
        told = self._changed(_block(call).conference, call, "refused", now)
        return [told, *self._commands(call, _block(call).refuse(sound))]

    def _greet(self, call: Call, plan: ConferencePlan, there: Conference, now: float) -> list[Item]:
        if self._waits(plan, there):
            return self._say_to(call, ("conference/wait-moderator",), now)
        if len(there.members) == 1:
            return self._say_to(call, ("conference/alone",), now)
        return []

    # --- going

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        return [*self._leave_room(call, now), *super()._tear_down(call, now)]

    def _leave_room(self, call: Call, now: float, what: str = "left") -> list[Item]:
        if not isinstance(call.block, ConferenceBlock):
            return []
        name = call.block.conference
        there = self.conferences.get(name)
        if there is None or call.id not in there.members:
            return []
        there.members.remove(call.id)
        items: list[Item] = [*self.legs.part(call.caller_leg)]
        self._forget_room(room_of(name))
        told = self._changed(name, call, what, now)
        plan = self.plan.rooms.conferences.get(name)
        if not there.members:
            items += [*self._end_recording(there), *self._dissolve(room_of(name))]
            del self.conferences[name]
        elif plan is not None:
            items += self._settle_conference(name, now)
            items += self._announce(plan, there, call, "conference/has-left", now)
        return [*items, told]

    # --- who hears whom

    def settle(self, now: float) -> list[Item]:
        rooms: dict[str, None] = {}
        for name in self.unsettled if self.conferences else ():
            call = self.calls.get(name)
            if call is not None and isinstance(call.block, ConferenceBlock):
                rooms[call.block.conference] = None
        items = [item for name in rooms for item in self._settle_conference(name, now)]
        return [*items, *super().settle(now)]

    def _settle_conference(self, name: str, now: float) -> list[Item]:
        there = self.conferences.get(name)
        worker = None if there is None else self._worker_of(there)
        if there is None or worker is None:
            return []
        room = self.rooms.get(room_of(name))
        items: list[Item] = []
        if room is None or room.worker != worker:
            items += self._dissolve(room_of(name))
            room = self.rooms[room_of(name)] = Room(room_of(name), worker)
        members = [self.calls[member] for member in there.members if member in self.calls]
        for call in members:
            items += self._fetch(call, worker, now)
        plan = self.plan.rooms.conferences.get(name)
        together = len(members) > 1 and not (plan is not None and self._waits(plan, there))
        items += self._mix(room, members if together else [])
        items += self._keep_company(members, together)
        if not together or plan is None or not plan.record:
            return [*items, *self._end_recording(there)]
        return [*items, *self._record(there, plan, members, room.worker, now)]

    def _mix(self, room: Room, members: list[Call]) -> list[Item]:
        present = [call for call in members if self._is_present(call)]
        media = {call.id: self.legs[call.caller_leg].media for call in present}
        heard = [call.id for call in present if not _block(call).muted]
        hears = {
            media[call.id]: [media[other] for other in heard if other != call.id]
            for call in present
        }
        together = heard_together(hears)
        if together == room.members:
            return []
        room.members = together
        return [ToWorker(room.worker, Mix(room.name, together))]

    def _keep_company(self, members: list[Call], together: bool) -> list[Item]:
        """Music for those who hear nobody."""
        items: list[Item] = []
        for call in members:
            block = _block(call)
            if together:
                block.lonely = False
            elif not block.lonely and self._is_present(call):
                items += self._commands(call, block.on_lonely())
        return items

    def _waits(self, plan: ConferencePlan, there: Conference) -> bool:
        """For a moderator."""
        members = [self.calls[name] for name in there.members if name in self.calls]
        return plan.wait_for_moderator and not any(_block(call).moderator for call in members)

    # --- what is said

    def _say_to(self, call: Call, sounds: tuple[str, ...], now: float) -> list[Item]:
        if not self._is_present(call):
            return []
        _block(call).saying = True
        return self._say(call, do.SayToCaller(sounds), now)

    def _announce(
        self, plan: ConferencePlan, there: Conference, who: Call, what: str, now: float
    ) -> list[Item]:
        """To those who are there, that somebody comes or goes."""
        digits = who.caller_extension or who.caller
        match plan.announce:
            case Announce.OFF:
                return []
            case Announce.BEEP:
                sounds = (BEEP,)
            case Announce.NUMBER:
                spoken = extension(digits[-DIGITS_SPOKEN_MAX:], self.plan.language)
                kind = ("conference/extension",) if who.caller_extension else ()
                sounds = (*kind, *spoken, what)
        others = [self.calls[name] for name in there.members if name in self.calls]
        return [o for call in others if call is not who for o in self._say_to(call, sounds, now)]

    # --- what members want

    def _room_key(self, call: Call, command: do.RoomKey, now: float) -> list[Item]:
        block = _block(call)
        there = self.conferences.get(block.conference)
        if there is None or call.id not in there.members:
            return []
        match command.what:
            case RoomWish.MUTE:
                block.muted = not block.muted
                self.unsettled[call.id] = None
                return self._done(call, "muted" if block.muted else "unmuted", now)
            case RoomWish.LOCK:
                there.locked = not there.locked
                word = "locked" if there.locked else "unlocked"
                sound = "conference/is-locked" if there.locked else "conference/is-open"
                told = self._changed(block.conference, call, word, now)
                return [told, *self._say_to(call, (sound,), now)]
            case RoomWish.COUNT:
                count = number(len(there.members), self.plan.spoken(call.language))
                return self._say_to(call, ("conference/members", *count), now)
            case RoomWish.KICK:
                return self._send_out(call, there, now)

    def _done(self, call: Call, what: str, now: float) -> list[Item]:
        told = self._changed(_block(call).conference, call, what, now)
        return [told, *self._say_to(call, (f"conference/{what}",), now)]

    def _send_out(self, call: Call, there: Conference, now: float) -> list[Item]:
        """Who came last, but for the one who wishes it."""
        others = [name for name in there.members if name != call.id and name in self.calls]
        if not others:
            return []
        last = self.calls[others[-1]]
        items = self._leave_room(last, now, "removed")
        return [*items, *self._commands(last, _block(last).refuse("conference/removed"))]

    # --- recording

    def _record(
        self, there: Conference, plan: ConferencePlan, members: list[Call], worker: int, now: float
    ) -> list[Item]:
        """While two or more are there; a file for each such time."""
        items: list[Item] = []
        if there.recording and there.recorder != worker:
            items += self._end_recording(there)
        if not there.recording and there.recordings < SEGMENTS_MAX:
            items += self._begin_recording(there, plan, members[0], worker, now)
        if there.recording in self.tapes.running:
            for call in members:
                tape = self.tapes.of.setdefault(call.id, Tape(call.id))
                if there.recording not in tape.ids:
                    tape.ids.append(there.recording)
        return items

    def _begin_recording(
        self, there: Conference, plan: ConferencePlan, first: Call, worker: int, now: float
    ) -> list[Item]:
        there.meeting = there.meeting or self._tokens.token(12)
        there.recordings += 1
        record = RecordingRecord(
            id=f"{there.meeting}-{there.recordings}",
            call=there.meeting,
            segment=there.recordings,
            begun_at=self._wall(now),
            caller=first.caller,
            called=plan.number,
        )
        there.recording, there.recorder = record.id, worker
        self.tapes.running[record.id] = Running(worker, record)
        command = Record(
            record.id,
            f"{self.plan.rooms.recordings}/{record.file}",
            "",
            room=room_of(there.name),
            seconds_max=RECORDING_SECONDS,
        )
        return [RecordingChanged(record, self._wall(now)), ToWorker(worker, command)]

    def _end_recording(self, there: Conference) -> list[Item]:
        if not there.recording:
            return []
        recording, there.recording = there.recording, ""
        return [ToWorker(there.recorder, EndRecording(recording))]

    def _changed(self, conference: str, call: Call, what: str, now: float) -> ConferenceChanged:
        there = self.conferences.get(conference)
        members = 0 if there is None else len(there.members)
        at = self._wall(now)
        return ConferenceChanged(conference, call.id, call.caller_extension, what, members, at)


def _block(call: Call) -> ConferenceBlock:
    assert isinstance(call.block, ConferenceBlock), call
    return call.block
