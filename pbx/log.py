"""The log: structlog, one line per event on standard error, JSON or readable.

    configure("info", "auto")
    log = get_logger(call="c12")
    log.info("ringing", agent="anna")
    log_event(event)                    # for each event of the exchange

Secrets never come out: fields with telling names are starred, and so is what looks like a
password or a digest response inside a text. Control characters come out escaped.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from typing import Any, BinaryIO, Final, assert_never, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

from pbx.events import (
    AgentRefused,
    AgentStateChanged,
    BreakTooLong,
    CallAnswered,
    CallEnded,
    CallQueued,
    CallRegrouped,
    CallStarted,
    ConferenceChanged,
    Event,
    OfferEnded,
    OfferStarted,
    OutsideEnded,
    OutsideRefused,
    PhoneSettingChanged,
    QueueLeft,
    RecordingChanged,
    RegistrationChanged,
    RequestRefused,
    SourceBanned,
    SourceUnbanned,
    Supervised,
    TollAlarm,
    TrunkChanged,
    VoicemailLeft,
    WorkerFailed,
)
from pbx.printable import printable
from pbx.trunks.words import TrunkEvent, is_warning
from pbx.trunks.words import describe as describe_trunk

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
STYLES: Final = ("auto", "console", "json")
LINE_BYTES_MAX: Final = 8192  # Journald splits longer lines.
WHY_MAX: Final = 300  # Characters of an explanation; the whole one is in the history.
REFUSALS_PER_SECOND: Final = 10  # A flood of requests must not become a flood of lines.

STARS: Final = "***"
SECRET_FIELDS: Final = frozenset(
    {
        *("password", "passwd", "secret", "ha1", "ha1_md5", "ha1_sha256", "response", "cnonce"),
        *("authorization", "proxy_authorization", "cookie", "token", "api_key"),
    }
)
# A cheap look first: most lines have none of these words.
_TELLING: Final = (b"response", b"nonce", b"passw", b"secret", b"ha1", b"basic", b"bearer", b"sip")
_SECRETS: Final = re.compile(
    rb"""(\b(?:response|cnonce|password|passwd|secret|ha1)\\?["']?\s*[=:]\s*\\?["']?)"""
    rb"""[^\s"'\\,;&}]+"""
    rb"|(\b(?:basic|bearer)\s+)[A-Za-z0-9._~+/=-]{8,}"
    rb"|(\bsips?:[^\s:@<>]+:)[^\s@<>]+(?=@)",
    re.IGNORECASE,
)
# In UTF-8: DEL, C1, directions and line separators. JSON escapes only what is below space.
_UNSAFE_JSON: Final = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xef\xbb\xbf"
)

_PLAIN: Final = re.compile(r"[!#-<>-~]+")  # ASCII without space, quotes and the equals sign.
_NEEDS_QUOTES: Final = re.compile(r'[ "=]')

Fields = MutableMapping[str, Any]
Renderer = Callable[[object, str, Fields], bytes]


def configure(level: str = "info", style: str = "auto", stream: BinaryIO | None = None) -> None:
    """Set up the whole process's log. `style` is one of STYLES; auto: console on a terminal."""
    if level not in LEVELS:
        raise ValueError(f"log level {level!r} is not one of {', '.join(LEVELS)}")
    if style not in STYLES:
        raise ValueError(f"log style {style!r} is not one of {', '.join(STYLES)}")
    output = sys.stderr.buffer if stream is None else stream
    readable = style == "console" or (style == "auto" and output.isatty())
    structlog.configure(
        processors=[cast("Any", render_console if readable else render_json)],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: LineWriter(output),
        cache_logger_on_first_use=True,
    )
    _events.logger = get_logger()
    _events.quiet = LEVELS[level] > LEVELS["info"]
    _bridge(LEVELS[level])


def get_logger(**fields: object) -> FilteringBoundLogger:
    """A bound logger: bind once per call or leg, a filtered line then costs 0.1 µs."""
    return cast("FilteringBoundLogger", structlog.get_logger().bind(**fields))


