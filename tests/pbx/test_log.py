import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from pbx import log
from pbx.events import (
    AgentStateChanged,
    CallAnswered,
    CallEnded,
    CallQueued,
    CallStarted,
    Event,
    OfferEnded,
    OfferStarted,
    QueueLeft,
    RegistrationChanged,
    RequestRefused,
    WorkerFailed,
)
from pbx.log import LINE_BYTES_MAX, REFUSALS_PER_SECOND, configure, get_logger, log_event
from pbx.printable import printable
from tests.pbx.test_store import record


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.BytesIO) -> list[str]:
    return stream.getvalue().decode().splitlines()


def console(*events: Event, level: str = "info") -> list[str]:
    """The lines without their times."""
    stream = io.BytesIO()
    configure(level, "console", stream)
    for event in events:
        log_event(event)
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} ", line) for line in lines(stream))
    return [line[13:] for line in lines(stream)]


def test_one_line_per_event() -> None:
    assert console(
        CallStarted("c1", "+380", "Anna B", "500", 0.0),
        CallQueued("c1", "sales", "+380", 2, 0.0),
        OfferStarted("c1", "sales", "901", "901", "longest idle", 0.0),
        OfferEnded("c1", "sales", "901", "901", "answered", 3.14159, 0.0),
        QueueLeft("c1", "sales", "answered", 12.5, 1, 0.0),
        CallAnswered("c1", "sales", "901", "901", 12.5, 0.0),
        CallEnded("c1", record(), 0.0),
        AgentStateChanged("901", "break", "lunch", 0.0),
        RegistrationChanged("901", "sip:901@127.0.0.1:5062", "added", 1, 0.0),
        RegistrationChanged("901", "sip:901@127.0.0.1:5062", "refreshed", 1, 0.0),
        RequestRefused("INVITE", "127.0.0.1:5062", 401, 0.0),
        WorkerFailed(2, "signal 9", 0.0),
    ) == [
        'info     call started  call=c1  caller=+380  name="Anna B"  called=500',
        "info     call queued  call=c1  queue=sales  caller=+380  waiting=2",
        'info     offer  call=c1  queue=sales  agent=901  extension=901  why="longest idle"',
        "info     offer ended  call=c1  queue=sales  agent=901  extension=901"
        "  outcome=answered  rang_seconds=3.142",
        "info     call left the queue  call=c1  queue=sales  reason=answered"
        "  wait_seconds=12.5  waiting=1",
        "info     call answered  call=c1  queue=sales  agent=901  extension=901  wait_seconds=12.5",
        "info     call ended  call=c1  queue=sales  agent=901  verdict=answered  hangup=callee"
        "  cause=normal  wait_seconds=15.062  talk_seconds=80.375  offers=2"
        '  path="greeting > queue:sales"',
        "info     agent  agent=901  state=break  reason=lunch",
        "info     registration added  extension=901  contact=sip:901@127.0.0.1:5062  devices=1",
        "info     request refused  method=INVITE  source=127.0.0.1:5062  status=401",
        'error    media worker failed  worker=2  error="signal 9"',
    ]


def test_a_refresh_is_for_debugging() -> None:
    event = RegistrationChanged("901", "sip:901@x", "refreshed", 1, 0.0)
    assert console(event) == []
    assert len(console(event, level="debug")) == 1


def test_a_flood_of_refused_requests_is_not_a_flood_of_lines() -> None:
    flood = [RequestRefused("INVITE", "x", 401, 100.0) for _ in range(1000)]
    told = console(*flood, RequestRefused("INVITE", "y", 401, 101.5))
    assert len(told) == REFUSALS_PER_SECOND + 2
    assert told[-2] == "warning  more requests refused, not shown  count=990"
    assert told[-1].endswith("source=y  status=401")


