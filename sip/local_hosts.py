"""Addresses as sockets name them, and which of ours a peer should see."""

import socket
from typing import Final

from sip.flow import Address
from sip.networks import contains, parse_network

HOSTS_MAX: Final = 8_192  # Remembered for speed only; then forgotten and looked up anew.
ANYWHERE: Final = ("0.0.0.0", "::")

# Peers here see our own address even where an external one is set.
INSIDE: Final = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)


def address_of(name: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    """Of a socket name of either family; a mapped IPv4 address as IPv4."""
    host = name[0]
    return (host[7:] if host.startswith("::ffff:") and "." in host else host), name[1]


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class LocalHosts:
    """Which of our addresses a peer should see."""

    def __init__(self, external: str) -> None:
        self._external = external
        self._inside = tuple(parse_network(network) for network in INSIDE)
        self._known: dict[str, str] = {}

    def towards(self, bound: str, remote: str) -> str:
        """For a socket that is bound to this address of ours."""
        found = self.find(remote)
        if found == self._external or bound in ANYWHERE:
            return found or bound
        return bound

    def find(self, remote: str) -> str:
        """The address that this machine uses towards `remote`, or the external one; "" if none."""
        if remote not in self._known:
            if len(self._known) >= HOSTS_MAX:
                self._known.clear()
            self._known[remote] = self._look_up(remote)
        return self._known[remote]

    def _look_up(self, remote: str) -> str:
        external, family = self._external, family_of(remote)
        # Of the other family it would be of no use to the peer.
        if external and family is family_of(external) and not contains(self._inside, remote):
            return external
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((remote, 9))  # Nothing is sent: the kernel looks up the route.
            except OSError:
                return ""
            return address_of(probe.getsockname())[0]
