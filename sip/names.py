"""Header names: one spelling for each (RFC 3261 §7.3.1, §7.3.3, §20)."""

from functools import lru_cache
from typing import Final

from sip.errors import ParseError
from sip.text import is_token

NAME_CHARS_MAX: Final = 128  # The longest of RFC 4475 has 95.

# Names that simple capitalisation would spell otherwise.
_IRREGULAR: Final = (
    "Call-ID",
    "CSeq",
    "WWW-Authenticate",
    "MIME-Version",
    "Min-SE",
    "RAck",
    "RSeq",
    "SIP-ETag",
    "SIP-If-Match",
    "P-Visited-Network-ID",
    "Identity-Info",
)

_COMPACT: Final = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

_COMMON: Final = (
    "Accept",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Authorization",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Length",
    "Content-Type",
    "Date",
    "Diversion",
    "Event",
    "Expires",
    "From",
    "Max-Forwards",
    "Min-Expires",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Reason",
    "Record-Route",
    "Refer-To",
    "Remote-Party-Id",
    "Replaces",
    "Require",
    "Retry-After",
    "Route",
    "Server",
    "Session-Expires",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
)

_BY_LOWER: Final = {name.lower(): name for name in (*_COMMON, *_IRREGULAR)} | _COMPACT

KNOWN: Final[dict[str, str]] = (
    {name: name for name in _BY_LOWER.values()}
    | _BY_LOWER
    | {compact.upper(): name for compact, name in _COMPACT.items()}
)
"""The spellings that nearly all messages use; for any other ask `canonical_name`."""


class _WireNames(dict[str, str]):
    """Names as they stand in a line, colon included. Unusual ones are worked out, not kept."""

    def __missing__(self, word: str) -> str:
        if not word.endswith(":"):
            raise ParseError(f"bad header {word[:64]!r}")
        return _canonical_name(word[:-1])


WIRE_NAMES: Final = _WireNames({f"{name}:": canonical for name, canonical in KNOWN.items()})
"""First word of a header line -> name. Raises ParseError for all that needs a closer look."""


def canonical_name(name: str) -> str:
    return KNOWN.get(name) or _canonical_name(name)


@lru_cache(maxsize=1024)
def _canonical_name(name: str) -> str:
    bare = name.rstrip(" \t")  # HCOLON allows space before the colon (RFC 3261 §25.1).
    if len(name) > NAME_CHARS_MAX or not is_token(bare):
        raise ParseError(f"bad header name {name[:64]!r}")
    lower = bare.lower()
    return _BY_LOWER.get(lower) or "-".join(part.capitalize() for part in lower.split("-"))
