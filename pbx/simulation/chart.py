"""The day as an SVG picture of our own making: service level above, calls below.

Readable on light and on dark pages, without colours (bars differ in place, lines in dashes) and by
a mouse that rests on a bar. Nothing is loaded from elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from pbx.simulation.figures import Counts

WIDTH: Final = 860
HEIGHT: Final = 470
_LEFT: Final = 62
_RIGHT: Final = 22
_LEVEL_TOP, _LEVEL_BOTTOM = 92, 218
_CALLS_TOP, _CALLS_BOTTOM = 268, 424
_PLOT: Final = WIDTH - _LEFT - _RIGHT
_LABELS_MAX: Final = 13  # So many times of day fit below.
TITLE_MAX: Final = 88  # So many characters fit on the line.
TEXT_MAX: Final = 118

STYLE: Final = """
svg{font:13px system-ui,"Segoe UI",Helvetica,Arial,sans-serif}
.paper{fill:#fff}.ink{fill:#1f2937}.soft{fill:#5b6472}.head{font-size:16px;font-weight:600}
.grid{stroke:#e2e5ea;stroke-width:1}.axis{stroke:#8a93a1;stroke-width:1}
.answered{fill:#2f6fc4}.abandoned{fill:#d9660a}.otherwise{fill:#8a93a1}.before{opacity:.42}
.level{fill:none;stroke:#0f766e;stroke-width:2.2;stroke-linejoin:round}
.level.was{stroke:#6b7280;stroke-width:1.6;stroke-dasharray:5 4}
.dot{fill:#0f766e}
@media (prefers-color-scheme:dark){
.paper{fill:#12161c}.ink{fill:#e6e9ee}.soft{fill:#a3acba}
.grid{stroke:#2a313b}.axis{stroke:#66707f}
.answered{fill:#5b9bf0}.abandoned{fill:#f59042}.otherwise{fill:#7d8796}
.level{stroke:#2dd4bf}.level.was{stroke:#9aa3b1}.dot{fill:#2dd4bf}}
"""


@dataclass(frozen=True, slots=True)
class Series:
    """One day: calls by interval, summed over so many runs."""

    label: str
    intervals: Sequence[Counts]
    runs: int


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    subtitle: str
    interval: float  # Seconds ...
    interval_words: str  # ... and as people say it.
    threshold: float  # Of the service level, seconds.
    clock: Callable[[float], str]  # How a moment since the beginning is written.
    day: Series
    before: Series | None = None  # To compare with: pale, or dashed.


def svg(picture: Picture) -> str:
    """The whole file."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{_text(picture.title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        _label(_LEFT, 30, _short(picture.title, TITLE_MAX), "ink head"),
        _label(_LEFT, 51, picture.subtitle, "soft"),
        *_levels(picture),
        *_calls(picture),
        *_times(picture),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _levels(picture: Picture) -> Iterator[str]:
    heading = f"Service level: answered within {picture.threshold:g} s ÷ (A + B - b)"
    yield _label(_LEFT, _LEVEL_TOP - 14, heading, "ink")
    for percent in (0, 25, 50, 75, 100):
        y = _level_y(percent / 100)
        yield _line(_LEFT, y, WIDTH - _RIGHT, y, "axis" if percent == 0 else "grid")
        yield _label(_LEFT - 8, y + 4, f"{percent} %", "soft", "end")
    if picture.before is not None:
        yield from _curve(picture, picture.before, "level was")
        yield from _legend_line(picture.before.label, WIDTH - _RIGHT - 230, "level was")
        yield from _legend_line(picture.day.label, WIDTH - _RIGHT - 100, "level")
    yield from _curve(picture, picture.day, "level")


def _curve(picture: Picture, series: Series, style: str) -> Iterator[str]:
    """Broken where there was nothing to answer."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for number, counts in enumerate(series.intervals):
        level = counts.service_level
        if level is None:
            pieces.append([])
        else:
            pieces[-1].append((_middle(picture, number), _level_y(level)))
    for piece in pieces:
        if len(piece) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
            yield f'<polyline class="{style}" points="{path}"/>'
        elif piece:
            yield f'<circle class="dot" cx="{piece[0][0]:.1f}" cy="{piece[0][1]:.1f}" r="3"/>'


def _legend_line(text: str, x: float, style: str) -> Iterator[str]:
    y = _LEVEL_TOP - 18
    yield f'<line class="{style}" x1="{x}" y1="{y}" x2="{x + 26}" y2="{y}"/>'
    yield _label(x + 32, _LEVEL_TOP - 14, text, "soft")


def _calls(picture: Picture) -> Iterator[str]:
    heading = f"Calls per {picture.interval_words}"
    yield _label(_LEFT, _CALLS_TOP - 14, heading, "ink")
    yield from _legend_boxes(picture)
    top = _round_up(max(_most(picture.day), _most(picture.before), 1.0))
    for part in range(5):
        y = _CALLS_BOTTOM - (_CALLS_BOTTOM - _CALLS_TOP) * part / 4
        yield _line(_LEFT, y, WIDTH - _RIGHT, y, "axis" if part == 0 else "grid")
        yield _label(_LEFT - 8, y + 4, f"{top * part / 4:g}", "soft", "end")
    slot = _PLOT / max(_count(picture), 1)
    if picture.before is None:
        yield from _bars(picture, picture.day, top, slot * 0.12, slot * 0.76, "")
    else:
        yield from _bars(picture, picture.before, top, slot * 0.12, slot * 0.36, " before")
        yield from _bars(picture, picture.day, top, slot * 0.52, slot * 0.36, "")


def _bars(
    picture: Picture, series: Series, top: float, shift: float, width: float, style: str
) -> Iterator[str]:
    """One column an interval: answered, then who left otherwise, abandoned on top."""
    slot = _PLOT / max(_count(picture), 1)
    for number, counts in enumerate(series.intervals):
        x, y = _LEFT + number * slot + shift, float(_CALLS_BOTTOM)
        yield f"<g><title>{_text(_words(picture, series, number))}</title>"
        for kind, count in (
            ("answered", counts.answered),
            ("otherwise", counts.otherwise),
            ("abandoned", counts.abandoned),
        ):
            height = (_CALLS_BOTTOM - _CALLS_TOP) * count / series.runs / top
            y -= height
            if height > 0:
                yield (
                    f'<rect class="{kind}{style}" x="{x:.1f}" y="{y:.1f}"'
                    f' width="{width:.1f}" height="{height:.1f}"/>'
                )
        yield "</g>"


def _words(picture: Picture, series: Series, number: int) -> str:
    counts, runs = series.intervals[number], series.runs
    level = counts.service_level
    return (
        f"{picture.clock(number * picture.interval)} {series.label}:"
        f" {counts.offered / runs:.4g} offered, {counts.answered / runs:.4g} answered,"
        f" {counts.abandoned / runs:.4g} abandoned, {counts.otherwise / runs:.4g} left otherwise"
        + ("" if level is None else f", service level {level:.0%}")
    )


def _legend_boxes(picture: Picture) -> Iterator[str]:
    x = float(WIDTH - _RIGHT)
    entries = [("answered", "answered"), ("abandoned", "abandoned")]
    if any(counts.otherwise for counts in picture.day.intervals):
        entries.insert(1, ("otherwise", "left otherwise"))
    if picture.before is not None:
        entries.append(("answered before", f"pale: {picture.before.label}"))
    for style, text in reversed(entries):
        x -= 7.4 * len(text) + 36
        yield f'<rect class="{style}" x="{x:.0f}" y="{_CALLS_TOP - 24}" width="12" height="12"/>'
        yield _label(x + 18, _CALLS_TOP - 14, text, "soft")


def _times(picture: Picture) -> Iterator[str]:
    count = _count(picture)
    slot = _PLOT / max(count, 1)
    every = max(1, -(-count // (_LABELS_MAX - 1)))
    for number in range(0, count + 1, every):
        x = _LEFT + number * slot
        yield _line(x, _CALLS_BOTTOM, x, _CALLS_BOTTOM + 5, "axis")
        text = picture.clock(number * picture.interval)
        yield _label(x, _CALLS_BOTTOM + 21, text, "soft", "middle")


def _count(picture: Picture) -> int:
    before = len(picture.before.intervals) if picture.before is not None else 0
    return max(len(picture.day.intervals), before)


def _most(series: Series | None) -> float:
    """Calls in the busiest interval."""
    if series is None:
        return 0.0
    return max(
        (
            (counts.answered + counts.abandoned + counts.otherwise) / series.runs
            for counts in series.intervals
        ),
        default=0.0,
    )


def _round_up(value: float) -> float:
    """To a number whose quarters are easy to read."""
    scale = 1.0
    while scale * 100 < value:
        scale *= 10
    for step in (1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 60, 80, 100):
        if step * scale >= value:
            return step * scale
    return value


def _level_y(level: float) -> float:
    return _LEVEL_BOTTOM - (_LEVEL_BOTTOM - _LEVEL_TOP) * level


def _middle(picture: Picture, number: int) -> float:
    return _LEFT + (number + 0.5) * _PLOT / max(_count(picture), 1)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}"{place}>{_text(text)}</text>'


def _text(text: str) -> str:
    """What XML allows, and no more than fits."""
    short = _short(text, TEXT_MAX)
    return escape("".join(sign if sign.isprintable() else "?" for sign in short))


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
