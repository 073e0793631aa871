"""Calls that are encrypted, must be, or must not be: what is offered, answered and refused."""

from dataclasses import replace

import pytest

from media.negotiation import make_offer, read_answer
from media.sdp_security import PLAIN as PLAIN_TOLD
from media.sdp_security import Secrets, Security, Told, offer_dtls, offer_sdes
from pbx.encryption import EncryptionPlan, Policy, acceptable, offered
from pbx.plan import ExtensionPlan
from pbx.snapshot import freeze, thaw
from sip.flow import Flow
from sip.message import Request
from sip.parser import parse
from tests.data import TESTDATA, need_testdata
from tests.exchange.office import Office
from tests.exchange.trunk import HERE, PLAIN, Trunk
from tests.media.callers import certificate
from tests.sim.world import SERVER

PRINTS = tuple(str(certificate(name).fingerprint) for name in ("server", "other"))
THEIRS = Secrets(b"t" * 32, str(certificate("caller").fingerprint))
SEVERAL = EncryptionPlan(readable_keys=True)


def made(told: Told = PLAIN_TOLD, version: int = 1) -> bytes:
    return make_offer((HERE[0], 4000), ("PCMU",), session_id=5, version=version, told=told)


KEYS = made(offer_sdes(THEIRS))


def browser(secrets: Secrets, version: int = 1) -> bytes:
    """As ours, but it makes the checks itself."""
    return made(offer_dtls(secrets, HERE[0], 4000), version).replace(b"a=ice-lite\r\n", b"")


BROWSER = browser(THEIRS)


def opened(encryption: EncryptionPlan = SEVERAL) -> tuple[Office, Trunk]:
    office = Office(trusted=(HERE[0],))
    office.exchange.legs.fingerprints = PRINTS
    _ = office.exchange.configure(replace(office.exchange.plan, encryption=encryption), office.now)
    return office, Trunk(office)


def called(encryption: EncryptionPlan, offer: bytes) -> tuple[Office, Trunk]:
    office, trunk = opened(encryption)
    trunk.invite("600", offer)
    office.run_for(1.0)
    return office, trunk


def over(office: Office, trunk: Trunk) -> None:
    trunk.bye()
    office.run_for(1.0)
    office.close()


@pytest.mark.parametrize("offer", [KEYS, KEYS.replace(b"RTP/SAVP", b"RTP/AVP")])
def test_keys_that_are_offered_are_answered(offer: bytes) -> None:
    """Beside plain RTP, too (RFC 8643)."""
    office, trunk = called(SEVERAL, offer)
    answer = trunk.answer(200).body
    protocol = b"RTP/SAVP " if b"SAVP" in offer else b"RTP/AVP "
    assert protocol in answer
    (leg,) = office.exchange.legs.all()
    assert leg.remote is not None
    ours = leg.remote.srtp
    theirs = read_answer(KEYS, answer.replace(b"RTP/AVP", b"RTP/SAVP")).srtp
    assert ours is not None
    assert theirs is not None
    assert (ours.suite, ours.send, ours.receive) == (theirs.suite, theirs.receive, theirs.send)
    trunk.ack()
    over(office, trunk)


@pytest.mark.parametrize(
    ("plan", "offer", "warning"),
    [
        (EncryptionPlan(), KEYS, "Keys of SRTP need signalling over TLS"),
        (EncryptionPlan(trunks=Policy.REQUIRED), PLAIN, "Encryption is required"),
        (EncryptionPlan(trunks=Policy.OFF), KEYS, "Encryption is not allowed"),
        (EncryptionPlan(trunks=Policy.OFF), BROWSER, "Encryption is not allowed"),
    ],
)
def test_what_the_policy_refuses(plan: EncryptionPlan, offer: bytes, warning: str) -> None:
    office, trunk = called(plan, offer)
    assert trunk.answer(488).get("Warning") == f'399 dzvin "{warning}"'
    trunk.ack()
    office.run_for(1.0)
    assert office.exchange.calls == {}
    office.close()


def test_a_key_that_is_not_for_us_leaves_plain_sound() -> None:
    body = KEYS.replace(b"RTP/SAVP", b"RTP/AVP").replace(b"inline", b"uri")
    office, trunk = called(SEVERAL, body)
    assert b"crypto" not in trunk.answer(200).body
    trunk.ack()
    over(office, trunk)


def test_a_browser_gets_our_fingerprint_and_the_passive_part() -> None:
    need_testdata()
    chromium = (TESTDATA / "chromium156-offer-audio.sdp").read_bytes()
    office, trunk = called(EncryptionPlan(), chromium)
    answer = trunk.answer(200).body.decode()
    (leg,) = office.exchange.legs.all()
    assert leg.secrets is not None
    assert leg.remote is not None
    assert leg.remote.dtls is not None
    assert leg.remote.dtls.peer_ufrag == "dLS7"
    assert leg.remote.direction == "sendrecv"
    for line in (
        "m=audio 20000 UDP/TLS/RTP/SAVPF 0 126",
        "a=group:BUNDLE 0",
        "a=ice-lite",
        "a=mid:0",
        "a=rtcp-mux",
        "a=setup:passive",
        f"a=fingerprint:{PRINTS[0]}",
        f"a=ice-ufrag:{leg.secrets.ufrag}",
        f"a=candidate:1 1 udp 2130706431 {SERVER[0]} 20000 typ host",
    ):
        assert f"\r\n{line}\r\n" in answer
    assert "extmap" not in answer
    trunk.ack()
    over(office, trunk)


