"""E-mails against a real SMTP server on loopback: taken, refused, delayed, dead, over restarts."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pbx import mail
from pbx.mail import Mailer, MailServer, Outgoing
from pbx.status import Alarm
from tests.certificates import write_pair
from tests.voicemail.post_office import PostOffice, server_context, sign_in

HOST = "127.0.0.1"


class Sender:
    """A mailer in a loop of its own, whose clock can be put forward."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sent: list[str] = []
        self.alarms: list[bool] = []
        self.ahead = 0.0
        self.mailer: Mailer

    def run(
        self, server: MailServer | None, story: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        async def told() -> None:
            self.mailer = Mailer(self.directory, self.sent.append, self._alarm, self._clock)
            self.mailer.start(server)
            try:
                async with asyncio.timeout(20):
                    await story()
            finally:
                await self.mailer.stop()

        asyncio.run(told())

    def put(self, id: str = "102-1-a", tag: str = "") -> None:
        letter = Outgoing(id, "olena@example.com", f"Letter {id}", "Body", tag=tag or id)
        self.mailer.queue(self.mailer.write(letter))

    async def until(self, fact: Callable[[], bool]) -> None:
        while not fact():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def tried(self, times: int) -> None:
        await self.until(lambda: self.mailer._letters["102-1-a"].tries == times)

    def pass_time(self, seconds: float) -> None:
        self.ahead += seconds
        self.mailer._wake.set()

    def files(self) -> set[str]:
        return {path.name for path in self.directory.iterdir()}

    def _clock(self) -> float:
        return 1_700_000_000.0 + self.ahead

    def _alarm(self, alarm: Alarm) -> None:
        self.alarms.append(alarm.active)


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    return Sender(tmp_path / "mail")


def free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port


def server(port: int, **options: Any) -> MailServer:  # noqa: ANN401
    return MailServer(HOST, port, options.pop("security", "none"), "pbx@example.com", **options)


def test_letters_are_sent_and_forgotten(sender: Sender) -> None:
    with PostOffice(HOST, free_port()) as office:

        async def story() -> None:
            sender.put("102-1-a")
            sender.put("102-2-b")
            await sender.until(lambda: len(sender.sent) == 2)

        sender.run(server(office.port), story)
    assert [letter.recipients for letter in office.letters] == [["olena@example.com"]] * 2
    assert office.letters[0].sender == "pbx@example.com"
    assert sender.sent == ["102-1-a", "102-2-b"]
    assert sender.files() == set()


def test_who_is_busy_is_asked_again_later(sender: Sender) -> None:
    with PostOffice(HOST, free_port()) as office:
        office.desk.say = ["451 later", "452 later still"]

        async def story() -> None:
            sender.put()
            await sender.until(lambda: office.desk.asked == 1)
            await sender.until(lambda: sender.mailer._letters["102-1-a"].tries == 1)
            sender.pass_time(14.0)
            await asyncio.sleep(0.05)
            assert office.desk.asked == 1
            sender.pass_time(1.0)
            await sender.until(lambda: sender.mailer._letters["102-1-a"].tries == 2)
            sender.pass_time(30.0)
            await sender.until(lambda: bool(sender.sent))

        sender.run(server(office.port), story)
    assert len(office.letters) == 1


def test_what_is_refused_for_good_is_dropped(sender: Sender) -> None:
    with PostOffice(HOST, free_port()) as office:
        office.desk.say = ["554 no"]

        async def story() -> None:
            sender.put("102-1-a")
            await sender.until(lambda: sender.mailer.dropped == 1)
            sender.put("102-2-b")
            await sender.until(lambda: bool(sender.sent))

        sender.run(server(office.port), story)
    assert sender.sent == ["102-2-b"]
    assert sender.files() == set()


def test_a_dead_server_costs_nothing_but_time(sender: Sender) -> None:
    port = free_port()

    async def dead() -> None:
        sender.put()
        for tries in range(1, 4):
            await sender.tried(tries)
            sender.pass_time(3600.0)
        await sender.until(lambda: sender.alarms == [True])
        with PostOffice(HOST, port):
            sender.pass_time(3600.0)
            await sender.until(lambda: bool(sender.sent))

    sender.run(server(port), dead)
    assert sender.alarms == [True, False]


def test_a_server_that_dies_in_the_middle(sender: Sender) -> None:
    port = free_port()
    dying = PostOffice(HOST, port)
    dying.desk.delay_seconds = 30.0

    async def dies() -> None:
        with dying:
            sender.put()
            await sender.until(lambda: dying.desk.receiving)
        await sender.until(lambda: sender.mailer._letters["102-1-a"].tries == 1)

    sender.run(server(port), dies)
    assert dying.letters == []
    with PostOffice(HOST, port) as office:

        async def again() -> None:
            sender.pass_time(60.0)
            await sender.until(lambda: bool(sender.sent))

        sender.run(server(port), again)
    assert len(office.letters) == 1


def test_a_server_that_says_nothing(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind((HOST, 0))
        silent.listen()

        async def story() -> None:
            sender.put()
            await sender.until(lambda: sender.mailer._letters["102-1-a"].tries == 1)

        sender.run(server(silent.getsockname()[1]), story)
    assert sender.files() == {"102-1-a.json", "102-1-a.eml"}


def test_a_restart_forgets_nothing(sender: Sender) -> None:
    async def before() -> None:
        sender.put()

    sender.run(None, before)
    (sender.directory / "102-9-z.eml").write_bytes(b"half")
    (sender.directory / "102-8-z.json").write_bytes(b"{")
    (sender.directory / "102-7-z.json.tmp").write_bytes(b"")
    with PostOffice(HOST, free_port()) as office:

        async def after() -> None:
            await sender.until(lambda: bool(sender.sent))

        sender.run(server(office.port), after)
    assert sender.sent == ["102-1-a"]
    assert sender.files() == set()


def test_after_days_it_gives_up(sender: Sender) -> None:
    port = free_port()

    async def story() -> None:
        sender.put()
        await sender.until(lambda: sender.mailer._letters["102-1-a"].tries == 1)
        sender.pass_time(3 * 86_400.0)
        await sender.until(lambda: sender.mailer.waiting == 0)

    sender.run(server(port), story)
    assert sender.mailer.dropped == 1
    assert sender.files() == set()


def test_the_queue_has_an_end(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "QUEUE_MAX", 2)

    async def story() -> None:
        sender.put("102-1-a")
        sender.put("102-2-b")
        with pytest.raises(OSError, match="2 e-mails wait already"):
            sender.put("102-3-c")

    sender.run(None, story)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_and_signed_in(sender: Sender, tmp_path: Path, security: str) -> None:
    pair = write_pair(tmp_path, HOST)
    context = server_context(str(pair.certificate), str(pair.key))
    options: dict[str, Any] = {"authenticator": sign_in("pbx", "s3cret"), "auth_required": True}
    if security == "tls":
        options |= {"ssl_context": context, "auth_required": False, "auth_require_tls": False}
    else:
        options |= {"tls_context": context, "require_starttls": True}
    with PostOffice(HOST, free_port(), **options) as office:
        way = server(
            office.port, security=security, verify=False, username="pbx", password="s3cret"
        )

        async def story() -> None:
            sender.put()
            await sender.until(lambda: bool(sender.sent))

        sender.run(way, story)
    (letter,) = office.letters
    assert (letter.encrypted, letter.user) == (True, "pbx")
    assert "s3cret" not in repr(way)


def test_a_wrong_certificate_gets_nothing(sender: Sender, tmp_path: Path) -> None:
    pair = write_pair(tmp_path, HOST)
    context = server_context(str(pair.certificate), str(pair.key))
    with PostOffice(HOST, free_port(), tls_context=context, require_starttls=True) as office:

        async def story() -> None:
            sender.put()
            await sender.until(lambda: sender.mailer._letters["102-1-a"].tries == 1)

        sender.run(server(office.port, security="starttls"), story)
    assert office.letters == []


def test_a_server_without_starttls_gets_nothing(sender: Sender) -> None:
    with PostOffice(HOST, free_port()) as office:

        async def story() -> None:
            sender.put()
            await sender.until(lambda: sender.mailer._letters["102-1-a"].tries == 1)

        sender.run(server(office.port, security="starttls"), story)
    assert office.letters == []
