"""The peer-to-peer relation that two user agents keep: RFC 3261 §12."""

from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from typing import Final

from sip.building import MAX_FORWARDS
from sip.errors import RemoteError
from sip.headers import NameAddr, plain_address
from sip.message import Message, Request, Response
from sip.uri import Uri

ROUTES_MAX: Final = (
    32  # More proxies than Max-Forwards usually allows; each costs in every request.
)

_TARGET_ONLY: Final = frozenset({"method"})  # Never part of a Request-URI (RFC 3261 §19.1.1).


class DialogState(Enum):
    EARLY = "early"
    CONFIRMED = "confirmed"


def _target(message: Message, otherwise: str) -> str:
    """The Request-URI that the contact stands for."""
    plain = plain_address(message.first.get("Contact", ""))
    if plain is not None:
        return plain[1]
    contact = message.contact
    return otherwise if contact is None else _request_uri(contact.uri)


def _request_uri(uri: Uri) -> str:
    """Without the parts of a mere link (§19.1.1)."""
    if uri.headers or uri.has_param("method"):
        kept = tuple(param for param in uri.params if param[0].lower() not in _TARGET_ONLY)
        return str(uri._replace(headers="", params=kept))
    return str(uri)


def _routes(message: Message) -> tuple[str, ...]:
    if "Record-Route" not in message.first:
        return ()
    routes = message.values("Record-Route")
    if len(routes) > ROUTES_MAX:
        raise RemoteError(f"{len(routes)} Record-Routes")
    for route in routes:
        _ = NameAddr.parse(route)  # Or the first request of ours would fail.
    return tuple(routes)


class Dialog:
    """Tags, sequence numbers, route set and targets. Knows nothing of what it is used for."""

    __slots__ = (
        "call_id",
        "local",
        "local_cseq",
        "local_tag",
        "remote",
        "remote_cseq",
        "remote_tag",
        "remote_target",
        "route_set",
        "secure",
        "state",
    )

    def __init__(self, call_id: str, local_tag: str, remote_tag: str) -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = remote_tag
        self.local = ""  # From of our requests, tag included.
        self.remote = ""  # To of our requests, tag included.
        self.local_cseq = 0
        self.remote_cseq = -1  # Below the lowest: none seen yet.
        self.remote_target = ""
        self.route_set: tuple[str, ...] = ()
        self.secure = False
        self.state = DialogState.EARLY

    def __repr__(self) -> str:
        return f"<Dialog {self.call_id} {self.local_tag}/{self.remote_tag} {self.state.name}>"

    @property
    def id(self) -> tuple[str, str, str]:
        return self.call_id, self.local_tag, self.remote_tag

    @classmethod
    def uas(cls, request: Request, local_tag: str) -> "Dialog":
        """The dialog that our answer to this INVITE makes (§12.1.1)."""
        dialog = cls(request.call_id, local_tag, request.from_tag)
        first = request.first
        dialog.local = f"{first.get('To')};tag={local_tag}"
        dialog.remote = first.get("From", "")
        dialog.remote_cseq = request.cseq.number
        dialog.remote_target = _target(request, "") or str(request.from_.uri)
        dialog.route_set = _routes(request)
        dialog.secure = request.uri[:5].lower() == "sips:"
        return dialog

    @classmethod
    def uac(cls, request: Request, response: Response) -> "Dialog":
        """The dialog that this response to our INVITE makes (§12.1.2)."""
        dialog = cls(request.call_id, request.from_tag, response.to_tag)
        dialog.local = request.first.get("From", "")
        dialog.remote = response.first.get("To", "")
        dialog.local_cseq = request.cseq.number
        dialog.remote_target = request.uri
        with suppress(RemoteError):  # The call is answered: better a guess than no way to hang up.
            dialog.remote_target = _target(response, request.uri)
            dialog.route_set = _routes(response)[::-1]
        dialog.secure = request.uri[:5].lower() == "sips:"
        if response.status >= 200:
            dialog.confirm()
        return dialog

    def confirm(self) -> None:
        self.state = DialogState.CONFIRMED

    def refresh_target(self, message: Message) -> None:
        """A re-INVITE, UPDATE or their 2xx may move the peer (§12.2)."""
        self.remote_target = _target(message, self.remote_target)

    def check_remote_cseq(self, request: Request) -> None:
        """Take the next number of the peer, or refuse a request from the past (§12.2.2)."""
        number = request.cseq.number
        if number < self.remote_cseq:
            raise RemoteError(f"CSeq {number} after {self.remote_cseq}", status=500)
        self.remote_cseq = number

    def request(
        self,
        method: str,
        via: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Request:
        """The next request to the peer (§12.2.1.1)."""
        self.local_cseq += 1
        return self._build(method, self.local_cseq, via, headers, body)

    def ack(
        self, cseq: int, via: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Request:
        """The ACK of the 2xx to the INVITE with this number (§13.2.2.4)."""
        return self._build("ACK", cseq, via, headers, body)

    def _build(
        self, method: str, cseq: int, via: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> Request:
        uri, routes = self.remote_target, self.route_set
        if routes and not _is_loose(routes[0]):
            # A strict router wants its own URI in the start line (§12.2.1.1).
            uri, routes = _route_uri(routes[0]), (*routes[1:], f"<{uri}>")
        lines = [
            ("Via", via),
            *[("Route", route) for route in routes],
            ("Max-Forwards", MAX_FORWARDS),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *headers,
        ]
        return Request(method, uri, lines, body)


def _is_loose(route: str) -> bool:
    return NameAddr.parse(route).uri.has_param("lr")


def _route_uri(route: str) -> str:
    return _request_uri(NameAddr.parse(route).uri)
