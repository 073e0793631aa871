"""Where phones reach us: opens what the configuration names, and keeps the certificates fresh."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from pbx.certificates import CertificateError, Certificates, Pair, own_certificate
from pbx.config import Config
from pbx.config.model import SipSettings
from pbx.config.transports import WebSettings
from pbx.log import get_logger
from pbx.status import Alarm
from sip.flow import Address, Flow
from sip.tls import client_context
from sip.transport import Transports

RELOAD_SECONDS: Final = 60.0  # Programs that renew certificates tell nobody.
EXPIRY_ALARM_DAYS: Final = 14  # Renewal is due 30 days before the end: it has failed for long.
ERRORS_SHOWN_EVERY: Final = 60.0  # Seconds, for each peer: those whom we call are tried often.
PEERS_MAX: Final = 1_000


class ListenError(Exception):
    """We cannot listen; the text is one line that says what to do."""


class Listening:
    """The SIP listeners of one PBX and its certificates."""

    def __init__(
        self,
        config: Config,
        loop: asyncio.AbstractEventLoop,
        on_alarm: Callable[[Alarm], None],
    ) -> None:
        self._config = config
        self._loop = loop
        self._on_alarm = on_alarm
        self._log = get_logger()
        self._timer: asyncio.TimerHandle | None = None
        self._shown: dict[Address, float] = {}
        self._told: dict[str, Alarm] = {}
        self.certificates: Certificates | None = None  # Without TLS there are none.
        self.address: Address = (config.sip.host[0], config.sip.port)

    async def start(self, transports: Transports) -> None:
        """Everything listens when this returns, or ListenError is raised."""
        sip = self._config.sip
        try:
            if sip.tls is not None or self._config.web.tls:
                self.certificates = Certificates(_pairs(self._config))
            if sip.tls is not None:
                transports.client_context = client_context(
                    verify=sip.tls.verify, authorities=sip.tls.authorities
                )
        except (CertificateError, OSError) as error:
            raise ListenError(str(error)) from error
        port = sip.port
        for host in sip.host:
            port = await self._listen(transports, host, port)
        self._watch()

    def reload(self, config: Config) -> None:
        """Another configuration, or the same with other files. Ports need a restart."""
        self._config = config
        if self.certificates is None:
            return
        try:
            self.certificates.use(_pairs(config))
        except CertificateError as error:
            self._tell([str(error)])
        else:
            self._tell([])

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def on_error(self, flow: Flow, text: str) -> None:
        """Somebody whom we call cannot be reached."""
        now = self._loop.time()
        if now - self._shown.get(flow.remote, float("-inf")) < ERRORS_SHOWN_EVERY:
            return
        if len(self._shown) >= PEERS_MAX:
            self._shown.clear()
        self._shown[flow.remote] = now
        host, port = flow.remote
        self._log.warning("no connection", to=f"{host}:{port}", over=flow.transport, why=text)

    async def _listen(self, transports: Transports, host: str, port: int) -> int:
        """On one of our addresses; port 0 is chosen by the system, once for all of them."""
        sip = self._config.sip
        wanted = port
        try:
            if sip.udp:
                self.address = await transports.listen_udp(host, port)
                port = self.address[1]
            if sip.tcp:
                self.address = await transports.listen_tcp(host, port)
                port = self.address[1]
            if sip.tls is not None and self.certificates is not None:
                wanted = sip.tls.port
                _ = await transports.listen_tls(host, wanted, self.certificates.context)
        except OSError as error:
            raise ListenError(why_not(host, wanted, error)) from error
        return port

    def _watch(self) -> None:
        if self.certificates is not None:
            self._tell(self.certificates.reload())
            self._timer = self._loop.call_later(RELOAD_SECONDS, self._watch)

    def _tell(self, errors: Sequence[str]) -> None:
        assert self.certificates is not None
        days = (self.certificates.expires_at - time.time()) / 86_400
        text = f"a certificate ends in {max(0, int(days))} days"
        for alarm in (
            Alarm("certificate", bool(errors), "; ".join(errors)),
            Alarm("certificate_expires", days < EXPIRY_ALARM_DAYS, text),
        ):
            if self._told.get(alarm.name) != alarm:
                self._told[alarm.name] = alarm
                self._on_alarm(alarm)


def _pairs(config: Config) -> list[Pair]:
    if config.certificates:
        return [Pair(given.file, given.key_file) for given in config.certificates]
    return [own_certificate(config.secrets.parent / "tls", _own_names(config))]


def _own_names(config: Config) -> list[str]:
    """By which we may be called: the most telling first."""
    names = [*config.web.names, socket.gethostname(), "localhost", "127.0.0.1", "::1"]
    external = config.sip.external_address
    names += [external] if external is not None else []
    names += [host for host in config.sip.host if host not in ("0.0.0.0", "::")]
    return list(dict.fromkeys(name for name in names if name.isascii() and name))


def why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"SIP port {port} on {host} is in use (another PBX?); "
            "stop that, or choose another: PBX_SIP__PORT=5070"
        )
    if error.errno == errno.EACCES:
        return f"SIP port {port}: not permitted; choose one above 1023 with PBX_SIP__PORT"
    return f"cannot listen for SIP on {host}:{port}: {error.strerror}"


def where_of_sip(sip: SipSettings) -> str:
    """In words, for those who start it."""
    ways = [name for name, on in (("UDP", sip.udp), ("TCP", sip.tcp)) if on]
    hosts = [f"[{host}]" if ":" in host else host for host in sip.host]
    parts = [f"{host}:{sip.port} ({' and '.join(ways)})" for host in hosts if ways]
    if sip.tls is not None:
        parts += [f"{host}:{sip.tls.port} (TLS)" for host in hosts]
    return ", ".join(parts)


def where_of_web(web: WebSettings) -> str:
    host = f"[{web.host[0]}]" if ":" in web.host[0] else web.host[0]
    return f"{'https' if web.tls else 'http'}://{host}:{web.port}/"
