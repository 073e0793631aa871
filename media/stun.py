"""STUN messages (RFC 8489), as ICE uses them: text of bytes to values and back.

Only what a binding request over UDP needs; the meaning of the attributes is `media/ice.py`'s.
`parse` raises `ParseError` and nothing else.
"""

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha1
from typing import Final

from media.errors import ParseError

Address = tuple[str, int]

HEADER_SIZE: Final = 20
MAGIC: Final = 0x2112A442
TRANSACTION_SIZE: Final = 12
BINDING: Final = 0x001
# A request of ICE has about 100 bytes, and RFC 8489 §6.1 wants everything below 1280.
MESSAGE_BYTES_MAX: Final = 1280
ATTRIBUTES_MAX: Final = 64

_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_INTEGRITY_SIZE: Final = 20
_FINGERPRINT_SIZE: Final = 4
_FINGERPRINT_XOR: Final = 0x5354554E  # §14.7
_MAGIC_BYTES: Final = MAGIC.to_bytes(4)
_FAMILIES: Final = {1: 4, 2: 16}  # §14.1: bytes of an address.


class Class(IntEnum):
    """The two bits of the type that say what a message is (§5)."""

    REQUEST = 0b00
    INDICATION = 0b01
    SUCCESS = 0b10
    ERROR = 0b11


class Attribute(IntEnum):
    """§18.3, and RFC 8445 §16.1."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    MESSAGE_INTEGRITY_SHA256 = 0x001C
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


Attributes = tuple[tuple[int, bytes], ...]
_OPTIONAL_FROM: Final = 0x8000  # §14: below that it must be understood.


@dataclass(frozen=True, slots=True)
class Message:
    kind: Class
    method: int
    transaction: bytes
    attributes: Attributes = ()  # Those that count: nothing behind MESSAGE-INTEGRITY.
    signed: bytes = b""  # What MESSAGE-INTEGRITY was made of, and
    signature: bytes = b""  # its value; "" without one.

    def attribute(self, wanted: int) -> bytes | None:
        """The first of that kind; others of it are ignored (§14)."""
        for kind, value in self.attributes:
            if kind == wanted:
                return value
        return None

    def is_signed_with(self, key: bytes) -> bool:
        """Was MESSAGE-INTEGRITY made with this key (§14.5)?"""
        made = hmac.digest(key, self.signed, sha1)
        return bool(self.signature) and hmac.compare_digest(made, self.signature)

    def not_understood(self, known: frozenset[int]) -> list[int]:
        """Attributes that would have to be understood, but are not among `known`."""
        kinds = dict.fromkeys(kind for kind, _ in self.attributes)
        return [kind for kind in kinds if kind < _OPTIONAL_FROM and kind not in known]


def is_stun(data: bytes | memoryview) -> bool:
    """By its first bytes (RFC 7983 §7)."""
    return len(data) >= HEADER_SIZE and data[0] < 4 and bytes(data[4:8]) == _MAGIC_BYTES


def parse(data: bytes) -> Message:
    """One datagram. A FINGERPRINT, if there is one, must be right."""
    if not HEADER_SIZE <= len(data) <= MESSAGE_BYTES_MAX or not is_stun(data):
        raise ParseError(f"not STUN: {data[:HEADER_SIZE]!r}")
    type_, length, _, transaction = _HEADER.unpack_from(data)
    if length % 4 or HEADER_SIZE + length != len(data):
        raise ParseError(f"STUN of {len(data)} bytes says {length}")
    attributes: list[tuple[int, bytes]] = []
    signed = signature = b""
    at, count = HEADER_SIZE, 0
    while at < len(data):
        count += 1
        kind, value, end = _attribute(data, at)
        if count > ATTRIBUTES_MAX:
            raise ParseError(f"more than {ATTRIBUTES_MAX} STUN attributes")
        if kind == Attribute.FINGERPRINT:
            _check_fingerprint(data, at, value)
        elif signature:
            pass  # Behind MESSAGE-INTEGRITY only FINGERPRINT counts (§14.5).
        elif kind == Attribute.MESSAGE_INTEGRITY:
            if len(value) != _INTEGRITY_SIZE:
                raise ParseError(f"MESSAGE-INTEGRITY of {len(value)} bytes")
            signed, signature = _with_length(data[:at], end), value
        else:
            attributes.append((kind, value))
        at = end
    kind, method = _split_type(type_)
    return Message(kind, method, transaction, tuple(attributes), signed, signature)


def _attribute(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Kind, value, and where the next one begins."""
    if at + _ATTRIBUTE.size > len(data):
        raise ParseError("a STUN attribute is cut off")
    kind, size = _ATTRIBUTE.unpack_from(data, at)
    start = at + _ATTRIBUTE.size
    end = start + (size + 3) // 4 * 4  # Padded (§14).
    if end > len(data):
        raise ParseError("a STUN attribute is cut off")
    return kind, data[start : start + size], end


