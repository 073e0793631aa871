"""A flood of INVITEs that nobody asked for.

`python -m tests.interop.flood TARGET RATE SECONDS SOURCES`

From so many loopback addresses in turn, paced in steps of 10 ms; prints what was sent and what came
back as JSON. In a process of its own, so that it does not slow down who measures.
"""

import json
import socket
import sys
import time
from collections import Counter

STEP_SECONDS = 0.01
INVITE = (
    "INVITE sip:{called}@{host}:{port} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {source}:{from_port};branch=z9hG4bK{number};rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:{caller}@{host}>;tag=t{number}\r\n"
    "To: <sip:{called}@{host}>\r\n"
    "Call-ID: flood-{number}@{source}\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:{caller}@{source}:{from_port}>\r\n"
    "User-Agent: Phone 7.1\r\n"
    "Content-Length: 0\r\n\r\n"
)


def sockets(sources: int) -> list[socket.socket]:
    found = []
    for number in range(sources):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((f"127.0.{1 + number // 250}.{1 + number % 250}", 0))
        one.setblocking(False)
        found.append(one)
    return found


def flood(target: tuple[str, int], rate: int, seconds: float, sources: int) -> dict[str, object]:
    senders = sockets(sources)
    answers: Counter[str] = Counter()
    begin, sent = time.monotonic(), 0
    while (passed := time.monotonic() - begin) < seconds:
        while sent < rate * passed:
            one = senders[sent % sources]
            source, from_port = one.getsockname()
            text = INVITE.format(
                host=target[0], port=target[1], called=100 + sent % 900, caller=100 + sent % 7,
                source=source, from_port=from_port, number=sent,
            )  # fmt: skip
            one.sendto(text.encode(), target)
            sent += 1
        for one in senders:
            _count(one, answers)
        time.sleep(STEP_SECONDS)
    for one in senders:
        _count(one, answers)
        one.close()
    return {"sent": sent, "answers": dict(answers)}


def _count(one: socket.socket, answers: Counter[str]) -> None:
    while True:
        try:
            data = one.recv(65_535)
        except (BlockingIOError, ConnectionRefusedError):
            return
        answers[data[8:11].decode()] += 1


if __name__ == "__main__":
    host, _, port = sys.argv[1].partition(":")
    told = flood((host, int(port)), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(told))
