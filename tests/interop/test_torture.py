"""RFC 4475 against the running server: every answer is allowed, and the server lives on."""

import json
import re
import socket
from collections.abc import Iterator

import pytest

from tests.data import need_testdata
from tests.interop.conftest import Office
from tests.interop.pbx import SIPP_HOST
from tests.interop.programs import HOST

pytestmark = pytest.mark.interop

QUIET_SECONDS = 0.15  # Whoever has not answered by then keeps silent.
# The server is busy if it has not answered this by then.
ALIVE_SECONDS = 5.0
OPTIONS = (
    "OPTIONS sip:{host}:{port} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {own}:{from_port};branch=z9hG4bK-alive-{number}\r\n"
    "From: <sip:a@{own}>;tag=a\r\nTo: <sip:{host}>\r\nCall-ID: alive-{number}\r\n"
    "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
EXEMPT = "3.3.7"  # Credentials of an unknown kind: who is trusted needs none at all.
REFUSALS = {"400", "505"}  # What a message that is to be processed must not get.


def call_id(data: bytes) -> bytes:
    found = re.search(rb"(?im)^(?:call-id|i)[ \t]*:\s*(\S+)", data)
    return found[1] if found is not None else b""


class Sender:
    """One UDP socket that talks to the server."""

    def __init__(self, own: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((own, 0))
        self._socket.connect((HOST, port))
        self._own, self._port, self._number = own, port, 0

    def close(self) -> None:
        self._socket.close()

    def answers_to(self, data: bytes) -> set[str]:
        """The statuses of all answers, without 100."""
        self._socket.send(data)
        return set(self._statuses(QUIET_SECONDS, call_id(data))) - {"100"}

    def is_served(self) -> bool:
        self._number += 1
        text = OPTIONS.format(
            host=HOST,
            port=self._port,
            own=self._own,
            from_port=self._socket.getsockname()[1],
            number=self._number,
        )
        self._socket.send(text.encode())
        return next(self._statuses(ALIVE_SECONDS, b"alive-%d" % self._number), "") == "200"

    def _statuses(self, seconds: float, wanted: bytes) -> Iterator[str]:
        """Of the answers to one call: those to earlier ones are repeated meanwhile."""
        self._socket.settimeout(seconds)
        while True:
            try:
                data = self._socket.recv(65_535)
            except TimeoutError:
                return
            status = re.match(rb"SIP/2\.0 (\d{3})", data)
            if status is not None and call_id(data) == wanted:
                yield status[1].decode()


@pytest.mark.parametrize("host", [HOST, SIPP_HOST], ids=["stranger", "trusted"])
def test_every_message_gets_an_answer_that_is_allowed(office: Office, host: str) -> None:
    expected = json.loads(need_testdata("rfc4475-expect.json").read_text())
    sender = Sender(host, office.pbx.sip_port)
    wrong: dict[str, set[str]] = {}
    try:
        for name, case in expected.items():
            data = need_testdata("rfc4475", f"{name}.dat").read_bytes()
            got = sender.answers_to(data)
            if not is_allowed(case, got, stranger=host == HOST):
                wrong[name] = got
        assert sender.is_served()
    finally:
        sender.close()
    assert wrong == {}


def is_allowed(case: dict[str, object], got: set[str], *, stranger: bool) -> bool:
    allowed = set(case["allow"]) if isinstance(case["allow"], list) else set()
    if not got:
        # Many answers go to addresses of examples that do not exist: silence is all we can see.
        return "silent" in allowed or "process" in allowed
    if stranger and case["kind"] != "response":
        allowed.add("401")
    if not stranger and case["section"] == EXEMPT:
        allowed.add("403")
    if "process" in allowed and not got & REFUSALS:
        return True
    return got <= allowed
