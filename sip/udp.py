"""SIP over UDP: one socket for all peers (RFC 3261 §18, RFC 3581). The hot path of the edge."""

import re
import socket
import struct
import time
from typing import TYPE_CHECKING, Any, Final

from sip.flow import Address, Flow
from sip.local_hosts import address_of, family_of

if TYPE_CHECKING:
    from sip.transport import Transports

DATAGRAMS_PER_WAKE_UP: Final = 64  # Then timers and other sockets get their turn.
DATAGRAM_BYTES_MAX: Final = 65_535
SOCKET_BUFFER_BYTES: Final = 4 << 20  # 500 phones that register after a restart: about 1 MB.
BUSY_SECONDS: Final = 0.002
"""Two wake-ups so close together: more is likely to wait. Else one that waits wakes us once more,
which is cheaper than to ask in vain each time."""
LATE_SECONDS: Final = 5.0  # After a full batch, so that the end of an overload is seen at once.
FLOWS_MAX: Final = 8_192  # Remembered for speed only; then forgotten and made anew.

_IP_RECVERR: Final = 11  # Not in the socket module. Linux: ip(7), ipv6(7).
_IPV6_RECVERR: Final = 25
_SO_TIMESTAMPNS: Final = 35  # <asm-generic/socket.h>: when the kernel got a datagram.
_TIME: Final = struct.Struct("=qq")  # struct timespec, on 64 bits.
_ERROR_HEAD: Final = struct.Struct("=IBBB")  # struct sock_extended_err: errno, origin, …
_WITHIN: Final = re.compile(rb"\n(?:To|t)[ \t]*:[^\n]*;[ \t]*tag[ \t]*=", re.IGNORECASE)
_FROM_NETWORK: Final = frozenset({2, 3})  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6.


def bind_udp(host: str, port: int) -> socket.socket:
    bound = socket.socket(family_of(host), socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            bound.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        bound.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if bound.family is socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            bound.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


class UdpTransport:
    """One socket, all its peers."""

    def __init__(self, owner: "Transports", bound: socket.socket) -> None:
        self._owner = owner
        self._socket = bound
        self.address = address_of(bound.getsockname())
        self._flows: dict[Address, Flow] = {}
        self._late_until = 0.0  # Until then it is told how long the line is.
        self._woken_at = 0.0
        owner.loop.add_reader(bound.fileno(), self._on_readable)

    def close(self) -> None:
        _ = self._owner.loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def flow(self, remote: Address) -> Flow:
        flow = self._flows.get(remote)
        if flow is None:
            if len(self._flows) >= FLOWS_MAX:
                self._flows.clear()
            host = self._owner.hosts.towards(self.address[0], remote[0])
            flow = Flow("udp", (host, self.address[1]), remote)
            self._flows[remote] = flow
            self._owner.udp_by_local[flow.local] = self
        return flow

    def send(self, flow: Flow, data: bytes) -> None:
        try:
            _ = self._socket.sendto(data, flow.remote)
        except BlockingIOError:
            return  # The buffer is full: as good as lost on the way, and sent again like that.
        except OSError:
            # Perhaps the echo of an earlier datagram to somebody else (ip(7), IP_RECVERR).
            self._read_errors()
            self._send_again(flow, data)

    def _send_again(self, flow: Flow, data: bytes) -> None:
        try:
            _ = self._socket.sendto(data, flow.remote)
        except BlockingIOError:
            return
        except OSError:
            self._owner.report_closed(flow)

    def _on_readable(self) -> None:
        now = self._owner.loop.time()
        if now < self._late_until:
            self._read_late(now)
            return
        receive, on_datagram = self._socket.recvfrom, self._owner.on_datagram
        busy = now - self._woken_at < BUSY_SECONDS
        self._woken_at = now
        for n in range(DATAGRAMS_PER_WAKE_UP if busy else 1):
            try:
                data, name = receive(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                if n == 0:
                    self._read_errors()  # It was for them that we were woken.
                return
            except OSError:
                self._read_errors()
                continue
            on_datagram(data, self.flow(address_of(name)), now)
        if busy:
            self._late_until = now + LATE_SECONDS

    def _read_late(self, now: float) -> None:
        """While the line is long it is told how long the first one has waited, and new calls are
        looked at before the rest: whoever is to be refused need not wait for it."""
        batch: list[tuple[bytes, Any]] = []
        self._woken_at = now
        try:
            data, items, _, name = self._socket.recvmsg(DATAGRAM_BYTES_MAX, 64)
            batch.append((data, name))
            self._tell_delay(items, now)
            while len(batch) < DATAGRAMS_PER_WAKE_UP:
                batch.append(self._socket.recvfrom(DATAGRAM_BYTES_MAX))
            self._late_until = now + LATE_SECONDS
        except BlockingIOError:
            if not batch:
                self._read_errors()
        except OSError:
            self._read_errors()
        batch.sort(key=_is_not_new)
        for data, name in batch:
            self._owner.on_datagram(data, self.flow(address_of(name)), now)

    def _tell_delay(self, items: list[tuple[int, int, bytes]], now: float) -> None:
        for _, kind, stamp in items:
            if kind == _SO_TIMESTAMPNS and len(stamp) >= _TIME.size:
                seconds, nanoseconds = _TIME.unpack_from(stamp)
                self._owner.on_delay(max(0.0, time.time() - seconds - nanoseconds / 1e9), now)

    def _read_errors(self) -> None:
        """Peers whose port is closed or that cannot be reached, as ICMP tells the kernel."""
        for _ in range(DATAGRAMS_PER_WAKE_UP):
            try:
                _, items, _, name = self._socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for _, _, data in items:
                if len(data) >= _ERROR_HEAD.size and _ERROR_HEAD.unpack_from(data)[1] in (
                    _FROM_NETWORK
                ):
                    self._owner.report_closed(self.flow(address_of(name)))


def _is_not_new(item: tuple[bytes, Any]) -> bool:
    """Not the beginning of a call."""
    return not item[0].startswith(b"INVITE ") or _WITHIN.search(item[0]) is not None
