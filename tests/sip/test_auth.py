import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip import nonces
from sip.auth import Account, Admitted, Gate, Refused, answer_challenge, make_ha1
from sip.digest import digest_response
from sip.errors import RemoteError
from sip.flow import Flow
from sip.message import Request, Response
from sip.nonces import Nonces, NonceState
from sip.parser import parse
from tests.data import need_testdata

REALM = "dzvin"
FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 5062))
PASSWORD = "correct horse"
URI = "sip:192.0.2.1"


def account(username: str, algorithm: str = "MD5") -> Account:
    md5 = make_ha1(username, REALM, PASSWORD)
    return Account(username, md5, make_ha1(username, REALM, PASSWORD, "SHA-256"), algorithm)


def gate(trusted: tuple[str, ...] = (), algorithm: str = "MD5", secret: bytes = b"s") -> Gate:
    accounts = {name: account(name, algorithm) for name in ("101", "102")}
    return Gate(REALM, accounts, trusted, secret)


def register(username: str = "101", *headers: tuple[str, str], method: str = "REGISTER") -> Request:
    return Request(
        method,
        URI,
        [
            ("Via", "SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK1"),
            ("From", f"<sip:{username}@192.0.2.1>;tag=a"),
            ("To", f"<sip:{username}@192.0.2.1>"),
            ("Call-ID", "c1"),
            ("CSeq", f"1 {method}"),
            *headers,
        ],
    )


def refused(result: Admitted | Refused) -> Refused:
    assert isinstance(result, Refused)
    return result


def challenge(at: Gate, now: float = 0.0) -> Response:
    return refused(at.check(register(), FLOW, now)).response


def answered(
    response: Response, username: str = "101", password: str = PASSWORD, nc: int = 1
) -> Request:
    header = answer_challenge(
        response, "REGISTER", URI, username, password=password, cnonce="c", nc=nc
    )
    return register(username, header)


def test_digest_vectors() -> None:
    vectors = json.loads(need_testdata("digest-vectors.json").read_text(encoding="utf-8"))
    good = [vector for vector in vectors if vector["verified_by_recomputation"]]
    assert len(good) == 8
    for vector in good:
        algorithm = vector.get("algorithm", "MD5")
        ha1 = make_ha1(vector["username"], vector["realm"], vector["password"], algorithm)
        assert vector["expect"] == digest_response(
            ha1,
            vector["method"],
            vector["uri"],
            vector["nonce"],
            algorithm=algorithm,
            qop=vector.get("qop", ""),
            nc=vector.get("nc", ""),
            cnonce=vector.get("cnonce", ""),
            body=vector.get("body", "").encode(),
        )


def test_first_request_is_challenged() -> None:
    response = challenge(gate())
    assert response.status == 401
    value = response.get("WWW-Authenticate") or ""
    assert value.startswith('Digest realm="dzvin", nonce="')
    assert value.endswith('", qop="auth", algorithm=MD5')
    assert len(response.get_all("WWW-Authenticate")) == 1
    assert response.to_tag != ""


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_right_password_is_admitted(algorithm: str) -> None:
    door = gate(algorithm=algorithm)
    first = challenge(door)
    assert f"algorithm={algorithm}" in (first.get("WWW-Authenticate") or "")
    assert door.check(answered(first), FLOW, 1.0) == Admitted("101")


def test_credentials_for_a_proxy_are_as_good() -> None:
    door = gate()
    request = answered(challenge(door))
    value = request.get("Authorization") or ""
    assert door.check(register("101", ("Proxy-Authorization", value)), FLOW, 0.0) == Admitted("101")


def test_unknown_user_and_wrong_password_look_the_same() -> None:
    def ask(username: str, password: str) -> tuple[Refused, bytes]:
        door = gate()
        request = answered(challenge(door), username, password)
        result = refused(door.check(request, FLOW, 0.0))
        return result, bytes(result.response).replace(username.encode(), b"USER")

    wrong, wrong_bytes = ask("101", "guess")
    unknown, unknown_bytes = ask("999", PASSWORD)
    assert wrong_bytes == unknown_bytes
    assert (wrong.wrong, unknown.wrong) == (True, True)
    assert (wrong.username, unknown.username) == ("101", "999")