def test_json_lines() -> None:
    stream = io.BytesIO()
    configure("info", "json", stream)
    get_logger(call="c1").warning("odd", leg="a", n=1, seen={1, 2}, name='a "b"\n')
    (line,) = lines(stream)
    fields = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", fields.pop("at"))
    assert fields == {
        "level": "warning",
        "event": "odd",
        "call": "c1",
        "leg": "a",
        "n": 1,
        "seen": "{1, 2}",
        "name": 'a "b"\n',
    }


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(
    ("fields", "secret"),
    [
        ({"password": "hunter2"}, "hunter2"),
        ({"ha1": "939e7578ed9e3c518a452acee763bce9"}, "939e7578"),
        (
            {
                "header": 'Digest username="901", realm="dzvin", nonce="abc", uri="sip:x",'
                ' response="6629fae49393a05397450978507c4ef1", algorithm=MD5'
            },
            "6629fae4",
        ),
        ({"token": "hunter2"}, "hunter2"),
        ({"authorization": "Digest hunter2"}, "hunter2"),
        ({"text": "PASSWORD = hunter2"}, "hunter2"),
        ({"text": '{"secret": "hunter2"}'}, "hunter2"),
        ({"text": "Authorization: Bearer abcdef0123456789"}, "abcdef01"),
        ({"to": "sip:901:hunter2@127.0.0.1"}, "hunter2"),
    ],
)
def test_secrets_do_not_come_out(style: str, fields: dict[str, str], secret: str) -> None:
    stream = io.BytesIO()
    configure("info", style, stream)
    get_logger().info("seen", **fields)
    (line,) = lines(stream)
    assert secret not in line
    assert log.STARS in line
    if style == "json":
        assert json.loads(line)["event"] == "seen"


def test_addresses_are_no_secrets() -> None:
    stream = io.BytesIO()
    configure("info", "console", stream)
    get_logger().info("seen", contact="sip:901@127.0.0.1:5062;transport=tcp", response_ms=5)
    (line,) = lines(stream)
    assert line.endswith('contact="sip:901@127.0.0.1:5062;transport=tcp"  response_ms=5')


hostile = st.text(st.sampled_from('a\n\r\0\x1b\x7f\x9b\u202e\u2028\ud800"\\= é'), max_size=30)


@given(hostile, hostile)
def test_no_control_character_comes_out(event: str, value: str) -> None:
    for style in ("json", "console"):
        stream = io.BytesIO()
        configure("info", style, stream)
        get_logger(call=value).info(event)
        text = stream.getvalue().decode()
        assert text.endswith("\n")
        assert printable(text[:-1]) == text[:-1]
    structlog.reset_defaults()


@given(st.text(max_size=30))
def test_printable_text_stays_and_the_rest_can_be_told(text: str) -> None:
    safe = printable(text)
    assert printable(safe) == safe
    assert safe == text or "\\" in safe


def test_printable() -> None:
    assert printable("Олена O'Neil 🙂") == "Олена O'Neil 🙂"
    assert printable("a\r\nb\x1b[31m\u202e") == "a\\r\\nb\\x1b[31m\\u202e"


def test_a_long_line_is_cut() -> None:
    stream = io.BytesIO()
    configure("info", "console", stream)
    get_logger().info("seen", text="é" * LINE_BYTES_MAX)
    (line,) = lines(stream)
    assert len(line.encode()) <= LINE_BYTES_MAX + 4
    assert line.endswith("é …")


@pytest.mark.parametrize("style", ["json", "console"])
def test_exceptions_are_told_in_full(style: str) -> None:
    stream = io.BytesIO()
    configure("info", style, stream)
    try:
        raise ValueError("bad\x1b[31m")
    except ValueError:
        get_logger(call="c1").exception("failed")
    text = stream.getvalue().decode()
    assert "ValueError: bad" in text
    assert "\x1b" not in text
    if style == "json":
        assert json.loads(text)["exception"].endswith("ValueError: bad\x1b[31m")
    else:
        first, *rest = text.splitlines()
        assert first.endswith("error    failed  call=c1")
        assert all(line.startswith("    | ") for line in rest)


def test_libraries_speak_through_our_log() -> None:
    stream = io.BytesIO()
    for _ in range(2):  # Configured twice, it still says things once.
        configure("info", "json", stream)
    logging.getLogger("aiohttp.server").debug("small talk")
    logging.getLogger("aiohttp.server").warning("bad %s", "request\n")
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("asyncio").exception("lost")
    first, second = (json.loads(line) for line in lines(stream))
    assert (first["level"], first["event"]) == ("warning", "bad request\n")
    assert first["logger"] == "aiohttp.server"
    assert (second["level"], second["event"]) == ("error", "lost")
    assert second["exception"].endswith("ValueError: odd")


class FullDisk(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    configure("info", "json", FullDisk())
    get_logger().info("seen")
    closed = io.BytesIO()
    configure("info", "json", closed)
    closed.close()
    get_logger().info("seen")


def test_levels_and_styles_are_checked() -> None:
    with pytest.raises(ValueError, match="log level 'loud' is not one of debug, info"):
        configure("loud")
    with pytest.raises(ValueError, match="log style 'xml' is not one of auto, console, json"):
        configure("info", "xml")
