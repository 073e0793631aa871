"""Stories of two endpoints on a bad network, each in very many orders, by seed.

Whatever is lost, repeated or overtaken: no session is stuck, each ends once on each side,
and when the timers have run out nothing is left. A failure names its seed.
"""

import re
from collections.abc import Callable

import pytest

from sip.events import (
    EndedBy,
    InviteReceived,
    OfferAnswered,
    OfferRejected,
    Output,
    Send,
    SessionAcked,
    SessionAnswered,
    SessionEnded,
)
from tests.sip.network import ANSWER, OFFER, Network, Weather

SEEDS = range(1000)
CALM = Weather(delay=0.05)
ROUGH = Weather(loss=0.2, repeat=0.2, delay=0.4)


def weather_of(seed: int) -> Weather:
    """Half of the orders without loss, so that only the order is random."""
    return CALM if seed % 2 else ROUGH


def spoil(network: Network) -> Callable[[float], float]:
    """A random moment near the given one: before, after, or in the middle of the story."""
    return lambda when: max(0.0, when + network.random.uniform(-0.3, 0.3))


def bob_answers(network: Network, *, rings: bool = True, after: float = 0.2) -> None:
    bob = network.bob

    def react(event: object, now: float) -> list[Output]:
        if isinstance(event, InviteReceived):
            session = event.session
            network.at(now + after, bob, lambda at: bob.endpoint.answer(session, ANSWER, at))
            return bob.endpoint.ring(session, now) if rings else []
        return bob.answer_requests(event, now)  # type: ignore[arg-type]

    bob.react = react


def hang_up(network: Network, when: float, *, alice: bool = False, bob: bool = False) -> None:
    if alice:
        network.at(when, network.alice, lambda at: network.alice.endpoint.hangup("call", at))
    if bob:

        def bob_hangs_up(at: float) -> list[Output]:
            return [
                output
                for session in network.bob.incoming
                for output in network.bob.endpoint.hangup(session, at)
            ]

        network.at(when, network.bob, bob_hangs_up)


def call(network: Network) -> None:
    network.at(0.0, network.alice, lambda at: network.alice.call("call", at))


def finish(network: Network) -> tuple[list[SessionEnded], list[SessionEnded]]:
    """Whoever is still talking hangs up in the end: lost messages are no excuse."""
    hang_up(network, 120.0, alice=True, bob=True)
    try:
        network.run()
        network.check_over()
    except AssertionError as error:
        error.add_note(f"seed {network.seed}:\n" + "\n".join(network.log))
        raise
    return network.alice.ended, network.bob.ended


def test_call_ring_answer_talk_hang_up() -> None:
    for seed in SEEDS:
        network = Network(seed, weather_of(seed))
        bob_answers(network)
        call(network)
        hang_up(network, 60.0, alice=seed % 4 < 2, bob=seed % 4 >= 2)
        alice, bob = finish(network)
        if seed % 2:
            assert [end.status for end in alice + bob] == [200, 200], seed
            by = (alice[0].by, bob[0].by)
            expected = (EndedBy.LOCAL, EndedBy.REMOTE)
            assert by == (expected if seed % 4 < 2 else expected[::-1]), seed


def test_cancel_at_any_moment() -> None:
    """CANCEL before, during and after the ringing, and crossing the 200."""
    for seed in SEEDS:
        network = Network(seed, weather_of(seed))
        bob_answers(network, rings=seed % 3 > 0)
        call(network)
        hang_up(network, network.random.uniform(0.0, 0.6), alice=True)
        alice, bob = finish(network)
        assert len(alice) == 1, seed
        assert alice[0].by is EndedBy.LOCAL
        if seed % 2:
            # Both sides agree: it was cancelled, or it was answered and hung up.
            assert len(bob) == 1
            agreed = (alice[0].status, bob[0].status)
            assert agreed in {(487, 487), (200, 200), (487, 200)}, seed


