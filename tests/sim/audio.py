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
    silence_seconds: float = 0.0
    since: float = 0.0  # From when silence is counted.
    failed: bool = False


@dataclass(slots=True)
class FakeWorker:
    lines: dict[str, Line] = field(default_factory=dict[str, Line])
    ports: dict[int, str] = field(default_factory=dict[int, str])
    fails_to_open: int = 0  # That many of the next ports cannot be opened.
    broken_files: frozenset[str] = frozenset()

    def on_command(self, command: media.Command, now: float) -> Later:
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
            case media.Part(name):
                self._part(self._line(name))
            case media.Play(name):
                return self._play(self._line(name), command)
            case media.Stop(name):
                return self._leave(name)
            case media.Echo(name):
                later = self._leave(name)
                self._line(name).echo = True
                return later
            case media.Close(name):
                line = self._line(name)
                self._part(line)
                del self.lines[name], self.ports[line.port]
                return [(CLOSE_SECONDS, media.Closed(name, media.SessionStats()))]
            case _:
                pass
        return []

    def crash(self) -> None:
        self.lines.clear()
        self.ports.clear()

    def still_true(self, event: media.Event) -> bool:
        """An event may be out of date by the time that it would come."""
        if isinstance(event, media.PlayEnded) and event.finished:
            line = self.lines.get(event.session)
            if line is None or line.play != event.play:
                return False
            line.play = 0
        return True

    @property
    def pairs(self) -> set[frozenset[str]]:
        """Who is joined with whom."""
        return {frozenset((name, line.joined)) for name, line in self.lines.items() if line.joined}

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
