"""Who has what a call asks for, as the oracle understands it: the parsed text is walked anew each
time, and what is asked no more counts as whatever is easiest to meet."""

from collections.abc import Mapping
from dataclasses import dataclass

from pbx.distribution.errors import ConfigError
from pbx.distribution.requirements import All, AnyOf, Has, Not, Requirement, parse


@dataclass(frozen=True)
class Asked:
    """What queue and call ask for together, and what of it is asked no more."""

    texts: tuple[str, str]
    drops: frozenset[str]
    dimensions: Mapping[str, str]

    def met_by(self, tags: Mapping[str, int]) -> bool:
        return self._answer(tags) is True

    def asks_nothing(self) -> bool:
        """Anybody at all meets it."""
        return self._answer(None) is True

    def names(self, tag: str) -> bool:
        if self._dropped(tag) or "all" in self.drops:
            return False
        trees = [tree for text in self.texts if (tree := _tree(text)) is not None]
        return len(trees) == len(self.texts) and any(tag in _tags(tree) for tree in trees)

    def _dropped(self, tag: str) -> bool:
        return tag in self.drops or self.dimensions.get(tag, "skill") in self.drops

    def _answer(self, tags: Mapping[str, int] | None) -> bool | None:
        """None: it depends on the tags, and these are not known."""
        if "all" in self.drops:
            return True
        answers: list[bool | None] = []
        for text in self.texts:
            tree = _tree(text)
            answers.append(False if tree is None else self._walk(tree, tags, True))
        return _every(answers)

    def _walk(self, tree: Requirement, tags: Mapping[str, int] | None, easy: bool) -> bool | None:
        """`easy`: the answer that makes the whole easier to meet."""
        match tree:
            case Has(tag, level):
                if self._dropped(tag):
                    return easy
                return None if tags is None else tags.get(tag, 0) >= level
            case Not(part):
                inner = self._walk(part, tags, not easy)
                return None if inner is None else not inner
            case All(parts):
                return _every([self._walk(part, tags, easy) for part in parts])
            case AnyOf(parts):
                nots = [self._walk(part, tags, easy) for part in parts]
                none = _every([None if answer is None else not answer for answer in nots])
                return None if none is None else not none


def _every(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _tree(text: str) -> Requirement | None:
    try:
        return parse(text)
    except ConfigError:
        return None


def _tags(tree: Requirement) -> set[str]:
    match tree:
        case Has(tag):
            return {tag}
        case Not(part):
            return _tags(part)
        case All(parts) | AnyOf(parts):
            return {tag for part in parts for tag in _tags(part)}
