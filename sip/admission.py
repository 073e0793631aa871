"""Requests that are refused before anything is kept of them: RFC 3261 §8.2.1-8.2.3.

`parser.validate` has seen to it that they make sense; this is about what we support.
"""

from typing import Final, NamedTuple, Protocol

from sip.bodies import SDP, find_description, kind_of
from sip.errors import ParseError, RemoteError
from sip.message import Request
from sip.parser import METHODS
from sip.session_timer import too_brief

RETRY_SECONDS: Final = 5  # What we ask of those who come while we are full.

_BODIES: Final = frozenset({"INVITE", "UPDATE", "PRACK"})  # Requests whose body must be SDP.
_WITHIN: Final = frozenset({"BYE", "UPDATE", "PRACK"})  # Of no sense outside a dialog.
_ACCEPT: Final = (("Accept", f"{SDP}, multipart/mixed, multipart/alternative"),)


class Admission(Protocol):
    """Whether there is room for one more call. A machine of plain data, like all of them."""

    def admit(self, sessions: int, now: float) -> int:
        """0, or after how many seconds the caller may try again. `sessions`: those we have."""
        ...


class Refusal(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...] = ()


def refusal(
    request: Request, allow: tuple[str, ...], supported: tuple[str, ...], min_se: int = 0
) -> Refusal | None:
    """Why this request cannot be served whoever sends it; None if it can.

    `min_se`: seconds below which a session interval is too small (RFC 4028); 0: any will do.
    """
    method = request.method
    if method not in allow:
        # 405 is for methods that we know (§8.2.1, §21.5.2).
        return Refusal(405 if method in METHODS else 501, (("Allow", ", ".join(allow)),))
    if "Require" in request.first:
        missing = [tag for tag in request.values("Require") if tag.lower() not in supported]
        if missing:
            return Refusal(420, (("Unsupported", ", ".join(missing)),))
    if method in _WITHIN and not request.to_tag:
        return Refusal(481)
    if min_se and "Session-Expires" in request.first and too_brief(request, min_se):
        return Refusal(422, (("Min-SE", str(min_se)),))
    if method in _BODIES and request.body:
        return _body_refusal(request)
    return None


def _body_refusal(request: Request) -> Refusal | None:
    """§8.2.3. Of a body of several parts only the description is kept (RFC 5621)."""
    content_type = request.first.get("Content-Type", "")
    if content_type != SDP and (kind := kind_of(content_type)) != SDP:
        if not kind.startswith("multipart/"):
            return Refusal(415, _ACCEPT)
        try:
            request.body = find_description(content_type, request.body) or b""
        except ParseError:
            raise
        except RemoteError as error:
            return Refusal(error.status, _ACCEPT)
        request.set("Content-Type", SDP)
    encoding = request.first.get("Content-Encoding")
    if encoding is not None and encoding.lower() != "identity":
        return Refusal(415, (("Accept-Encoding", "identity"),))
    return None


def check_hops(request: Request) -> None:
    """A call that goes round and round ends here (§16.3). An OPTIONS may ask us as the last."""
    forwards = request.first.get("Max-Forwards")
    if forwards is not None and int(forwards) == 0 and request.method != "OPTIONS":
        raise RemoteError("Max-Forwards is 0", status=483)