def test_refusal_crosses_cancel() -> None:
    for seed in SEEDS:
        network = Network(seed, weather_of(seed))
        call(network)
        hang_up(network, network.random.uniform(0.0, 0.3), alice=True)
        hang_up(network, network.random.uniform(0.0, 0.3), bob=True)
        alice, _ = finish(network)
        assert len(alice) == 1, seed


def test_both_hang_up_at_once() -> None:
    for seed in SEEDS:
        network = Network(seed, weather_of(seed))
        bob_answers(network, after=0.05)
        call(network)
        moment = spoil(network)
        hang_up(network, moment(0.6), alice=True)
        hang_up(network, moment(0.6), bob=True)
        alice, bob = finish(network)
        assert len(alice) == 1, seed
        if seed % 2:
            assert len(bob) == 1, seed


def offer(network: Network, when: float, *, bob: bool = False) -> None:
    party = network.bob if bob else network.alice

    def send(at: float) -> list[Output]:
        answered = {
            event.session
            for event in party.events
            if isinstance(event, SessionAnswered | SessionAcked)
        }
        return [
            output
            for session in sorted(answered & party.alive)
            for output in party.endpoint.offer(session, OFFER, at)
        ]

    network.at(when, party, send)


def test_glare() -> None:
    """Both re-INVITE at once: 491, and after the pauses of §14.1 both have had their way."""
    for seed in SEEDS:
        network = Network(seed, weather_of(seed))
        bob_answers(network, after=0.05)
        call(network)
        moment = spoil(network)
        offer(network, moment(5.0))
        offer(network, moment(5.0), bob=True)
        hang_up(network, 60.0, alice=True)
        alice, bob = finish(network)
        assert [len(alice), len(bob)] == [1, 1] or not seed % 2, seed
        if seed % 2:
            for party in (network.alice, network.bob):
                ends = [
                    event
                    for event in party.events
                    if isinstance(event, OfferAnswered | OfferRejected)
                ]
                assert len(ends) == 1, (seed, party.name, ends)


def test_glare_does_happen() -> None:
    refused: set[int] = set()
    for seed in range(20):
        network = Network(seed, CALM)
        bob_answers(network, after=0.05)
        call(network)
        offer(network, 5.0)
        offer(network, 5.0, bob=True)
        _ = finish(network)
        refused.add(sum("SIP/2.0 491" in line for line in network.log))
    assert refused == {1, 2}  # One, when the one re-INVITE overtook the 491 to the other.


def test_offers_and_hanging_up_at_any_moment() -> None:
    for seed in SEEDS:
        network = Network(seed, weather_of(seed))
        bob_answers(network, after=0.05)
        call(network)
        for _ in range(3):
            offer(network, network.random.uniform(0.0, 6.0), bob=network.random.random() < 0.5)
        hang_up(network, network.random.uniform(0.0, 6.0), alice=True)
        hang_up(network, network.random.uniform(0.0, 6.0), bob=True)
        alice, _ = finish(network)
        assert len(alice) == 1, seed


def drop_acks(data: bytes) -> bool:
    return not data.startswith(b"ACK ")


def test_ack_lost_for_ever() -> None:
    """RFC 3261 §13.3.1.4: the 2xx at 0.5, 1, 2, 4, 4 … s, after 32 s a BYE."""
    network = Network(1, Weather(delay=0.001))
    network.passes = drop_acks
    bob_answers(network, after=1.0)
    call(network)
    _ = finish(network)
    answered = next(line.split()[0] for line in network.log if "200 OK" in line)
    start = float(answered)
    repeats = [
        round(float(line.split()[0]) - start, 3)
        for line in network.log
        if "to alice" in line and "200 OK" in line and "INVITE" in line
    ]
    assert repeats == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    byes = [line.split()[:3] for line in network.log if "b'BYE" in line]
    assert byes == [[f"{start + 32.0:.3f}", "to", "alice"]]
    ended = [(end.status, end.by) for end in (*network.bob.ended, *network.alice.ended)]
    assert ended == [(408, EndedBy.TIMEOUT), (200, EndedBy.REMOTE)]


