"""Characters of SIP texts: what may stand where (RFC 3261 §25.1), and what must never go out.

Header texts are `str`, decoded as UTF-8; bytes that are not UTF-8 are kept as lone
surrogates ("surrogateescape"), so that a Via or a tag comes back exactly as it was sent.
What people or a database will see goes through `printable` first.
"""

import re
from typing import Final

TOKEN: Final = r"[-.!%*_+`'~0-9A-Za-z]+"
QUOTED: Final = r'"(?:[^"\\]|\\.)*"'

_TOKEN: Final = re.compile(TOKEN)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_LINE_BREAKERS: Final = re.compile(r"[\r\n\0]+")


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def printable(text: str) -> str:
    """For eyes, logs and storage: no control characters, and always encodable."""
    if text.isascii() and text.isprintable():
        return text
    return _SURROGATE.sub("\ufffd", _UNPRINTABLE.sub(" ", text))


def one_line(text: str) -> str:
    """For the wire: nothing that could begin another header, or end a string early."""
    return _LINE_BREAKERS.sub(" ", text)


def quote(text: str) -> str:
    """A quoted-string."""
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """The content of a quoted-string; any other text as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner
