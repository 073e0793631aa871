"""YAML text into plain values, with the place of every key and value.

YAML 1.2 as people mean it: `no` is a word, `0102` and `+380…` are numbers to dial and stay text,
`22:22` is no sum in base 60. A key given twice is a fault. Keys are always text, as written. There
are two tags: `!secret NAME` and `!env NAME`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import yaml

from pbx.config.errors import ConfigError, ConfigErrors, describe

FILE_CHARACTERS_MAX: Final = (
    4 * 1024 * 1024
)  # Thousands of extensions; more is not a configuration.
VALUES_MAX: Final = 200_000  # Counted with aliases written out: a few lines can name billions.
DEPTH_MAX: Final = 40  # The deepest setting is at 6.
INTEGER_DIGITS_MAX: Final = 15

Place = tuple[str | int, ...]
"""The way to a value from the top of the document: keys, and indexes of lists."""


@dataclass(frozen=True, slots=True)
class Mark:
    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Reference:
    """`!secret NAME` or `!env NAME`, before it is looked up."""

    kind: str
    name: str


Tree = None | bool | int | float | str | Reference | list["Tree"] | dict[str, "Tree"]


@dataclass(slots=True)
class Document:
    tree: dict[str, Tree] = field(default_factory=dict[str, Tree])
    keys: dict[Place, Mark] = field(default_factory=dict[Place, Mark])
    values: dict[Place, Mark] = field(default_factory=dict[Place, Mark])
    secret: set[Place] = field(default_factory=set[Place])  # Never shown in an error.

    def at(self, place: Place) -> Tree:
        """The value there; None when there is none."""
        value: Tree = self.tree
        for step in place:
            match value:
                case dict() if isinstance(step, str) and step in value:
                    value = value[step]
                case list() if isinstance(step, int) and 0 <= step < len(value):
                    value = value[step]
                case _:
                    return None
        return value

    def has(self, place: Place) -> bool:
        return not place or place in self.values

    def nearest(self, place: Place) -> Place:
        """The longest beginning of `place` that the document has."""
        while not self.has(place):
            place = place[:-1]
        return place


_TAG: Final = "tag:yaml.org,2002:"


class _Loader(yaml.CSafeLoader):
    """Composes nodes with marks; the values are made below."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _resolve_as(kind: str, pattern: str, first: str) -> None:
    for letter in first or [""]:
        rules = _Loader.yaml_implicit_resolvers.setdefault(letter, [])
        rules.append((_TAG + kind, re.compile(pattern)))


_resolve_as("null", r"~\Z|null\Z|Null\Z|NULL\Z|\Z", "~nN")
_resolve_as("null", r"\Z", "")
_resolve_as("bool", r"(true|True|TRUE|false|False|FALSE)\Z", "tTfF")
# No leading zero or plus: those are numbers to dial.
_resolve_as("int", rf"(0|-?[1-9][0-9]{{0,{INTEGER_DIGITS_MAX - 1}}})\Z", "-0123456789")
_resolve_as("float", r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}\Z", "-0123456789")


