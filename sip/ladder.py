"""Who said what to whom, as a picture: the messages of a call as arrows between its peers and us.

Pure text in, pure text out; every word in a message may be hostile.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sip.flow import Flow
from sip.text import printable
from sip.trace import redact

US: Final = "PBX"
LABEL_MAX: Final = 60
USER_MAX: Final = 16
COLUMN_MIN: Final = 16  # Characters between two lines of life.
COLUMN_MAX: Final = 34
TIME_CHARS: Final = 10

_METHOD: Final = re.compile(r"([A-Za-z]{1,20}) (\S+) SIP/2\.0")
_STATUS: Final = re.compile(r"SIP/2\.0 (\d{3}) ?(.*)")
_CSEQ: Final = re.compile(r"^CSeq\s*:\s*\d+\s+(\S+)", re.IGNORECASE | re.MULTILINE)
_USER: Final = re.compile(r"sips?:([^@;]{1,40})@")


@dataclass(frozen=True, slots=True)
class Step:
    """One message. `peer` is the number of its column; we are between the first and the others."""

    at: float  # Seconds since the first message.
    peer: int
    outgoing: bool
    label: str
    kind: str  # "request", "provisional", "success", "failure", "other"
    again: bool  # The same bytes went this way before.
    text: str  # The whole message, safe to print.


@dataclass(frozen=True, slots=True)
class Ladder:
    began_at: float  # Unix seconds.
    peers: tuple[str, ...]  # In order of appearance: the caller first.
    steps: tuple[Step, ...]


def make_ladder(messages: Sequence[tuple[float, bool, Flow, bytes]]) -> Ladder:
    """Of messages without secrets, oldest first: (Unix seconds, outgoing, flow, bytes)."""
    peers: dict[str, int] = {}
    seen: set[tuple[bool, str, bytes]] = set()
    steps: list[Step] = []
    began = messages[0][0] if messages else 0.0
    for at, outgoing, flow, data in messages:
        peer = peer_name(flow)
        column = peers.setdefault(peer, len(peers))
        key = (outgoing, peer, data)
        text = redact(data)
        label, kind = describe(text)
        steps.append(Step(at - began, column, outgoing, label, kind, key in seen, text))
        seen.add(key)
    return Ladder(began, tuple(peers), tuple(steps))


def peer_name(flow: Flow) -> str:
    host, port = flow.remote
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return where if flow.transport == "udp" else f"{where} {flow.transport}"


def describe(text: str) -> tuple[str, str]:
    """A message in a few words, and what kind it is."""
    first = text.partition("\n")[0]
    sdp = " (SDP)" if re.search(r"(?im)^(?:Content-Type|c)\s*:\s*application/sdp", text) else ""
    if (request := _METHOD.match(first)) is not None:
        user = _USER.match(request[2])
        called = f" {user[1][:USER_MAX]}" if user is not None and request[1] == "INVITE" else ""
        return _clean(f"{request[1]}{called}{sdp}"), "request"
    if (response := _STATUS.match(first)) is not None:
        cseq = _CSEQ.search(text)
        method = f" {cseq[1]}" if cseq is not None else ""
        kind = {"1": "provisional", "2": "success"}.get(response[1][0], "failure")
        return _clean(" ".join(f"{response[1]} {response[2]}{method}{sdp}".split())), kind
    return _clean(first) or "(nothing)", "other"


def draw(ladder: Ladder, width: int = 100) -> list[str]:
    """Lines of at most `width` characters. Peers for which there is no room are named below."""
    if not ladder.steps:
        return ["No messages of this call are left in the trace."]
    room = max(1, (width - TIME_CHARS - COLUMN_MIN // 2) // COLUMN_MIN)
    shown = min(len(ladder.peers), room)
    gap = min(COLUMN_MAX, max(COLUMN_MIN, (width - TIME_CHARS - COLUMN_MIN // 2) // shown))
    # Column 0 is the first peer, 1 is us, then the other peers.
    places = [TIME_CHARS + gap * column for column in range(shown + 1)]
    lines = [_head(ladder.peers[:shown], places, gap)[: max(width, places[-1] + 1)]]
    hidden: dict[int, int] = {}
    for step in ladder.steps:
        if step.peer >= shown:
            hidden[step.peer] = hidden.get(step.peer, 0) + 1
        else:
            lines.append(_row(step, places))
    lines += [
        f"Not drawn, for want of room: {count} messages with {printable(ladder.peers[peer])}"
        for peer, count in hidden.items()
    ]
    return lines


def _column(peer: int) -> int:
    return 0 if peer == 0 else peer + 1


def _head(peers: Sequence[str], places: Sequence[int], gap: int) -> str:
    line = ""
    for name, column in [(peers[0], 0), (US, 1), *((p, n + 2) for n, p in enumerate(peers[1:]))]:
        text = printable(name)[: gap - 1]
        begin = max(len(line) + (1 if line else 0), places[column] - len(text) // 2)
        line = line.ljust(begin) + text
    return line


def _row(step: Step, places: Sequence[int]) -> str:
    cells = list(f"{step.at:9.3f}".ljust(places[-1] + 1))
    for place in places:
        cells[place] = "│"
    ends = sorted((places[1], places[_column(step.peer)]))
    rightward = step.outgoing == (_column(step.peer) > 1)
    begin, end = ends[0] + 1, ends[1]
    words = step.label + (" again" if step.again else "")
    room = end - begin - 4
    words = words if len(words) <= room else f"{words[: room - 1]}…"
    arrow = f" {words} ".center(end - begin - 1, "─")
    cells[begin:end] = list(f"{arrow}>" if rightward else f"<{arrow}")
    return "".join(cells).rstrip()


def _clean(words: str) -> str:
    """Of one width each, and nothing that turns the direction of a line."""
    return printable(words).encode("ascii", "replace").decode()[:LABEL_MAX]
