"""ICE and DTLS of one peer together, without sockets: who is listened to, and where things go."""

from msgspec.structs import replace

from media.dtls_srtp import DtlsSrtp, Follow, Gone, Keyed, Output, Send
from media.ice import CONSENT_SECONDS
from media.protocol import Dtls
from tests.interop.sprayer import HELLO
from tests.media.callers import Caller, certificate, described

PEER, STRANGER = ("192.0.2.1", 4000), ("192.0.2.66", 4000)
SERVER = certificate("server")


def machine(peer: Dtls | None = None, learn_from: str = "") -> DtlsSrtp:
    made = DtlsSrtp()
    assert made.connect(peer or described(), SERVER, PEER, learn_from, 0.0) == []
    return made


def without_ice() -> Dtls:
    theirs = certificate("caller").fingerprint
    return Dtls(theirs.algorithm, theirs.value, ours=str(SERVER.fingerprint))


def talk(made: DtlsSrtp, caller: Caller, source: tuple[str, int] = PEER) -> list[Output]:
    """To and fro until nobody has anything to say."""
    seen: list[Output] = []
    while caller.out:
        outputs = [
            output for data in caller.out for output in made.on_datagram(data, source, caller.now)
        ]
        caller.out.clear()
        seen += outputs
        for output in outputs:
            if isinstance(output, Send):
                assert output.address == source
                caller.on_datagram(output.data)
    return seen


def connected() -> tuple[DtlsSrtp, Caller]:
    made, caller = machine(), Caller(described())
    caller.check()
    assert talk(made, caller)[1:] == [Follow(PEER)]
    caller.start()
    (keyed,) = [output for output in talk(made, caller) if isinstance(output, Keyed)]
    assert caller.keys is not None
    assert keyed.keys.send == caller.keys.receive
    return made, caller


def test_keys_are_made() -> None:
    made, _ = connected()
    assert (made.sound_goes_to, made.shaking, made.stray) == (PEER, False, 0)


def test_a_stranger_is_not_listened_to() -> None:
    """Neither before the peer was found, nor after, whatever he sends."""
    made, stranger = machine(), Caller(described(), name="stranger")
    stranger.start()
    for count in (1, 2):
        for hello in (HELLO, *stranger.out):
            assert made.on_datagram(hello, STRANGER, 0.0) == []
            assert not made.shaking
        assert made.stray == 2 * count
        caller = Caller(described())
        caller.check()
        _ = talk(made, caller)


def test_nothing_goes_anywhere_before_the_peer_has_chosen() -> None:
    made, caller = machine(), Caller(described())
    caller.check(use=False)
    _ = talk(made, caller)
    caller.start()
    _ = talk(made, caller)
    assert made.keyed
    assert made.sound_goes_to is None
    caller.check()
    assert Follow(PEER) in talk(made, caller)
    assert made.sound_goes_to == PEER


def test_the_same_description_changes_nothing_another_certificate_all() -> None:
    made, caller = connected()
    assert made.connect(described(), SERVER, PEER, "", 1.0) == []
    assert talk(made, caller) == []
    other = described("somebody else")
    assert made.connect(other, SERVER, PEER, "", 2.0) == []
    again = Caller(other, name="somebody else")
    again.start()
    assert any(isinstance(output, Keyed) for output in talk(made, again))


def restarted(peer: Dtls) -> Dtls:
    return replace(peer, ice_ufrag="more", ice_pwd="m" * 22, peer_ufrag="they")


def test_a_restart_keeps_who_is_there_and_another_peer_does_not() -> None:
    """With the same certificate it is the same peer, whose old checks go on being good."""
    made, caller = connected()
    elsewhere = (PEER[0], 4001)
    caller.check(use=False)
    _ = talk(made, caller, elsewhere)
    assert made.connect(restarted(described()), SERVER, PEER, "", 1.0) == []
    assert (made.sound_goes_to, made.is_peer(elsewhere)) == (PEER, True)
    caller.check()
    assert Follow(elsewhere) in talk(made, caller, elsewhere)
    other = replace(restarted(described("somebody else")), ice_ufrag="most")
    assert made.connect(other, SERVER, PEER, "", 2.0) == []
    assert (made.sound_goes_to, made.is_peer(PEER)) == (elsewhere, False)
    caller.check()
    assert Follow(PEER) not in talk(made, caller)
    assert not made.is_peer(PEER)


def test_without_ice_the_address_of_the_description_counts() -> None:
    made, caller = machine(without_ice()), Caller(without_ice())
    caller.start()
    hello = list(caller.out)
    for data in hello:
        assert made.on_datagram(data, STRANGER, 0.0) == []
    assert any(isinstance(output, Keyed) for output in talk(made, caller))
    assert made.sound_goes_to == PEER


def test_without_ice_behind_a_nat_the_first_port_counts() -> None:
    made, caller = machine(without_ice(), learn_from=PEER[0]), Caller(without_ice())
    caller.start()
    there = (PEER[0], 5555)
    seen = talk(made, caller, there)
    assert seen[0] == Follow(there)
    assert not made.is_peer((PEER[0], 5556))


def test_we_begin_as_soon_as_there_is_somebody() -> None:
    peer = described(active=True)
    made, caller = machine(peer), Caller(peer, active=False)
    caller.check()
    assert any(isinstance(output, Keyed) for output in talk(made, caller))


def test_consent_goes() -> None:
    made, _ = connected()
    assert made.next_deadline == CONSENT_SECONDS
    assert made.on_time(CONSENT_SECONDS) == [Gone("")]
    assert made.sound_goes_to is None


def test_both_sides_say_goodbye() -> None:
    made, caller = connected()
    for output in made.close():
        assert isinstance(output, Send)
        caller.on_datagram(output.data)
    assert caller.ended == ""
