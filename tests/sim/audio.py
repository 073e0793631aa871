"""A media worker in virtual time: insists on the rules of the protocol, and knows who is heard."""

from dataclasses import dataclass, field
from typing import Final

from media import protocol as media
from sip.flow import Address

PROMPT_SECONDS: Final = 3.0
CLOSE_SECONDS: Final = 0.001

Later = list[tuple[float, media.Event]]
"""Events, and after how many seconds they come."""


@dataclass(slots=True)
class Line:
    """One media session."""

    port: int
    address: Address | None = None  # Where the peer's sound comes from.
    sending: bool = True
    receiving: bool = True
    joined: str = ""
    play: int = 0  # What plays now; 0: nothing.
    files: tuple[str, ...] = ()
    echo: bool = False
    pressed: str = ""  # Towards the phone, by us.
    silence_seconds: float = 0.0
    since: float = 0.0  # From when silence is counted.
    failed: bool = False


@dataclass(slots=True)
class Tape:
    """One recording."""

    path: str
    sessions: tuple[str, ...]
    since: float
    paused: bool = False


@dataclass(slots=True)
class FakeWorker:
    lines: dict[str, Line] = field(default_factory=dict[str, Line])
    tapes: dict[str, Tape] = field(default_factory=dict[str, Tape])
    recorded: dict[str, float] = field(default_factory=dict[str, float])  # Path → seconds.
    ports: dict[int, str] = field(default_factory=dict[int, str])
    dead: bool = False
    fails_to_open: int = 0  # That many of the next ports cannot be opened.
    broken_files: frozenset[str] = frozenset()
    rooms: dict[str, dict[str, tuple[str, ...]]] = field(
        default_factory=dict[str, dict[str, tuple[str, ...]]]
    )

    def on_command(self, command: media.Command, now: float) -> Later:
        if self.dead:
            return []
        match command:
            case media.Open(name, port):
                return self._open(name, port)
            case media.Connect(name, address):
                line = self._line(name)
                line.address, line.since = address, now
                line.sending, line.receiving = command.sending, command.receiving
            case media.Watch(name, seconds):
                line = self._line(name)
                line.silence_seconds, line.since = seconds, now
            case media.Join(a, b):
                return self._join(a, b)
            case media.Mix():
                return self._mix(command)
            case media.Part(name):
                self._part(self._line(name))
                self._leave_rooms(name)
            case media.Play(name):
                return self._play(self._line(name), command)
            case media.Stop(name):
                return self._leave(name)
            case media.SendDigits(name, digits):
                self._line(name).pressed += digits
            case media.Echo(name):
                later = self._leave(name)
                self._line(name).echo = True
                return later
            case media.Close(name):
                line = self._line(name)
                self._part(line)
                self._leave_rooms(name)
                del self.lines[name], self.ports[line.port]
                taped = [n for n, tape in self.tapes.items() if name in tape.sessions]
                ended = [later for n in taped for later in self._end_tape(n, "closed", now)]
                return [*ended, (CLOSE_SECONDS, media.Closed(name, media.SessionStats()))]
            case media.Record(name):
                return self._record(command, now)
            case media.PauseRecording(name, paused) if name in self.tapes:
                self.tapes[name].paused = paused
            case media.EndRecording(name):
                return self._end_tape(name, "stopped", now)
            case _:
                pass
        return []

    def _record(self, command: media.Record, now: float) -> Later:
        name = command.recording
        assert name not in self.tapes, f"{name} recorded twice"
        sessions = tuple(s for s in (command.left, command.right) if s)
        for session in sessions:
            _ = self._line(session)
        self.tapes[name] = Tape(command.path, sessions, now)
        limit = media.RecordingEnded(name, "limit", command.seconds_max)
        return [(command.seconds_max, limit)]

    def _end_tape(self, name: str, reason: str, now: float) -> Later:
        tape = self.tapes.pop(name, None)
        if tape is None:
            return []
        self.recorded[tape.path] = seconds = now - tape.since
        return [(CLOSE_SECONDS, media.RecordingEnded(name, reason, seconds))]

    def crash(self) -> None:
        """Whatever it is told from now on is lost, until it is back."""
        self.dead = True
        self.tapes.clear()
        self.lines.clear()
        self.rooms.clear()
        self.ports.clear()

    def still_true(self, event: media.Event) -> bool:
        """An event may be out of date by the time that it would come."""
        if isinstance(event, media.PlayEnded) and event.finished:
            line = self.lines.get(event.session)
            if line is None or line.play != event.play:
                return False
            line.play = 0
        if isinstance(event, media.RecordingEnded) and event.reason == "limit":
            tape = self.tapes.pop(event.recording, None)
            if tape is None:
                return False
            self.recorded[tape.path] = event.seconds
        return True

    @property
    def pairs(self) -> set[frozenset[str]]:
        """Who is joined with whom."""
        return {frozenset((name, line.joined)) for name, line in self.lines.items() if line.joined}

    def heard_by(self, name: str) -> set[str]:
        """Whose peers the peer of this session hears: in a relay, or in a room."""
        line = self.lines[name]
        if line.play or line.echo:
            return set()
        if line.joined:
            return {line.joined}
        return {other for room in self.rooms.values() for other in room.get(name, ())}

    def _mix(self, command: media.Mix) -> Later:
        later: Later = []
        known = self.rooms.get(command.room, {})
        members = {member.session: member.hears for member in command.members}
        for name, hears in members.items():
            assert name not in hears, f"{name} hears itself"
            assert set(hears) <= members.keys(), f"{name} hears {hears}, who are not there"
            if name not in known:
                later += self._leave(name)
                self._leave_rooms(name)
        if members:
            self.rooms[command.room] = members
        else:
            _ = self.rooms.pop(command.room, None)
        return later

    def _leave_rooms(self, name: str) -> None:
        for members in self.rooms.values():
            if members.pop(name, None) is not None:
                for other, hears in members.items():
                    members[other] = tuple(one for one in hears if one != name)

    def _open(self, name: str, port: int) -> Later:
        assert name not in self.lines, f"{name} opened twice"
        assert port not in self.ports, f"port {port} is still {self.ports.get(port)}'s"
        self.lines[name], self.ports[port] = Line(port), name
        if not self.fails_to_open:
            return []
        self.fails_to_open -= 1
        self.lines[name].failed = True
        return [(CLOSE_SECONDS, media.Failed(name, "the port is taken"))]

    def _line(self, name: str) -> Line:
        assert name in self.lines, f"{name} is not open"
        return self.lines[name]

    def _join(self, a: str, b: str) -> Later:
        assert a != b, f"{a} joined with itself"
        one, other = self._line(a), self._line(b)
        self._leave_rooms(a)
        self._leave_rooms(b)
        if one.joined == b:
            return []
        later = [*self._leave(a), *self._leave(b)]
        one.joined, other.joined = b, a
        return later

    def _play(self, line: Line, command: media.Play) -> Later:
        later = self._leave(command.session)
        assert command.files, f"{command.session} plays nothing"
        if self.broken_files.issuperset(command.files):
            error = media.PlayEnded(command.session, command.play, False, "cannot be read")
            return [*later, (CLOSE_SECONDS, error)]
        line.play, line.files = command.play, command.files
        if not command.repeat:
            ended = media.PlayEnded(command.session, command.play, True)
            later.append((PROMPT_SECONDS * len(command.files), ended))
        return later

    def _leave(self, name: str) -> Later:
        """Out of whatever it does now."""
        line = self._line(name)
        self._part(line)
        line.echo = False
        if not line.play:
            return []
        ended = media.PlayEnded(name, line.play, False)
        line.play = 0
        return [(CLOSE_SECONDS, ended)]

    def _part(self, line: Line) -> None:
        if line.joined:
            self.lines[line.joined].joined = ""
            line.joined = ""
