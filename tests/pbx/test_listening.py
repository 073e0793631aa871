"""Where the PBX listens, what it says when it cannot, and how it watches its certificates."""

import asyncio
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop

from pbx.config import Config
from pbx.listening import ListenError, Listening, where_of_sip, where_of_web
from pbx.log import configure
from sip.flow import Flow
from sip.transport import Transports
from tests.certificates import write_pair

if TYPE_CHECKING:
    from pbx.status import Alarm

HOST = "127.0.0.1"


class Rig:
    def __init__(self, config: Config) -> None:
        loop = asyncio.get_running_loop()
        self.alarms: list[Alarm] = []
        self.transports = Transports(
            loop, lambda data, flow, now: None, lambda m, flow, now: None, lambda flow, now: None
        )
        self.listening = Listening(config, loop, self.alarms.append)

    async def start(self) -> None:
        await self.listening.start(self.transports)

    async def stop(self) -> None:
        self.listening.stop()
        await self.transports.close()

    @property
    def raised(self) -> dict[str, str]:
        return {alarm.name: alarm.text for alarm in self.alarms if alarm.active}


def settings(directory: Path, **sip: object) -> Config:
    return Config.model_validate(
        {
            "sip": {"host": HOST, "port": 0, **sip},
            "web": {"names": ["pbx.example.com"]},
            "secrets": str(directory / "secrets.yaml"),
        }
    )


def run(check: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(5.0):
            await check()

    uvloop.run(main())


def test_a_certificate_of_our_own(tmp_path: Path) -> None:
    async def check() -> None:
        rig = Rig(settings(tmp_path, tls={"port": 0}))
        await rig.start()
        assert rig.listening.address[1] > 0
        assert rig.listening.certificates is not None
        names = rig.listening.certificates.named("").names
        assert names >= {"pbx.example.com", "localhost", HOST, "::1"}
        assert (tmp_path / "tls/own.pem").exists()
        assert rig.raised == {}
        await rig.stop()

    run(check)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async def check() -> None:
        first = Rig(settings(tmp_path))
        await first.start()
        port = first.listening.address[1]
        second = Rig(settings(tmp_path, port=port))
        with pytest.raises(ListenError) as raised:
            await second.start()
        assert str(raised.value) == (
            f"SIP port {port} on {HOST} is in use (another PBX?); "
            "stop that, or choose another: PBX_SIP__PORT=5070"
        )
        await second.stop()
        await first.stop()

    run(check)


def test_a_certificate_that_is_no_good_and_one_that_soon_is_none(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "a.example", days=5)

    def given(file: Path, key: Path) -> Config:
        certificates = {"certificates": [{"file": str(file), "key": str(key)}]}
        plain = settings(tmp_path, tls={"port": 0}).model_dump(mode="json", exclude_unset=True)
        return Config.model_validate(plain | certificates)

    async def check() -> None:
        with pytest.raises(ListenError, match=r"^certificate .*one-key"):
            await Rig(given(pair.key, pair.key)).start()
        rig = Rig(given(*pair))
        await rig.start()
        assert rig.raised == {"certificate_expires": "a certificate ends in 4 days"}
        _ = pair.certificate.write_bytes(b"half")
        told = len(rig.alarms)
        rig.listening.reload(given(*pair))
        rig.listening.reload(given(*pair))
        (alarm,) = rig.alarms[told:]
        assert (alarm.name, alarm.active) == ("certificate", True)
        _ = write_pair(tmp_path, "a.example", days=90)
        rig.listening.reload(given(*pair))
        assert [(a.name, a.active) for a in rig.alarms[told + 1 :]] == [
            ("certificate", False),
            ("certificate_expires", False),
        ]
        await rig.stop()

    run(check)


def test_why_somebody_cannot_be_reached_is_said_once(tmp_path: Path) -> None:
    said = BytesIO()
    configure(style="json", stream=said)

    async def check() -> None:
        rig = Rig(settings(tmp_path))
        flow = Flow("tls", (HOST, 5061), ("192.0.2.9", 5061), -1)
        for _ in range(3):
            rig.listening.on_error(flow, "certificate verify failed")

    run(check)
    assert said.getvalue().count(b"certificate verify failed") == 1


def test_in_words(tmp_path: Path) -> None:
    config = settings(tmp_path, host=[HOST, "::1"], port=5060, tls=True, tcp=False)
    assert where_of_sip(config.sip) == (
        "127.0.0.1:5060 (UDP), [::1]:5060 (UDP), 127.0.0.1:5061 (TLS), [::1]:5061 (TLS)"
    )
    assert where_of_web(config.web) == "http://127.0.0.1:8080/"
