"""The sample configurations: no faults, and the core takes them."""

from pathlib import Path

import pytest

from pbx.config import load, to_distribution
from pbx.distribution.config import Strategy, Window, check
from tests.data import ROOT

SAMPLES = sorted((ROOT / "config/samples").glob("*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_has_no_faults(path: Path) -> None:
    check(to_distribution(load(path, {})))
    assert path.read_text().startswith("# yaml-language-server: $schema=../pbx.schema.json\n")


def test_what_they_show() -> None:
    cores = [to_distribution(load(path, {})) for path in SAMPLES]
    queues = [queue for core in cores for queue in core.queues]
    assert {queue.strategy for queue in queues} == {
        *(Strategy.RING_ALL, Strategy.FEWEST_TAGS, Strategy.BY_RANK, Strategy.MANUAL),
        *(Strategy.FEWEST_CALLS, Strategy.WEIGHTED, Strategy.LEAST_TALK_TIME),
    }
    assert {queue.window for queue in queues} == {Window.DAY, Window.SHIFT, Window.HOUR}
    (relaxed,) = (queue.relax for queue in queues if queue.relax)
    assert [step.drop for step in relaxed] == ["language", "skill"]
    assert len([queue for queue in queues if queue.sticky_for]) == 2
