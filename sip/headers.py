"""Typed header values. Each parses from `str`, prints with `str()`, and knows its own grammar."""

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from sip.errors import ParseError
from sip.text import QUOTED, TOKEN, one_line, printable, quote, unquote
from sip.uri import CACHED_CHARS_MAX, Params, Uri

VALUES_MAX: Final = 256  # Comma-separated values in one header: Via of a very long path.
PARAMS_MAX: Final = 64  # Of one value; phones with every 3GPP feature tag have about 25.

_WS: Final = r"[ \t]*"
# What no parameter value may hold outside quotes. Real tags hold more than a token (RFC 3261
# §25.1 says token), so everything else is let through.
_VALUE: Final = r'[^\x00-\x20\x7f;,"<>]+'
_ODD_PARAM_CHAR: Final = re.compile(r'[\x00-\x20\x7f,"<>]')
_PARAM: Final = re.compile(
    rf"{_WS};{_WS}({TOKEN}){_WS}(?:={_WS}({QUOTED}|{_VALUE}))?{_WS}", re.DOTALL
)
_SPECIAL: Final = re.compile(r'[,"<]')
_QUOTED: Final = re.compile(QUOTED, re.DOTALL)

_PLAIN_VIA: Final = re.compile(
    r"SIP/2\.0/([A-Z]+) ([A-Za-z0-9.\-]+)(?::([0-9]{1,5}))?(;[^\x00-\x20\x7f\",<>]+)?"
)
_PLAIN_PORT: Final = "(?::(?:[1-5][0-9]{4}|[1-9][0-9]{0,3}))?"
# Plainer still, and good in the eyes of `Via.parse`: 1 is the host, 2 an rport without value,
# 3 what only a stamped one has.
_PLAINEST_VIA: Final = re.compile(
    rf"SIP/2\.0/[A-Z]+ ([-.A-Za-z0-9]+){_PLAIN_PORT}"
    r"(?:;(?:branch|alias|(rport(?=;|$))|(rport|received))(?:=[^\x00-\x20\x7f\",<>;]+)?){0,9}"
)
# What nearly all peers send: simple enough to be used as text, without taking it apart. Each
# value that matches is good in the eyes of `NameAddr.parse`; 1 is the URI as `str` would write
# it, 2 the tag if that is the first parameter.
_PLAIN_ADDRESS: Final = re.compile(
    r'(?:"[^"\\\x00-\x1f\x7f]{0,99}" ?|[-.\w ]{0,99})'
    rf"<(sips?:(?:[-+.*#\w]{{1,99}}@)?[-.A-Za-z0-9]{{1,99}}{_PLAIN_PORT}"
    r"(?:;(?!method)[-a-z]{1,30}(?:=[-.A-Za-z0-9]{1,99})?){0,9})>"
    rf"(?:;tag=({TOKEN}))?(?:;[-+.a-z]{{1,30}}(?:={TOKEN})?){{0,9}}",
    re.ASCII,
)
_CSEQ: Final = re.compile(rf"([0-9]{{1,10}})[ \t]+({TOKEN})")
_VIA: Final = re.compile(
    rf"[sS][iI][pP]{_WS}/{_WS}[0-9]\.[0-9]{_WS}/{_WS}({TOKEN})[ \t]+"
    rf"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+){_WS}(?::{_WS}([0-9]{{1,5}}){_WS})?(;.*)?",
    re.DOTALL,
)
_NAME_ADDR: Final = re.compile(rf'(?:({QUOTED}){_WS}|([^"<>]*))<([^<>]*)>{_WS}(;.*)?', re.DOTALL)
_AUTH_PARAM: Final = re.compile(
    rf"[ \t,]*({TOKEN}){_WS}={_WS}({QUOTED}|[^\x00-\x20\x7f,\"]*){_WS}(?=,|$)", re.DOTALL
)


class CSeq(NamedTuple):
    """RFC 3261 §20.16."""

    number: int
    method: str

    @classmethod
    def parse(cls, value: str) -> "CSeq":
        return _cseq_cached(value) if len(value) <= 32 else _cseq(value)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


