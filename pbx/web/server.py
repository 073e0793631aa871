"""The HTTP server: health, readiness, metrics, what is going on as JSON, and SIP for browsers.

Pages in a browser of somebody inside the network must not read caller numbers by pointing a name
of theirs at us (DNS rebinding): the JSON is given only to those who call us by an IP address,
`localhost` or a configured name. No CORS header is ever sent.
"""

import asyncio
import errno
import ipaddress
import logging
import ssl
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import msgspec
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from pbx import metrics
from pbx.config.transports import WebSettings
from pbx.history.records import CallRecord
from pbx.status import Status
from pbx.store import CALLS_MAX, StoreError
from pbx.web import provisioning, trace_page
from pbx.web.doors import Doors
from pbx.web.phones import PhoneSockets
from pbx.web.provisioning import Find, Provisioning
from sip.flow import Flow
from sip.ladder import make_ladder
from sip.pcap import pcap
from sip.trace import MESSAGES_MAX, Traced, redact

CALLS_DEFAULT: Final = 50
TRACE_DEFAULT: Final = 100
HEADER_BYTES_MAX: Final = 8190  # Per header line.
BODY_BYTES_MAX: Final = 1024  # Nobody has a reason to send one.
SHUTDOWN_SECONDS: Final = 1.0  # For answers on their way when we stop.
KEEPALIVE_SECONDS: Final = 30.0
HANDSHAKE_SECONDS: Final = 10.0
BACKLOG: Final = 1_024  # Connections that wait to be accepted: a burst must not stall others.

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
INDEX: Final = """Dzvin is running. Here are:

  /health                    is the process well? 200, or 503 while it stops
  /ready                     does it take calls? 200 or 503
  /metrics                   figures for Prometheus
  /status.json               queues, agents and calls now
  /calls.json?limit=50       the latest calls; &before=ID for the ones before that call
  /trace.json?last=100       the latest SIP messages; &with=TEXT for those that have it
  /calls/ID/trace            one call's SIP messages as a picture; trace.pcap for Wireshark
  /ws                        SIP over WebSocket (RFC 7118), for telephones in browsers
"""

Address = tuple[str, int]
Message = tuple[float, bool, Flow, bytes]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebError(Exception):
    """The server cannot start; the text says why and what to do."""


