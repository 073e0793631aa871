"""The HTTP server: health, readiness, metrics, and what is going on as JSON. Only reading.

Pages in a browser of somebody inside the network must not read caller numbers by pointing a name
of theirs at us (DNS rebinding): the JSON is given only to those who call us by an IP address,
`localhost` or a configured name. No CORS header is ever sent.
"""

import asyncio
import errno
import ipaddress
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import msgspec
from aiohttp import hdrs, web

from pbx import metrics
from pbx.history.records import CallRecord
from pbx.status import Status
from pbx.store import CALLS_MAX, StoreError
from sip.trace import MESSAGES_MAX, Traced

CALLS_DEFAULT: Final = 50
TRACE_DEFAULT: Final = 100
HEADER_BYTES_MAX: Final = 8190  # Per header line.
BODY_BYTES_MAX: Final = 1024  # Nobody has a reason to send one.
SHUTDOWN_SECONDS: Final = 1.0  # For answers on their way when we stop.
KEEPALIVE_SECONDS: Final = 30.0

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
"""

Address = tuple[str, int]
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
    ) -> None:
        """`names`: host names by which browsers may call us, besides IP addresses."""
        self._render_metrics = render_metrics
        self._status = status
        self._calls = calls
        self._ready = ready
        self._trace = trace
        self._names = frozenset(name.lower() for name in names) | {"localhost"}
        self._runner: web.AppRunner | None = None
        self.stopping = False  # Set it to fail the health check while calls run out.

    async def start(self, host: str, port: int) -> Address:
        """Listen; port 0 takes a free one. Returns the address. WebError if that fails."""
        self._runner = runner = web.AppRunner(
            self._application(),
            access_log=None,
            handle_signals=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, OverflowError) as error:
            await self.stop()
            raise WebError(_why_not(host, port, error)) from error
        bound = runner.addresses[0]
        return (str(bound[0]), int(bound[1]))

    async def stop(self) -> None:
        self.stopping = True
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(
            middlewares=[web.middleware(_tidy_errors)], client_max_size=BODY_BYTES_MAX
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
        ):
            _ = application.router.add_get(path, handler)
        return application

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
        request.app.logger.exception("fault in %s", request.path)
        return _error(500, "a fault of ours: see the log")


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


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
