"""The composition root: the exchange with its sockets, workers, clock, dice, disk and pages.

Everything that decides is in `pbx.exchange`; here its outputs are carried out, one loop turn at a
time.
"""

import asyncio
import gc
import os
import resource
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import uvloop
from pyee.base import EventEmitter

from media import protocol as media
from media.client import SOCKETS, MediaWorker, WorkerError, end_others
from pbx import __version__
from pbx.calls.media_pool import ToWorker
from pbx.config import Config, complete_secrets, load
from pbx.config.check_transports import transport_of
from pbx.config.errors import ConfigErrors
from pbx.defence import Defence
from pbx.diary import Diary
from pbx.events import Event
from pbx.exchange import Exchange, Output
from pbx.history.bindings import usable_again
from pbx.identities import Identities
from pbx.listening import ListenError, Listening, where_of_sip, where_of_web
from pbx.log import get_logger, log_event
from pbx.metrics import LoopWatch, Metrics
from pbx.planning import make_plan
from pbx.provisioning.shelf import Shelf
from pbx.recording.keeper import Keeper
from pbx.reporting import DayCounts, expected_waits, make_status
from pbx.status import Alarm, Status, WorkerStatus
from pbx.store import Store, StoreError
from pbx.trunks.trunks import Resolve
from pbx.voicemail.jobs import JOBS, Job
from pbx.voicemail.service import VoicemailService
from pbx.web.phones import PhoneSockets
from pbx.web.server import WebError, WebServer
from sip.endpoint import EndpointConfig
from sip.errors import ParseError
from sip.events import Send
from sip.flow import Address, Flow
from sip.lookup import Lookup
from sip.message import Request, Response
from sip.registration import RegistrarLimits
from sip.resolver import Abilities, End, Located
from sip.trace import Trace, Traced
from sip.transport import Transports
from sip.uri import Uri

OPEN_FILES_MAX: Final = 1 << 20  # Four sockets per call, as many calls as the ports allow.
GC_THRESHOLDS: Final = (
    50_000,
    20,
    100,
)  # Calls make few cycles; a full collection stalls the loop.
DRAIN_SECONDS: Final = 2.0  # For the last BYEs, answers and figures after SIGTERM.
SUPPORTED: Final = ("100rel", "replaces", "timer")  # RFC 3262, 3891, 4028.
PASSWORD_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
PASSWORD_LENGTH: Final = 16
DEFAULT_PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}  # RFC 3261 §19.1.2.