class Bridge(logging.Handler):
    """What libraries say through `logging` (a fault in a web page) as our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = get_logger(logger=record.name)
        try:
            _ = logger.log(record.levelno // 10 * 10, record.getMessage(), exc_info=record.exc_info)
        except Exception:
            self.handleError(record)


def _bridge(level: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, Bridge)]:
        root.removeHandler(handler)
    root.addHandler(Bridge())
    root.setLevel(level)


class LineWriter:
    """Writes whole lines. A log that cannot be written (full disk, closed pipe) stops nothing."""

    __slots__ = ("_stream",)

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def msg(self, line: bytes) -> None:
        try:
            _ = self._stream.write(line + b"\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed.
            pass

    debug = info = warning = error = critical = msg


def render_json(_: object, level: str, fields: Fields) -> bytes:
    line: dict[str, Any] = {"at": _now(), "level": level, "event": fields.pop("event", "")}
    _ = line.update(_starred(fields))
    try:
        text = orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:  # Half a surrogate pair, or a number too large.
        text = json.dumps(line, default=repr).encode()
    if not text.isascii() or b"\x7f" in text:
        text = _UNSAFE_JSON.sub(_json_escape, text)
    return _finished(text)


def render_console(_: object, level: str, fields: Fields) -> bytes:
    event = str(fields.pop("event", ""))
    trace = ""
    fields = _starred(fields)
    if "exception" in fields:
        trace = str(fields.pop("exception"))
    pairs = "".join([f"  {key}={_quoted(value)}" for key, value in fields.items()])
    line = f"{_now()[11:23]} {level:<8} {printable(event)}{pairs}"
    lines = [line, *(f"    | {printable(part)}" for part in trace.splitlines())]
    return b"\n".join([_finished(line.encode()) for line in lines])


def _starred(fields: Fields) -> Fields:
    """The fields without secrets, and the exception as text."""
    if not SECRET_FIELDS.isdisjoint(fields):
        fields = {key: STARS if key in SECRET_FIELDS else fields[key] for key in fields}
    if "exc_info" in fields:
        error = fields.pop("exc_info")
        if error is True:
            error = sys.exc_info()[1]
        elif isinstance(error, tuple):  # As `logging` has it.
            error = cast("tuple[object, ...]", error)[1]
        if isinstance(error, BaseException):
            fields["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return fields


def _finished(line: bytes) -> bytes:
    """Secrets inside texts starred, and no longer than a line may be."""
    lower = line.lower()
    for word in _TELLING:
        if word in lower:
            line = _SECRETS.sub(_star, line)
            break
    if len(line) > LINE_BYTES_MAX:
        line = line[:LINE_BYTES_MAX].decode("utf-8", "ignore").encode() + " …".encode()
    return line


def _star(match: re.Match[bytes]) -> bytes:
    return (match[1] or match[2] or match[3]) + STARS.encode()


def _json_escape(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match[0].decode())


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    if _PLAIN.fullmatch(text):
        return text
    text = printable(text)
    if text and not _NEEDS_QUOTES.search(text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


class _Clock:
    """Local time with its offset; the slow part is made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._head = self._tail = ""

    def now(self) -> str:
        at = time.time()
        second = int(at)
        if second != self._second:
            text = datetime.fromtimestamp(second).astimezone().isoformat()
            self._second, self._head, self._tail = second, text[:19], text[19:]
        return f"{self._head}.{int((at - second) * 1000):03}{self._tail}"


class EventLog:
    """One line per event of the exchange, with call=, queue= and agent= where there are any."""

    def __init__(self) -> None:
        self.logger: FilteringBoundLogger | None = None  # Until `configure`.
        # Only warnings and worse are wanted: most events need not be put in words.
        self.quiet = False
        self._refused_second = 0
        self._refused = 0  # In that second.
        self._banned_second = 0
        self._bans = 0

    def on_event(self, event: Event) -> None:
        if self.logger is None:
            self.logger = get_logger()
        match event:
            case RequestRefused():
                self._request_refused(self.logger, event)
            case SourceBanned():
                self._banned(self.logger, event)
            case RegistrationChanged(kind="refreshed"):
                self.logger.debug("registration refreshed", **_registration(event))
            case WorkerFailed():
                self.logger.error("media worker failed", worker=event.worker, error=event.error)
            case TrunkChanged() | TollAlarm() if is_warning(event):
                name, fields = describe_trunk(event)
                self.logger.warning(name, **{key: value for key, value in fields.items() if value})
            case _ if self.quiet:
                pass
            case _:
                name, fields = describe(event)
                self.logger.info(name, **{key: value for key, value in fields.items() if value})

    def _request_refused(self, logger: FilteringBoundLogger, event: RequestRefused) -> None:
        second = int(event.at)
        if second != self._refused_second:
            if self._refused > REFUSALS_PER_SECOND:
                more = self._refused - REFUSALS_PER_SECOND
                logger.warning("more requests refused, not shown", count=more)
            self._refused_second, self._refused = second, 0
        self._refused += 1
        if self._refused <= REFUSALS_PER_SECOND:
            logger.info(
                "request refused", method=event.method, source=event.source, status=event.status
            )

    def _banned(self, logger: FilteringBoundLogger, event: SourceBanned) -> None:
        """Addresses can be forged: a flood of bans must not become one of lines either."""
        second = int(event.at)
        if second != self._banned_second:
            self._banned_second, self._bans = second, 0
        self._bans += 1
        if self._bans <= REFUSALS_PER_SECOND:
            seconds = "for ever" if event.until is None else round(event.until - event.at)
            who = {"user": event.user} if event.user else {}
            logger.warning(
                "banned", source=event.source, **who, reason=event.reason, seconds=seconds
            )


