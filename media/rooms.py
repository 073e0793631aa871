"""The rooms of a worker: conferences, and supervisors who listen, whisper or take part.

Who hears one other alone gets his packets as they are; who hears several gets a mix, made for all
rooms together once a tick (`media/mixing.py`). Changing from one to the other loses nothing and is
one stream for the peer: see `Wait` for the way to a mix, and `_pass_on` for the way back.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from media import rtp
from media.codecs import CodecError
from media.department import Department
from media.mixing import Bank, Seat, encode_laws
from media.planning import way
from media.protocol import Command, Mix
from media.room import NARROW_RATE, WIDE_RATE, Place, Room, Wait
from media.session import Mode, Session
from media.splicing import Splice
from media.talker import FRAME_BYTES, Talker

if TYPE_CHECKING:
    from media.engine import Engine
    from media.g711 import Law
    from media.jitter import Jitter
    from media.line import Line

_header: Final = rtp.HEADER.pack

# Sequence number, timestamp, payload.
Waiting = list[tuple[int, int, bytes]]


class Rooms(Department):
    def __init__(self, engine: "Engine") -> None:
        super().__init__(engine)
        self._rooms: dict[str, Room] = {}
        self._places: dict[str, Place] = {}  # By session: each is in one room at most.
        self._banks = {rate: Bank(rate) for rate in (NARROW_RATE, WIDE_RATE)}
        self._ears: dict[int, list[Place]] = {}  # Who gets a mix, by rate.
        self._changed = False
        self._leaving: list[Place] = []  # Still to fade out.
        self._ending: list[Place] = []  # From a mix to one talker, after the next tick.
        # What was said to who has left its room in this moment, but not played: by talker.
        self._unheard: dict[str, dict[str, Waiting]] = {}

    @property
    def busy(self) -> bool:
        return self._changed or bool(self._leaving) or any(self._ears.values())

    def leftovers(self) -> int:
        banked = sum(len(bank) for bank in self._banks.values())
        return len(self._places) + len(self._rooms) + len(self._leaving) + banked

    def members(self, room: str) -> Mapping[str, tuple[str, ...]]:
        found = self._rooms.get(room)
        return {} if found is None else found.listening()

    def on_command(self, command: Command) -> None:
        if not isinstance(command, Mix):
            return
        lines = self.engine.lines
        wanted = {one.session: one.hears for one in command.members if one.session in lines}
        self.engine.counters["unknown_session"] += len(command.members) - len(wanted)
        room = self._rooms.get(command.room) or Room(command.room)
        for place in list(room.places.values()):
            if place.name not in wanted:
                self._dismiss(place)
        if wanted:
            self._rooms[room.name] = room
        for name in wanted:
            if name not in room.places:
                self._admit(name, room, wanted)
        for name, hears in wanted.items():
            room.places[name].hears = hears
        self._apply(room)

    # Who is in it.

    def _admit(self, name: str, room: Room, wanted: Mapping[str, object]) -> None:
        """Whatever the session did before ends; but two who talk go on talking."""
        line = self.engine.lines[name]
        session, partner = line.session, line.session.peer
        if session.mode is Mode.JOINED and partner is not None and partner.name in wanted:
            partner.mode = Mode.MIXED
        elif session.mode is not Mode.MIXED or name in self._places:
            self.engine.leave(line)
        session.mode = Mode.MIXED
        self._places[name] = room.places[name] = Place(name, line, room)

    def _dismiss(self, place: Place) -> None:
        """It is silent from now on."""
        session = place.line.session
        self._remove(place)
        if session.mode is Mode.MIXED:
            session.mode = Mode.IDLE
        self._hear(session, None)

    def _remove(self, place: Place) -> None:
        room = place.room
        del room.places[place.name], self._places[place.name]
        place.wait = None
        place.heard = ()
        place.seat.hears = ()
        self._leaving.append(place)  # Those who have heard it in a mix hear it fade.
        if not room.places:
            del self._rooms[room.name]

    def on_joining(self, a: "Line", b: "Line") -> None:
        left = [self._places.get(line.session.name) for line in (a, b)]
        places = [place for place in left if place is not None]
        for place in places:
            self._depart(place)
        for room in dict.fromkeys(place.room for place in places):
            self._apply(room)

    def on_left(self, line: "Line", *, for_good: bool) -> None:
        place = self._places.get(line.session.name)
        if place is None:
            return
        if for_good:
            self._depart(place)
        else:
            place.playing = True
        self._apply(place.room)

    def _depart(self, place: Place) -> None:
        """What waits for it is kept: it may hear one of the others alone at once."""
        self._unheard[place.name] = {name: self._not_played(place, name) for name in place.heard}
        self._remove(place)

    def on_ended(self, line: "Line") -> None:
        place = self._places.get(line.session.name)
        if place is None or not place.playing or line.session.mode is not Mode.IDLE:
            return
        line.session.mode = Mode.MIXED
        place.playing = False
        place.wait = Wait(self.engine.ticks.schedule.next)  # This tick has had its packet.
        self._apply(place.room)

    def on_connected(self, line: "Line") -> None:
        place = self._places.get(line.session.name)
        if place is not None and place.codec != place.codec_wanted:
            self._apply(place.room)

    def on_closed(self, session: str) -> None:
        _ = self._unheard.pop(session, None)

    # Whom they hear.

    def _apply(self, room: Room) -> None:
        """Bring everything in line with what is commanded."""
        self.engine.start_ticks()
        self._changed = True
        self._tune(room)
        listening = room.listening()
        in_mix = room.in_mix()
        for name, place in room.places.items():
            if name in in_mix:
                self._start_talking(place)
            elif place.seat.talker is not None:
                self._leaving.append(place)
        for name, heard in listening.items():
            place = room.places[name]
            if len(heard) > 1:
                self._to_mix(place, heard)
            elif heard and place.heard and place.wait is None:
                self._begin_ending(place, heard[0])
            else:
                self._to_one(place, heard[0] if heard else None)
        for department in self.engine.departments.values():
            department.on_room(room.name)

    def _tune(self, room: Room) -> None:
        """Codecs that are new, or a rate that all must change to."""
        rate, room.rate = room.rate, room.rate_wanted
        for place in self._leaving:
            if place.room is room and place.seat.talker is not None:
                place.seat.talker.tune(room.rate)
        for place in room.places.values():
            renewed = place.codec != place.codec_wanted
            if not renewed and rate == room.rate:
                continue
            if renewed:
                place.codec = place.codec_wanted
                self._stop_talking(place)
            elif place.seat.talker is not None:
                place.seat.talker.tune(room.rate)
            place.seat.encoder = place.seat.law = None
            if place.heard:
                self._start_listening(place)

    def _start_talking(self, place: Place) -> None:
        if place.seat.talker is None and place.codec[0]:
            try:
                place.seat.talker = Talker(place.line.session.leg, place.room.rate)
            except CodecError:
                self.engine.counters["codec_not_here"] += 1
                return
            self.engine.tap(place.name, place.seat.talker)

    def _stop_talking(self, place: Place) -> None:
        talker, place.seat.talker = place.seat.talker, None
        if talker is not None:
            self.engine.untap(place.name, talker)

    def _start_listening(self, place: Place) -> None:
        seat = place.seat
        if seat.law is None and seat.encoder is None and place.codec[0]:
            try:
                seat.listen(place.line.session.leg, place.room.rate)
            except CodecError:
                self.engine.counters["codec_not_here"] += 1

    def _to_mix(self, place: Place, heard: tuple[str, ...]) -> None:
        session, places = place.line.session, place.room.places
        if place.heard == heard:
            return
        if session.source is not None:
            self._leave_one(place, session.source, heard)
        else:
            place.seat.before = place.seat.hears
        place.heard = heard
        place.seat.hears = tuple(places[name].seat for name in heard)
        if session.splice is None:
            session.splice = Splice(session.player.stream)
        self._start_listening(place)

    def _leave_one(self, place: Place, source: Session, heard: tuple[str, ...]) -> None:
        """Out of a relay: what the mix begins with follows what was passed on last."""
        session = place.line.session
        ours = session.splice is not None or session.transcoder is not None
        seat = place.room.places[source.name].seat if source.name in heard else None
        place.seat.before = ()
        begun_at = self.engine.ticks.schedule.next
        if seat is not None and seat.talker is not None and place.wait is None:
            jitter = seat.talker.jitter
            talker = None if ours else source
            place.wait = Wait(begun_at, jitter, jitter.end, talker, (seat,))
        self._hear(session, None)

    def _begin_ending(self, place: Place, name: str) -> None:
        """One more packet of the mix, in which all but one fade out."""
        if place.heard != (name,):
            place.seat.before = place.seat.hears
            place.seat.hears = (place.room.places[name].seat,)
            place.heard = (name,)
            self._ending.append(place)

    def _end_mixes(self) -> None:
        ending, self._ending = self._ending, []
        for place in ending:
            heard = place.room.listening().get(place.name, ())
            if place.room.places.get(place.name) is place and len(heard) == len(place.heard) == 1:
                self._to_one(place, heard[0])
                self._changed = True

    def _to_one(self, place: Place, name: str | None) -> None:
        """To the packets of one talker, or of nobody."""
        session = place.line.session
        unheard = self._not_played(place, name) if name in place.heard else []
        place.heard = place.seat.hears = ()
        place.seat.before = place.wait = None
        source = None if name is None else self.engine.lines[name].session
        if session.source is not source:
            self._hear(session, source)
            if source is not None:
                self._pass_on(source, session, unheard)

    def _hear(self, session: Session, source: Session | None) -> None:
        before = session.source
        session.hear(source)
        for one in (before, source):
            if one is not None:
                self.engine.plan(self.engine.lines[one.name])

    # From a mix to the packets of one talker.

    def _not_played(self, hearer: Place, name: str | None) -> Waiting:
        place = None if name is None else hearer.room.places.get(name)
        talker = None if place is None else place.seat.talker
        if talker is None:
            return []
        jitter, wait = talker.jitter, hearer.wait
        return jitter.waiting(0 if wait is None or wait.jitter is not jitter else wait.mark)

    def _pass_on(self, source: Session, hearer: Session, unheard: Waiting) -> None:
        """What waits in the jitter buffer leaves at once: the next packet follows it."""
        forward = way(source, self.engine.lines[hearer.name], self.engine.sockets.clock)
        if forward is None or not source.leg.sending or not hearer.can_hear():
            return
        for seq, timestamp, payload in unheard:
            if payload:
                ssrc = source.stats.ssrc & 0xFFFF_FFFF
                packet = rtp.pack(source.leg.payload_type, seq, timestamp, ssrc) + payload
                try:
                    _ = forward(packet)
                except OSError:
                    hearer.errors += 1
                else:
                    hearer.sent += 1
                    hearer.bytes_sent += len(packet)

    def on_planned(self, line: "Line") -> None:
        place = self._places.get(line.session.name)
        talker = None if place is None else place.seat.talker
        # Nobody but the mixer wants its packets, and not before the tick.
        self.engine.sockets.be_patient(line.rtp, not line.hearers and line.taps == [talker])
        if not self._unheard:
            return
        for hearer in line.hearers:  # Of a Join, of two who come out of a room.
            unheard = self._unheard.pop(hearer.name, {})
            self._pass_on(line.session, hearer, unheard.get(line.session.name, []))

    # Every 20 ms.

    def on_tick(self, tick: int, now: float) -> None:
        # After a stall the tick is called first: what has come meanwhile is not lost, and to make
        # it up would take longer than the stall.
        self.engine.sockets.relay()
        self.engine.sockets.read_patient()
        self._unheard.clear()
        if self._changed:
            self._arrange()
        for rate, bank in self._banks.items():
            if len(bank):
                bank.gather(now)
                self._speak(bank, self._ears[rate], tick)
        if self._ending:
            self._end_mixes()
        if self._leaving:
            self._let_go()

    def _speak(self, bank: Bank, ears: list[Place], tick: int) -> None:
        for place in ears:
            if place.wait is not None and place.wait.over(tick):
                self._begin(place, place.wait, tick)
        mixed = bank.mix()
        laws: set[Law] = {place.seat.law for place in ears if place.seat.law is not None}
        codes = {law: encode_laws(mixed, law) for law in laws}
        said: list[tuple[Line, bytes]] = []
        for place in ears:
            seat = place.seat
            if place.wait is not None or not place.line.session.can_hear():
                continue
            if seat.law is not None:
                at = seat.row * FRAME_BYTES
                payload = codes[seat.law][at : at + FRAME_BYTES]
            elif seat.encoder is not None:
                payload = seat.encode(mixed[seat.row])
            else:
                continue
            said.append((place.line, payload))
        _send(tick, said)

    def _begin(self, place: Place, wait: Wait, tick: int) -> None:
        """The first packet of a mix is this tick's."""
        place.wait = None
        place.seat.before = wait.before
        stream = place.line.session.player.stream
        if not wait.follows or wait.jitter is None:
            return
        if wait.talker is None:
            stream.follow(tick)
        elif wait.talker.stats.streams:
            jitter: Jitter = wait.jitter
            stream.adopt(wait.talker.stats.ssrc, jitter.seq, jitter.timestamp, tick)

    def _arrange(self) -> None:
        """Rooms, members or matrices have changed since the last tick."""
        self._changed = False
        for bank in self._banks.values():
            bank.clear()
        for rate, bank in self._banks.items():
            mixing = [room for room in self._rooms.values() if room.rate == rate and room.mixing]
            bank.arrange([[*room.seats, *self._faded(room)] for room in mixing])
            places = (place for room in mixing for place in room.places.values())
            self._ears[rate] = [place for place in places if place.heard]

    def _faded(self, room: Room) -> list[Seat]:
        """Who has left, but is still to be heard in this tick."""
        places = room.places
        return [
            place.seat
            for place in self._leaving
            if place.room is room and places.get(place.name) is not place
        ]

    def _let_go(self) -> None:
        """Who is not heard any more has faded out now."""
        for place in self._leaving:
            room = place.room
            if room.places.get(place.name) is not place or place.name not in room.in_mix():
                self._stop_talking(place)
        self._leaving.clear()
        self._changed = True

    def close(self) -> None:
        self._leaving.clear()
        self._ending.clear()
        self._ears.clear()
        self._changed = False
        for bank in self._banks.values():
            bank.clear()


def _send(tick: int, said: list[tuple["Line", bytes]]) -> None:
    """What `Stream.packet` and `Line.transmit` do, for all ears in one loop without calls."""
    before = tick - 1
    for line, payload in said:
        session = line.session
        stream = session.player.stream
        second = session.leg.payload_type
        if stream.tick != before:
            second |= rtp.MARKER
            stream.go_on(tick)
        stream.tick = tick
        stream.last = stamp = (stream.timestamp + tick * stream.units) & 0xFFFF_FFFF
        seq = stream.seq
        stream.seq = (seq + 1) & 0xFFFF
        stream.packets += 1
        size = len(payload)
        stream.octets += size
        try:
            _ = line.send(_header(rtp.VERSION_2, second, seq, stamp, stream.ssrc) + payload)
        except OSError:
            session.errors += 1
        else:
            session.sent += 1
            session.bytes_sent += size + rtp.HEADER_SIZE