class App:
    """One running PBX. `start`, then `run` or wait yourself, then `stop`."""

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop) -> None:
        self.config = config
        self.alarms: dict[str, Alarm] = {}
        self.workers: list[MediaWorker] = []
        self._loop = loop
        self._log = get_logger()
        self._started_at = time.time()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._arming = False  # It will be, before the loop waits again.
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._started = False  # Until then what phones send is dropped: they send it again.
        self._bus = EventEmitter()
        self._restarts: dict[int, asyncio.Task[None]] = {}
        self._run_directory = Path()  # The workers' sockets.
        self.transports = self._make_transports()
        self.listening = Listening(config, loop, self._note_alarm)
        self.identities = Identities(config.secrets.parent / "dtls", loop, self._on_identities)
        self.trace = Trace()
        self.metrics = Metrics(__version__)
        self.watch = LoopWatch(loop, self._on_lag)
        self.store = Store(config.storage.path, self._on_alarm)
        self.shelf = Shelf(config)
        self.web = self._make_web()
        self.exchange = Exchange(
            make_plan(config, {}),
            secret=secrets.token_bytes(32),
            seed=secrets.randbits(63),
            epoch=time.time() - loop.time(),
            workers=config.media.workers or max(1, (os.cpu_count() or 2) - 1),
            ports=(config.media.ports.low, config.media.ports.high),
            sip_config=EndpointConfig(
                supported=SUPPORTED, session_expires=round(config.sip.session_expires)
            ),
            registrar=RegistrarLimits(),
        )
        self.exchange.phones.load(self.store.history.phone_settings())
        self.diary = Diary(config, self.exchange, loop, self._on_alarm, self._carry_out)
        self.defence = Defence(self.exchange, self.store, loop, self._carry_out, self._note_alarm)
        self.defence.attach(self.transports)
        self.voicemail = VoicemailService(
            config, self.exchange, loop, self._on_alarm, self._carry_out
        )
        able = (*(("udp",) if config.sip.udp else ()), "tcp", "tls")
        self.keeper = self._make_keeper(config)
        self.lookup = Lookup(loop, self.transports.flow_to, self._on_located, Abilities(able))
        midnight, history = self.diary.midnight(), self.store.history
        self.counts = DayCounts(midnight)
        self.counts.load(history.queue_totals(midnight), history.agent_totals(midnight))
        self.exchange.trunks.tolls.load(history.outside_totals(midnight))
        self._subscribe()
        self.metrics.configured(config.queues, config.agents)
        self._watch()

    def _subscribe(self) -> None:
        for subscriber in (
            *(self.store.put, self.metrics.on_event, self.counts.on_event),
            *(log_event, self.keeper.on_event),
        ):
            _ = self._bus.on("event", subscriber)

    def _make_keeper(self, config: Config) -> Keeper:
        store, alarm = self.store, self._note_alarm
        return Keeper(config, store, lambda: self.exchange.tapes, self._publish, alarm)

    def _make_transports(self) -> Transports:
        return Transports(
            self._loop,
            self._on_datagram,
            self._on_message,
            self._on_closed,
            self._on_garbage,
            on_error=lambda flow, text: self.listening.on_error(flow, text),
            external_host=self.config.sip.external_address or "",
            # Not those of an earlier process, whose flows may be remembered.
            first_connection=int(self._started_at) << 16,
        )

    def _make_web(self) -> WebServer:
        return WebServer(
            render_metrics=self.metrics.render,
            status=self.status,
            calls=self.store.calls,
            ready=lambda: not self._stopping.is_set(),
            trace=self._traced,
            call_trace=self._call_traced,
            names=self.config.web.names,
            phones=PhoneSockets(self.transports.accept_websocket, self.config.web),
            find_file=lambda secret, name, host: self.shelf.find(secret, name, host),
        )

    def _watch(self) -> None:
        """Gauges that are asked when the page of metrics is made."""
        self.metrics.watch_waits_told(lambda: expected_waits(self.exchange))
        self.defence.watch(self.metrics)
        self.metrics.watch("recordings_free_bytes", "Left on the disk", lambda: self.keeper.free)
        self.metrics.watch(
            "recordings_waiting", "Not in their format yet", lambda: self.keeper.waiting
        )
        self.metrics.watch("history_waiting", "Events not yet on disk", lambda: self.store.waiting)
        self.metrics.watch("history_dropped", "Events lost", lambda: self.store.dropped)
        if (journal := self.diary.journal) is not None:
            self.metrics.watch("journal_waiting", "Inputs not on disk", lambda: journal.waiting)
            self.metrics.watch("journal_lost", "Inputs not in the journal", lambda: journal.lost)

    # --- life

    async def start(self) -> None:
        """Everything listens when this returns. ListenError or WebError, one clear line,
        otherwise."""
        for ending in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(ending, self._stopping.set)
        await self.listening.start(self.transports)
        await self.defence.start()
        self._make_directories()
        await end_others(self._run_directory, self.exchange.pool.workers)
        self.identities.start()
        for number in range(self.exchange.pool.workers):
            self.workers.append(await self._start_worker(number))
        plan = make_plan(self.config, self._fixed_flows())
        self._remember_phones()
        self.diary.start()
        self._started = True
        self._carry_out(self.exchange.configure(plan, self._loop.time()))
        self.voicemail.start()
        certificates = self.listening.certificates if self.config.web.tls else None
        context = None if certificates is None else certificates.context
        _ = await self.web.start(self.config.web.host, self.config.web.port, context)
        await self.keeper.start()
        self.watch.start()

    def _make_directories(self) -> None:
        # Where the next control finds its workers, should this one be killed.
        self._run_directory = self.config.storage.path.absolute().parent / "media"
        self._run_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(self.exchange.plan.rooms.recordings).mkdir(parents=True, exist_ok=True)

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        _ = await self._stopping.wait()

    async def stop(self) -> None:
        """End calls politely, write what is to be written, leave nothing behind."""
        self.web.stopping = True
        self._stopping.set()
        self._idle.clear()
        self._carry_out(self.exchange.shut_down(self._loop.time()))
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                _ = await self._idle.wait()
        except TimeoutError:
            self._log.warning("calls left at the end", **self.exchange.leftovers())
        if self._timer is not None:
            self._timer.cancel()
        self.watch.stop()
        self.listening.stop()
        self.identities.stop()
        await self.defence.stop()
        self.diary.stop()
        for restart in self._restarts.values():
            _ = restart.cancel()
        _ = await asyncio.gather(*self._restarts.values(), return_exceptions=True)
        _ = await asyncio.gather(*(worker.stop() for worker in self.workers))
        await self.keeper.stop()
        if self._run_directory != Path():
            shutil.rmtree(self._run_directory, ignore_errors=True)
        self._started = False
        await self.web.stop()
        await self.lookup.close()
        await self.transports.close()
        await self.voicemail.stop()
        for signed_off in self.exchange.sign_off(self._loop.time()):
            self.store.put(signed_off)
        lost = await asyncio.to_thread(self.store.close)
        if lost:
            self._log.error("records lost", count=lost)
        lost = await asyncio.to_thread(self.diary.close)
        if lost:
            self._log.error("inputs not in the journal", count=lost)

    def status(self) -> Status:
        self.counts.turn(self.diary.midnight())
        workers = tuple(
            WorkerStatus(number, alive=self.exchange.pool.is_alive(number), pid=worker.pid or 0)
            for number, worker in enumerate(self.workers)
        )
        return make_status(
            self.exchange,
            self._loop.time(),
            version=__version__,
            started_at=self._started_at,
            counts=self.counts,
            workers=workers,
            alarms=tuple(self.alarms.values()),
        )

    @property
    def sip_address(self) -> Address:
        """Where we listen, the first of several."""
        return self.listening.address

    def _traced(self, containing: str, last: int) -> list[Traced]:
        """The latest SIP messages, their times as Unix seconds."""
        epoch = self.exchange.epoch
        return [replace(m, at=m.at + epoch) for m in self.trace.read(containing, last)]

    def _call_traced(self, call: str) -> list[tuple[float, bool, Flow, bytes]] | None:
        call_ids = self.exchange.legs.call_ids.of(call)
        if call_ids is None:
            return None
        epoch = self.exchange.epoch
        noted = self.trace.of_calls(call_ids)
        return [(at + epoch, outgoing, flow, data) for at, outgoing, flow, data in noted]

    def reload(self, config: Config) -> None:
        """Apply another configuration; what is in progress goes on. Ports and paths need a
        restart."""
        self.config = config
        self.metrics.configured(config.queues, config.agents)
        self.diary.reload(config)
        self.keeper.reload(config)
        self.listening.reload(config)
        self.web.reload(config.web)
        self.shelf = Shelf(config)
        self.voicemail.reload(config)
        plan = make_plan(config, self._fixed_flows())
        self._carry_out(self.exchange.configure(plan, self._loop.time()))

    # --- inputs

    def _on_datagram(self, data: bytes, flow: Flow, now: float) -> None:
        if self._started:
            dropped, known = self.defence.dropped, self.defence.knows(flow.remote[0])
            outputs = self.exchange.on_datagram(data, flow, now)
            if self.defence.dropped == dropped:
                self.trace.note(now, False, flow, data, known)
            self._carry_out(outputs)

    def _on_message(self, message: Request | Response, flow: Flow, now: float) -> None:
        self.trace.note(now, False, flow, bytes(message), self.defence.knows(flow.remote[0]))
        if self._started:
            self._carry_out(self.exchange.on_message(message, flow, now))

    def _on_garbage(self, error: ParseError, flow: Flow, now: float) -> None:
        if self._started:
            self._carry_out(self.exchange.on_garbage(error, flow, now))

    def _on_closed(self, flow: Flow, now: float) -> None:
        if not self._started:
            return  # At the end: phones are to be remembered.
        self._carry_out(self.exchange.on_flow_closed(flow, now))

    def _on_media(self, worker: int, event: media.Event) -> None:
        self._carry_out(self.exchange.on_media(worker, event, self._loop.time()))

    def _on_identities(self, new: Identities) -> None:
        self.exchange.legs.fingerprints = new.fingerprints
        for worker in self.workers:
            for identity in new.identities:
                worker.send(identity)

    def _on_lag(self, seconds: float) -> None:
        self.metrics.on_loop_lag(seconds)
        self.defence.on_lag(seconds)

    def _on_located(self, located: Located, flows: Mapping[End, Flow]) -> None:
        if not self._stopping.is_set():
            self._carry_out(self.exchange.on_resolved(located, flows, self._loop.time()))

    def _on_timer(self) -> None:
        self._timer = None
        self._carry_out(self.exchange.on_time(self._loop.time()))

    def _on_alarm(self, alarm: Alarm) -> None:
        """From the store's thread."""
        _ = self._loop.call_soon_threadsafe(self._note_alarm, alarm)

    def _note_alarm(self, alarm: Alarm) -> None:
        if alarm.active:
            self.alarms[alarm.name] = alarm
            self._log.error("alarm", alarm=alarm.name, text=alarm.text)
        elif self.alarms.pop(alarm.name, None) is not None:
            self._log.info("alarm is over", alarm=alarm.name)

    # --- outputs

    def _carry_out(self, outputs: list[Output]) -> None:
        now = self._loop.time()
        for output in outputs:
            if isinstance(output, Send):
                flow, data = output
                self.trace.note(now, True, flow, data, self.defence.knows(flow.remote[0]))
                self.transports.send(output.flow, output.data)
            elif isinstance(output, ToWorker):
                self.workers[output.worker].send(output.command)
            elif isinstance(output, Resolve):
                self.lookup.resolve(output.key, Uri.parse(output.uri))
            elif type(output) in JOBS:
                self.voicemail.do(cast("Job", output))
            else:
                _ = self._bus.emit("event", output)
        self.diary.note()
        if self.exchange.faults:
            for fault in self.exchange.faults:
                self._log.error("fault", text=fault)
            self.exchange.faults.clear()
        if not self._arming:  # Once for all that came in this turn of the loop.
            self._arming = True
            _ = self._loop.call_soon(self._arm)

    def _publish(self, event: Event) -> None:
        _ = self._bus.emit("event", event)

    def _arm(self) -> None:
        """One timer. One that is armed too early only wakes up for nothing, so it is left."""
        self._arming = False
        deadline = self.exchange.next_deadline
        if deadline is None:
            if self._stopping.is_set():
                self._idle.set()
            return
        if self._stopping.is_set() and self.exchange.silent:
            self._idle.set()
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._on_timer)

    # --- inside

    async def _start_worker(self, number: int) -> MediaWorker:
        worker = MediaWorker(
            self._run_directory / f"{SOCKETS}{number}",
            lambda event: self._on_media(number, event),
            lambda error: self._on_worker_lost(number, error),
        )
        _ = await worker.start()
        for identity in self.identities.identities:
            worker.send(identity)
        return worker

    def _on_worker_lost(self, number: int, error: str) -> None:
        if self._stopping.is_set():
            return
        self._carry_out(self.exchange.on_worker_lost(number, error, self._loop.time()))
        self._restarts[number] = self._loop.create_task(self._restart_worker(number))

    async def _restart_worker(self, number: int) -> None:
        try:
            self.workers[number] = await self._start_worker(number)
        except WorkerError as error:
            self._log.error("media worker does not start", worker=number, error=str(error))
            return
        self._carry_out(self.exchange.on_worker_back(number, self._loop.time()))
        self._log.info("media worker started again", worker=number)

    def _remember_phones(self) -> None:
        """Those that were registered when we ended: so nobody has to wait until they come back."""
        now, epoch = self._loop.time(), self.exchange.epoch
        try:
            kept = self.store.history.bindings(now + epoch)
        except (StoreError, ValueError) as error:
            self._log.warning("registrations not remembered", text=str(error))
            return
        known = {name for name, e in self.config.extensions.items() if e.contact is None}
        again = usable_again(kept, known, epoch, self.transports.flow_to)
        self.exchange.registrar.restore(again, now)
        guard = self.exchange.endpoint.guard
        if guard is not None:
            for binding in again:  # So that offices are no strangers.
                guard.on_admitted(binding.flow, binding.aor, now)

    def _fixed_flows(self) -> dict[str, Flow]:
        flows: dict[str, Flow] = {}
        for extension in self.config.extensions.values():
            if extension.contact is not None:
                uri = Uri.parse(extension.contact)
                transport = transport_of(uri)
                remote = (uri.host, uri.port or DEFAULT_PORTS[transport])
                # TLS: the certificate must be of the name or address that is written there.
                flows[extension.contact] = self.transports.flow_to(transport, remote, uri.host)
        return flows


