import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from pbx.events import CallEnded
from pbx.history.records import CallRecord
from pbx.metrics import CONTENT_TYPE, Metrics
from pbx.status import AgentStatus, Alarm, CallStatus, QueueStatus, Status, WorkerStatus
from pbx.store import Store, StoreError
from pbx.web.doors import Doors
from pbx.web.phones import PhoneSockets
from pbx.web.server import INDEX, WebError, WebServer
from tests.pbx.test_store import SOON, Alarms, record

STATUS = Status(
    version="1.2.3",
    at=1000.0,
    uptime_seconds=3700.0,
    calls=(CallStatus("c1", "talking", 940.0, 900.0, "+380", "500", "Anna\x1b[31m", "sales"),),
    queues=(
        QueueStatus(
            *("sales", 2, 75.5, 214, 9),
            ready=1,
            left={"answered": 214, "abandoned": 9, "no_match": 3},
            gini=0.25,
            main="901",
        ),
    ),
    agents=(AgentStatus("901", "talking", 935.0, "Olena", "", "c1"),),
    registrations=3,
    workers=(WorkerStatus(0, True, 4242, 2), WorkerStatus(1, False)),
    counters={"parse_errors": 7},
    alarms=(Alarm("history", True, "disk full"), Alarm("old", False, "over")),
)


def no_calls(limit: int, before: str) -> Sequence[CallRecord]:
    return []


def make_server(
    calls: Callable[[int, str], Sequence[CallRecord]] = no_calls,
    ready: Callable[[], bool] = lambda: True,
    names: Collection[str] = ("PBX.example",),
    phones: PhoneSockets | None = None,
    doors: Doors | None = None,
) -> WebServer:
    return WebServer(
        render_metrics=Metrics("1.2.3").render,
        status=lambda: STATUS,
        calls=calls,
        ready=ready,
        names=names,
        phones=phones,
        doors=doors,
    )


@asynccontextmanager
async def serving(server: WebServer) -> AsyncIterator[Callable[..., Awaitable["Answer"]]]:
    host, port = await server.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://{host}:{port}") as session:

            async def ask(
                path: str, method: str = "GET", headers: dict[str, str] | None = None
            ) -> "Answer":
                async with session.request(method, path, headers=headers) as response:
                    return Answer(response.status, dict(response.headers), await response.read())

            yield ask
    finally:
        await server.stop()


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> object:
        assert self.headers["Content-Type"] == "application/json", self.body
        return json.loads(self.body)


def run(server: WebServer, path: str, **options: object) -> "Answer":
    async def once() -> "Answer":
        async with serving(server) as ask:
            return await ask(path, **options)

    return asyncio.run(once())


