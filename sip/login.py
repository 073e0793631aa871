"""Our credentials towards others, and when they may leave: RFC 3261 §22.2, RFC 7616, RFC 8760.

A trunk knows us by a `Login`. What it asks for is answered here once for each nonce, and only
if it speaks for a realm that the login names: nobody else gets to see even a hash.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from sip.digest import credentials, make_ha1, strength
from sip.errors import ParseError
from sip.headers import parse_challenge, parse_credentials
from sip.message import Request, Response

CHALLENGES: Final = frozenset({401, 407})
TRIES_MAX: Final = 4  # Of one request: a proxy asks, then the server, then each nonce is stale.
REALMS_MAX: Final = 8  # Whose challenges are remembered: proxies on the way, and the server.
TRIES_KEPT: Final = 32  # More requests than a session has under way.
CHALLENGES_MAX: Final = 16  # Lines looked at.

Asker = tuple[str, str]
"""The header that answers, and the realm: a proxy and a server may have realms of one name."""

_ANSWERS: Final = {
    "WWW-Authenticate": "Authorization",
    "Proxy-Authenticate": "Proxy-Authorization",
}
CREDENTIALS: Final = frozenset(_ANSWERS.values())


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    password: str = field(repr=False)
    realms: tuple[str, ...] = ()  # Who may ask for it; empty: whoever we call with it.


class _Challenge:
    """The last one of a realm, and how often its nonce was used."""

    __slots__ = ("count", "fields", "ha1")

    def __init__(self, fields: dict[str, str], ha1: str) -> None:
        self.fields = fields
        self.ha1 = ha1
        self.count = 0


class Tries(NamedTuple):
    """Of one request, which is sent again for each challenge that can be answered."""

    number: int
    stale: bool  # One of them because a nonce had become stale.


_FIRST: Final = Tries(0, stale=False)


class Identity:
    """A login in use, within one session or for one request."""

    __slots__ = ("_challenges", "_login", "_made", "_seed", "_tries")

    def __init__(self, login: Login, seed: str) -> None:
        """`seed` must be unguessable: the cnonces come from it."""
        self._login = login
        self._seed = seed.encode()[:64]
        self._made = 0  # Cnonces.
        self._challenges: dict[Asker, _Challenge] = {}
        # Branch of what was sent again -> how often; the newest are enough.
        self._tries: dict[str, Tries] = {}

    def learn(self, request: Request, response: Response) -> Tries | None:
        """A challenge to `request`: whether it may be sent again, by `sign`."""
        number, stale = self._tries.pop(request.branch, _FIRST)
        asked = self._asked(response)
        if number >= TRIES_MAX or not asked:
            return None
        signed = _signed_for(request) if number else frozenset[Asker]()
        for asker, challenge in asked.items():
            if asker in signed:
                # They refuse what was made for this very request: the password is wrong, or
                # the nonce was too old already. What was signed beforehand does not count.
                if stale or challenge.get("stale", "").lower() != "true":
                    return None
                stale = True
            self._remember(asker, challenge)
        return Tries(number + 1, stale)

    def expect(self, request: Request, tries: Tries) -> None:
        """This request goes out in place of the one that was challenged."""
        self._tries[request.branch] = tries
        if len(self._tries) > TRIES_KEPT:
            del self._tries[next(iter(self._tries))]

    def sign(self, request: Request) -> None:
        """Add credentials for all who have asked so far."""
        for (header, _), challenge in self._challenges.items():
            challenge.count += 1
            self._made += 1
            number = self._made.to_bytes(8, "big")
            value = credentials(
                challenge.fields,
                challenge.ha1,
                request.method,
                request.uri,
                self._login.username,
                cnonce=blake2b(number, key=self._seed, digest_size=8).hexdigest(),
                nc=challenge.count,
                body=request.body,
            )
            request.add(header, value)

    def _asked(self, response: Response) -> dict[Asker, dict[str, str]]:
        """Of each realm that may ask us the strongest challenge that we know (RFC 8760 §2.4)."""
        best: dict[Asker, dict[str, str]] = {}
        for name, header in _ANSWERS.items():
            for line in response.get_all(name)[:CHALLENGES_MAX]:
                try:
                    challenge = parse_challenge(line)
                except ParseError:
                    continue  # Another scheme.
                realm = challenge.get("realm", "")
                if self._login.realms and realm not in self._login.realms:
                    continue
                known = best.get((header, realm), {"algorithm": ""})
                if _strength(challenge) > _strength(known):
                    best[header, realm] = challenge
        return best

    def _remember(self, asker: Asker, fields: dict[str, str]) -> None:
        before = self._challenges.get(asker)
        if before is not None and before.fields.get("nonce") == fields.get("nonce"):
            before.fields = fields  # The count goes on (RFC 7616 §3.4).
            return
        if before is None and len(self._challenges) >= REALMS_MAX:
            return
        login = self._login
        algorithm = fields.get("algorithm", "MD5")
        ha1 = make_ha1(login.username, asker[1], login.password, algorithm)
        self._challenges[asker] = _Challenge(fields, ha1)


def _strength(challenge: dict[str, str]) -> int:
    return strength(challenge.get("algorithm", "MD5"))


def _signed_for(request: Request) -> frozenset[Asker]:
    """Whose challenges the credentials in this request of ours answer."""
    return frozenset(
        (header, parse_credentials(line).get("realm", ""))
        for header in CREDENTIALS
        for line in request.get_all(header)
    )
