"""JsSIP in headless Chromium: a telephone in a page, driven from the test.

The page and JsSIP come from `tests/interop/browser/`, bundled by esbuild; Playwright drives
Chromium. The npm packages are kept outside of the tree, by the lock file they belong to. Each
page says a tone of its own; what it hears comes back as samples.
"""

import base64
import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest
import soxr

from tests.interop import tones
from tests.interop.programs import (
    HOST,
    PATIENCE_SECONDS,
    children,
    eventually,
    is_alive,
    let_pass,
    need,
)

HERE = Path(__file__).parent / "browser"
INSTALL = Path(__file__).parents[2] / ".ci/browser"
INSTALL_SECONDS = 120.0
ANSWER_SECONDS = 15.0
LISTEN_SECONDS = 0.6
LISTEN_TIMES = 8
CLEAN = 0.99
SETUP_SECONDS = 20.0


@functools.cache
def modules() -> Path:
    """The directory with node_modules; the test is skipped if it cannot be had."""
    need("node", "npm", "chromium")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    lock = hashlib.blake2b((HERE / "package-lock.json").read_bytes(), digest_size=6).hexdigest()
    directory = cache / "dzvin" / f"browser-{lock}"
    done = subprocess.run(
        [str(INSTALL), str(directory)],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"npm packages could not be installed: {done.stdout[-500:]}")
    return directory


def bundle(directory: Path) -> None:
    """The page as a browser loads it."""
    node_modules = modules() / "node_modules"
    command = [
        *(str(node_modules / ".bin/esbuild"), str(HERE / "phone.js"), "--bundle"),
        *("--log-level=error", f"--outfile={directory / 'phone.js'}"),
    ]
    environment = {**os.environ, "NODE_PATH": str(node_modules)}
    _ = subprocess.run(command, check=True, timeout=INSTALL_SECONDS, env=environment)
    _ = shutil.copy(HERE / "phone.html", directory)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Browser:
    """One Chromium, and the site that its pages come from."""

    def __init__(self, directory: Path) -> None:
        site = directory / "site"
        site.mkdir(parents=True)
        bundle(site)
        handler = functools.partial(_Quiet, directory=str(site))
        self._site = http.server.ThreadingHTTPServer((HOST, 0), handler)
        self._thread = threading.Thread(target=self._site.serve_forever, daemon=True)
        self._thread.start()
        chromium = shutil.which("chromium")
        assert chromium is not None
        self._log = (directory / "browser.log").open("wb")
        self._driver = subprocess.Popen(
            ["node", str(HERE / "driver.mjs"), str(modules()), chromium],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._pages = 0

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self._site.server_port}"

    def page(self) -> int:
        """A new page with a telephone."""
        self._pages += 1
        _ = self.do("open", self._pages, url=f"{self.origin}/phone.html")
        return self._pages

    def do(self, what: str, page: int, **rest: str) -> Any:  # noqa: ANN401
        stdin, stdout = self._driver.stdin, self._driver.stdout
        assert stdin is not None
        assert stdout is not None
        watchdog = threading.Timer(ANSWER_SECONDS, self._driver.kill)
        watchdog.start()
        try:
            _ = stdin.write(json.dumps({"do": what, "page": page, **rest}) + "\n")
            stdin.flush()
            line = stdout.readline()
        finally:
            watchdog.cancel()
        assert line, "the browser is gone: see browser.log"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def close(self) -> None:
        family = children(self._driver.pid)
        if self._driver.stdin is not None:
            self._driver.stdin.close()
        try:
            _ = self._driver.wait(ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._driver.kill()
            _ = self._driver.wait()
        if self._driver.stdout is not None:
            self._driver.stdout.close()
        for pid in filter(is_alive, family):
            os.kill(pid, 9)
        self._site.shutdown()
        self._site.server_close()
        self._thread.join()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class BrowserPhone:
    """A page that telephones as one extension."""

    def __init__(
        self, browser: Browser, user: str, password: str, uri: str, hz: float, expires: int = 600
    ) -> None:
        self._browser = browser
        self._page = browser.page()
        self._seen = 0
        self._options = {
            **{"uri": uri, "user": user, "password": password, "expires": expires},
            "hz": hz,
        }
        self.start()

    def start(self) -> None:
        _ = self.run(f"phone.start({json.dumps(self._options)})")

    def run(self, code: str) -> Any:  # noqa: ANN401
        return self._browser.do("run", self._page, code=code)

    @property
    def events(self) -> list[str]:
        """All that the telephone has told so far."""
        told: list[str] = self.run("phone.events")
        return told

    def wait(self, event: str, timeout: float = PATIENCE_SECONDS) -> None:
        """For the next event that begins so, after the one that was waited for last."""

        def look() -> int | None:
            told = self.events
            for number in range(self._seen, len(told)):
                if told[number].startswith(event):
                    return number + 1
            return None

        self._seen = eventually(look, f"{event} among {self.events[self._seen :]}", timeout)

    def wait_setups(self, count: int) -> None:
        """Until sound can flow in so many calls, of all that there ever were."""
        deadline = time.monotonic() + SETUP_SECONDS
        while not self.run(f"phone.setups.length >= {count}"):
            assert time.monotonic() < deadline, self.run("phone.states()")
            let_pass(0.02)

    def listen(self, seconds: float) -> tones.Samples:
        """What is heard from now on for so long."""
        told = self.run(f"phone.listen({seconds})")
        samples = np.frombuffer(base64.b64decode(told["data"]), dtype="<i2") / 32_768.0
        return np.asarray(soxr.resample(samples, told["rate"], tones.RATE))

    def hears(self, hz: float) -> float:
        """The share of this tone in what is heard; the best of some times, for a busy machine
        stretches what is in the jitter buffer."""
        best = 0.0
        for _ in range(LISTEN_TIMES):
            best = max(best, tones.tone_share(self.listen(LISTEN_SECONDS), hz))
            if best >= CLEAN:
                break
        return best

    def reload(self) -> None:
        self._seen = 0
        _ = self._browser.do("reload", self._page)

    def crash(self) -> None:
        """Its process is gone, and with it everything that could say so."""
        _ = self._browser.do("crash", self._page)

    def close(self) -> None:
        _ = self._browser.do("close", self._page)
