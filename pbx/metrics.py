"""Figures for Prometheus, counted from the stream of events.

Labels are bounded: ids of the configuration, words of our own, known methods. Nothing that a
stranger sends becomes a label. What the process itself tells (memory, files, collections) and what
other parts add with `watch` comes from a prometheus-client registry of our own.
"""

import asyncio
import platform
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, assert_never

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from pbx.distribution.effects import AgentState
from pbx.events import (
    AgentRefused,
    AgentStateChanged,
    BreakTooLong,
    CallAnswered,
    CallEnded,
    CallQueued,
    CallRegrouped,
    CallStarted,
    ConferenceChanged,
    Event,
    OfferEnded,
    OfferStarted,
    OutsideEnded,
    OutsideRefused,
    PhoneSettingChanged,
    QueueLeft,
    RecordingChanged,
    RegistrationChanged,
    RequestRefused,
    SourceBanned,
    SourceUnbanned,
    Supervised,
    TollAlarm,
    TrunkChanged,
    VoicemailLeft,
    WorkerFailed,
)
from pbx.exposition import OTHER, Histogram, Series
from pbx.history.records import Verdict
from pbx.status import Told

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
RENDER_SECONDS: Final = 1.0  # Younger text is given out again: a scraper cannot keep us busy.
LAG_SECONDS: Final = 0.1  # How often the loop is asked whether it is late.

METHODS: Final = frozenset(
    {
        *("ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK"),
        *("PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"),
    }
)
# 5 s is the usual limit of a short abandon, 20 s the usual target of a service level.
WAIT_BOUNDS: Final = (1, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800)
TALK_BOUNDS: Final = (5, 15, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600)
LAG_BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)

_WAIT_OUTCOMES: Final = frozenset({"answered", "abandoned"})  # All else is a flow-out.


