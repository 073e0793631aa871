import asyncio
import platform

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter
from prometheus_client import Histogram as OracleHistogram
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pbx import exposition
from pbx.events import (
    AgentStateChanged,
    CallAnswered,
    CallEnded,
    CallQueued,
    CallStarted,
    Event,
    OfferEnded,
    OfferStarted,
    QueueLeft,
    RegistrationChanged,
    RequestRefused,
    WorkerFailed,
)
from pbx.exposition import Histogram, Series
from pbx.history.records import Verdict
from pbx.metrics import LAG_SECONDS, RENDER_SECONDS, LoopWatch, Metrics
from pbx.status import Told
from tests import virtual_loop
from tests.pbx.test_store import record

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parse(page: str) -> Samples:
    """Sample name and labels → value, read by prometheus-client."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def figures(*events: Event, skip_zero: bool = True) -> Samples:
    """What `events` make of the page; families that the registry brings are left out."""
    metrics = Metrics("1.2.3")
    for event in events:
        metrics.on_event(event)
    return {
        key: value
        for key, value in parse(metrics.render().decode()).items()
        if key[0].startswith("pbx_") and key[0] != "pbx_build_info" and (value or not skip_zero)
    }


def buckets(name: str, bounds: tuple[float, ...], *labels: tuple[str, str], at: float) -> Samples:
    """The non-zero buckets of a histogram with one observation."""
    limits = [(str(float(bound)), bound) for bound in bounds] + [("+Inf", float("inf"))]
    return {
        (f"{name}_bucket", tuple(sorted((*labels, ("le", text))))): 1.0
        for text, limit in limits
        if at <= limit
    }


def test_a_call_through_a_queue() -> None:
    answered = record()
    events: list[Event] = [
        CallStarted("c1", "1", "", "500", 0.0),
        CallQueued("c1", "sales", "1", 3, 0.0),
        OfferStarted("c1", "sales", "902", "902", "", 0.0),
        OfferEnded("c1", "sales", "902", "902", "no_answer", 15.0, 0.0),
        OfferEnded("c1", "sales", "901", "901", "answered", 15.0, 0.0),
        QueueLeft("c1", "sales", "answered", 700.5, 2, 0.0),
        CallAnswered("c1", "sales", "901", "901", 700.5, 0.0),
    ]
    queue = ("queue", "sales")
    so_far: Samples = {
        ("pbx_calls_active", ()): 1.0,
        ("pbx_queue_waiting", (queue,)): 2.0,
        ("pbx_queue_entered_total", (queue,)): 1.0,
        ("pbx_offers_total", (("outcome", "no_answer"), queue)): 1.0,
        ("pbx_offers_total", (("outcome", "answered"), queue)): 1.0,
        ("pbx_queue_calls_total", (queue, ("reason", "answered"))): 1.0,
        **buckets("pbx_queue_wait_seconds", (1800.0,), ("outcome", "answered"), queue, at=700.5),
        ("pbx_queue_wait_seconds_sum", (("outcome", "answered"), queue)): 700.5,
        ("pbx_queue_wait_seconds_count", (("outcome", "answered"), queue)): 1.0,
    }
    assert figures(*events) == so_far
    del so_far["pbx_calls_active", ()]
    assert figures(*events, CallEnded("c1", answered, 0.0)) == {
        **so_far,
        ("pbx_calls_total", (("verdict", "answered"),)): 1.0,
        **buckets("pbx_talk_seconds", (120, 180, 300, 600, 1200, 1800, 3600), at=80.375),
        ("pbx_talk_seconds_sum", ()): 80.375,
        ("pbx_talk_seconds_count", ()): 1.0,
    }


def test_agents_devices_and_the_unwanted() -> None:
    assert figures(
        AgentStateChanged("901", "ready", "", 0.0),
        AgentStateChanged("902", "ready", "", 0.0),
        AgentStateChanged("901", "talking", "", 0.0),
        RegistrationChanged("901", "sip:1", "added", 1, 0.0),
        RegistrationChanged("901", "sip:2", "added", 2, 0.0),
        RegistrationChanged("902", "sip:3", "added", 1, 0.0),
        RegistrationChanged("902", "sip:3", "expired", 0, 0.0),
        RequestRefused("INVITE", "x", 401, 0.0),
        RequestRefused("EVIL\n", "x", 12345, 0.0),
        RequestRefused("WORSE", "x", 0, 0.0),
        WorkerFailed(1, "x", 0.0),
    ) == {
        ("pbx_agents", (("state", "ready"),)): 1.0,
        ("pbx_agents", (("state", "talking"),)): 1.0,
        ("pbx_registered_devices", ()): 2.0,
        ("pbx_requests_refused_total", (("method", "INVITE"), ("status", "401"))): 1.0,
        ("pbx_requests_refused_total", (("method", "other"), ("status", "other"))): 2.0,
        ("pbx_media_worker_failures_total", ()): 1.0,
    }


def test_expected_waits_are_asked_for_when_the_page_is_made() -> None:
    now = 0.0
    metrics = Metrics("1", clock=lambda: now)
    metrics.configured(["sales"], [])
    metrics.watch_waits_told(lambda: {"sales": Told(4, 3, 50.5, -20.5)})
    page = parse(metrics.render().decode())
    assert {name: value for (name, _), value in page.items() if "told" in name} == {
        "pbx_queue_waits_told_total": 4.0,
        "pbx_queue_waits_told_close_total": 3.0,
        "pbx_queue_waits_told_off_seconds_total": 50.5,
        "pbx_queue_waits_told_over_seconds": -20.5,
    }
    now = RENDER_SECONDS
    metrics.watch_waits_told(dict)
    metrics.configured(["other"], [])
    assert b"told_total{" not in metrics.render()


def test_a_call_that_only_ends_is_not_minus_one() -> None:
    """After a restart the end of a call may be all we hear of it."""
    page = figures(CallEnded("c1", record(), 0.0), skip_zero=False)
    assert page["pbx_calls_active", ()] == 0.0


def test_zeros_are_there_before_the_first_event() -> None:
    page = figures(skip_zero=False)
    verdicts = {key[1][0][1] for key in page if key[0] == "pbx_calls_total"}
    assert verdicts == {verdict.value for verdict in Verdict}
    assert page["pbx_agents", (("state", "wrap_up"),)] == 0.0


def test_a_reload_brings_queues_at_zero_and_takes_deleted_ones() -> None:
    metrics = Metrics("1")
    for queue in ("old", "sales"):
        metrics.on_event(CallQueued("c", queue, "1", 1, 0.0))
        metrics.on_event(QueueLeft("c", queue, "answered", 1.0, 0, 0.0))
        metrics.on_event(OfferEnded("c", queue, "901", "901", "busy", 1.0, 0.0))
    metrics.on_event(OfferEnded("c", "", "", "101", "busy", 1.0, 0.0))
    metrics.on_event(AgentStateChanged("901", "ready", "", 0.0))
    metrics.on_event(AgentStateChanged("902", "ready", "", 0.0))
    metrics.configured(["sales", "new"], ["902"])
    page = parse(metrics.render().decode())
    assert {dict(labels)["queue"] for _, labels in page if "queue" in dict(labels)} == {
        *("", "sales", "new")
    }
    assert page["pbx_queue_calls_total", (("queue", "sales"), ("reason", "answered"))] == 1.0
    assert page["pbx_queue_calls_total", (("queue", "new"), ("reason", "answered"))] == 0.0
    assert page["pbx_agents", (("state", "ready"),)] == 1.0


def test_the_page_is_made_once_a_second() -> None:
    clock = iter([10.0, 10.0 + RENDER_SECONDS / 2, 10.0 + RENDER_SECONDS])
    metrics = Metrics("1", clock=lambda: next(clock))
    first = metrics.render()
    metrics.on_event(WorkerFailed(0, "", 0.0))
    assert metrics.render() is first
    assert b"pbx_media_worker_failures_total 1\n" in metrics.render()


def test_watched_gauges_and_the_process_are_on_the_page() -> None:
    metrics = Metrics("1.2.3")
    metrics.watch("history_waiting", "Events not yet written", lambda: 42)
    page = parse(metrics.render().decode())
    assert page["pbx_history_waiting", ()] == 42.0
    assert page["process_resident_memory_bytes", ()] > 0
    labels = (("python", platform.python_version()), ("version", "1.2.3"))
    assert page["pbx_build_info", labels] == 1.0


def test_two_metrics_do_not_meet() -> None:
    one, two = Metrics("1"), Metrics("1")
    one.on_event(WorkerFailed(0, "", 0.0))
    assert b"pbx_media_worker_failures_total 0\n" in two.render()


def test_series_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "SERIES_MAX", 2)
    series = Series("a_total", "A", "counter", ("x",))
    histogram = Histogram("b", "B", (1,), ("x",))
    for label in "12345":
        series.add((label,))
        histogram.observe((label,), 0.5)
    assert series.page().decode().splitlines() == [
        "# HELP a_total A",
        "# TYPE a_total counter",
        'a_total{x="1"} 1',
        'a_total{x="2"} 1',
        'a_total{x="other"} 3',
    ]
    assert parse(histogram.page().decode())["b_count", (("x", "other"),)] == 3.0


labels = st.text(max_size=5)


@given(
    st.lists(st.tuples(labels, labels, st.integers(0, 9))),
    st.lists(st.tuples(labels, st.floats(-1, 20, width=16))),
)
def test_the_text_says_what_prometheus_client_says(
    counts: list[tuple[str, str, int]], seen: list[tuple[str, float]]
) -> None:
    registry = CollectorRegistry()
    oracle = Counter("a_total", 'A "b" \\ \n', ("x", "y"), registry=registry)
    oracle_waits = OracleHistogram("w", "W", ("q",), buckets=(1, 2.5, 10), registry=registry)
    ours = Series("a_total", 'A "b" \\ \n', "counter", ("x", "y"))
    waits = Histogram("w", "W", (1, 2.5, 10), ("q",))
    for x, y, by in counts:
        ours.add((x, y), by)
        _ = ours.page()
        oracle.labels(x, y).inc(by)
    for q, value in seen:
        waits.observe((q,), value)
        oracle_waits.labels(q).observe(value)
        _ = waits.page()  # A text made earlier must not be given out later.
    text = (ours.page() + waits.page()).decode()
    assert parse(text) == parse(generate_latest(registry).decode())


def test_lateness_of_the_loop_is_measured() -> None:
    seen: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        watch = LoopWatch(loop, seen.append)
        watch.start()
        over = loop.create_future()
        _ = loop.call_at(3.5 * LAG_SECONDS, over.set_result, None)
        await over
        watch.stop()

    virtual_loop.run(run())
    assert seen == pytest.approx([0.0, 0.0, 0.0])


def test_a_stall_is_seen() -> None:
    seen: list[float] = []
    watch = LoopWatch(StalledLoop(), seen.append)  # type: ignore[arg-type]
    watch.start()
    watch.stop()
    assert seen == [pytest.approx(0.75)]


class StalledLoop:
    """A clock that stands at 10 s when a timer is set, and at 10.85 s when it is due."""

    def __init__(self) -> None:
        self._times = iter([10.0, 10.0 + LAG_SECONDS + 0.75])
        self._calls = 0

    def time(self) -> float:
        return next(self._times)

    def call_at(self, at: float, due: object, *args: object) -> "StalledLoop":
        self._calls += 1
        if self._calls == 1:
            assert callable(due)
            due(*args)
        return self

    def cancel(self) -> None:
        pass