def _check_fingerprint(data: bytes, at: int, value: bytes) -> None:
    right = (zlib.crc32(data[:at]) ^ _FINGERPRINT_XOR).to_bytes(4)
    if value != right or at + _ATTRIBUTE.size + _FINGERPRINT_SIZE != len(data):
        raise ParseError("wrong STUN fingerprint")


def _split_type(type_: int) -> tuple[Class, int]:
    """§5, figure 3: the class is in bits 4 and 8."""
    kind = Class((type_ >> 4) & 1 | (type_ >> 7) & 2)
    return kind, type_ & 0x000F | (type_ >> 1) & 0x0070 | (type_ >> 2) & 0x0F80


def _join_type(kind: Class, method: int) -> int:
    bits = (kind & 1) << 4 | (kind & 2) << 7
    return bits | method & 0x000F | (method & 0x0070) << 1 | (method & 0x0F80) << 2


def build(
    kind: Class,
    transaction: bytes,
    attributes: Attributes = (),
    *,
    key: bytes | None = None,
    method: int = BINDING,
) -> bytes:
    """A datagram with FINGERPRINT, and signed if there is a key."""
    assert len(transaction) == TRANSACTION_SIZE, transaction
    body = b"".join(map(_packed, attributes))
    data = _HEADER.pack(_join_type(kind, method), len(body), MAGIC, transaction) + body
    if key is not None:
        end = len(data) + _ATTRIBUTE.size + _INTEGRITY_SIZE
        signature = hmac.digest(key, _with_length(data, end), sha1)
        data += _packed((Attribute.MESSAGE_INTEGRITY, signature))
    data = _with_length(data, len(data) + _ATTRIBUTE.size + _FINGERPRINT_SIZE)
    fingerprint = zlib.crc32(data) ^ _FINGERPRINT_XOR
    return data + _packed((Attribute.FINGERPRINT, fingerprint.to_bytes(4)))


def _packed(attribute: tuple[int, bytes]) -> bytes:
    kind, value = attribute
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _with_length(data: bytes, end: int) -> bytes:
    """As if the message ended at `end` (§14.5)."""
    return data[:2] + (end - HEADER_SIZE).to_bytes(2) + data[4:]


def xor_address(address: Address, transaction: bytes) -> bytes:
    """The value of XOR-MAPPED-ADDRESS (§14.2)."""
    ip = ipaddress.ip_address(address[0])
    family = 1 if ip.version == 4 else 2
    port = address[1] ^ MAGIC >> 16
    return bytes((0, family)) + port.to_bytes(2) + _xor(ip.packed, transaction)


def read_xor_address(value: bytes, transaction: bytes) -> Address:
    """Raises `ParseError`."""
    if len(value) < 4 or _FAMILIES.get(value[1]) != len(value) - 4:
        raise ParseError(f"not an address: {value!r}")
    port = int.from_bytes(value[2:4]) ^ MAGIC >> 16
    return str(ipaddress.ip_address(_xor(value[4:], transaction))), port


def _xor(packed: bytes, transaction: bytes) -> bytes:
    mask = _MAGIC_BYTES + transaction
    return bytes(a ^ b for a, b in zip(packed, mask, strict=False))


def error_code(status: int, reason: str) -> bytes:
    """The value of ERROR-CODE (§14.8)."""
    return bytes((0, 0, status // 100, status % 100)) + reason.encode()


def read_error_code(value: bytes) -> int:
    """Raises `ParseError`."""
    if len(value) < 4 or not 3 <= value[2] & 7 <= 6 or value[3] > 99:
        raise ParseError(f"not an error code: {value[:4]!r}")
    return (value[2] & 7) * 100 + value[3]