class Via(NamedTuple):
    """RFC 3261 §20.42. `host` has no brackets."""

    transport: str
    host: str
    port: int | None
    params: Params = ()

    @classmethod
    def parse(cls, value: str) -> "Via":
        """One value: of several in a line, take `split_commas(line)[0]` first."""
        match = _PLAIN_VIA.fullmatch(value) or _VIA.fullmatch(value)
        if match is None:
            raise ParseError(f"bad Via {value[:64]!r}")
        transport, host, port, params = match.groups()
        number = None if port is None else int(port)
        if number is not None and number > 65_535:
            raise ParseError(f"bad port in Via {value[:64]!r}")
        if host[0] == "[":
            host = host[1:-1]
        return cls(transport.upper(), host, number, parse_params(params) if params else ())

    @property
    def branch(self) -> str:
        """ "" when there is none: a peer of RFC 2543."""
        return find_param(self.params, "branch") or ""

    @property
    def received(self) -> str | None:
        return find_param(self.params, "received")

    @property
    def rport(self) -> str | None:
        """ "" when asked for without a value, None when absent (RFC 3581)."""
        return find_param(self.params, "rport")

    def with_received(self, host: str, port: int) -> "Via":
        """As stamped by the server that got it from there (RFC 3261 §18.2.1, RFC 3581 §4)."""
        wants_port = self.rport is not None
        if not wants_port and self.host == host:
            return self
        kept = [p for p in self.params if p[0].lower() not in {"received", "rport"}]
        kept.append(("received", host))
        if wants_port:
            kept.append(("rport", str(port)))
        return Via(self.transport, self.host, self.port, tuple(kept))

    @staticmethod
    def stamp(value: str, host: str, port: int) -> str | None:
        """The text of `with_received` for a value as most are; None: look closer, by `parse`."""
        plain = plain_via(value)
        if plain is None or plain[3] is not None:
            return None
        if plain[2] is None:
            return value if plain[1] == host else f"{value};received={host}"
        if value.count(";rport") != 1:
            return None
        return f"{value.replace(';rport', '')};received={host};rport={port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {host}{port}{format_params(self.params)}"


class NameAddr(NamedTuple):
    """From, To, Contact, Route and the like (RFC 3261 §20.10).

    `display` is plain text; quotes and escapes exist on the wire only. `params` are
    those of the header, not of the URI; quoted values keep their quotes.
    """

    display: str
    uri: Uri
    params: Params = ()

    @classmethod
    def parse(cls, value: str) -> "NameAddr":
        if len(value) <= CACHED_CHARS_MAX:
            return _name_addr_cached(value)
        return _name_addr(value)

    @property
    def tag(self) -> str:
        """ "" when there is none."""
        return find_param(self.params, "tag") or ""

    def param(self, name: str) -> str | None:
        """Without quotes; "" when present without a value, None when absent."""
        value = find_param(self.params, name)
        return None if value is None else unquote(value)

    def with_tag(self, tag: str) -> "NameAddr":
        kept = tuple([p for p in self.params if p[0].lower() != "tag"])
        return NameAddr(self.display, self.uri, (*kept, ("tag", tag)) if tag else kept)

    def __str__(self) -> str:
        params = format_params(self.params) if self.params else ""
        if not self.display:
            return f"<{self.uri}>{params}"
        return f"{quote(self.display)} <{self.uri}>{params}"


class Reason(NamedTuple):
    """Why a request was sent (RFC 3326): `Q.850;cause=16;text="Normal call clearing"`."""

    protocol: str
    cause: int | None = None
    text: str = ""

    @classmethod
    def parse(cls, value: str) -> "Reason":
        """The first of the values, which is all that anybody looks at."""
        first = next(iter(split_commas(value)), "")
        protocol, semicolon, rest = first.partition(";")
        protocol = protocol.strip(" \t")
        if re.fullmatch(TOKEN, protocol) is None:
            raise ParseError(f"bad Reason {value[:64]!r}")
        params = parse_params(semicolon + rest) if semicolon else ()
        cause = find_param(params, "cause") or ""
        digits = cause.isascii() and cause.isdigit() and len(cause) <= 4
        text = printable(unquote(find_param(params, "text") or ""))
        return cls(protocol, int(cause) if digits else None, text)

    def __str__(self) -> str:
        cause = "" if self.cause is None else f";cause={self.cause}"
        return f"{self.protocol}{cause}{f';text={quote(self.text)}' if self.text else ''}"


def split_commas(value: str) -> list[str]:
    """The values of a line; commas in quotes and in <> do not count, empty values neither."""
    if "," not in value:
        return [value] if value else []
    values: list[str] = []
    start = at = 0
    while (special := _SPECIAL.search(value, at)) is not None:
        at = special.end()
        match special[0]:
            case ",":
                values.append(value[start : at - 1])
                start = at
                if len(values) > VALUES_MAX:
                    raise ParseError("too many values in one header")
            case "<":
                at = value.find(">", at) + 1
                if at == 0:
                    raise ParseError(f"unclosed < in {value[:64]!r}")
            case _:
                quoted = _QUOTED.match(value, at - 1)
                if quoted is None:
                    raise ParseError(f"unclosed quote in {value[:64]!r}")
                at = quoted.end()
    values.append(value[start:])
    stripped = (item.strip(" \t") for item in values)
    return [item for item in stripped if item]


def parse_contacts(values: list[str]) -> list[NameAddr] | Literal["*"]:
    """All Contact lines of a message. "*" stands alone or not at all (RFC 3261 §10.2.2)."""
    items = [item for value in values for item in split_commas(value)]
    if items == ["*"]:
        return "*"
    return [NameAddr.parse(item) for item in items]