def _to_bool(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_SCALARS: Final[dict[str, Callable[[str], Tree]]] = {
    _TAG + "null": lambda text: None,
    _TAG + "bool": _to_bool,
    _TAG + "int": lambda text: int(text[: INTEGER_DIGITS_MAX + 1]),
    _TAG + "float": float,
    _TAG + "str": str,
    "!secret": lambda text: Reference("secret", text),
    "!env": lambda text: Reference("env", text),
}

_WORDS: Final = {
    "found character that cannot start any token": "a character that means something else in YAML",
    "mapping values are not allowed in this context": "a colon where none can be",
    "did not find expected key": "expected a key here",
    "did not find expected <document start>": "expected a key here",
    "did not find expected node content": "expected a value here",
    "did not find expected ',' or ']'": "expected a comma or a closing bracket here",
    "did not find expected ',' or '}'": "expected a comma or a closing brace here",
    "did not find expected '-' indicator": "expected a dash here",
    "block sequence entries are not allowed in this context": "a list where none can be",
    "could not find expected ':'": "expected a colon after the key",
    "found unexpected end of stream": "the text ends in the middle of a quoted text",
}
_HINTS: Final = {
    "a character that means something else in YAML": "indent with spaces, not tabs; quote @ ` %",
    "a colon where none can be": "indented like the line above? a text with a colon needs quotes",
    "expected a key here": "is this line indented like its neighbours, and every bracket closed?",
    "expected a colon after the key": "write `key: value`, with a space after the colon",
}


def parse(text: str, file: str) -> Document:
    """Raises ConfigErrors and nothing else, for any text."""
    if len(text) > FILE_CHARACTERS_MAX:
        message = f"the file is over {FILE_CHARACTERS_MAX} characters"
        raise ConfigErrors([ConfigError(file, 1, 1, "", message)])
    return _Builder(file).build(_compose(text, file))


def _compose(text: str, file: str) -> yaml.Node | None:
    try:
        _refuse_depth(text, file)
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = str(fault.problem or fault.context or "this is not YAML")
        if text.splitlines()[line - 1 : line] and "\t" in text.splitlines()[line - 1][:column]:
            problem = "found character that cannot start any token"
        message = _WORDS.get(problem, problem)
        raise ConfigErrors(
            [ConfigError(file, line, column, "", message, _HINTS.get(message, ""))]
        ) from None
    except (yaml.YAMLError, UnicodeError, RecursionError) as fault:
        message = "a character that YAML does not allow, or nested too deeply"
        raise ConfigErrors([ConfigError(file, *_odd_character(text), "", message)]) from fault


def _refuse_depth(text: str, file: str) -> None:
    """Composing recurses in C without a limit: thousands of brackets end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            mark = event.start_mark
            assert mark is not None
            message = f"nested deeper than {DEPTH_MAX}"
            raise ConfigErrors([ConfigError(file, mark.line + 1, mark.column + 1, "", message)])


def _odd_character(text: str) -> tuple[int, int]:
    """Line and column of the first character that YAML 1.2 §5.1 does not allow."""
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if not (character.isprintable() or character in "\t\r\x85"):
                return number, column
    return 1, 1


class _Builder:
    def __init__(self, file: str) -> None:
        self._file = file
        self._document = Document()
        self._errors: list[ConfigError] = []
        self._count = 0

    def build(self, node: yaml.Node | None) -> Document:
        self._document.values[()] = Mark(self._file, 1, 1)
        if node is not None:
            tree = self._value(node, ())
            if isinstance(tree, dict):
                self._document.tree = tree
            elif tree is not None:
                self._fault(node, (), f"expected `key: value` lines, found {describe(tree)}")
        if self._errors:
            raise ConfigErrors(self._errors)
        return self._document

    def _mark(self, node: yaml.Node) -> Mark:
        mark = node.start_mark
        return Mark(self._file, mark.line + 1, mark.column + 1)

    def _fault(self, node: yaml.Node, place: Place, message: str, hint: str = "") -> None:
        mark = self._mark(node)
        path = path_of(place)
        self._errors.append(ConfigError(mark.file, mark.line, mark.column, path, message, hint))

    def _value(self, node: yaml.Node, place: Place) -> Tree:
        self._document.values[place] = self._mark(node)
        self._count += 1
        if self._count > VALUES_MAX:
            self._fault(node, place, f"over {VALUES_MAX} values, with aliases written out")
            raise ConfigErrors(self._errors)
        if len(place) > DEPTH_MAX:
            self._fault(node, place[:3], f"nested deeper than {DEPTH_MAX}")
            raise ConfigErrors(self._errors)
        match node:
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self._mapping(node, place)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return [self._value(item, (*place, i)) for i, item in enumerate(node.value)]
            case yaml.ScalarNode() if node.tag in _SCALARS:
                return self._scalar(node, place)
            case _:
                tag = node.tag.replace(_TAG, "!!")
                self._fault(node, place, f"unknown tag {tag}", "known: !secret, !env")
                return None

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Tree:
        try:
            return _SCALARS[node.tag](node.value)
        except (ValueError, KeyError):
            tag = node.tag.replace(_TAG, "!!")
            self._fault(node, place, f"{describe(node.value)} is no {tag}")
            return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> Tree:
        tree: dict[str, Tree] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, place, "a key must be a word or a number")
                continue
            key: str = key_node.value
            here = (*place, key)
            if key in tree:
                first = self._document.keys[here]
                message = f"the key is given twice, first in line {first.line}"
                self._fault(key_node, here, message)
                continue
            self._document.keys[here] = self._mark(key_node)
            tree[key] = self._value(value_node, here)
        return tree


def path_of(place: Place) -> str:
    """`queues.sales.members[0]`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
