"""What `test_silence` runs: for ten seconds no packet of a phone comes through, either way."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sip import streams
from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.browser import CLEAN, Browser, BrowserPhone
from tests.interop.conftest import Office
from tests.interop.namespaces import drop, drop_nothing
from tests.interop.pbx import RunningPbx, settings
from tests.interop.programs import HOST, eventually, free_ports, let_pass
from tests.interop.telephones import assert_heard
from tests.sip.stack import MESSAGE, Stack, run

NOBODY_IS_ASKED = {"qualify_interval": "0s"}  # So that each call is tried.
SILENCE = 10.0  # Seconds.
# What waits is sent again after 0.2, 0.4, … s: the last pause may begin just before the end.
COMES_BACK = 10.0
UNREACHABLE = 4.0  # So long we wait for a word of a phone that is called.


class Line:
    """The way of one phone to us, whose packets can be made to vanish."""

    def __init__(self, pbx: RunningPbx, port: int, other: Baresip) -> None:
        """`port`: of ours, over TCP. `other`: whom it talks to, and who is not touched."""
        self._media = f"{pbx.media_ports.start}-{pbx.media_ports.stop - 1}"
        self._other = f"{other.rtp_ports.start}-{other.rtp_ports.stop - 1}"
        self._port = port

    @contextmanager
    def silent(self) -> Iterator[None]:
        """From `with` on until ten seconds have passed."""
        ends = time.monotonic() + SILENCE
        drop(
            f"tcp dport {self._port}",
            f"tcp sport {self._port}",
            f"udp dport {self._media} udp sport != {self._other}",
            f"udp sport {self._media} udp dport != {self._other}",
        )
        try:
            yield
            let_pass(max(0.0, ends - time.monotonic()))
        finally:
            drop_nothing()


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_desk_phone(office: Office, transport: str) -> None:
    tls_port = free_ports()
    pbx = office.serve(settings(sip={"tls": {"port": tls_port}, **NOBODY_IS_ASKED}))
    port = tls_port if transport == "tls" else pbx.sip_port
    phone = office.phone("101", transport=transport, server=f"{HOST}:{port}")
    other = office.phone("102", tone_hz=tones.SECOND_AGENT_HZ)
    other.wait_registered()
    _ = eventually(lambda: registrations(pbx) == 2, "two registrations")
    line = Line(pbx, port, other)

    _ = phone.dial(f"sip:102@{HOST}:{port};transport={transport}")
    _ = other.wait_incoming()
    _ = other.accept()
    _ = phone.wait_established()
    assert_heard({phone: other, other: phone})
    with line.silent():
        let_pass(1.0)
        assert registrations(pbx) == 2
    assert_heard({phone: other, other: phone})

    with line.silent():
        _ = other.hang_up()
        _ = other.wait_closed()
        is_unreachable(other)
    for _ in ("our BYE", "the call that is over, with its CANCEL"):
        _ = phone.wait_closed(COMES_BACK)
    assert registrations(pbx) == 2

    _ = other.dial("101")
    _ = other.wait_ringing()
    _ = phone.accept()
    _ = other.wait_established()
    _ = phone.wait_established()
    assert_heard({phone: other, other: phone})
    _ = phone.hang_up()
    _ = other.wait_closed()
    assert verdicts(pbx) == ["answered", "unreachable", "answered"]


def test_a_browser(office: Office, tmp_path: Path) -> None:
    with Browser(tmp_path / "browser") as browser:
        pbx = office.serve(settings(web={"origins": [browser.origin]}, sip=NOBODY_IS_ASKED))
        other = office.phone("102", tone_hz=tones.SECOND_AGENT_HZ)
        other.wait_registered()
        uri = f"ws://{HOST}:{pbx.web_port}/ws"
        phone = BrowserPhone(browser, "101", pbx.password("101"), uri, tones.CALLER_HZ)
        phone.wait("registered")
        line = Line(pbx, pbx.web_port, other)
        phone.run("phone.call('102')")
        _ = other.wait_incoming()
        _ = other.accept()
        phone.wait("connection connected")
        with line.silent():
            pass
        assert phone.hears(tones.SECOND_AGENT_HZ) >= CLEAN
        with line.silent():
            _ = other.hang_up()
            _ = other.wait_closed()
            is_unreachable(other)
        phone.wait("ended remote", COMES_BACK)
        _ = eventually(lambda: registrations(pbx) == 2, "two registrations")
        _ = other.dial("101")
        phone.wait("ringing", COMES_BACK)
        phone.close()
    assert verdicts(pbx)[:2] == ["answered", "unreachable"]


def test_who_acknowledges_nothing_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux alone would go on for a quarter of an hour."""
    monkeypatch.setattr(streams, "GONE_MS", 1_000)

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tcp(HOST, 0)
        a.transports.send(a.transports.flow_to("tcp", there), MESSAGE)
        _, flow = await b.messages.get()
        drop(f"tcp sport {there[1]}")
        b.transports.send(flow, MESSAGE)
        assert await b.closed.get() == flow

    try:
        run(check)
    finally:
        drop_nothing()


def is_unreachable(caller: Baresip) -> None:
    """Calls 101 in vain, and is told so soon."""
    began = time.monotonic()
    _ = caller.dial("101")
    assert "480" in caller.wait_closed(2 * UNREACHABLE).param
    assert UNREACHABLE - 0.5 < time.monotonic() - began < UNREACHABLE + 1.0


def registrations(pbx: RunningPbx) -> int:
    found: int = pbx.status()["registrations"]
    return found


def verdicts(pbx: RunningPbx) -> list[str]:
    pbx.wait_idle()
    _ = eventually(lambda: len(pbx.records()) >= 3, "three records")
    return [record["verdict"] for record in pbx.records()]
