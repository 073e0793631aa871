"""What can go wrong in the SIP stack, and whose fault it is."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sip.message import Request


class SipError(Exception):
    """Base class. Never raised itself."""


class LocalError(SipError):
    """Our own code asked for something SIP forbids. A bug: never caught below pbx/app.py."""


class RemoteError(SipError):
    """The peer sent something we cannot accept.

    `status` is what we would answer if the offending message was a request.
    """

    def __init__(self, why: str, *, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


class ParseError(RemoteError):
    """Bytes that are not a SIP message (RFC 3261 §25, RFC 4475).

    `request` is what could be read of a request, when that is enough to answer it.
    """

    def __init__(self, why: str, *, status: int = 400, request: "Request | None" = None) -> None:
        super().__init__(why, status=status)
        self.request = request