def test_the_algorithm_asked_for_does_not_tell_who_exists() -> None:
    accounts = {name: account(name, "SHA-256") for name in ("101", "102")}
    door = Gate(REALM, accounts, (), b"s")
    for username in ("101", "998", "999"):
        response = refused(door.check(register(username), FLOW, 0.0)).response
        assert "algorithm=SHA-256" in (response.get("WWW-Authenticate") or "")


def is_stale(result: Admitted | Refused) -> bool:
    return "stale=true" in (refused(result).response.get("WWW-Authenticate") or "")


def test_replay_is_stale_and_higher_counts_are_not() -> None:
    door = gate()
    first = challenge(door)
    assert door.check(answered(first, nc=2), FLOW, 0.0) == Admitted("101")
    assert is_stale(door.check(answered(first, nc=2), FLOW, 0.0))
    assert is_stale(door.check(answered(first, nc=1), FLOW, 0.0))
    assert door.check(answered(first, nc=3), FLOW, 0.0) == Admitted("101")
    assert door.nonces_in_use == 1


def test_old_nonces_are_stale() -> None:
    door = gate()
    first = challenge(door, now=1000.0)
    assert door.check(answered(first), FLOW, 1300.0) == Admitted("101")
    result = door.check(answered(first, nc=2), FLOW, 1300.1)
    assert is_stale(result)
    assert not refused(result).wrong
    assert door.check(answered(refused(result).response), FLOW, 1300.2) == Admitted("101")


def test_stale_is_said_only_to_those_who_know_the_password() -> None:
    door = gate()
    first = challenge(door)
    assert not is_stale(door.check(answered(first, password="guess"), FLOW, 9999.0))
    assert not is_stale(door.check(answered(first, username="999"), FLOW, 9999.0))


def test_nonces_of_another_secret_or_of_the_future_are_stale() -> None:
    other = challenge(gate(secret=b"another"))
    assert is_stale(gate().check(answered(other), FLOW, 0.0))
    early = challenge(gate(), now=5000.0)
    assert is_stale(gate().check(answered(early), FLOW, 0.0))


def test_without_qop_a_nonce_is_good_for_one_request() -> None:
    door = gate()
    nonce = (challenge(door).get("WWW-Authenticate") or "").split('nonce="')[1].split('"')[0]
    value = digest_response(make_ha1("101", REALM, PASSWORD), "REGISTER", URI, nonce)
    text = (
        f'Digest username="101", realm="{REALM}", nonce="{nonce}", uri="{URI}", response="{value}"'
    )
    request = register("101", ("Authorization", text))
    assert door.check(request, FLOW, 0.0) == Admitted("101")
    assert is_stale(door.check(request, FLOW, 0.0))


def test_a_digest_for_another_number_is_wrong() -> None:
    door = gate()
    first = challenge(door)
    uri = "sip:500@192.0.2.1"
    header = answer_challenge(first, "INVITE", uri, "101", password=PASSWORD, cnonce="c")
    request = register("101", header, method="INVITE")
    request.uri = "sip:0900@192.0.2.1"
    assert refused(door.check(request, FLOW, 0.0)).wrong
    request.uri = "sip:500@pbx.example.com;transport=udp"
    assert door.check(request, FLOW, 0.0) == Admitted("101")


BAD_CREDENTIALS = [
    "NoOneKnowsThisScheme opaque-data=here",
    "Digest",
    'Digest realm="elsewhere", username="101"',
    'Digest realm="dzvin", username="101", qop=auth, nc=zz, nonce="x", response="y"',
    'Digest realm="dzvin", username="101", qop=other, nc=00000001, nonce="x", response="y"',
]


@pytest.mark.parametrize("value", BAD_CREDENTIALS)
def test_bad_credentials_are_as_none(value: str) -> None:
    result = refused(gate().check(register("101", ("Authorization", value)), FLOW, 0.0))
    assert result.response.status == 401
    assert (result.username, result.wrong) == ("", False)


