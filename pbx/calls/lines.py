"""What an extension's phones are doing: one line for each call of one of its devices.

Lamps show it, call waiting counts it. An extension that nobody watches costs a table entry.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Line:
    leg: str
    call: str
    initiator: bool  # This side dialled.
    up: bool = False
    remote: str = ""  # Number and name of the other side.
    remote_name: str = ""


class Lines:
    def __init__(self) -> None:
        self.watched: set[str] = set()
        self.changed: dict[str, None] = {}  # Watched extensions, until somebody has looked.
        self._lines: dict[str, dict[str, Line]] = {}

    def of(self, extension: str) -> tuple[Line, ...]:
        """The oldest first."""
        return tuple(self._lines.get(extension, {}).values())

    def calls(self, extension: str) -> int:
        """How many calls: several devices that ring for one call count once."""
        return len({line.call for line in self._lines.get(extension, {}).values()})

    def begin(self, extension: str, line: Line) -> None:
        if extension:
            self._lines.setdefault(extension, {})[line.leg] = line
            self._note(extension)

    def rings(self, extension: str) -> None:
        """One of them has a dialog now, which somebody may want to pick up."""
        self._note(extension)

    def up(self, extension: str, leg: str) -> None:
        mine = self._lines.get(extension)
        if mine is not None and leg in mine:
            mine[leg] = replace(mine[leg], up=True)
            self._note(extension)

    def moved(self, extension: str, leg: str, call: str, remote: str, remote_name: str) -> None:
        """It belongs to another call now."""
        mine = self._lines.get(extension)
        if mine is not None and leg in mine:
            line = mine[leg]
            mine[leg] = replace(line, call=call, remote=remote, remote_name=remote_name)
            self._note(extension)

    def end(self, extension: str, leg: str) -> None:
        mine = self._lines.get(extension)
        if mine is None or mine.pop(leg, None) is None:
            return
        if not mine:
            del self._lines[extension]
        self._note(extension)

    def take_changed(self) -> tuple[str, ...]:
        changed = tuple(self.changed)
        self.changed.clear()
        return changed

    def _note(self, extension: str) -> None:
        if extension in self.watched:
            self.changed[extension] = None