def test_hanging_up_without_the_ack_waits_for_it() -> None:
    """RFC 3261 §15: the callee's BYE not before the ACK, or the end of waiting for it."""
    for seed in SEEDS:
        network = Network(seed, weather_of(seed))
        if seed % 4 == 0:
            network.passes = drop_acks
        bob_answers(network, after=0.05)
        call(network)
        hang_up(network, network.random.uniform(0.05, 0.3), bob=True)
        alice, _ = finish(network)
        assert len(alice) == 1, seed


@pytest.mark.parametrize("method", [b"CANCEL ", b"BYE ", b"INVITE ", b"ACK "])
@pytest.mark.parametrize("seed", range(10))
def test_the_same_request_200_times(method: bytes, seed: int) -> None:
    network = Network(seed, CALM)
    network.copies = lambda data: 200 if data.startswith(method) else 1
    bob_answers(network)
    call(network)
    cancelled = method == b"CANCEL "
    hang_up(network, 0.15 if cancelled else 1.0, alice=True)
    alice, bob = finish(network)
    assert [end.status for end in alice + bob] == ([487, 487] if cancelled else [200, 200])
    assert len(network.bob.incoming) == 1


def forked(network: Network, forks: int) -> list[str]:
    """Copies of Bob's answer with other tags, as if a proxy had rung several phones."""
    tags = [f"fork{n}" for n in range(forks)]

    def more(data: bytes) -> list[bytes]:
        tag = re.search(rb"\r\nTo: [^\r]*;tag=([^\r;]+)", data)
        if tag is None or not data.startswith(b"SIP/2.0 200") or b" INVITE\r\n" not in data:
            return []
        return [data.replace(tag[1], other.encode()) for other in tags]

    network.forks = more
    return tags


def test_forked_answers_are_acked_and_hung_up() -> None:
    """RFC 3261 §13.2.2.4: each gets its ACK, and all but one a BYE."""
    for seed in range(300):
        network = Network(seed, Weather(repeat=0.2, delay=0.1))
        tags = forked(network, 3)
        bob_answers(network, after=0.05)
        call(network)
        if seed % 3 == 0:
            hang_up(network, network.random.uniform(0.0, 0.3), alice=True)
        alice, _ = finish(network)
        assert len(alice) == 1, seed
        if any(isinstance(event, SessionAnswered) for event in network.alice.events):
            log = network.log
            for tag in tags:
                to_tag = f";tag={tag}\\r\\n"
                sent = [line for line in log if "to bob" in line and to_tag in line]
                assert any("b'ACK" in line for line in sent), (seed, tag)
                assert any("b'BYE" in line for line in sent), (seed, tag)


def test_reinvite_after_bye_gets_481() -> None:
    network = Network(1, CALM)
    bob_answers(network)
    call(network)
    offer(network, 5.0)
    hang_up(network, 10.0, bob=True)
    _ = finish(network)
    sent = [what for _, _, what in network.history if isinstance(what, bytes)]
    reinvite = [data for data in sent if data.startswith(b"INVITE ")][1]
    assert reinvite.startswith(b"INVITE sip:192.0.2.2:5060")
    reinvite = reinvite.replace(b"branch=z9hG4bK", b"branch=z9hG4bKlate")
    party = network.bob
    for _ in range(3):
        answers = party.endpoint.on_datagram(reinvite, party.flow, network.now)
        (answer,) = answers
        assert isinstance(answer, Send)
        assert answer.data.startswith(b"SIP/2.0 481 ")
    network.check_over()


@pytest.mark.parametrize("weather", [CALM, ROUGH], ids=["calm", "rough"])
def test_the_same_seed_gives_the_same_story(weather: Weather) -> None:
    def run(seed: int) -> list[str]:
        network = Network(seed, weather)
        bob_answers(network)
        call(network)
        offer(network, 2.0)
        hang_up(network, 5.0, alice=True)
        _ = finish(network)
        return network.log

    assert run(3) == run(3)
    assert run(3) != run(5)
