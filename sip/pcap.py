"""Messages as a file that Wireshark, tshark and sngrep read (the classic libpcap format).

Each message is written as one UDP datagram, also those that went over connections: there are no
packets of theirs that we could know.
"""

import ipaddress
import struct
from collections.abc import Iterable
from typing import Final

from sip.flow import Address, Flow

LINKTYPE_RAW: Final = 101  # An IP header comes first; its version tells which.
PAYLOAD_BYTES_MAX: Final = 65_000
_MAGIC_MICROSECONDS: Final = 0xA1B2C3D4
_UDP: Final = 17
_HOPS: Final = 64

_FILE: Final = struct.Struct("!IHHiIII")
_RECORD: Final = struct.Struct("!IIII")
_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_IPV6: Final = struct.Struct("!IHBB16s16s")
_UDP_HEADER: Final = struct.Struct("!HHHH")


def pcap(messages: Iterable[tuple[float, bool, Flow, bytes]]) -> bytes:
    """Of (Unix seconds, outgoing, flow, bytes)."""
    parts = [_FILE.pack(_MAGIC_MICROSECONDS, 2, 4, 0, 0, 0x40000, LINKTYPE_RAW)]
    for at, outgoing, flow, data in messages:
        ends = (flow.local, flow.remote) if outgoing else (flow.remote, flow.local)
        packet = _packet(*ends, data[:PAYLOAD_BYTES_MAX])
        microseconds = round(at * 1e6)
        head = (microseconds // 1_000_000, microseconds % 1_000_000, len(packet), len(packet))
        parts += [_RECORD.pack(*head), packet]
    return b"".join(parts)


def _packet(source: Address, destination: Address, data: bytes) -> bytes:
    a, b = _binary(source[0]), _binary(destination[0])
    if len(a) != len(b):  # One end is not known as an address: written as none at all.
        a = bytes(len(b))
    length = _UDP_HEADER.size + len(data)
    pseudo = a + b + struct.pack("!HBB", length, 0, _UDP)
    udp = _UDP_HEADER.pack(source[1], destination[1], length, 0) + data
    checksum = _checksum(pseudo + udp) or 0xFFFF
    udp = udp[:6] + struct.pack("!H", checksum) + data
    if len(a) == 16:
        return _IPV6.pack(6 << 28, length, _UDP, _HOPS, a, b) + udp
    head = (0x45, 0, _IPV4.size + length, 0, 0, _HOPS, _UDP)
    ip = _IPV4.pack(*head, _checksum(_IPV4.pack(*head, 0, a, b)), a, b)
    return ip + udp


def _binary(host: str) -> bytes:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).packed
    except ValueError:
        return bytes(4)


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
