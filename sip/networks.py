"""Lists of IP addresses and networks, as plain data."""

import ipaddress
from functools import lru_cache
from typing import NamedTuple


class Network(NamedTuple):
    version: int
    address: int
    mask: int


def parse_network(text: str) -> Network:
    """ "192.0.2.7" or "192.0.2.0/24", and the same for IPv6. ValueError when it is neither."""
    network = ipaddress.ip_network(text, strict=False)
    return Network(network.version, int(network.network_address), int(network.netmask))


def contains(networks: tuple[Network, ...], host: str) -> bool:
    """Whether the IP literal is in one of them. IPv4 in IPv6 counts as IPv4."""
    if not networks:
        return False
    version, number = _number(host)
    return any(
        network.version == version and number & network.mask == network.address
        for network in networks
    )


@lru_cache(maxsize=8192)  # A phone comes from the same place again and again.
def _number(host: str) -> tuple[int, int]:
    """Version and value; version 0 for what is no address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return 0, 0
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version, int(address)
