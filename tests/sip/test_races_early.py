"""What crosses before the answer: PRACK, UPDATE, CANCEL, 200, in a thousand orders each."""

from sip.events import EndedBy, OfferAnswered, OfferRejected
from tests.sip.network import Network
from tests.sip.plain import rebuild
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
from tests.sip.test_races import forked

EARLY = b"v=0 early"


def outcomes(network: Network) -> list[int]:
    """Of the offers that each side has made: how many it was told about."""
    return [
        sum(isinstance(event, OfferAnswered | OfferRejected) for event in party.events)
        for party in (network.alice, network.bob)
    ]


def test_prack_crosses_cancel() -> None:
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, early=EARLY if seed % 3 else b"", rings=1 + seed % 3)
        call(network)
        alice_hangs_up(network, 0.0, 0.4)
        alice, bob = finish(network)
        assert alice[0].by is EndedBy.LOCAL, seed
        if seed % 2:
            agreed = (alice[0].status, bob[0].status)
            assert agreed in {(487, 487), (200, 200), (487, 200)}, (seed, agreed)


def test_prack_crosses_the_answer() -> None:
    """The 2xx never overtakes a description that is not acknowledged."""
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, early=EARLY if seed % 3 else b"", rings=2, after=0.03)
        call(network)
        alice_hangs_up(network, 20.0, 20.0)
        alice, bob = finish(network)
        if seed % 2:
            assert [end.status for end in alice + bob] == [200, 200], seed


def test_prack_crosses_the_refusal() -> None:
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, early=EARLY, rings=2, after=9.0)
        call(network)
        bob_hangs_up(network, 0.0, 0.3)
        alice_hangs_up(network, 0.0, 0.3 if seed % 4 < 2 else 15.0)
        _ = finish(network)


def test_updates_cross_before_the_answer() -> None:
    """Glare of RFC 3311 §5.2, and the answer to the call in the middle of it."""
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, early=EARLY, after=network.random.uniform(0.1, 0.6))
        call(network)
        alice_offers(network, 0.0, 0.6)
        bob_offers(network, 0.05, 0.6)
        alice_hangs_up(network, 60.0, 60.0)
        alice, bob = finish(network)
        if seed % 2:
            assert [end.status for end in alice + bob] == [200, 200], seed
            assert outcomes(network)[0] == 1, seed


def test_update_crosses_reinvite() -> None:
    """An UPDATE from before the answer meets a re-INVITE from after it, and a BYE both."""
    for seed in SEEDS:
        network = able(seed)
        bob_rings_and_answers(network, early=EARLY, after=0.25)
        call(network)
        bob_offers(network, 0.15, 0.35)
        alice_offers(network, 0.15, 0.45)
        alice_offers(network, 0.3, 0.5)
        if seed % 4 < 2:
            bob_hangs_up(network, 0.2, 0.8)
        _ = finish(network)


def test_forked_answers_to_reliable_ringing() -> None:
    """Copies of Bob's 200 with other tags; each gets its ACK and all but one a BYE."""
    for seed in SEEDS:
        network = able(seed)
        tags = forked(network, 2)
        bob_rings_and_answers(network, after=0.1)
        call(network)
        if seed % 3 == 0:
            alice_hangs_up(network, 0.0, 0.4)
        _ = finish(network)
        answered = [
            tag
            for tag in tags
            if any("b'ACK" in line and f";tag={tag}\\r\\n" in line for line in network.log)
        ]
        assert answered in ([], tags) or not seed % 2, seed


def test_the_endpoints_are_written_down_and_read_back() -> None:
    """In the middle of everything, again and again: the stories end as they would have."""
    for seed in range(100):
        network = able(seed, guarded=seed % 2 == 0)
        bob_rings_and_answers(network, early=EARLY, rings=2)
        call(network)
        bob_offers(network, 0.1, 1.0)
        alice_offers(network, 0.1, 1.0)
        alice_hangs_up(network, 100.0, 100.0)

        def copy(network: Network = network) -> None:
            if network.random.random() < 0.3:
                for party in (network.alice, network.bob):
                    party.endpoint = rebuild(party.endpoint)

        network.on_step = copy
        _ = finish(network)
