"""One document from several files.

`include:` names further files, or patterns of files, relative to the file that names them.
"""

import os
from pathlib import Path
from typing import Final

from pbx.config.document import (
    FILE_CHARACTERS_MAX,
    Document,
    Mark,
    Place,
    Tree,
    parse,
    path_of,
)
from pbx.config.errors import ConfigError, ConfigErrors, did_you_mean

FILES_MAX: Final = 1000  # One per extension would be many already.
INCLUDE: Final = "include"


def read(path: Path) -> Document:
    """Read a configuration and all that it includes. Raises ConfigErrors and nothing else."""
    reader = _Reader()
    document = reader.read(path, None)
    if reader.errors:
        raise ConfigErrors(reader.errors)
    return document


def read_text(path: Path, mark: Mark | None = None) -> str:
    """The text of a file; `mark` is the place that named it, where a fault is reported."""
    where = mark or Mark(str(path), 0, 0)
    setting = "" if mark is None else INCLUDE
    try:
        with path.open("rb") as file:
            data = file.read(FILE_CHARACTERS_MAX + 1)
        return data.decode("utf-8-sig")
    except (OSError, ValueError) as fault:
        if isinstance(fault, UnicodeDecodeError):
            line = fault.object.count(b"\n", 0, fault.start) + 1
            column = fault.start - fault.object.rfind(b"\n", 0, fault.start)
            message = "this is not UTF-8 text"
            raise ConfigErrors([ConfigError(str(path), line, column, "", message)]) from None
        reason = getattr(fault, "strerror", None) or str(fault)
        message = f"cannot read {path}: {reason}"
        hint = _neighbour(path) if isinstance(fault, FileNotFoundError) else ""
        raise ConfigErrors(
            [ConfigError(where.file, where.line, where.column, setting, message, hint)]
        ) from None


def _neighbour(path: Path) -> str:
    try:
        return did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")])
    except OSError:
        return ""


class _Reader:
    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self._open: list[str] = []  # From the first file to the one being read.
        self._count = 0

    def read(self, path: Path, mark: Mark | None) -> Document:
        """`mark` is the place of the `include` that named this file."""
        try:
            document = parse(read_text(path, mark), str(path))
        except ConfigErrors as fault:
            self.errors += fault.errors
            return Document()
        self._open.append(os.path.realpath(path))
        for place, name in self._included(document):
            self._include(document, path.parent, name, document.values[place])
        _ = self._open.pop()
        return document

    def _included(self, document: Document) -> list[tuple[Place, str]]:
        value = document.tree.pop(INCLUDE, None)
        names: list[tuple[Place, Tree]] = [((INCLUDE,), value)]
        if isinstance(value, list):
            names = [((INCLUDE, i), item) for i, item in enumerate(value)]
        found: list[tuple[Place, str]] = []
        for place, name in names:
            if isinstance(name, str) and name.isprintable() and name:
                found.append((place, name))
            elif value is not None:
                self._fault(document.values[place], "expected a file name, or a list of them")
        return found

    def _include(self, document: Document, folder: Path, name: str, mark: Mark) -> None:
        path = folder / name
        paths = [path]
        if "*" in name or "?" in name:
            try:
                paths = sorted(folder.glob(name))
            except (ValueError, NotImplementedError):
                self._fault(mark, "expected a pattern such as queues/*.yaml")
                return
        for each in paths:
            self._count += 1
            if self._count > FILES_MAX:
                self._fault(mark, f"over {FILES_MAX} files are included")
                return
            if os.path.realpath(each) in self._open:
                self._fault(mark, f"{each} includes itself")
                continue
            self._merge(document, self.read(each, mark))

    def _merge(self, into: Document, add: Document) -> None:
        self._merge_tree(into.tree, add.tree, (), into, add)
        into.keys = add.keys | into.keys
        into.values = add.values | into.values

    def _merge_tree(
        self,
        into: dict[str, Tree],
        add: dict[str, Tree],
        place: Place,
        document: Document,
        other: Document,
    ) -> None:
        for key, value in add.items():
            here = (*place, key)
            mine = into.get(key)
            if key not in into:
                into[key] = value
            elif isinstance(mine, dict) and isinstance(value, dict):
                self._merge_tree(mine, value, here, document, other)
            else:
                first = document.keys[here]
                message = f"this is set already in {first.file}:{first.line}"
                self._fault(other.keys[here], message, path_of(here))

    def _fault(self, mark: Mark, message: str, setting: str = INCLUDE) -> None:
        self.errors.append(ConfigError(mark.file, mark.line, mark.column, setting, message))
