"""Phones fetch their settings at /provision/SECRET/FILE. The secret is never logged or answered.

A wrong secret looks like a file that is not there. Who tries too many of them has to wait.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web

from pbx.log import get_logger
from pbx.provisioning.render import RenderError
from pbx.provisioning.shelf import File

PATH: Final = "/provision/{secret}/{file}"
FAILURES_MAX: Final = 30  # Phones ask for some files that we do not have at each start.
FORGET_SECONDS: Final = 60.0  # So long a failure counts.
SOURCES_MAX: Final = 10_000  # The oldest is forgotten: a flood must not fill the memory.

Find = Callable[[str, str, str], File | None]
"""`Shelf.find`: secret, file, host."""


class Failures:
    """Who has asked in vain, and how often, within the last while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sources)

    def wait(self, source: str) -> int:
        """Seconds until this source may ask again; 0: now."""
        count, since = self._sources.get(source, (0, 0.0))
        left = since + FORGET_SECONDS - self._clock()
        return max(1, round(left)) if count >= FAILURES_MAX and left > 0 else 0

    def note(self, source: str) -> None:
        now = self._clock()
        count, since = self._sources.pop(source, (0, now))
        if since + FORGET_SECONDS <= now:
            count, since = 0, now
        self._sources[source] = (count + 1, since)
        while len(self._sources) > SOURCES_MAX:
            _ = self._sources.popitem(last=False)


class Provisioning:
    """The handler of PATH."""

    def __init__(
        self,
        find: Find,
        source: Callable[[web.Request], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`source`: whose request it is, behind a proxy too."""
        self._find = find
        self._source = source
        self._failures = Failures(clock)
        self._log = get_logger()

    async def serve(self, request: web.Request) -> web.Response:
        source = self._source(request)
        wait = self._failures.wait(source)
        if wait:
            return web.json_response(
                {"error": "too many wrong addresses"},
                status=web.HTTPTooManyRequests.status_code,
                headers={hdrs.RETRY_AFTER: str(wait)},
            )
        secret, name = request.match_info["secret"], request.match_info["file"]
        try:
            file = self._find(secret, name, host_of(request.headers.get(hdrs.HOST, "")))
        except RenderError as error:
            self._log.error("phone's settings cannot be made", text=str(error))
            raise web.HTTPInternalServerError(text="a fault in a template: see the log") from None
        if file is None:
            self._failures.note(source)
            raise web.HTTPNotFound(text="there is no such file")
        self._log.info("phone fetched its settings", file=file.name, source=source)
        return web.Response(body=file.body, content_type=file.content_type, charset="utf-8")


def host_of(header: str) -> str:
    """The Host header without its port, "" if it is no name or address that could be called."""
    host = header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]
    fits = all(letter.isalnum() or letter in ".:-" for letter in host) and host.isascii()
    return host.lower() if fits and len(host) <= 255 else ""
