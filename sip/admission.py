"""Requests that are refused before anything is kept of them: RFC 3261 §8.2.1-8.2.3.

`parser.validate` has seen to it that they make sense; this is about what we support.
"""

from typing import Final, NamedTuple

from sip.errors import RemoteError
from sip.message import Request
from sip.parser import METHODS

RETRY_SECONDS: Final = 5  # What we ask of those who come while we are full.

_BODIES: Final = frozenset({"INVITE", "UPDATE"})  # Requests whose body must be SDP.
_SDP: Final = "application/sdp"


class Refusal(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...] = ()


def refusal(request: Request, allow: tuple[str, ...], supported: tuple[str, ...]) -> Refusal | None:
    """Why this request cannot be served whoever sends it; None if it can."""
    method = request.method
    if method not in allow:
        # 405 is for methods that we know (§8.2.1, §21.5.2).
        return Refusal(405 if method in METHODS else 501, (("Allow", ", ".join(allow)),))
    if "Require" in request.first:
        missing = [tag for tag in request.values("Require") if tag.lower() not in supported]
        if missing:
            return Refusal(420, (("Unsupported", ", ".join(missing)),))
    if method in _BODIES and request.body:
        return _body_refusal(request)
    return None


def _body_refusal(request: Request) -> Refusal | None:
    """§8.2.3"""
    kind = request.first.get("Content-Type", "")
    if kind != _SDP and kind.partition(";")[0].strip().lower() != _SDP:
        return Refusal(415, (("Accept", _SDP),))
    encoding = request.first.get("Content-Encoding")
    if encoding is not None and encoding.lower() != "identity":
        return Refusal(415, (("Accept-Encoding", "identity"),))
    return None


def check_hops(request: Request) -> None:
    """A call that goes round and round ends here (§16.3). An OPTIONS may ask us as the last."""
    forwards = request.first.get("Max-Forwards")
    if forwards is not None and int(forwards) == 0 and request.method != "OPTIONS":
        raise RemoteError("Max-Forwards is 0", status=483)
