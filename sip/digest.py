"""Digest arithmetic and the client's side: RFC 7616, RFC 8760, RFC 3261 §22."""

import hashlib
from collections.abc import Callable
from typing import Final

from sip.errors import ParseError, RemoteError
from sip.headers import parse_challenge
from sip.message import Response
from sip.text import one_line


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# The weakest first.
_HASHES: Final[dict[str, Callable[[bytes], str]]] = {"MD5": _md5, "SHA-256": _sha256}


def supported(algorithm: str) -> bool:
    return algorithm.upper().removesuffix("-SESS") in _HASHES


def strength(algorithm: str) -> int:
    """Of several algorithms that are offered the highest is to be taken; 0: not known."""
    name = algorithm.upper().removesuffix("-SESS")
    return [*_HASHES].index(name) + 1 if name in _HASHES else 0


def digest_hash(algorithm: str, text: str | bytes) -> str:
    """H() of RFC 7616 §3.3; "-sess" does not matter here."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return _HASHES[algorithm.upper().removesuffix("-SESS")](data)


def make_ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """What is stored instead of a password."""
    return digest_hash(algorithm, f"{username}:{realm}:{password}")


def digest_response(
    ha1: str,
    method: str,
    uri: str,
    nonce: str,
    *,
    algorithm: str = "MD5",
    qop: str = "",
    nc: str = "",
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """The `response` parameter (RFC 7616 §3.4.1); without qop as in RFC 2069."""
    if algorithm.upper().endswith("-SESS"):
        ha1 = digest_hash(algorithm, f"{ha1}:{nonce}:{cnonce}")
    a2 = f"{method}:{uri}"
    if qop == "auth-int":
        a2 = f"{a2}:{digest_hash(algorithm, body)}"
    ha2 = digest_hash(algorithm, a2)
    middle = f"{nc}:{cnonce}:{qop}:" if qop else ""
    return digest_hash(algorithm, f"{ha1}:{nonce}:{middle}{ha2}")


def quoted(value: str) -> str:
    """A parameter value; escapes what would end it, and drops what would end the line."""
    return '"' + one_line(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def answer_challenge(
    response: Response,
    method: str,
    uri: str,
    username: str,
    *,
    cnonce: str,
    password: str = "",
    ha1: str = "",
    nc: int = 1,
    realm: str | None = None,
    body: bytes = b"",
) -> tuple[str, str]:
    """The header (name, value) that answers a 401 or 407, for a trunk.

    Raises RemoteError when there is no challenge that we can answer, or not for `realm`:
    credentials must not go to whoever asks for them. `ha1` is for MD5.
    """
    asked, answer = (
        ("Proxy-Authenticate", "Proxy-Authorization")
        if response.status == 407
        else ("WWW-Authenticate", "Authorization")
    )
    for value in response.get_all(asked):
        try:
            challenge = parse_challenge(value)
        except ParseError:
            continue  # Another scheme.
        algorithm = challenge.get("algorithm", "MD5")
        theirs = challenge.get("realm", "")
        if not supported(algorithm) or (realm is not None and theirs != realm):
            continue
        if ha1 and not algorithm.upper().startswith("MD5"):
            continue
        secret = ha1 or make_ha1(username, theirs, password, algorithm)
        return answer, credentials(
            challenge, secret, method, uri, username, cnonce=cnonce, nc=nc, body=body
        )
    raise RemoteError("no challenge that can be answered", status=response.status)


def credentials(
    challenge: dict[str, str],
    ha1: str,
    method: str,
    uri: str,
    username: str,
    *,
    cnonce: str,
    nc: int,
    body: bytes,
) -> str:
    """The value of the header that answers this challenge (RFC 7616 §3.4)."""
    algorithm = challenge.get("algorithm", "MD5")
    nonce = challenge.get("nonce", "")
    offered = [item.strip().lower() for item in challenge.get("qop", "").split(",")]
    qop = next((item for item in ("auth", "auth-int") if item in offered), "")
    count = f"{nc:08x}"
    value = digest_response(
        ha1,
        method,
        uri,
        nonce,
        algorithm=algorithm,
        qop=qop,
        nc=count,
        cnonce=cnonce,
        body=body,
    )
    parts = [
        f"username={quoted(username)}",
        f"realm={quoted(challenge.get('realm', ''))}",
        f"nonce={quoted(nonce)}",
        f"uri={quoted(uri)}",
        f'response="{value}"',
        f"algorithm={one_line(algorithm)}",
    ]
    if qop:
        parts += [f"cnonce={quoted(cnonce)}", f"qop={qop}", f"nc={count}"]
    if "opaque" in challenge:
        parts.append(f"opaque={quoted(challenge['opaque'])}")
    return f"Digest {', '.join(parts)}"
