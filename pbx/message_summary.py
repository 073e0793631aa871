"""What message lamps read: `application/simple-message-summary` (RFC 3842 §5.2)."""

from typing import Final, NamedTuple

SUMMARY: Final = "application/simple-message-summary"
COUNT_MAX: Final = 2**32 - 1  # §5.2: msgcount has at most ten digits.


class Counts(NamedTuple):
    """Voice messages in a mailbox."""

    new: int = 0
    old: int = 0


def message_summary(account: str, counts: Counts) -> bytes:
    """`account` is a SIP URI without anything that could end its line."""
    new, old = (max(0, min(count, COUNT_MAX)) for count in counts)
    return (
        f"Messages-Waiting: {'yes' if new else 'no'}\r\n"
        f"Message-Account: {account}\r\n"
        f"Voice-Message: {new}/{old} (0/0)\r\n"
    ).encode()