class WebServer:
    """`status`, `ready` and `trace` (containing, last) are asked in the loop, `calls` (limit,
    before) in a thread."""

    def __init__(
        self,
        *,
        render_metrics: Callable[[], bytes],
        status: Callable[[], Status],
        calls: Callable[[int, str], Sequence[CallRecord]],
        ready: Callable[[], bool] = lambda: True,
        trace: Callable[[str, int], Sequence[Traced]] = lambda containing, last: (),
        names: Collection[str] = (),
        call_trace: Callable[[str], Sequence[Message] | None] = lambda call: None,
        phones: PhoneSockets | None = None,
        doors: Doors | None = None,
        find_file: Find | None = None,
    ) -> None:
        """`names`: host names by which browsers may call us, besides IP addresses.

        Without `phones` there is no SIP over WebSocket, without `find_file` nothing for phones to
        fetch.
        """
        self._render_metrics = render_metrics
        self._status = status
        self._calls = calls
        self._ready = ready
        self._trace = trace
        self._call_trace = call_trace
        self._names = frozenset(name.lower() for name in names) | {"localhost"}
        self._phones = phones
        self._doors = doors
        self._files = None if find_file is None else Provisioning(find_file, self._source_of)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self.stopping = False  # Set it to fail the health check while calls run out.

    async def start(
        self, host: str | Sequence[str], port: int, context: ssl.SSLContext | None = None
    ) -> Address:
        """Listen; port 0 takes a free one. Returns the (first) address. WebError if that fails.

        With `context` it is https.
        """
        self._runner = runner = web.AppRunner(
            self._application(),
            access_log=None,
            logger=_logger(),
            handle_signals=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            self._listener = await self._listen(runner, host, port, context)
        except (OSError, OverflowError) as error:
            await self.stop()
            where = host if isinstance(host, str) else " ".join(host)
            raise WebError(_why_not(where, port, error)) from error
        bound = self._listener.sockets[0].getsockname()
        return (str(bound[0]), int(bound[1]))

    async def _listen(
        self,
        runner: web.AppRunner,
        host: str | Sequence[str],
        port: int,
        context: ssl.SSLContext | None,
    ) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        doors = self._doors = Doors(loop) if self._doors is None else self._doors
        server = runner.server
        assert server is not None
        return await loop.create_server(
            lambda: doors.door(server()),
            host,
            port,
            ssl=context,
            ssl_handshake_timeout=None if context is None else HANDSHAKE_SECONDS,
            backlog=BACKLOG,
        )

    def reload(self, settings: WebSettings) -> None:
        """Other names and origins; addresses need a restart."""
        self._names = frozenset(settings.names) | {"localhost"}
        if self._phones is not None:
            self._phones.reload(settings)

    async def stop(self) -> None:
        self.stopping = True
        runner, self._runner = self._runner, None
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        if self._phones is not None:
            await self._phones.stop()
        if runner is not None:
            await runner.cleanup()
        if listener is not None:
            await listener.wait_closed()

    def _application(self) -> web.Application:
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self._doors is not None:
                self._doors.heard(request)
            return await handler(request)

        application = web.Application(
            middlewares=[web.middleware(note), web.middleware(_tidy_errors)],
            client_max_size=BODY_BYTES_MAX,
        )
        application.on_response_prepare.append(_add_headers)
        for path, handler in (
            ("/", self._get_index),
            ("/health", self._get_health),
            ("/ready", self._get_ready),
            ("/metrics", self._get_metrics),
            ("/status.json", self._get_status),
            ("/calls.json", self._get_calls),
            ("/trace.json", self._get_trace),
            ("/calls/{call}/trace", self._get_ladder),
            ("/calls/{call}/trace.json", self._get_call_trace),
            ("/calls/{call}/trace.pcap", self._get_pcap),
        ):
            _ = application.router.add_get(path, handler)
        if self._files is not None:
            _ = application.router.add_get(provisioning.PATH, self._files.serve)
        if self._phones is not None:
            _ = application.router.add_get("/ws", self._get_phone, allow_head=False)
        return application

    async def _get_phone(self, request: web.Request) -> web.StreamResponse:
        assert self._phones is not None
        self._check_host(request)
        if self.stopping:
            return _json({"status": "stopping"}, 503)
        if self._doors is not None:
            self._doors.stay(request)
        return await self._phones.serve(request)

    def _source_of(self, request: web.Request) -> str:
        return request.remote or "" if self._phones is None else self._phones.source_of(request)

    async def _get_index(self, _: web.Request) -> web.Response:
        return web.Response(text=INDEX)

    async def _get_health(self, _: web.Request) -> web.Response:
        return _json({"status": "stopping"}, 503) if self.stopping else _json({"status": "ok"})

    async def _get_ready(self, _: web.Request) -> web.Response:
        if self.stopping:
            return _json({"status": "stopping"}, 503)
        return _json({"status": "ready"}) if self._ready() else _json({"status": "starting"}, 503)

    async def _get_metrics(self, _: web.Request) -> web.Response:
        page = self._render_metrics()
        return web.Response(body=page, headers={hdrs.CONTENT_TYPE: metrics.CONTENT_TYPE})

    async def _get_status(self, request: web.Request) -> web.Response:
        self._check_host(request)
        return _json(self._status())

    async def _get_calls(self, request: web.Request) -> web.Response:
        self._check_host(request)
        text = request.query.get("limit", str(CALLS_DEFAULT))
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= 1):
            return _error(400, f"limit must be a number from 1 to {CALLS_MAX}")
        limit, before = min(int(text), CALLS_MAX), request.query.get("before", "")
        try:
            records = await asyncio.to_thread(self._calls, limit, before)
        except StoreError as error:
            return _error(503, str(error))
        return _json(records)

    async def _get_trace(self, request: web.Request) -> web.Response:
        self._check_host(request)
        text = request.query.get("last", str(TRACE_DEFAULT))
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            return _error(400, f"last must be a number up to {MESSAGES_MAX}")
        return _json(self._trace(request.query.get("with", ""), min(int(text), MESSAGES_MAX)))

    def _messages(self, request: web.Request) -> Sequence[Message]:
        self._check_host(request)
        found = self._call_trace(request.match_info["call"])
        if found is None:
            raise web.HTTPNotFound(text="no such call, or none that is remembered")
        return found

    async def _get_ladder(self, request: web.Request) -> web.Response:
        ladder = make_ladder(self._messages(request))
        text = trace_page.page(request.match_info["call"], ladder)
        headers = {"Content-Security-Policy": trace_page.POLICY}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _get_call_trace(self, request: web.Request) -> web.Response:
        found = self._messages(request)
        return _json([Traced(at, out, flow, redact(data)) for at, out, flow, data in found])

    async def _get_pcap(self, request: web.Request) -> web.Response:
        body = pcap(self._messages(request))
        return web.Response(body=body, content_type="application/vnd.tcpdump.pcap")

    def _check_host(self, request: web.Request) -> None:
        name = _host_name(request.headers.get(hdrs.HOST, ""))
        if name not in self._names and not _is_ip(name):
            raise web.HTTPForbidden(
                text="call this page by an IP address, or add this name to the configuration"
            )


async def _tidy_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as JSON, in one form."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        return _error(error.status, "only GET and HEAD", {hdrs.ALLOW: "GET, HEAD"})
    except web.HTTPException as error:
        return _error(error.status, error.text or error.reason)
    except Exception:
        # Not the path itself: a phone's has its secret in it.
        resource = request.match_info.route.resource
        where = "?" if resource is None else resource.canonical
        request.app.logger.exception("fault in %s", where)
        return _error(500, "a fault of ours: see the log")


def _logger() -> logging.Logger:
    """For faults of ours: requests that cannot be read are no news, and must not fill the disk."""
    logger = logging.getLogger("pbx.web")
    logger.addFilter(_is_our_fault)
    return logger


def _is_our_fault(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        if name not in response.headers:  # A page may have a policy of its own.
            response.headers[name] = value


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(
        body=body, status=status, content_type="application/json", headers=headers or {}
    )


def _error(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return _json({"error": text}, status, headers)


def _host_name(host: str) -> str:
    """The Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_ip(name: str) -> bool:
    try:
        _ = ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _why_not(host: str, port: int, error: OSError | OverflowError) -> str:
    where = f"cannot listen on {host}:{port}"
    match error:
        case OSError(errno=errno.EADDRINUSE):
            return f"{where}: the port is in use (another pbx?); stop that, or change web.port"
        case OSError(errno=errno.EACCES):
            return f"{where}: not permitted; choose a web.port above 1023"
        # From Python 3.13 on asyncio leaves addresses out that are not ours, then has none.
        case OSError(errno=errno.EADDRNOTAVAIL | None):
            return f"{where}: this machine has no such address; change web.host"
        case OSError(strerror=reason) if reason:
            return f"{where}: {reason}"
        case _:
            return f"{where}: {error}"
