"""The picture is whole XML that says what it should; the bars are as long as they should be."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from pbx.simulation.bars import bars, interval_for
from pbx.simulation.chart import HEIGHT, WIDTH, Picture, Series, svg
from pbx.simulation.figures import Counts

SVG = "{http://www.w3.org/2000/svg}"
# Offered, answered, in time, abandoned, short, otherwise, refused.
DAY = [
    Counts(40, 40, 40),
    Counts(),
    Counts(100, 60, 30, 36, 6, 4),
    Counts(80, 80, 20),
]


def clock(seconds: float) -> str:
    return f"{8 + seconds / 3600:g}:00"


def picture(day: list[Counts], before: list[Counts] | None = None) -> Picture:
    return Picture(
        title='Sales & "support" <b>\x1b[31m',
        subtitle="Service level 71.2 %",
        interval=3600.0,
        interval_words="hour",
        threshold=20.0,
        clock=clock,
        day=Series("what if", day, 4),
        before=None if before is None else Series("as it is", before, 4),
    )


def test_the_picture() -> None:
    root = ElementTree.fromstring(svg(picture(DAY)))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts[:3] == [
        'Sales & "support" <b>?[31m',
        "Service level 71.2 %",
        "Service level: answered within 20 s ÷ (A + B - b)",
    ]
    assert {"8:00", "12:00", "100 %", "Calls per hour", "answered", "left otherwise"} <= {*texts}
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert titles[3] == (
        "10:00 what if: 25 offered, 15 answered, 9 abandoned, 1 left otherwise, service level 33%"
    )


def test_bars_are_as_high_as_their_calls_and_stand_on_each_other() -> None:
    root = ElementTree.fromstring(svg(picture(DAY)))
    third = list(root.iter(f"{SVG}g"))[2].findall(f"{SVG}rect")
    assert [rect.get("class") for rect in third] == ["answered", "otherwise", "abandoned"]
    heights = [float(rect.get("height", "")) for rect in third]
    assert heights[0] / heights[2] == pytest.approx(60 / 36, abs=0.01)
    for below, above in pairwise(third):
        end = float(above.get("y", "")) + float(above.get("height", ""))
        assert end == pytest.approx(float(below.get("y", "")), abs=0.11)


def test_the_line_is_broken_where_nobody_called() -> None:
    root = ElementTree.fromstring(svg(picture(DAY, DAY)))
    lines = list(root.iter(f"{SVG}polyline"))
    assert [line.get("class") for line in lines] == ["level was", "level"]
    assert [len((line.get("points") or "").split()) for line in lines] == [2, 2]
    assert len(list(root.iter(f"{SVG}circle"))) == 2


@pytest.mark.parametrize("count", [0, 1, 96, 672])
def test_everything_is_inside(count: int) -> None:
    root = ElementTree.fromstring(svg(picture([Counts(10, 6, 5, 4)] * count, [Counts()] * count)))
    for rect in root.iter(f"{SVG}rect"):
        x, width = float(rect.get("x", "0")), float(rect.get("width", "0"))
        y, height = float(rect.get("y", "0")), float(rect.get("height", "0"))
        assert 0 <= x <= x + width <= WIDTH + 0.1
        assert 0 <= y <= y + height <= HEIGHT + 0.1
    assert len(list(root.iter(f"{SVG}text"))) < 40


def test_light_and_dark() -> None:
    style = ElementTree.fromstring(svg(picture(DAY))).findtext(f"{SVG}style") or ""
    assert "@media (prefers-color-scheme:dark)" in style


def test_bars_of_text() -> None:
    found = bars(DAY, 4, interval=3600.0, clock=clock, width=24)
    assert [(bar.time, bar.words, bar.level) for bar in found] == [
        ("8:00", "10", "100%"),
        ("9:00", "0", "-"),
        ("10:00", "15 + 9", "33%"),
        ("11:00", "20", "25%"),
    ]
    # 96 calls are 24 characters: 60 are 15, and 36 are 9.
    assert [bar.answered for bar in found] == ["█" * 10, "", "█" * 15, "█" * 20]
    assert [bar.abandoned for bar in found] == ["", "", "░" * 9, ""]
    half = bars([Counts(8, 8), Counts(5, 5)], 1, interval=1.0, clock=clock, width=1)
    assert [bar.answered for bar in half] == ["█", "▋"]


@pytest.mark.parametrize(
    ("hours", "minutes"), [(1, 5), (4, 15), (8, 30), (12, 30), (24, 60), (168, 720)]
)
def test_intervals(hours: float, minutes: float) -> None:
    assert interval_for(hours * 3600) == minutes * 60
