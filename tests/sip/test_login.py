"""We are asked for a password: who gets an answer, and how often."""

from collections.abc import Sequence

import pytest

from sip.auth import Account, Gate, make_ha1
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import (
    EndedBy,
    InDialogRequest,
    InviteReceived,
    OfferAnswered,
    Output,
    RequestDone,
    Send,
    SessionAnswered,
    SessionEnded,
)
from sip.headers import parse_credentials
from sip.login import Login
from sip.message import Request, Response, respond
from sip.parser import parse
from sip.tokens import Tokens
from tests.sip.network import ALICE_NAME, ANSWER, BOB_NAME, OFFER
from tests.sip.plain import rebuild
from tests.sip.sample import BOB, answer_to, make_request
from tests.sip.test_endpoint import AT_ALICE, AT_BOB, events, over, receive, run_out, sent

LOGIN = Login("alice", "secret", ("trunk",))
MD5 = 'Digest realm="trunk", nonce="n1", qop="auth", algorithm=MD5'
SHA = 'Digest realm="trunk", nonce="n2", qop="auth", algorithm=SHA-256'


def make() -> Endpoint:
    return Endpoint(EndpointConfig(), Tokens(b"secret"), None)


def calling(endpoint: Endpoint, login: Login | None = LOGIN) -> Request:
    outputs = endpoint.invite(
        "out",
        uri="sip:bob@192.0.2.2",
        flow=AT_ALICE,
        from_=ALICE_NAME,
        to=BOB_NAME,
        body=OFFER,
        now=0.0,
        login=login,
    )
    (invite,) = sent(outputs)
    assert isinstance(invite, Request)
    return invite


def challenge(
    request: Request, *values: str, status: int = 401, name: str = "WWW-Authenticate"
) -> Response:
    tag = request.to_tag or "challenged"
    headers = [(name, value) for value in values]
    return respond(request, status, to_tag=tag, headers=headers)


def asked(endpoint: Endpoint, response: Response) -> tuple[list[Request], list[Output]]:
    """What goes out but ACKs, and what is reported."""
    outputs = receive(endpoint, response)
    requests = [m for m in sent(outputs) if isinstance(m, Request) and m.method != "ACK"]
    return requests, events(outputs)


def fields(request: Request, name: str = "Authorization") -> dict[str, str]:
    (value,) = request.get_all(name)
    return parse_credentials(value)


def test_an_invite_is_sent_again_with_credentials() -> None:
    endpoint = make()
    invite = calling(endpoint)
    assert invite.get("Authorization") is None
    _ = receive(endpoint, answer_to(invite, 100))
    outputs = receive(endpoint, challenge(invite, MD5))
    ack, again = sent(outputs)
    assert isinstance(ack, Request)
    assert isinstance(again, Request)
    assert (ack.method, ack.branch, events(outputs)) == ("ACK", invite.branch, [])
    assert (again.call_id, again.from_tag) == (invite.call_id, invite.from_tag)
    assert (again.cseq.number, again.to_tag) == (2, "")
    assert again.branch != invite.branch
    assert again.body == OFFER
    used = fields(again)
    assert (used["username"], used["realm"], used["nonce"]) == ("alice", "trunk", "n1")
    assert (used["nc"], used["uri"], used["qop"]) == ("00000001", "sip:bob@192.0.2.2", "auth")
    # §13.2.2.4: the ACK of the 2xx has the credentials of its INVITE; the BYE has its own.
    answered = receive(endpoint, answer_to(again, 200, body=ANSWER))
    (ack,) = sent(answered)
    assert isinstance(ack, Request)
    assert ack.get("Authorization") == again.get("Authorization")
    assert [type(event) for event in events(answered)] == [SessionAnswered]
    (bye,) = sent(endpoint.hangup("out", 5.0))
    assert isinstance(bye, Request)
    assert (bye.cseq.number, fields(bye)["nc"]) == (3, "00000002")
    assert fields(bye)["cnonce"] != used["cnonce"]
    _ = receive(endpoint, answer_to(bye, 200))
    _ = run_out(endpoint)
    assert over(endpoint)


def test_a_wrong_password_ends_the_call_after_one_try() -> None:
    endpoint = make()
    ((again,), _) = asked(endpoint, challenge(calling(endpoint), MD5))
    refusal = challenge(again, MD5.replace("n1", "n9"))
    assert asked(endpoint, refusal) == (
        [],
        [SessionEnded("out", 401, "", EndedBy.REMOTE, refusal)],
    )


def test_a_stale_nonce_is_replaced_once() -> None:
    endpoint = make()
    ((again,), _) = asked(endpoint, challenge(calling(endpoint), MD5))
    ((fresh,), _) = asked(endpoint, challenge(again, MD5.replace("n1", "n2") + ", stale=true"))
    assert (fields(fresh)["nonce"], fields(fresh)["nc"]) == ("n2", "00000001")
    requests, ((ended),) = asked(
        endpoint, challenge(fresh, MD5.replace("n1", "n3") + ", stale=TRUE")
    )
    assert requests == []
    assert isinstance(ended, SessionEnded)
    assert ended.status == 401


