"""STUN: the vectors of RFC 5769, what is refused, and back again."""

import contextlib
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media import stun
from media.errors import ParseError
from media.stun import Attribute, Class, Message

PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)  # RFC 5769 §2.1.
RESPONSE_4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)  # §2.2.
RESPONSE_6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)  # §2.3.


def test_the_request_of_the_rfc() -> None:
    message = stun.parse(REQUEST)
    assert (message.kind, message.method) == (Class.REQUEST, stun.BINDING)
    assert message.attribute(Attribute.USERNAME) == b"evtj:h6vY"
    assert message.attribute(Attribute.SOFTWARE) == b"STUN test client"
    assert message.attribute(Attribute.PRIORITY) == bytes.fromhex("6e0001ff")
    assert message.attribute(Attribute.ICE_CONTROLLED) == bytes.fromhex("932ff9b151263b36")
    assert message.is_signed_with(PASSWORD)
    assert not message.is_signed_with(PASSWORD[:-1])


@pytest.mark.parametrize(
    ("data", "host"),
    [(RESPONSE_4, "192.0.2.1"), (RESPONSE_6, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_the_responses_of_the_rfc(data: bytes, host: str) -> None:
    message = stun.parse(data)
    assert message.kind is Class.SUCCESS
    assert message.is_signed_with(PASSWORD)
    value = message.attribute(Attribute.XOR_MAPPED_ADDRESS)
    assert value is not None
    assert stun.read_xor_address(value, message.transaction) == (host, 32853)
    assert stun.xor_address((host, 32853), message.transaction) == value


def test_a_message_that_was_built_is_as_in_the_rfc() -> None:
    message = stun.parse(RESPONSE_4)
    mapped = message.attribute(Attribute.XOR_MAPPED_ADDRESS)
    assert mapped is not None
    built = stun.build(
        Class.SUCCESS, message.transaction, ((Attribute.XOR_MAPPED_ADDRESS, mapped),), key=PASSWORD
    )
    again = stun.parse(built)
    assert again.is_signed_with(PASSWORD)
    assert again.attributes == ((Attribute.XOR_MAPPED_ADDRESS, mapped),)


@pytest.mark.parametrize("at", [*range(len(REQUEST) - 8), *range(len(REQUEST) - 6, len(REQUEST))])
def test_every_byte_counts(at: int) -> None:
    spoilt = REQUEST[:at] + bytes([REQUEST[at] ^ 1]) + REQUEST[at + 1 :]
    with pytest.raises(ParseError):
        _ = stun.parse(spoilt)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        REQUEST[:19],
        REQUEST + b"\0\0\0\0",
        REQUEST[:-4],
        b"\x80" + REQUEST[1:],
        bytes.fromhex("000100042112a442") + bytes(12) + bytes.fromhex("00060005"),
        bytes.fromhex("000100082112a442") + bytes(12) + bytes.fromhex("0008000400000000"),
        bytes.fromhex("000105002112a442") + bytes(12) + bytes(1280),
        bytes.fromhex("000101042112a442") + bytes(12) + bytes(260),
    ],
    ids=["none", "short", "longer", "cut", "rtp", "no value", "signature", "size", "attributes"],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        _ = stun.parse(data)


def test_nothing_counts_behind_the_signature() -> None:
    data = stun.build(Class.REQUEST, bytes(12), ((Attribute.USERNAME, b"a"),), key=b"k")[:-8]
    extra = bytes.fromhex("00250000")
    data = data[:2] + (len(data) + len(extra) - 20).to_bytes(2) + data[4:] + extra
    message = stun.parse(data)
    assert message.attribute(Attribute.USE_CANDIDATE) is None
    assert message.is_signed_with(b"k")


attributes = st.lists(
    st.tuples(
        st.integers(0, 0xFFFF).filter(lambda kind: kind not in (0x0008, 0x8028)),
        st.binary(max_size=60),
    ),
    max_size=8,
).map(tuple)


@given(
    st.sampled_from(Class), st.binary(min_size=12, max_size=12), attributes,
    st.none() | st.binary(max_size=30), st.integers(0, 0xFF),
)  # fmt: skip
def test_there_and_back(
    kind: Class, transaction: bytes, told: stun.Attributes, key: bytes | None, method: int
) -> None:
    data = stun.build(kind, transaction, told, key=key, method=method)
    message = stun.parse(data)
    assert (message.kind, message.method, message.transaction) == (kind, method, transaction)
    assert message.attributes == told
    assert message.is_signed_with(key or b"") is (key is not None)


@given(st.ip_addresses(), st.integers(0, 65_535), st.binary(min_size=12, max_size=12))
def test_addresses(ip: object, port: int, transaction: bytes) -> None:
    address = str(ip_address(str(ip))), port
    value = stun.xor_address(address, transaction)
    assert stun.read_xor_address(value, transaction) == address


@given(st.binary(max_size=200))
@example(REQUEST[:20])
def test_any_bytes(data: bytes) -> None:
    for text in (data, REQUEST[:8] + data):
        with contextlib.suppress(ParseError):
            assert isinstance(stun.parse(text), Message)
    for read in (stun.read_error_code, lambda value: stun.read_xor_address(value, bytes(12))):
        with contextlib.suppress(ParseError):
            assert read(data)


def test_error_codes() -> None:
    assert stun.error_code(487, "Role Conflict") == b"\0\0\4\x57Role Conflict"
    assert stun.read_error_code(b"\0\0\4\x57Role Conflict") == 487
