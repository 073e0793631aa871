"""What the stories about crossing messages share: two endpoints that can do everything."""

from collections.abc import Callable

from sip.auth import Account, Gate, make_ha1
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import Event, InviteReceived, Output, SessionEnded
from sip.login import Login
from sip.tokens import Tokens
from tests.sip.network import ALICE_NAME, ANSWER, BOB_NAME, OFFER, Network, Weather

SEEDS = range(1000)
CALM = Weather(delay=0.05)
ROUGH = Weather(loss=0.2, repeat=0.2, delay=0.4)
ABLE = EndpointConfig(
    supported=("100rel", "timer", "replaces"), session_expires=90, reliable_ringing=True
)
LOGIN = Login("alice", "secret", ("trunk",))


def able(seed: int, *, guarded: bool = False) -> Network:
    """Half of the orders without loss, so that only the order is random."""
    network = Network(seed, CALM if seed % 2 else ROUGH)
    accounts = {"alice": Account("alice", make_ha1("alice", "trunk", "secret"))}
    gate = Gate("trunk", accounts, (), b"gate") if guarded else None
    network.alice.endpoint = Endpoint(ABLE, Tokens(b"alice"), None)
    network.bob.endpoint = Endpoint(ABLE, Tokens(b"bob"), gate)
    return network


def bob_rings_and_answers(
    network: Network, *, early: bytes = b"", rings: int = 1, after: float = 0.2
) -> None:
    bob = network.bob

    def react(event: Event, now: float) -> list[Output]:
        if not isinstance(event, InviteReceived):
            return bob.answer_requests(event, now)
        session = event.session
        network.at(now + after, bob, lambda at: bob.endpoint.answer(session, ANSWER, at))
        return [
            output
            for number in range(rings)
            for output in bob.endpoint.ring(session, now, status=180 if number else 183, body=early)
        ]

    bob.react = react


def call(network: Network) -> None:
    alice = network.alice

    def invite(now: float) -> list[Output]:
        alice.alive.add("call")
        return alice.endpoint.invite(
            "call",
            uri="sip:bob@192.0.2.2",
            flow=alice.flow,
            from_=ALICE_NAME,
            to=BOB_NAME,
            body=OFFER,
            now=now,
            login=LOGIN,
        )

    network.at(0.0, alice, invite)


def at_random(
    network: Network, low: float, high: float, command: Callable[[float], list[Output]]
) -> None:
    network.at(network.random.uniform(low, high), network.alice, command)


def alice_hangs_up(network: Network, low: float, high: float) -> None:
    alice = network.alice
    when = network.random.uniform(low, high)
    network.at(when, alice, lambda at: alice.endpoint.hangup("call", at))


def bob_hangs_up(network: Network, low: float, high: float) -> None:
    bob = network.bob

    def hangup(at: float) -> list[Output]:
        return [out for session in bob.incoming for out in bob.endpoint.hangup(session, at)]

    network.at(network.random.uniform(low, high), bob, hangup)


def alice_offers(network: Network, low: float, high: float) -> None:
    alice = network.alice
    when = network.random.uniform(low, high)
    network.at(when, alice, lambda at: alice.endpoint.offer("call", OFFER, at))


def bob_offers(network: Network, low: float, high: float) -> None:
    bob = network.bob

    def offer(at: float) -> list[Output]:
        sessions = sorted(bob.alive)
        return [out for session in sessions for out in bob.endpoint.offer(session, OFFER, at)]

    network.at(network.random.uniform(low, high), bob, offer)


def finish(network: Network) -> tuple[list[SessionEnded], list[SessionEnded]]:
    """Nothing is stuck or left over, and each side tells of one end: lost messages are no
    excuse."""
    alice_hangs_up(network, 200.0, 200.0)
    bob_hangs_up(network, 200.0, 200.0)
    try:
        network.run()
        network.check_over()
        assert len(network.alice.ended) == 1
        assert len(network.bob.ended) == len(network.bob.incoming) <= 1
        if network.seed % 2:
            assert len(network.bob.ended) == 1
    except AssertionError as error:
        error.add_note(f"seed {network.seed}:\n" + "\n".join(network.log))
        raise
    return network.alice.ended, network.bob.ended