def test_a_proxy_and_the_server_behind_it() -> None:
    endpoint = make()
    proxy = 'Digest realm="trunk", nonce="p1", qop="auth,auth-int"'
    at_proxy = challenge(calling(endpoint), proxy, status=407, name="Proxy-Authenticate")
    ((second,), _) = asked(endpoint, at_proxy)
    ((third,), _) = asked(endpoint, challenge(second, MD5))
    assert fields(third, "Proxy-Authorization")["nc"] == "00000002"
    assert fields(third)["nonce"] == "n1"
    assert third.cseq.number == 3


@pytest.mark.parametrize("values", [(MD5, SHA), (SHA, MD5)], ids=["MD5 first", "SHA first"])
def test_of_several_challenges_the_strongest(values: Sequence[str]) -> None:
    """RFC 8760 §2.4; unknown algorithms and schemes are passed over."""
    endpoint = make()
    odd = ['Digest realm="trunk", nonce="n3", algorithm=SHA-9', 'Basic realm="trunk"']
    ((again,), _) = asked(endpoint, challenge(calling(endpoint), *odd, *values))
    assert (fields(again)["algorithm"], fields(again)["nonce"]) == ("SHA-256", "n2")


@pytest.mark.parametrize(
    "value",
    [
        MD5.replace("trunk", "stranger"),
        MD5.replace("MD5", "SHA-9"),
        "Basic realm=trunk",
        "Digest",
        "",
    ],
)
def test_nobody_else_gets_an_answer(value: str) -> None:
    """A stranger's realm least of all: what he gets he could use at our trunk."""
    endpoint = make()
    requests, reported = asked(endpoint, challenge(calling(endpoint), value))
    assert requests == []
    assert [type(event) for event in reported] == [SessionEnded]


def test_without_a_login_nothing_is_signed() -> None:
    endpoint = make()
    requests, reported = asked(endpoint, challenge(calling(endpoint, None), MD5))
    assert requests == []
    assert [type(event) for event in reported] == [SessionEnded]


def test_an_empty_list_of_realms_trusts_whoever_is_called() -> None:
    endpoint = make()
    invite = calling(endpoint, Login("alice", "secret"))
    ((again,), _) = asked(endpoint, challenge(invite, MD5.replace("trunk", "any")))
    assert fields(again)["realm"] == "any"


def test_hanging_up_meanwhile() -> None:
    """Cancelled: the INVITE does not go out again."""
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 100))
    _ = endpoint.hangup("out", 0.1)
    assert asked(endpoint, challenge(invite, MD5)) == ([], [])


def test_hanging_up_after_the_second_try_waits_for_its_response() -> None:
    """§9.1 holds for the second INVITE, too."""
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 100))
    ((again,), _) = asked(endpoint, challenge(invite, MD5))
    assert sent(endpoint.hangup("out", 0.1)) == []
    (cancel,) = sent(receive(endpoint, answer_to(again, 180)))
    assert isinstance(cancel, Request)
    assert (cancel.method, cancel.branch, cancel.cseq.number) == ("CANCEL", again.branch, 2)
    assert cancel.get("Authorization") is None


def talking(endpoint: Endpoint, login: Login = LOGIN) -> Request:
    invite = calling(endpoint, login)
    _ = receive(endpoint, answer_to(invite, 200, body=ANSWER))
    return invite


def test_a_challenged_bye_is_sent_again() -> None:
    """Also though the session is over for the user."""
    endpoint = make()
    _ = talking(endpoint)
    (bye,) = sent(endpoint.hangup("out", 1.0))
    assert isinstance(bye, Request)
    ((again,), _) = asked(endpoint, challenge(bye, MD5))
    assert (again.method, again.cseq.number) == ("BYE", bye.cseq.number + 1)
    assert fields(again)["username"] == "alice"
    assert receive(endpoint, answer_to(again, 200)) == []
    _ = run_out(endpoint)
    assert over(endpoint)


def test_a_challenged_reinvite_is_sent_again() -> None:
    endpoint = make()
    _ = talking(endpoint)
    (reinvite,) = sent(endpoint.offer("out", b"v=0 new", 1.0))
    assert isinstance(reinvite, Request)
    ((again,), _) = asked(endpoint, challenge(reinvite, MD5))
    assert (again.method, again.cseq.number) == ("INVITE", reinvite.cseq.number + 1)
    outputs = receive(endpoint, answer_to(again, 200, body=ANSWER))
    (ack,) = sent(outputs)
    assert isinstance(ack, Request)
    assert ack.get("Authorization") == again.get("Authorization")
    assert events(outputs) == [OfferAnswered("out", ANSWER)]


