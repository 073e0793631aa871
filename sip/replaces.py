"""Who takes whose place: Replaces (RFC 3891) and what a REFER asks for (RFC 3515, RFC 5589 §7)."""

from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from sip.errors import ParseError
from sip.headers import NameAddr
from sip.message import Request
from sip.uri import Uri

VALUE_CHARS_MAX: Final = 1024  # Call-IDs are long, but not so long.


class Replaces(NamedTuple):
    """A dialog as its other side names it: `to_tag` is ours, `from_tag` theirs (RFC 3891 §3)."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, value: str) -> "Replaces":
        if len(value) > VALUE_CHARS_MAX:
            raise ParseError(f"Replaces of {len(value)} characters")
        call_id, *fields = (field.strip() for field in value.split(";"))
        tags: dict[str, str] = {}
        for field in fields:
            name, _, content = field.partition("=")
            tags[name.strip().lower()] = content.strip()
        if not call_id or not tags.get("to-tag") or not tags.get("from-tag"):
            raise ParseError(f"Replaces: {value[:100]}")
        return cls(call_id, tags["to-tag"], tags["from-tag"], "early-only" in tags)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


class ReferTarget(NamedTuple):
    uri: Uri  # Without headers.
    replaces: Replaces | None


def refer_target(refer: Request) -> ReferTarget:
    """Exactly one Refer-To is allowed (RFC 3515 §2.4.2)."""
    values = refer.get_all("Refer-To")
    if len(values) != 1:
        raise ParseError(f"{len(values)} Refer-To")
    uri = NameAddr.parse(values[0]).uri
    replaces: Replaces | None = None
    for header in uri.headers.split("&") if uri.headers else ():
        name, _, value = header.partition("=")
        if name.lower() == "replaces":
            replaces = Replaces.parse(unquote(value))
    return ReferTarget(uri._replace(headers=""), replaces)


def refer_to(uri: Uri, replaces: Replaces | None = None) -> str:
    """The value of a Refer-To: whom to call, and in whose place (RFC 5589 §7.1)."""
    if replaces is not None:
        uri = uri._replace(headers=f"Replaces={quote(str(replaces), safe='')}")
    return f"<{uri}>"


def replaced_by(invite: Request) -> Replaces | None:
    """The dialog that an INVITE wants to take the place of (RFC 3891 §3); one at most."""
    values = invite.get_all("Replaces")
    if len(values) > 1:
        raise ParseError(f"{len(values)} Replaces")
    return Replaces.parse(values[0]) if values else None


def referred_by(request: Request) -> NameAddr | None:
    """On whose behalf a call is made (RFC 3892)."""
    value = request.first.get("Referred-By")
    return None if value is None else NameAddr.parse(value)
