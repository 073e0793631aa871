"""SIP, SIPS and tel URIs: RFC 3261 §19.1, RFC 3966."""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from sip.errors import ParseError

URI_CHARS_MAX: Final = 2048  # Longest seen: a push contact of Linphone, about 400.
URI_PARAMS_MAX: Final = 64
CACHED_CHARS_MAX: Final = 256  # What is longer is parsed anew, so that the cache stays small.

Params = tuple[tuple[str, str | None], ...]

_CHAR: Final = r'\x00-\x20\x7f<>"@'  # Never in a URI; '@' only once.
_HOST: Final = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+"
_SIP: Final = re.compile(
    rf"([sS][iI][pP][sS]?):(?:([^:{_CHAR}]+)(?::([^{_CHAR}]*))?@)?({_HOST})"
    rf"(?::([0-9]{{1,5}}))?(;[^?{_CHAR}]*)?(?:\?([^{_CHAR}]*))?"
)
_TEL: Final = re.compile(r"[tT][eE][lL]:([-+.()*#0-9A-Fa-f]+)(;[^\x00-\x20\x7f<>\"]*)?")
_OTHER: Final = re.compile(r"([A-Za-z][-+.A-Za-z0-9]*):([^\x00-\x20\x7f<>\"]+)")
_PARAMS: Final = re.compile(r"(?:;[^;=]+(?:=[^;]*)?)+")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[-0-9A-Za-z_.!~*'()]")
_VISUAL_SEPARATORS: Final = re.compile(r"[-.()]")  # RFC 3966 §3.

# RFC 3261 §19.1.4: present in one URI only, these make two URIs differ.
_DECISIVE: Final = ("user", "ttl", "method", "maddr", "transport")


class Uri(NamedTuple):
    """A parsed URI. `host` has no brackets; texts are as they came, escapes included.

    tel: the number is `user` and `host` is empty. Other schemes: all is in `host`.
    """

    scheme: str
    user: str | None
    host: str
    port: int | None
    params: Params = ()
    headers: str = ""
    password: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Uri":
        if len(text) <= CACHED_CHARS_MAX:
            return _parse_cached(text)
        return _parse(text)

    @property
    def is_sip(self) -> bool:
        """sip: or sips:"""
        return self.scheme in {"sip", "sips"}

    @property
    def user_unescaped(self) -> str:
        """What was dialled: `%41` is `A`; "" without a user part."""
        user = self.user or ""
        return unquote(user) if "%" in user else user

    def param(self, name: str) -> str | None:
        """The value; "" when present without one, None when absent. `name` in lower case."""
        for key, value in self.params:
            if key.lower() == name:
                return value or ""
        return None

    def has_param(self, name: str) -> bool:
        return self.param(name) is not None

    def __str__(self) -> str:
        scheme, user, host, port, params, headers, password = self
        rest = "".join([f";{key}" if v is None else f";{key}={v}" for key, v in params])
        if scheme == "tel":
            return f"tel:{user}{rest}"
        if not self.is_sip:
            return f"{scheme}:{host}"
        if headers:
            rest = f"{rest}?{headers}"
        if port is not None:
            rest = f":{port}{rest}"
        if ":" in host:
            host = f"[{host}]"
        if user is None:
            return f"{scheme}:{host}{rest}"
        word = "" if password is None else f":{password}"
        return f"{scheme}:{user}{word}@{host}{rest}"


def same_uri(a: Uri, b: Uri) -> bool:
    """Whether both mean the same resource (RFC 3261 §19.1.4, RFC 3966 §4)."""
    if a == b:
        return True
    if a.scheme != b.scheme:
        return False
    if a.scheme == "tel":
        return _number(a) == _number(b) and _tel_params(a) == _tel_params(b)
    return (
        _plain(a.user) == _plain(b.user)
        and _plain(a.password) == _plain(b.password)
        and a.host.lower() == b.host.lower()
        and a.port == b.port
        and _same_params(a, b)
        and sorted(_header_fields(a)) == sorted(_header_fields(b))
    )


def _parse(text: str) -> Uri:
    if len(text) > URI_CHARS_MAX:
        raise ParseError(f"URI of {len(text)} characters", status=414)
    if not text.isascii():  # Not allowed, but sent: escape it, and all is ASCII from here on.
        text = "".join(char if char.isascii() else _escape(char) for char in text)
    match = _SIP.fullmatch(text)
    if match is None:
        return _parse_other(text)
    scheme, user, password, host, port, params, headers = match.groups()
    number = None if port is None else int(port)
    if number is not None and number > 65_535:
        raise ParseError(f"bad port in URI {text[:64]!r}")
    return Uri(
        scheme.lower(),
        user,
        host[1:-1] if host[0] == "[" else host,
        number,
        _params(params) if params else (),
        headers or "",
        password,
    )


_parse_cached: Final = lru_cache(maxsize=4096)(_parse)  # Peers repeat their URIs in every message.


def _parse_other(text: str) -> Uri:
    tel = _TEL.fullmatch(text)
    if tel is not None:
        return Uri("tel", tel[1], "", None, _params(tel[2]) if tel[2] else ())
    other = _OTHER.fullmatch(text)
    if other is None or other[1].lower() in {"sip", "sips", "tel"}:
        raise ParseError(f"bad URI {text[:64]!r}")
    return Uri(other[1].lower(), None, other[2], None)


def _params(text: str) -> Params:
    if _PARAMS.fullmatch(text) is None or text.count(";") > URI_PARAMS_MAX:
        raise ParseError(f"bad URI parameters {text[:64]!r}")
    parts = (part.partition("=") for part in text[1:].split(";"))
    return tuple((name, value if equals else None) for name, equals, value in parts)


def _escape(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))


def _plain(text: str | None) -> str | None:
    """With every escape undone that means nothing, and the others in upper case."""
    if text is None or "%" not in text:
        return text

    def undo(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if _UNRESERVED.fullmatch(char) else match[0].upper()

    return _ESCAPE.sub(undo, text)


def _fold(text: str | None) -> str:
    return (_plain(text) or "").lower()


def _same_params(a: Uri, b: Uri) -> bool:
    left = {_fold(name): _fold(value) for name, value in a.params}
    right = {_fold(name): _fold(value) for name, value in b.params}
    if any((name in left) != (name in right) for name in _DECISIVE):
        return False
    return all(left[name] == right[name] for name in left.keys() & right.keys())


def _header_fields(uri: Uri) -> list[tuple[str, str]]:
    if not uri.headers:
        return []
    parts = (part.partition("=") for part in uri.headers.split("&"))
    return [(_fold(name), _plain(value) or "") for name, _, value in parts]


def _number(uri: Uri) -> str:
    return _VISUAL_SEPARATORS.sub("", uri.user or "").lower()


def _tel_params(uri: Uri) -> dict[str, str]:
    return {_fold(name): _fold(value) for name, value in uri.params}
