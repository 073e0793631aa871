"""A path between us and one peer (RFC 5626 §2): where a message came from, where an answer goes."""

from typing import NamedTuple

Address = tuple[str, int]
"""Host (an IP literal without brackets) and port."""


class Flow(NamedTuple):
    transport: str  # "udp", "tcp", "tls", "ws" or "wss".
    local: Address  # Ours, as the peer should see it.
    remote: Address
    connection: int = 0  # 0 for datagrams, else unique among the connections of this process.

    @property
    def reliable(self) -> bool:
        """Whether the transport retransmits for us, so that the timers need not."""
        return self.transport != "udp"
