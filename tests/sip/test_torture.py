"""RFC 4475: what the parser and `validate` say to each message, before anything is looked up."""

import json
from typing import TypedDict, cast

import pytest

from sip.errors import ParseError, RemoteError
from sip.message import Response
from sip.parser import StreamParser, parse, validate
from tests.data import need_testdata


class Case(TypedDict):
    kind: str
    allow: list[str]


CASES = cast(
    "dict[str, Case]", json.loads(need_testdata("rfc4475-expect.json").read_text(encoding="utf-8"))
)
# Refused later, by the endpoint or by what is registered there.
LATER = {"intmeth", "esc02", "bext01", "invut", "regaut01", "zeromf", "sdp01", "bcast"}


def read(name: str) -> bytes:
    return need_testdata("rfc4475", f"{name}.dat").read_bytes()


def verdict(data: bytes) -> str:
    """ "process", a status, or "silent" when the message cannot be answered."""
    try:
        message = parse(data)
    except ParseError as error:
        return "silent" if error.request is None else str(error.status)
    try:
        validate(message)
    except RemoteError as error:
        return "silent" if isinstance(message, Response) else str(error.status)
    return "silent" if isinstance(message, Response) else "process"


@pytest.mark.parametrize("name", CASES)
def test_verdict(name: str) -> None:
    found = verdict(read(name))
    if name in LATER and found == "process":
        return
    assert found in CASES[name]["allow"]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "valid"])
def test_valid_messages_are_not_refused(name: str) -> None:
    assert verdict(read(name)) == "process" or name in {"unreason", "noreason"}


@pytest.mark.parametrize("name", CASES)
def test_the_same_verdict_on_a_stream(name: str) -> None:
    """Framing aside: datagrams that are longer or shorter than their Content-Length."""
    if name in {"dblreq", "clerr", "inv2543", "wsinv", "lwsstart", "badinv01"}:
        return
    data = read(name)
    try:
        expected: object = parse(data)
    except ParseError as error:
        expected = str(error)
    found = StreamParser().feed(data)[0]
    if not isinstance(found, ParseError):
        assert found == expected
    else:
        assert str(found) == expected


def test_tortuous_invite_is_understood() -> None:
    message = parse(read("wsinv"))
    assert str(message.to) == "<sip:vivekg@chair-dnrc.example.com>;tag=1918181833n"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.from_tag == "98asjd8"
    assert message.get("Max-Forwards") == "0068"
    assert str(message.cseq) == "9 INVITE"
    assert str(message.via) == "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw"
    assert len(message.values("Via")) == 3
    assert message.contact is not None
    assert message.contact.param("newparam") == "newvalue"
    assert message.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert len(message.body) == 150


def test_only_the_first_request_of_a_datagram_counts() -> None:
    message = parse(read("dblreq"))
    assert (message.call_id, message.body) == ("dblreq.0ha0isndaksdj99sdfafnl3lk233412", b"")


def test_escapes_mean_nothing_in_methods_and_names() -> None:
    message = parse(read("esc02"))
    assert message.start_line == "RE%47IST%45R sip:registrar.example.com SIP/2.0"
    assert len(message.get_all("Contact")) == 2


def test_multipart_body_is_exact() -> None:
    message = parse(read("mpart01"))
    assert len(message.body) == 553
    assert message.body.endswith(b"--7a9cbec02ceef655--\r\n")