QuietEvent = (
    CallStarted
    | CallQueued
    | QueueLeft
    | OfferStarted
    | OfferEnded
    | CallAnswered
    | CallRegrouped
    | CallEnded
    | RecordingChanged
    | AgentStateChanged
    | AgentRefused
    | BreakTooLong
    | RegistrationChanged
    | PhoneSettingChanged
    | SourceUnbanned
    | VoicemailLeft
    | Supervised
    | ConferenceChanged
    | TrunkEvent
)


def describe(event: QuietEvent) -> tuple[str, Mapping[str, object]]:
    """The words and the fields of an everyday event; empty fields are for leaving out."""
    match event:
        case CallStarted():
            who = {"caller": event.caller, "name": event.caller_name, "called": event.called}
            return "call started", {"call": event.call, **who}
        case CallQueued():
            return "call queued", {
                "call": event.call,
                "queue": event.queue,
                "caller": event.caller,
                "waiting": event.waiting,
            }
        case QueueLeft():
            return "call left the queue", {
                "call": event.call,
                "queue": event.queue,
                "reason": event.reason,
                "wait_seconds": round(event.wait_seconds, 3),
                "waiting": event.waiting,
            }
        case OfferStarted():
            return "offer", {**_offer(event), "why": event.why[:WHY_MAX]}
        case OfferEnded():
            rang = {"outcome": event.outcome, "rang_seconds": round(event.rang_seconds, 3)}
            return "offer ended", {**_offer(event), **rang}
        case CallAnswered():
            return "call answered", {**_offer(event), "wait_seconds": round(event.wait_seconds, 3)}
        case CallRegrouped():
            who = {"by": event.by, "to": event.to}
            return f"call {event.how.value}", {"call": event.call, **who}
        case CallEnded():
            return "call ended", _ended(event)
        case RecordingChanged() | VoicemailLeft():
            return _kept(event)
        case AgentStateChanged():
            return "agent", {"agent": event.agent, "state": event.state, "reason": event.reason}
        case AgentRefused():
            return "agent refused", {"agent": event.agent, "why": event.why}
        case BreakTooLong():
            return "break too long", {"agent": event.agent, "reason": event.reason}
        case RegistrationChanged():
            return f"registration {event.kind}", _registration(event)
        case PhoneSettingChanged():
            value = "default" if event.value is None else event.value or "none"
            fields = {"extension": event.extension, "setting": event.setting, "value": value}
            return "phone setting", fields
        case SourceUnbanned():
            return "ban is over", {"source": event.source, "user": event.user, "by": event.by}
        case Supervised() | ConferenceChanged():
            return _of_rooms(event)
        case TrunkChanged() | OutsideEnded() | OutsideRefused() | TollAlarm():
            return describe_trunk(event)
        case _:
            assert_never(event)


def _of_rooms(event: Supervised | ConferenceChanged) -> tuple[str, Mapping[str, object]]:
    if isinstance(event, Supervised):
        who = {"supervisor": event.supervisor, "extension": event.extension}
        heard = {"agent": event.agent, "heard": event.heard, "call": event.call}
        return f"supervision {event.what}", {**who, **heard}
    where = {"conference": event.conference, "extension": event.extension}
    return f"conference {event.what}", {**where, "call": event.call, "members": event.members}


def _kept(event: RecordingChanged | VoicemailLeft) -> tuple[str, Mapping[str, object]]:
    if isinstance(event, VoicemailLeft):
        return "voicemail", _voicemail(event)
    record = event.record
    what = "deleted" if event.deleted else record.state.value
    who = {"recording": record.id, "call": record.call, "queue": record.queue}
    more = {"seconds": round(record.seconds, 3), "error": record.error}
    return f"recording {what}", {**who, "agent": record.agent, **more}


def log_event(event: Event) -> None:
    _events.on_event(event)


def _offer(event: OfferStarted | OfferEnded | CallAnswered) -> dict[str, object]:
    return {
        "call": event.call,
        "queue": event.queue,
        "agent": event.agent,
        "extension": event.extension,
    }


def _registration(event: RegistrationChanged) -> dict[str, object]:
    return {
        "extension": event.extension,
        "contact": event.contact,
        "devices": event.devices,
    }


def _voicemail(event: VoicemailLeft) -> dict[str, object]:
    return {
        "mailbox": event.mailbox,
        "call": event.call,
        "caller": event.caller,
        "message": event.message,
        "seconds": round(event.seconds, 3),
        "new": event.new,
    }


def _ended(event: CallEnded) -> dict[str, object]:
    record = event.record
    return {
        "call": event.call,
        "queue": record.queue,
        "agent": record.agent,
        "verdict": record.verdict.value,
        "hangup": record.hangup.value,
        "cause": record.cause,
        "wait_seconds": round(record.wait_seconds, 3),
        "talk_seconds": round(record.talk_seconds, 3),
        "offers": len(record.offers),
        "path": " > ".join(record.path),
    }


_events: Final = EventLog()
_now: Final = _Clock().now
