"""Phones fetch their files over HTTP; strangers get nothing, and not often."""

import asyncio
import io
from collections.abc import Awaitable, Callable

import pytest

from pbx import log
from pbx.provisioning.render import RenderError
from pbx.provisioning.shelf import File, Shelf
from pbx.web.provisioning import FAILURES_MAX, FORGET_SECONDS, SOURCES_MAX, Failures, host_of
from pbx.web.server import WebServer
from tests.pbx.test_web import STATUS, Answer, serving
from tests.provisioning.company import company, rendered, secret_of, sections_of

SHELF = Shelf(company())
GOOD = f"/provision/{secret_of('device_door')}/door.conf"
BAD = "/provision/not-the-secret-at-all/door.conf"

Ask = Callable[..., Awaitable[Answer]]


def server(find: Callable[[str, str, str], File | None] = SHELF.find) -> WebServer:
    return WebServer(
        render_metrics=lambda: b"", status=lambda: STATUS, calls=lambda limit, before: [],
        find_file=find,
    )  # fmt: skip


def asking(*paths: str, find: Callable[[str, str, str], File | None] = SHELF.find) -> list[Answer]:
    async def once() -> list[Answer]:
        async with serving(server(find)) as ask:
            return [await ask(path) for path in paths]

    return asyncio.run(once())


def test_a_phone_fetches_its_file() -> None:
    (answer,) = asking(GOOD)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-store"
    # It registers where it has reached our pages.
    assert sections_of(answer.body.decode())["phone"]["server"] == "127.0.0.1"
    assert answer.body.decode() == rendered("door").replace("10.0.0.1", "127.0.0.1")


def test_xml_is_xml() -> None:
    (answer,) = asking(f"/provision/{secret_of('device_softphone')}/softphone.xml")
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"


def test_a_wrong_secret_looks_like_no_file() -> None:
    wrong, nothing, empty = asking(
        BAD, GOOD.replace("door.conf", "x.conf"), "/provision//door.conf"
    )
    assert (wrong.status, wrong.body) == (404, b'{"error":"there is no such file"}')
    assert (nothing.status, nothing.body) == (wrong.status, wrong.body)
    assert empty.status == 404


def test_who_tries_too_often_has_to_wait() -> None:
    answers = asking(*[BAD] * FAILURES_MAX, BAD, GOOD)
    assert [answer.status for answer in answers] == [*[404] * FAILURES_MAX, 429, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= FORGET_SECONDS


def test_files_that_are_there_do_not_count() -> None:
    assert {answer.status for answer in asking(*[GOOD] * (FAILURES_MAX + 5))} == {200}


@pytest.mark.parametrize("fault", [RenderError("template x: broken"), ValueError("a bug")])
def test_the_secret_is_never_logged(fault: Exception) -> None:
    def fails(secret: str, name: str, host: str) -> File | None:
        raise fault

    stream = io.BytesIO()
    log.configure("debug", "json", stream)
    try:
        answers = [*asking(GOOD, BAD), *asking(GOOD, find=fails)]
    finally:
        log.configure()
    assert [answer.status for answer in answers] == [200, 404, 500]
    said = stream.getvalue().decode()
    assert "phone fetched its settings" in said
    assert str(fault) in said
    for secret in (secret_of("device_door"), "not-the-secret", secret_of("extension_101")):
        assert secret not in said
        assert not any(secret.encode() in answer.body for answer in answers[1:])


def test_failures_are_forgotten_and_bounded() -> None:
    now = [100.0]
    failures = Failures(lambda: now[0])
    for _ in range(FAILURES_MAX):
        assert failures.wait("a") == 0
        failures.note("a")
    assert (failures.wait("a"), failures.wait("b")) == (60, 0)
    now[0] += FORGET_SECONDS - 1
    assert failures.wait("a") == 1
    now[0] += 1
    assert failures.wait("a") == 0
    failures.note("a")
    assert failures.wait("a") == 0
    for number in range(SOURCES_MAX + 10):
        failures.note(f"10.{number}")
    assert len(failures) == SOURCES_MAX


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("pbx.example.com:8080", "pbx.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("[2001:db8::1]:8080", "2001:db8::1"),
        ("", ""),
        ("a b", ""),
        ("<x>", ""),
        ("пбх", ""),
        ("x" * 300, ""),
    ],
)
def test_the_name_by_which_a_phone_has_called_us(header: str, host: str) -> None:
    assert host_of(header) == host
