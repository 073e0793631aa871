"""What crosses while people talk: BYE, re-INVITE, refreshes, passwords; a thousand orders each."""

from sip.events import Output
from tests.sip.network import ANSWER, Network
from tests.sip.races import (
    SEEDS,
    able,
    alice_hangs_up,
    alice_offers,
    bob_hangs_up,
    bob_offers,
    bob_rings_and_answers,
    call,
    finish,
)
from tests.sip.test_races import drop_acks


def cut(network: Network, when: float) -> None:
    """Nothing arrives any more."""

    def stop(now: float) -> list[Output]:
        network.passes = lambda data: False
        return []

    network.at(when, network.bob, stop)


def test_bye_crosses_reinvite() -> None:
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, after=0.1)
        call(network)
        if seed % 4 < 2:
            alice_offers(network, 4.9, 5.1)
            bob_hangs_up(network, 4.9, 5.1)
        else:
            bob_offers(network, 4.9, 5.1)
            alice_hangs_up(network, 4.9, 5.1)
        alice, bob = finish(network)
        if seed % 2:
            # 481: to a re-INVITE that came after the BYE, and overtook it on the way back.
            statuses = {end.status for end in alice + bob}
            assert statuses <= {200, 481}, (seed, statuses)


def test_answer_crosses_bye() -> None:
    """Bob hangs up as soon as he has answered; Alice at about the same time."""
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, after=0.1)
        call(network)
        bob_hangs_up(network, 0.1, 0.3)
        if seed % 4 < 2:
            alice_hangs_up(network, 0.1, 0.4)
        _ = finish(network)


def test_ack_is_lost() -> None:
    """Bob's BYE after 32 s; whatever else happens until then."""
    for seed in SEEDS:
        network = able(seed)
        network.passes = drop_acks
        bob_rings_and_answers(network, after=0.1)
        call(network)
        if seed % 3 == 0:
            alice_offers(network, 0.2, 32.5)
        if seed % 5 == 0:
            bob_hangs_up(network, 0.2, 32.5)
        alice, bob = finish(network)
        assert len(alice) == 1
        if seed % 2 and seed % 5:
            assert bob[0].status in (200, 408), seed


def test_refresh_crosses_bye() -> None:
    """The session is refreshed at 45 s; somebody hangs up at that moment."""
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, after=0.1)
        call(network)
        if seed % 3 < 2:
            alice_hangs_up(network, 45.0, 45.5)
        if seed % 3 > 0:
            bob_hangs_up(network, 45.0, 45.5)
        alice, bob = finish(network)
        if seed % 2:
            statuses = {end.status for end in alice + bob}
            assert statuses <= {200, 481}, (seed, statuses)


def test_refresh_crosses_reinvite() -> None:
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, after=0.1)
        call(network)
        alice_offers(network, 45.0, 45.6)
        bob_offers(network, 45.0, 45.6)
        alice_hangs_up(network, 100.0, 100.0)
        alice, bob = finish(network)
        if seed % 2:
            assert [end.status for end in alice + bob] == [200, 200], seed


def test_a_peer_that_falls_silent_is_hung_up_on() -> None:
    """From a moment on nothing arrives: both sides end it by themselves."""
    for seed in range(0, 1000, 5):
        network = able(seed)
        bob_rings_and_answers(network, after=0.1)
        call(network)
        cut(network, 30.0)
        network.run(200.0)
        assert [len(network.alice.ended), len(network.bob.ended)] == [1, len(network.bob.incoming)]
        assert network.alice.alive == network.bob.alive == set()
        network.run()
        network.check_over()


def test_the_password_crosses_everything() -> None:
    """Bob asks for it; Alice hangs up before, while and after she is asked."""
    for seed in SEEDS:
        network = able(seed, guarded=True)
        bob_rings_and_answers(network, early=ANSWER if seed % 3 else b"", after=0.2)
        call(network)
        alice_hangs_up(network, 0.0, 0.6 if seed % 4 < 2 else 10.0)
        bob = network.bob
        alice_offers(network, 0.0, 1.0)
        try:
            network.at(200.0, bob, lambda at: [])
            network.run()
            network.check_over()
            assert len(network.alice.ended) == 1
            assert len(bob.ended) == len(bob.incoming) <= 1
        except AssertionError as error:
            error.add_note(f"seed {seed}:\n" + "\n".join(network.log))
            raise
