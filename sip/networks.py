"""Lists of IP addresses and networks, as plain data."""

import ipaddress
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
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    number = int(address)
    return any(
        network.version == address.version and number & network.mask == network.address
        for network in networks
    )