def test_without_a_certificate_a_browser_is_refused() -> None:
    office, trunk = opened()
    office.exchange.legs.fingerprints = ()
    trunk.invite("600", BROWSER)
    office.run_for(1.0)
    assert trunk.statuses()[-1] == 488
    trunk.ack()
    office.run_for(1.0)
    office.close()


def test_a_reinvite_changes_our_password_only_if_the_peer_starts_ice_anew() -> None:
    office, trunk = called(EncryptionPlan(), BROWSER)
    _ = trunk.answer(200)
    trunk.ack()
    (leg,) = office.exchange.legs.all()
    bodies = []
    for offer in (BROWSER, browser(replace(THEIRS, restarts=1), 2)):
        trunk.cseq += 1
        trunk._send("INVITE", trunk.cseq, offer)
        office.run_for(1.0)
        last = trunk.messages()[-1]
        bodies.append(last.body)
        trunk._send("ACK", trunk.cseq)
        office.run_for(0.1)
        assert b"a=setup:passive" in last.body
        assert PRINTS[0].encode() in last.body
    words = [[line for line in body.split(b"\r\n") if b"ice-" in line] for body in bodies]
    first = trunk.answer(200).body
    assert [line for line in first.split(b"\r\n") if b"ice-" in line] == words[0]
    assert words[0] != words[1]
    assert leg.remote is not None
    trunk.cseq += 1
    trunk._send("BYE", trunk.cseq)
    office.run_for(1.0)
    office.close()


def test_it_can_be_written_down_in_the_middle_of_an_encrypted_call() -> None:
    for offer in (KEYS, BROWSER):
        office, trunk = called(SEVERAL, offer)
        trunk.ack()
        office.run_for(0.5)
        again = thaw(freeze(office.exchange.legs))
        (leg,), (same,) = office.exchange.legs.all(), again.all()
        assert (leg.remote, leg.secrets, leg.policy) == (same.remote, same.secrets, same.policy)
        over(office, trunk)


def offers_to(office: Office, user: str) -> list[bytes]:
    """The descriptions in INVITEs to this phone."""
    assert office.wire is not None
    address = office.of(user).address
    invites = (parse(packet.data) for packet in office.wire if packet.target == address)
    return [m.body for m in invites if isinstance(m, Request) and m.method == "INVITE"]


def over_tls(office: Office, user: str) -> None:
    """As if this phone had come over TLS."""
    address = office.of(user).address
    plan = ExtensionPlan(
        user, user, contact=f"sip:{user}@{address[0]}", flow=Flow("tls", SERVER, address)
    )
    extensions = office.exchange.plan.extensions | {user: plan}
    whole = replace(office.exchange.plan, extensions=extensions)
    _ = office.exchange.configure(whole, office.now)


def test_a_phone_that_cannot_encrypt_is_invited_again_without() -> None:
    office, _ = opened(EncryptionPlan())
    over_tls(office, "102")
    office.dial("101", "102")
    office.run_for(1.0)
    for _ in range(2):
        office.answer("102")
        office.run_for(1.0)
    assert office.state("101") == office.state("102") == "talking"
    kinds = [b"RTP/SAVP " in body for body in offers_to(office, "102")]
    assert kinds == [True, False]
    office.hang_up("101")
    office.run_for(1.0)
    office.close()


def test_a_phone_that_cannot_encrypt_but_must_is_not_reached() -> None:
    office, _ = opened(EncryptionPlan(own={"102": Policy.REQUIRED}, readable_keys=True))
    office.dial("101", "102")
    office.run_for(1.0)
    office.answer("102")
    office.run_for(1.0)
    assert all(b"RTP/SAVP " in body for body in offers_to(office, "102"))
    assert offers_to(office, "102")
    assert office.state("101") == "idle"
    office.close()


def test_keys_are_never_told_to_two_devices() -> None:
    own = {"102": Policy.REQUIRED, "103": Policy.REQUIRED}
    office, _ = opened(EncryptionPlan(own=own, readable_keys=True))
    for caller, user in (("101", "102"), ("901", "103")):
        office.dial(caller, user)
        office.run_for(1.0)
    lines = [
        line
        for user in ("102", "103")
        for body in dict.fromkeys(offers_to(office, user))
        for line in body.split(b"\r\n")
        if line.startswith(b"a=crypto")
    ]
    coded = [line.partition(b"inline:")[2] for line in lines]
    assert len(coded) == len(set(coded)) == 8
    office.close()


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss"])
@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("readable", [False, True])
def test_what_is_offered_may_be_answered(transport: str, policy: Policy, readable: bool) -> None:
    flow = Flow(transport, SERVER, HERE)
    offer = offered(policy, flow, readable_keys=readable)
    can = acceptable(policy, flow, readable_keys=readable)
    assert offer is None or offer in can
    assert (Security.NONE in can) is (policy is not Policy.REQUIRED)
    assert (Security.DTLS in can) is (policy is not Policy.OFF)
    secret = readable or transport in ("tls", "wss")
    assert (Security.SDES in can) is (secret and policy is not Policy.OFF)
    expected: dict[Policy, Security | None] = {
        Policy.OFF: Security.NONE,  # A phone may speak plainly over a WebSocket; a browser says no.
        Policy.ALLOWED: Security.SDES if transport == "tls" else Security.NONE,
        Policy.REQUIRED: Security.SDES if secret else None,
    }
    if "ws" in transport and policy is not Policy.OFF:
        assert offer is Security.DTLS
    else:
        assert offer is expected[policy]