@given(st.binary(max_size=120))
def test_any_credentials_get_an_answer(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    value = f'Digest realm="dzvin", username="101", {text}'
    result = refused(gate().check(register("101", ("Authorization", value)), FLOW, 0.0))
    assert parse(bytes(result.response)) == result.response


def test_trusted_networks() -> None:
    door = gate(("198.51.100.0/24", "2001:db8::1"))
    assert door.check(register(), FLOW, 0.0) == Admitted(None)
    for host, admitted in (
        ("2001:db8::1", True),
        ("::ffff:198.51.100.9", True),
        ("2001:db8::2", False),
        ("198.51.101.7", False),
        ("not an address", False),
    ):
        result = door.check(register(), FLOW._replace(remote=(host, 5060)), 0.0)
        assert (result == Admitted(None)) == admitted


def test_a_retransmission_gets_the_same_tag() -> None:
    door = gate()
    assert challenge(door).to_tag == challenge(door).to_tag


def test_new_accounts_take_effect_and_nonces_stay() -> None:
    door = gate()
    first = challenge(door)
    door.replace(REALM, {"103": account("103")}, ())
    assert door.check(answered(first, username="103"), FLOW, 0.0) == Admitted("103")
    assert refused(door.check(answered(first), FLOW, 0.0)).wrong


def test_a_flood_leaves_nothing_behind() -> None:
    door = gate()
    for _ in range(1000):
        first = challenge(door)
        _ = door.check(answered(first, password="guess"), FLOW, 0.0)
    assert door.nonces_in_use == 0


def test_forgotten_nonces_cannot_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonces, "NONCES_MAX", 3)
    book = Nonces(b"s", 300.0)
    issued = [book.issue(float(n)) for n in range(6)]
    for nonce in issued:
        assert book.look(nonce, 1, 6.0) is NonceState.FRESH
        book.use(nonce, 1, 6.0)
    assert len(book) == 3
    assert {book.look(nonce, 2, 6.0) for nonce in issued[:3]} == {NonceState.STALE}
    assert {book.look(nonce, 2, 6.0) for nonce in issued[3:]} == {NonceState.FRESH}
    assert {book.look(nonce, 1, 6.0) for nonce in issued} == {NonceState.STALE}


def test_expired_nonces_are_forgotten() -> None:
    book = Nonces(b"s", 10.0)
    for second in range(0, 1000, 5):
        book.use(book.issue(second), 1, second)
    assert len(book) <= 4


@given(st.text(max_size=40) | st.from_regex(r"[-_A-Za-z0-9]{32}", fullmatch=True))
def test_any_nonce_but_ours_is_foreign(nonce: str) -> None:
    assert Nonces(b"s", 300.0).look(nonce, 1, 0.0) is NonceState.FOREIGN


def test_answering_a_challenge_with_several_choices() -> None:
    response = Response(
        407,
        headers=[
            ("Proxy-Authenticate", 'Digest realm="r", nonce="n", algorithm=SHA-512-256'),
            ("Proxy-Authenticate", "Basic realm=r"),
            (
                "Proxy-Authenticate",
                'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth-int,auth", opaque="o"',
            ),
        ],
    )
    name, value = answer_challenge(
        response, "INVITE", "sip:1@h", "me", password="pw", cnonce="c", nc=10
    )

    def h(text: str) -> str:
        return sha256(text.encode()).hexdigest()

    expected = h(f"{h('me:r:pw')}:n:0000000a:c:auth:{h('INVITE:sip:1@h')}")
    assert name == "Proxy-Authorization"
    assert value == (
        'Digest username="me", realm="r", nonce="n", uri="sip:1@h", '
        f'response="{expected}", algorithm=SHA-256, cnonce="c", qop=auth, nc=0000000a, opaque="o"'
    )


def test_credentials_leave_only_for_the_expected_realm() -> None:
    response = challenge(gate())
    with pytest.raises(RemoteError):
        _ = answer_challenge(
            response, "INVITE", URI, "101", password=PASSWORD, cnonce="c", realm="trunk.example"
        )
    with pytest.raises(RemoteError):
        _ = answer_challenge(Response(401), "INVITE", URI, "101", password=PASSWORD, cnonce="c")


@pytest.mark.parametrize(
    "client", ["linphonec-5.1.65__invite-auth", "sipsak-0.9.8.1__register-auth"]
)
def test_credentials_of_real_clients_are_read(client: str) -> None:
    """Theirs is for another realm: with that realm they are seen, and wrong for our nonce."""
    request = parse(need_testdata("live-clients", f"{client}.sip").read_bytes())
    assert isinstance(request, Request)
    door = Gate("127.0.0.1", {}, (), b"s")
    result = refused(door.check(request, FLOW, 0.0))
    assert result.wrong
    assert result.username in {"103", "204"}