def parse_params(text: str) -> Params:
    """`;name=value;name…`, the rest of a header value."""
    if text.startswith(";") and _ODD_PARAM_CHAR.search(text) is None:
        return _split_params(text)
    params: list[tuple[str, str | None]] = []
    at = 0
    while at < len(text):
        match = _PARAM.match(text, at)
        if match is None or len(params) == PARAMS_MAX:
            raise ParseError(f"bad parameters {text[:64]!r}")
        params.append((match[1], match[2]))
        at = match.end()
    return tuple(params)


def _split_params(text: str) -> Params:
    """Of a text known to be without quotes and spaces."""
    params: list[tuple[str, str | None]] = []
    parts = text.split(";", PARAMS_MAX + 1)
    del parts[0]
    if len(parts) > PARAMS_MAX:
        raise ParseError("too many parameters")
    for part in parts:
        name, equals, value = part.partition("=")
        if not name or (equals and not value):
            raise ParseError(f"bad parameters {text[:64]!r}")
        params.append((name, value if equals else None))
    return tuple(params)


def plain_via(value: str) -> re.Match[str] | None:
    """For a value as most are: it is good. None: look closer, by `Via.parse`."""
    return _PLAINEST_VIA.fullmatch(value)


def plain_address(value: str) -> re.Match[str] | None:
    """For a value as most are: 1 is its URI, 2 its tag. None: look closer, by `NameAddr.parse`."""
    if len(value) <= CACHED_CHARS_MAX:
        return _plain_address_cached(value)
    return _PLAIN_ADDRESS.fullmatch(value)


def address_text(address: NameAddr, tag: str = "") -> str:
    """`str(address.with_tag(tag))`: the same people call all day."""
    if tag and address.params:
        address = address.with_tag("")
    text = _address_text_cached(address)
    return f"{text};tag={tag}" if tag else text


def find_param(params: Params, name: str) -> str | None:
    """As it was written; "" when present without a value. `name` in lower case."""
    for key, value in params:
        if key == name or key.lower() == name:
            return value or ""
    return None


def format_params(params: Params) -> str:
    text = "".join([f";{key}" if v is None else f";{key}={v}" for key, v in params])
    return text if text.isprintable() else one_line(text)


def parse_challenge(value: str) -> dict[str, str]:
    """The parameters of a Digest challenge, names in lower case, values without quotes."""
    scheme, _, rest = value.strip(" \t").partition(" ")
    if scheme.lower() != "digest":
        raise ParseError(f"not Digest: {scheme[:32]!r}")
    fields: dict[str, str] = {}
    at, rest = 0, rest.strip(" \t,")
    while at < len(rest):
        match = _AUTH_PARAM.match(rest, at)
        name = "" if match is None else match[1].lower()
        # A name given twice could mean one thing to us and another to a proxy before us.
        if match is None or name in fields or len(fields) == PARAMS_MAX:
            raise ParseError(f"bad Digest parameters {rest[:64]!r}")
        fields[name] = unquote(match[2])
        at = match.end()
    return fields


parse_credentials = parse_challenge
"""Credentials have the grammar of challenges (RFC 3261 §25.1: digest-response)."""


def _cseq(value: str) -> CSeq:
    match = _CSEQ.fullmatch(value)
    if match is None or (number := int(match[1])) >= 1 << 31:  # Below 2**31: §8.1.1.5.
        raise ParseError(f"bad CSeq {value[:64]!r}")
    return CSeq(number, match[2])


def _name_addr(value: str) -> NameAddr:
    match = _NAME_ADDR.fullmatch(value)
    if match is None:
        return _addr_spec(value)
    quoted, words, uri, params = match.groups()
    display = unquote(quoted) if quoted else words.strip(" \t")
    return NameAddr(
        printable(display).strip(),
        Uri.parse(uri.strip(" \t")),
        parse_params(params) if params else (),
    )


def _addr_spec(value: str) -> NameAddr:
    """Without <> all parameters are the header's, and `?` or `,` are not allowed (§20.10)."""
    uri, semicolon, rest = value.partition(";")
    if "?" in uri or "," in uri or '"' in uri:
        raise ParseError(f"bad address {value[:64]!r}")
    return NameAddr("", Uri.parse(uri.strip(" \t")), parse_params(semicolon + rest) if rest else ())


# Numbers start low with most peers, so a few values make up most of the traffic.
_cseq_cached: Final = lru_cache(maxsize=4096)(_cseq)
# The same in each message of a call.
_name_addr_cached: Final = lru_cache(maxsize=4096)(_name_addr)
_plain_address_cached: Final = lru_cache(maxsize=4096)(_PLAIN_ADDRESS.fullmatch)
_address_text_cached: Final = lru_cache(maxsize=1024)(str)