def run(path: Path) -> int:
    """Run the PBX with this configuration until it is told to stop; the exit code."""
    config = load(path, os.environ)
    first = not config.secrets.exists()
    config = complete_secrets(config, new_password)
    _tune_process()
    return uvloop.run(_run(path, config, first))


async def _run(path: Path, config: Config, first: bool) -> int:
    loop = asyncio.get_running_loop()
    app = App(config, loop)
    try:
        await app.start()
    except (ListenError, WebError) as error:
        _ = sys.stderr.write(f"{error}\n")
        await app.stop()
        return 1
    loop.add_signal_handler(signal.SIGHUP, lambda: _reload(app, path))
    _say_hello(app, first)
    _ = gc.collect()
    gc.freeze()
    try:
        await app.run()
    finally:
        await app.stop()
    return 0


def _reload(app: App, path: Path) -> None:
    log = get_logger()
    try:
        config = complete_secrets(load(path, os.environ), new_password)
    except (ConfigErrors, OSError) as error:
        log.error("configuration not applied", text=str(error))
        return
    app.reload(config)
    log.info("configuration applied", file=str(path))


def _say_hello(app: App, first: bool) -> None:
    config = app.config
    lines = [
        f"Dzvin {__version__} runs. SIP on {where_of_sip(config.sip)},"
        f" pages on {where_of_web(config.web)}",
    ]
    if first:
        lines.append(f"New passwords are in {config.secrets}:")
        lines += [
            f"  extension {name}: {extension.password}"
            for name, extension in config.extensions.items()
            if extension.password
        ][:40]
    numbers = [f"{queue.number} {name}" for name, queue in config.queues.items() if queue.number]
    lines.append(f"Queues: {', '.join(numbers)}. Passwords: {config.secrets}. Ctrl-C stops.")
    _ = sys.stdout.write("\n".join(lines) + "\n")
    _ = sys.stdout.flush()


def _tune_process() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(OPEN_FILES_MAX, hard) if hard != resource.RLIM_INFINITY else OPEN_FILES_MAX
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    gc.set_threshold(*GC_THRESHOLDS)


def new_password() -> str:
    return "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(PASSWORD_LENGTH))