def test_a_challenged_info_keeps_its_key() -> None:
    endpoint = make()
    _ = talking(endpoint)
    (info,) = sent(endpoint.request_in_dialog("out", "INFO", 1.0, key="digit"))
    assert isinstance(info, Request)
    ((again,), _) = asked(endpoint, challenge(info, MD5))
    done = answer_to(again, 200)
    assert asked(endpoint, done) == ([], [RequestDone("digit", done)])


def test_who_calls_us_can_be_given_a_login_too() -> None:
    endpoint = make()
    invite = make_request("INVITE", body=OFFER)
    (event,) = events(receive(endpoint, invite))
    assert isinstance(event, InviteReceived)
    _ = endpoint.answer(event.session, ANSWER, 0.0)
    _ = receive(endpoint, make_request("ACK", branch="z9hG4bK-a", to_tag=event.session))
    endpoint.log_in(event.session, LOGIN)
    (bye,) = sent(endpoint.hangup(event.session, 1.0))
    assert isinstance(bye, Request)
    outputs = endpoint.on_datagram(bytes(challenge(bye, MD5)), AT_BOB, 1.0)
    (again,) = sent(outputs)
    assert isinstance(again, Request)
    assert fields(again)["realm"] == "trunk"


def registering(endpoint: Endpoint) -> Request:
    outputs = endpoint.request(
        "trunk:1",
        "REGISTER",
        uri="sip:192.0.2.2",
        flow=AT_ALICE,
        from_=ALICE_NAME,
        to=ALICE_NAME,
        now=0.0,
        call_id="registration",
        cseq=7,
        login=LOGIN,
    )
    (request,) = sent(outputs)
    assert isinstance(request, Request)
    return request


def test_a_request_outside_calls() -> None:
    endpoint = make()
    first = registering(endpoint)
    ((second,), none) = asked(endpoint, challenge(first, MD5))
    assert none == []
    assert (second.call_id, second.cseq.number, second.from_tag) == (
        "registration",
        8,
        first.from_tag,
    )
    done = answer_to(second, 200)
    assert asked(endpoint, done) == ([], [RequestDone("trunk:1", done)])
    _ = run_out(endpoint)
    assert over(endpoint)


def test_a_request_outside_calls_with_a_wrong_password() -> None:
    endpoint = make()
    ((second,), _) = asked(endpoint, challenge(registering(endpoint), MD5))
    refusal = challenge(second, MD5.replace("n1", "n2"))
    assert asked(endpoint, refusal) == ([], [RequestDone("trunk:1", refusal)])
    _ = run_out(endpoint)
    assert over(endpoint)


def test_silence_after_the_second_try() -> None:
    endpoint = make()
    _ = asked(endpoint, challenge(registering(endpoint), MD5))
    assert events(run_out(endpoint)) == [RequestDone("trunk:1", None)]
    assert over(endpoint)


def test_our_own_gate_lets_us_in() -> None:
    """Both sides are ours: what `login` makes `auth` accepts; frozen and thawed on the way."""
    accounts = {"alice": Account("alice", make_ha1("alice", "trunk", "secret"))}
    gate = Gate("trunk", accounts, (), b"gate")
    bob = Endpoint(EndpointConfig(), Tokens(b"bob"), gate)
    alice = make()
    wire: list[bytes] = [bytes(calling(alice))]
    called: list[InviteReceived | InDialogRequest] = []
    for _ in range(3):
        outputs = [output for data in wire for output in bob.on_datagram(data, AT_BOB, 0.0)]
        called += [event for event in outputs if isinstance(event, InviteReceived)]
        alice = rebuild(alice)
        wire = [
            output.data
            for data in [output.data for output in outputs if isinstance(output, Send)]
            for output in alice.on_datagram(data, AT_ALICE, 0.0)
            if isinstance(output, Send)
        ]
    ((event),) = called
    assert isinstance(event, InviteReceived)
    assert event.username == "alice"
    assert event.flow.local == BOB


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(LOGIN)


def test_the_same_nonce_is_counted() -> None:
    """RFC 7616 §3.4: a server may ask anew with a nonce that it has given out before."""
    endpoint = make()
    _ = talking(endpoint)
    (info,) = sent(endpoint.request_in_dialog("out", "INFO", 1.0, key="1"))
    assert isinstance(info, Request)
    ((again,), _) = asked(endpoint, challenge(info, MD5))
    assert fields(again)["nc"] == "00000001"
    (info,) = sent(endpoint.request_in_dialog("out", "INFO", 1.0, key="2"))
    assert isinstance(info, Request)
    assert fields(info)["nc"] == "00000002"
    ((again,), _) = asked(endpoint, challenge(info, MD5))
    assert fields(again)["nc"] == "00000003"


def test_parse_is_used() -> None:
    """What is sent again is a message like any other."""
    endpoint = make()
    ((again,), _) = asked(endpoint, challenge(calling(endpoint), MD5))
    assert parse(bytes(again)) == again
