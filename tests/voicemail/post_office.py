"""A real SMTP server on loopback, in a thread of its own, which refuses and delays as told."""

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Delivered:
    sender: str
    recipients: list[str]
    data: bytes
    encrypted: bool
    user: str


@dataclass(slots=True)
class Desk:
    """What is done with letters; the answers in `say` come first."""

    letters: list[Delivered] = field(default_factory=list[Delivered])
    say: list[str] = field(default_factory=list[str])  # Instead of taking the next letters.
    asked: int = 0
    receiving: bool = False
    delay_seconds: float = 0.0
    came: threading.Condition = field(default_factory=threading.Condition)

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        self.receiving = True
        await asyncio.sleep(self.delay_seconds)
        with self.came:
            self.asked += 1
            self.came.notify_all()
            if self.say:
                return self.say.pop(0)
            content = envelope.content
            assert isinstance(content, bytes)
            user = session.auth_data
            self.letters.append(
                Delivered(
                    str(envelope.mail_from),
                    list(envelope.rcpt_tos),
                    content,
                    encrypted=_is_encrypted(server, session),
                    user=user.login.decode() if isinstance(user, LoginPassword) else "",
                )
            )
        return "250 taken"


def _is_encrypted(server: Server, session: Session) -> bool:
    """After STARTTLS, or from the first byte on."""
    transport = server.transport
    implicit = transport is not None and transport.get_extra_info("ssl_object") is not None
    return session.ssl is not None or implicit


class PostOffice:
    def __init__(self, host: str, port: int, **options: Any) -> None:  # noqa: ANN401
        self.desk = Desk()
        self.port = port
        self._controller = Controller(self.desk, hostname=host, port=port, **options)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._controller.stop()

    @property
    def letters(self) -> list[Delivered]:
        return self.desk.letters

    def wait(self, count: int) -> list[Delivered]:
        with self.desk.came:
            came = self.desk.came.wait_for(lambda: len(self.letters) >= count, WAIT_SECONDS)
        assert came, self.letters
        return self.letters

    def wait_asked(self, count: int) -> None:
        with self.desk.came:
            assert self.desk.came.wait_for(lambda: self.desk.asked >= count, WAIT_SECONDS)


def sign_in(user: str, password: str) -> Any:  # noqa: ANN401
    """An authenticator that knows one user."""

    def check(
        server: Server,
        session: Session,
        envelope: Envelope,
        mechanism: str,
        data: Any,  # noqa: ANN401
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and data == LoginPassword(
            user.encode(), password.encode()
        )
        return AuthResult(success=right, auth_data=data)

    return check


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
