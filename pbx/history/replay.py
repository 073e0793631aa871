"""A day's journal lived again: every input with the effects that it has, checked against the day.

A file may hold several segments (the process was started again, or inputs were lost), a line that
a crash has torn, and damage. All of it is reported in `problems`, and what can be replayed is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from pbx.distribution import journal
from pbx.distribution.core import Distribution
from pbx.distribution.effects import Effect
from pbx.distribution.errors import ConfigError, ParseError
from pbx.distribution.inputs import Input
from pbx.distribution.journal import Clock, Digest, Entry, Header, Tally, is_decision
from pbx.snapshot import SnapshotError, thaw

PROBLEMS_MAX: Final = 100  # Kept; a damaged file may have one in every line.
NO_CLOCK: Final = Clock(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Began:
    """A segment: the process was started (`fresh`), or the journal goes on from a known state."""

    at: float
    fresh: bool
    by: str  # The version that wrote it.


@dataclass(frozen=True, slots=True)
class Step:
    """One input. Times are Unix seconds."""

    number: int  # In the file, from 1.
    at: float
    event: Input
    effects: tuple[Effect, ...]
    moment: float  # The same as `at` in the core's time.
    same: bool | None  # As on the day? None: the journal does not say.


@dataclass(slots=True)
class Replay:
    """`core` is that of the step just given: look into it, but do not feed it."""

    core: Distribution | None = None
    until: float | None = None  # Unix seconds: later inputs are left out. May be set on the way.
    clock: Clock = NO_CLOCK
    line: int = 0  # The number of the one just read.
    inputs: int = 0
    decisions: int = 0
    checked: int = 0  # Inputs whose effects the journal has a sum of, or that had none.
    differing: int = 0
    first_difference: Step | None = None
    problems: list[str] = field(default_factory=list[str])
    digests: list[str] = field(default_factory=list[str])  # Of the segments.
    versions: dict[str, None] = field(default_factory=dict[str, None])
    _tally: Tally = field(default_factory=Tally)
    _lost: bool = False  # Until the next segment: something is missing.

    def run(self, lines: Iterable[str]) -> Iterator[Step | Began]:
        """May be called again with the lines of the day that follows."""
        torn = ""
        for number, text in enumerate(lines, start=1):
            self.line = number
            try:
                line = journal.read(text)
            except ParseError as error:
                torn = torn or f"line {number} is not whole: {error}"
                if not self._lost and text.endswith("\n"):
                    self._lost = True
                continue
            if torn:
                self._note_torn(torn, line)
                torn = ""
            match line:
                case Header():
                    yield from self._begin(line, number)
                case Entry() if self._is_later(line):
                    break
                case Entry():
                    yield from self._step(line)
                case Digest():
                    self._compare(line, number)
                case _:
                    self.clock = line
        if torn:
            self._problem(f"{torn}; it was being written when the journal ended")
        self._end_segment()

    @property
    def digest(self) -> str:
        """Of all effects of all segments."""
        self._end_segment()
        if len(self.digests) == 1:
            return self.digests[0]
        return blake2b("".join(self.digests).encode(), digest_size=journal.DIGEST_BYTES).hexdigest()

    def unix_of(self, moment: float) -> float:
        return self.clock.unix_of(moment)

    def _is_later(self, entry: Entry) -> bool:
        return self.until is not None and self.clock.unix_of(entry.at) > self.until

    def _begin(self, head: Header, number: int) -> Iterator[Began]:
        self._end_segment()
        self.clock = head.clock or NO_CLOCK
        if head.by:
            self.versions[head.by] = None
        try:
            self.core = _core_of(head)
        except (ParseError, SnapshotError) as error:
            self._lost, self.core = True, None
            self._problem(f"line {number}: this segment cannot be replayed: {error}")
            return
        self._lost = False
        yield Began(self.clock.unix, head.state is None, head.by)

    def _step(self, entry: Entry) -> Iterator[Step]:
        if self.core is None or self._lost:
            return
        self.inputs += 1
        effects = self._apply(self.core, entry)
        same = self._is_same(entry, effects)
        self.decisions += sum(is_decision(effect) for effect in effects)
        at = self.clock.unix_of(entry.at)
        step = Step(self.inputs, at, entry.event, tuple(effects), entry.at, same)
        if same is False:
            self.differing += 1
            self.first_difference = self.first_difference or step
        yield step

    def _apply(self, core: Distribution, entry: Entry) -> list[Effect]:
        try:
            return core.apply(entry.event, entry.at)
        except ConfigError:
            return []  # It was refused on the day, too.
        except Exception as error:  # A bug of ours: the exchange went on, so do we.
            self._problem(f"input {self.inputs}, {type(entry.event).__name__}, fails: {error!r}")
            return []

    def _is_same(self, entry: Entry, effects: list[Effect]) -> bool | None:
        found = self._tally.add(entry.at, effects)
        if not entry.sum and found and not self._checks:
            return None
        self.checked += 1
        return found == entry.sum

    @property
    def _checks(self) -> bool:
        """Only what the PBX wrote has sums; they begin with a clock."""
        return self.clock is not NO_CLOCK

    def _compare(self, digest: Digest, number: int) -> None:
        if self.core is None or self._lost or self.differing:
            return
        if digest != self._tally.digest():
            found = self._tally.digest()
            self._problem(
                f"line {number}: {digest.inputs} inputs had {digest.decisions} decisions, here"
                f" {found.inputs} have {found.decisions}: lines were changed or are missing"
            )

    def _end_segment(self) -> None:
        if self._tally.inputs:
            self.digests.append(self._tally.digest().text)
        self._tally = Tally()

    def _note_torn(self, torn: str, following: object) -> None:
        if isinstance(following, Header):
            self._problem(f"{torn}; the PBX was stopped while it wrote it")
        else:
            self._problem(f"{torn}; what follows is left out up to the next segment")

    def _problem(self, text: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)


def _core_of(head: Header) -> Distribution:
    if head.state is None:
        return journal.first_core(head)
    try:
        core = thaw(head.state)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise SnapshotError(f"its state is damaged: {error!r}") from error
    if not isinstance(core, Distribution):
        raise SnapshotError("its state is not that of a distribution")
    return core
