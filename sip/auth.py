"""Who may send us requests: digest authentication as a server (RFC 3261 §22, RFC 7616).

One challenge only, for the algorithm of the account: two of them break real clients in
either order. An unknown user gets the same answers after the same work as a known one.
"""

from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from sip.digest import answer_challenge, digest_response, make_ha1, quoted
from sip.errors import ParseError
from sip.flow import Flow
from sip.headers import parse_credentials, plain_address
from sip.message import Request, Response, respond
from sip.networks import Network, contains, parse_network
from sip.nonces import Nonces, NonceState
from sip.tokens import mac_key
from sip.uri import Uri

__all__ = ["Account", "Admitted", "Gate", "Refused", "answer_challenge", "make_ha1"]

CREDENTIALS_MAX: Final = 8  # Lines looked at: one for each proxy on the way.
_COUNT_HEX_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Account:
    """`algorithm` ("MD5" or "SHA-256") is what is asked for; its hash must be there."""

    username: str
    ha1_md5: str
    ha1_sha256: str | None = None
    algorithm: str = "MD5"

    def ha1(self) -> str:
        if self.algorithm != "SHA-256":
            return self.ha1_md5
        assert self.ha1_sha256 is not None, self.username
        return self.ha1_sha256


@dataclass(frozen=True, slots=True)
class Admitted:
    username: str | None  # None: trusted for its address.


@dataclass(frozen=True, slots=True)
class Refused:
    """Send `response` and keep nothing."""

    response: Response
    username: str = ""  # As claimed; "" without credentials for us.
    wrong: bool = False  # Credentials were given and are wrong, which may be counted.
    proven: bool = False  # They answer a nonce that we gave to this host, so it is not forged.


@dataclass(frozen=True, slots=True)
class _Claim:
    """Credentials for our realm, as sent."""

    qop: str
    nc: str
    username: str
    uri: str
    nonce: str
    response: str
    algorithm: str
    cnonce: str

    @property
    def count(self) -> int:
        """The nonce count; without qop a nonce is good for one request."""
        return int(self.nc, 16) if self.qop else 1