class Metrics:
    """Feed it with `on_event`; `render` gives the page. For one thread, the loop's."""

    def __init__(self, version: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        _ = ProcessCollector(registry=self.registry), GCCollector(registry=self.registry)
        self._clock = clock
        self._page = b""
        self._rendered_at = float("-inf")
        self._active: set[str] = set()
        self._agents: dict[str, str] = {}  # Agent → state.
        self._told: Callable[[], Mapping[str, Told]] = dict[str, Told]
        self._devices: dict[str, int] = {}  # Extension → bindings; those with none are left out.
        self._make_families(version)

    def _make_families(self, version: str) -> None:
        queue = ("queue",)
        self._calls = Series(
            "pbx_calls_total", "Calls ended, by how they ended", "counter", ("verdict",)
        )
        self._calls_active = Series("pbx_calls_active", "Calls in progress", "gauge")
        self._waiting = Series("pbx_queue_waiting", "Calls waiting now", "gauge", queue)
        self._entered = Series(
            "pbx_queue_entered_total", "Calls that joined the queue (offered)", "counter", queue
        )
        self._left = Series(
            "pbx_queue_calls_total", "Calls that left the queue", "counter", ("queue", "reason")
        )
        self._wait = Histogram(
            "pbx_queue_wait_seconds",
            "Wait from joining to leaving; outcome is answered, abandoned or other (flow-out)",
            WAIT_BOUNDS,
            ("queue", "outcome"),
        )
        self._waits_told = _families_of_waits_told()
        self._offers = Series(
            "pbx_offers_total",
            "Attempts to reach somebody; the queue of a direct call is empty",
            "counter",
            ("queue", "outcome"),
        )
        self._agent_states = Series("pbx_agents", "Agents in this state", "gauge", ("state",))
        self._registered = Series("pbx_registered_devices", "Registered devices", "gauge")
        self._refused = Series(
            "pbx_requests_refused_total", "SIP requests refused", "counter", ("method", "status")
        )
        self._bans = Series("pbx_bans_total", "Sources banned, by why", "counter", ("reason",))
        self._trunks = Series(
            "pbx_trunk_up", "1: registered, or its server answers", "gauge", ("trunk", "what")
        )
        self._outside = Series(
            "pbx_outside_seconds_total", "Talk time through trunks", "counter", ("trunk", "kind")
        )
        self._outside_refused = Series(
            "pbx_outside_refused_total", "Calls that were not let out", "counter", ("why",)
        )
        self._toll_alarms = Series("pbx_toll_alarms_total", "Alarms about tolls", "counter")
        self._make_families_of_sound()
        self._regrouped = Series(
            "pbx_calls_regrouped_total", "Transfers, pick-ups, parkings", "counter", ("how",)
        )
        self._talk = Histogram("pbx_talk_seconds", "Talk time of answered calls", TALK_BOUNDS)
        self._worker_failures = Series(
            "pbx_media_worker_failures_total", "Media workers that died", "counter"
        )
        self._lag = Histogram("pbx_loop_lag_seconds", "How late the event loop was", LAG_BOUNDS)
        self._info = Series(
            "pbx_build_info", "Always 1; what runs here", "gauge", ("version", "python")
        )
        self._info.set((version, platform.python_version()), 1)
        for verdict in Verdict:  # A rate needs the zero before the first one.
            self._calls.set((verdict.value,), 0)
        for state in AgentState:
            self._agent_states.set((state.value,), 0)

    def _make_families_of_sound(self) -> None:
        self._supervised = Series(
            "pbx_supervision_total", "What supervisors did", "counter", ("what",)
        )
        self._in_conferences = Series(
            "pbx_conference_members", "People in conferences", "gauge", ("conference",)
        )
        self._recordings = Series(
            "pbx_recordings_total", "What became of recordings", "counter", ("state",)
        )
        self._voicemail = Series("pbx_voicemail_total", "Messages that were left", "counter")

    def on_event(self, event: Event) -> None:
        match event:
            case AgentStateChanged():
                self._agent_changed(event.agent, event.state)
            case OfferEnded():
                self._offers.add((event.queue, event.outcome))
            case CallStarted():
                self._active.add(event.call)
            case CallQueued():
                self._entered.add((event.queue,))
                self._waiting.set((event.queue,), event.waiting)
            case QueueLeft():
                self._queue_left(event)
            case CallEnded():
                self._call_ended(event)
            case RegistrationChanged():
                self._registration_changed(event.extension, event.devices)
            case RequestRefused():
                self._request_refused(event.method, event.status)
            case SourceBanned():
                self._bans.add((event.reason,))
            case WorkerFailed():
                self._worker_failures.add(())
            case TrunkChanged():
                self._trunks.set((event.trunk, event.what), int(event.up))
            case OutsideEnded():
                self._outside.add((event.trunk, event.call_class), event.seconds)
            case OutsideRefused():
                self._outside_refused.add((event.why,))
            case TollAlarm():
                self._toll_alarms.add(())
            case CallRegrouped():
                self._regrouped.add((event.how.value,))
            case Supervised():
                self._supervised.add((event.what,))
            case ConferenceChanged():
                self._in_conferences.set((event.conference,), event.members)
            case RecordingChanged():
                self._recordings.add(("deleted" if event.deleted else event.record.state.value,))
            case VoicemailLeft():
                self._voicemail.add(())
            case OfferStarted() | CallAnswered():
                pass  # Counted at their end.
            case AgentRefused() | BreakTooLong() | PhoneSettingChanged() | SourceUnbanned():
                pass
            case _:
                assert_never(event)

    def on_loop_lag(self, seconds: float) -> None:
        self._lag.observe((), seconds)

    def configured(self, queues: Collection[str], agents: Collection[str]) -> None:
        """What there is now: new queues start at zero, deleted queues and agents go."""
        known = frozenset(queues)
        families: tuple[Series | Histogram, ...] = (
            *(self._waiting, self._entered, self._left, self._wait, self._offers),
            *self._waits_told,
        )
        for family in families:
            family.keep(lambda labels: labels[0] in known or labels[0] in ("", OTHER))
        for queue in queues:
            self._waiting.add((queue,), 0)
            self._entered.add((queue,), 0)
            for outcome in ("answered", "abandoned"):
                self._left.add((queue, outcome), 0)
        for agent in self._agents.keys() - set(agents):
            self._agent_states.add((self._agents.pop(agent),), -1)

    def watch_waits_told(self, read: Callable[[], Mapping[str, Told]]) -> None:
        """Asked when the page is made, by queue."""
        self._told = read

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A gauge that is asked when the page is made. `name` without the prefix `pbx_`."""
        Gauge(f"pbx_{name}", text, registry=self.registry).set_function(read)

    def render(self) -> bytes:
        """The page; at most a second old."""
        now = self._clock()
        if now - self._rendered_at >= RENDER_SECONDS:
            self._rendered_at = now
            self._page = self._make_page()
        return self._page

    def _make_page(self) -> bytes:
        self._calls_active.set((), len(self._active))
        self._registered.set((), sum(self._devices.values()))
        for queue, told in self._told().items():
            for family, figure in zip(self._waits_told, told, strict=True):
                family.set((queue,), figure)
        families: tuple[Series | Histogram, ...] = (
            *(self._calls, self._calls_active, self._waiting, self._entered, self._left),
            *(self._wait, self._offers, self._agent_states, self._registered, self._refused),
            self._bans,
            *(self._trunks, self._outside, self._outside_refused, self._toll_alarms),
            *(self._regrouped, self._voicemail, self._recordings),
            *(self._supervised, self._in_conferences),
            *self._waits_told,
            *(self._talk, self._worker_failures, self._lag, self._info),
        )
        pages = [family.page() for family in families]
        return b"".join([*pages, generate_latest(self.registry)])

    def _agent_changed(self, agent: str, state: str) -> None:
        before = self._agents.get(agent)
        if before is not None:
            self._agent_states.add((before,), -1)
        self._agents[agent] = state
        self._agent_states.add((state,))

    def _queue_left(self, event: QueueLeft) -> None:
        queue, reason = event.queue, event.reason
        self._waiting.set((queue,), event.waiting)
        self._left.add((queue, reason))
        outcome = reason if reason in _WAIT_OUTCOMES else OTHER
        self._wait.observe((queue, outcome), event.wait_seconds)

    def _call_ended(self, event: CallEnded) -> None:
        self._active.discard(event.call)
        self._calls.add((event.record.verdict.value,))
        if event.record.answered_at is not None:
            self._talk.observe((), event.record.talk_seconds)

    def _registration_changed(self, extension: str, devices: int) -> None:
        if devices:
            self._devices[extension] = devices
        else:
            _ = self._devices.pop(extension, None)

    def _request_refused(self, method: str, status: int) -> None:
        known_status = str(status) if 100 <= status <= 699 else OTHER
        self._refused.add((method if method in METHODS else OTHER, known_status))


def _families_of_waits_told() -> tuple[Series, ...]:
    """One for each figure of Told."""
    return tuple(
        Series(f"pbx_queue_waits_told_{name}", text, kind, ("queue",))
        for name, text, kind in (
            ("total", "Callers who were told an expected wait, and answered", "counter"),
            ("close_total", "Of these: the right spoken step, or the next to it", "counter"),
            ("off_seconds_total", "Of these: how wrong, whichever way", "counter"),
            ("over_seconds", "Of these: how much too long in all; negative: too short", "gauge"),
        )
    )


class LoopWatch:
    """Measures how late the event loop is: a timer whose delay is the figure."""

    def __init__(self, loop: asyncio.AbstractEventLoop, observe: Callable[[float], None]) -> None:
        self._loop = loop
        self._observe = observe
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._arm(self._loop.time() + LAG_SECONDS)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, at: float) -> None:
        self._handle = self._loop.call_at(at, self._due, at)

    def _due(self, at: float) -> None:
        now = self._loop.time()
        self._observe(max(0.0, now - at))
        # After a long stall the beats that were missed are left out: one stall, one figure.
        self._arm(max(at + LAG_SECONDS, now))