def test_health_and_readiness() -> None:
    answer = run(make_server(), "/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    answer = run(make_server(), "/ready")
    assert (answer.status, answer.json) == (200, {"status": "ready"})
    answer = run(make_server(ready=lambda: False), "/ready")
    assert (answer.status, answer.json) == (503, {"status": "starting"})


def test_while_it_stops_it_is_not_well() -> None:
    for path in ("/health", "/ready"):
        server = make_server()
        server.stopping = True
        answer = run(server, path)
        assert (answer.status, answer.json) == (503, {"status": "stopping"})


def test_metrics() -> None:
    answer = run(make_server(), "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    assert b"\npbx_calls_active 0\n" in answer.body


def test_status_has_everything() -> None:
    answer = run(make_server(), "/status.json")
    assert answer.status == 200
    assert answer.json == {
        "version": "1.2.3",
        "at": 1000.0,
        "uptime_seconds": 3700.0,
        "calls": [
            {
                "id": "c1",
                "state": "talking",
                "since": 940.0,
                "started_at": 900.0,
                "caller": "+380",
                "called": "500",
                "caller_name": "Anna\x1b[31m",
                "queue": "sales",
                "agent": "",
                "extension": "",
            }
        ],
        "queues": [
            {
                "id": "sales",
                "waiting": 2,
                "longest_wait_seconds": 75.5,
                "answered": 214,
                "abandoned": 9,
                "ready": 1,
                "left": {"answered": 214, "abandoned": 9, "no_match": 3},
                "gini": 0.25,
                "main": "901",
                "backup": "",
                "ranked_at": None,
            }
        ],
        "agents": [
            {
                "id": "901",
                "state": "talking",
                "since": 935.0,
                "name": "Olena",
                "reason": "",
                "call": "c1",
                "answered": 0,
            }
        ],
        "registrations": 3,
        "workers": [
            {"number": 0, "alive": True, "pid": 4242, "sessions": 2},
            {"number": 1, "alive": False, "pid": 0, "sessions": 0},
        ],
        "counters": {"parse_errors": 7},
        "trunks": [],
        "alarms": [
            {"name": "history", "active": True, "text": "disk full"},
            {"name": "old", "active": False, "text": "over"},
        ],
        "bans": 0,
    }


def test_calls_come_from_the_history(tmp_path: Path) -> None:
    store = Store(tmp_path / "pbx.sqlite", Alarms())
    for number in range(3):
        store.put(CallEnded(f"c{number}", record(f"c{number}"), 0.0))
    assert store.flush(SOON)

    def ids(query: str) -> list[str]:
        calls = run(make_server(store.calls), f"/calls.json{query}").json
        assert isinstance(calls, list)
        return [call["id"] for call in calls]

    assert ids("") == ["c2", "c1", "c0"]
    assert ids("?limit=2") == ["c2", "c1"]
    assert ids("?limit=1&before=c1") == ["c0"]
    assert ids("?limit=999999999") == ["c2", "c1", "c0"]
    assert store.close() == 0


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1e3", "%D9%A3", "9999999999"])
def test_a_silly_limit_is_refused(limit: str) -> None:
    answer = run(make_server(), f"/calls.json?limit={limit}")
    expected = {"error": "limit must be a number from 1 to 1000"}
    assert (answer.status, answer.json) == (400, expected)


def test_a_history_that_cannot_be_read_is_told() -> None:
    def fail(limit: int, before: str) -> Sequence[CallRecord]:
        raise StoreError("cannot read the history")

    answer = run(make_server(fail), "/calls.json")
    assert (answer.status, answer.json) == (503, {"error": "cannot read the history"})


@pytest.mark.parametrize("path", ["/status.json", "/calls.json"])
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("192.168.1.5", 200),
        ("LocalHost:80", 200),
        ("pbx.EXAMPLE:8080", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8080", 403),
        ("localhost.evil.example", 403),
    ],
)
def test_a_foreign_name_does_not_read_who_calls(path: str, host: str, status: int) -> None:
    answer = run(make_server(), path, headers={"Host": host})
    assert answer.status == status
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_scraper_may_call_us_by_any_name() -> None:
    for path in ("/metrics", "/health", "/ready"):
        assert run(make_server(), path, headers={"Host": "anything.example"}).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_reading(method: str) -> None:
    answer = run(make_server(), "/status.json", method=method)
    assert (answer.status, answer.json) == (405, {"error": "only GET and HEAD"})
    assert answer.headers["Allow"] == "GET, HEAD"


def test_answers_are_not_kept_and_not_guessed() -> None:
    for path in ("/health", "/nothing"):
        headers = run(make_server(), path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_not_there_and_what_is() -> None:
    answer = run(make_server(), "/nothing")
    assert (answer.status, answer.json) == (404, {"error": "404: Not Found"})
    assert run(make_server(), "/").body.decode() == INDEX
    assert run(make_server(), "/health", method="HEAD").body == b""


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WebError) as caught:
            _ = asyncio.run(make_server().start("127.0.0.1", port))
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: the port is in use (another pbx?);"
        " stop that, or change web.port"
    )


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("203.0.113.1", 0, "this machine has no such address; change web.host"),
        ("127.0.0.1", 70000, "port must be 0-65535"),
    ],
)
def test_an_address_that_cannot_be_is_one_clear_line(host: str, port: int, words: str) -> None:
    with pytest.raises(WebError, match=f"^cannot listen on {host}:{port}: .*{words}"):
        _ = asyncio.run(make_server().start(host, port))


def test_a_fault_of_ours_is_a_500_without_details(caplog: pytest.LogCaptureFixture) -> None:
    server = make_server(lambda limit, before: [object()])  # type: ignore[list-item]
    answer = run(server, "/calls.json")
    assert (answer.status, answer.json) == (500, {"error": "a fault of ours: see the log"})
    assert "object" not in answer.body.decode()
    assert "Traceback" in caplog.text


def test_stop_twice_and_stop_unstarted() -> None:
    async def stop() -> None:
        server = make_server()
        await server.stop()
        _ = await server.start("127.0.0.1", 0)
        await server.stop()
        await server.stop()

    asyncio.run(stop())