class Gate:
    def __init__(
        self,
        realm: str,
        accounts: dict[str, Account],
        trusted: tuple[str, ...],
        secret: bytes,
        nonce_seconds: float = 300.0,
    ) -> None:
        self._key = mac_key(secret)
        self._nonces = Nonces(secret, nonce_seconds)
        self._realm = realm
        self._accounts: dict[str, Account] = {}
        self._usernames: list[str] = []
        self._trusted: tuple[Network, ...] = ()
        self._callers: tuple[Network, ...] = ()
        self._called: dict[str, frozenset[str]] = {}
        self.replace(realm, accounts, trusted)

    def replace(self, realm: str, accounts: dict[str, Account], trusted: tuple[str, ...]) -> None:
        """A new configuration; nonces given out stay good."""
        self._realm = realm
        self._accounts = dict(accounts)
        self._usernames = sorted(accounts)
        self._trusted = tuple(parse_network(network) for network in trusted)

    def admit_calls(self, callers: tuple[Network, ...], called: dict[str, frozenset[str]]) -> None:
        """Who may send us INVITEs, and nothing else, without a password: trunks by address, and
        those who call a contact that only they know, by that contact and their hosts."""
        self._callers, self._called = callers, called

    @property
    def nonces_in_use(self) -> int:
        return len(self._nonces)

    def check(self, request: Request, flow: Flow, now: float) -> Admitted | Refused:
        if contains(self._trusted, flow.remote[0]):
            return Admitted(None)
        if request.method == "INVITE" and self._is_trunk_call(request, flow.remote[0]):
            return Admitted(None)
        claim = self._claim(request)
        host = flow.remote[0]
        if claim is None:
            asked = self._asked(request)
            return Refused(self._challenge(request, asked, now, host, stale=False))
        known = self._accounts.get(claim.username)
        account = known or self._decoy(claim.username)
        right = self._is_right(claim, account, request) and known is not None
        state = self._nonces.look(claim.nonce, claim.count, now, host)
        if right and state is NonceState.FRESH:
            self._nonces.use(claim.nonce, claim.count, now, host)
            return Admitted(claim.username)
        # stale=true only with the right password (RFC 7616 §3.3), or it would tell users apart.
        response = self._challenge(request, account, now, host, stale=right)
        proven = state is not NonceState.FOREIGN
        return Refused(response, claim.username, wrong=not right, proven=proven)

    def _is_trunk_call(self, request: Request, host: str) -> bool:
        if contains(self._callers, host):
            return True
        if not self._called:
            return False
        hosts = self._called.get(Uri.parse(request.uri).user or "")
        return hosts is not None and host in hosts

    def claimed(self, request: Request) -> str:
        """Who the credentials say they are of; "" without any for us."""
        claim = self._claim(request)
        return "" if claim is None else claim.username

    def _is_right(self, claim: _Claim, account: Account, request: Request) -> bool:
        """Takes the same time for every claim, as far as its own lengths allow."""
        expected = digest_response(
            account.ha1(),
            request.method,
            claim.uri,
            claim.nonce,
            algorithm=account.algorithm,
            qop=claim.qop,
            nc=claim.nc,
            cnonce=claim.cnonce,
            body=request.body,
        )
        return (
            compare_digest(expected.encode(), claim.response.lower().encode("utf-8", "replace"))
            and claim.algorithm.upper() in {"", account.algorithm}
            and _same_target(claim.uri, request.uri)
        )

    def _claim(self, request: Request) -> _Claim | None:
        """The first well-formed credentials for our realm; a bad or foreign one is as none."""
        first = request.first
        if "Authorization" not in first and "Proxy-Authorization" not in first:
            return None
        lines = request.get_all("Authorization") + request.get_all("Proxy-Authorization")
        for line in lines[:CREDENTIALS_MAX]:
            try:
                fields = parse_credentials(line)
            except ParseError:
                continue
            qop, nc = fields.get("qop", "").lower(), fields.get("nc", "")
            if fields.get("realm") == self._realm and _is_sound(qop, nc):
                names = ("username", "uri", "nonce", "response", "algorithm", "cnonce")
                return _Claim(qop, nc, *(fields.get(name, "") for name in names))
        return None

    def _asked(self, request: Request) -> Account:
        """Whose algorithm to ask for when nobody has said who they are."""
        plain = plain_address(request.first.get("From", ""))
        if plain is not None:
            user, at, _ = plain[1].partition(":")[2].partition("@")
            username = user if at else ""
        else:
            username = _user_of_from(request)
        return self._accounts.get(username) or self._decoy(username)

    def _decoy(self, username: str) -> Account:
        """An account that nobody knows the password of, always the same for one name.

        It takes its algorithm from a real account, so that algorithms do not tell who exists.
        """
        name = username.encode("utf-8", "surrogateescape")
        digest = blake2b(name, key=self._key, person=b"decoy").hexdigest()
        algorithm = "MD5"
        if self._usernames:
            chosen = self._usernames[int(digest[:8], 16) % len(self._usernames)]
            algorithm = self._accounts[chosen].algorithm
        return Account(username, digest[:32], digest[:64], algorithm)

    def _challenge(
        self, request: Request, account: Account, now: float, host: str, *, stale: bool
    ) -> Response:
        value = (
            f'Digest realm={quoted(self._realm)}, nonce="{self._nonces.issue(now, host)}", '
            f'qop="auth", algorithm={account.algorithm}{", stale=true" if stale else ""}'
        )
        # The same tag for a retransmission, though nothing is kept (RFC 3261 §8.2.7).
        source = f"{request.get('Call-ID')} {request.get('Via')}".encode("utf-8", "surrogateescape")
        tag = blake2b(source, key=self._key, digest_size=8, person=b"tag").hexdigest()
        return respond(request, 401, to_tag=tag, headers=[("WWW-Authenticate", value)])


def _user_of_from(request: Request) -> str:
    try:
        return request.from_.uri.user_unescaped
    except ParseError:
        return ""


def _is_sound(qop: str, nc: str) -> bool:
    if not qop:
        return True
    try:
        return qop in {"auth", "auth-int"} and len(nc) <= _COUNT_HEX_MAX and int(nc, 16) > 0
    except ValueError:
        return False


def _same_target(claimed: str, requested: str) -> bool:
    """Whether the digest is for this destination (RFC 7616 §3.4.6).

    Hosts and parameters may differ, since proxies and phones write their own; who is
    called may not, or a captured request could be turned to another number.
    """
    if claimed == requested:
        return True
    try:
        a, b = Uri.parse(claimed), Uri.parse(requested)
    except ParseError:
        return False
    return a.user is None or a.user_unescaped == b.user_unescaped
