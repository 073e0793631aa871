"""Whose packets a session believes: the decision by itself, and an attack on real sockets.

The attacker (RTP bleed and injection) sprays every port from the first moment of the call. It
must get nothing back, and nothing of it may be heard.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtp
from media.protocol import Close, Closed, Connect, Digit, Echo, Join, Play
from media.relay import TRANSITIONS, Address, Latch, Leg, LegState
from tests.media.rig import HOST, Phone, Rig, rig, run, tone

NAT = "192.0.2.9"
DECLARED: Address = (NAT, 4000)
OTHER: Address = (NAT, 5000)
STRANGER: Address = ("198.51.100.1", 4000)


def packet(ssrc: int = 1, seq: int = 1) -> bytes:
    return rtp.pack(0, seq, seq * 160, ssrc) + b"x" * 160


def latch() -> Latch:
    return Latch(NAT, frozenset({DECLARED}))


def test_two_packets_of_one_source_decide() -> None:
    decision = latch()
    assert [decision.on_packet(packet(), OTHER) for _ in range(2)] == [False, True]


def test_a_change_of_ssrc_or_port_begins_again() -> None:
    decision = latch()
    sources = [(1, OTHER), (2, OTHER), (2, (NAT, 5002)), (2, OTHER), (2, OTHER)]
    assert [decision.on_packet(packet(ssrc), at) for ssrc, at in sources] == [False] * 4 + [True]


def test_the_declared_port_comes_first() -> None:
    """Somebody else on the same IP takes turns with the peer, and even is the first."""
    decision = latch()
    turns = [OTHER, DECLARED, OTHER, DECLARED]
    assert [decision.on_packet(packet(), at) for at in turns] == [False, False, False, True]


@pytest.mark.parametrize(
    "data", [b"", b"\x80", rtp.pack(0, 1, 1, 1), b"\x80\xc8" + bytes(30), b"\x00\x01" + bytes(30)]
)
def test_only_rtp_counts(data: bytes) -> None:
    decision = latch()
    assert not any(decision.on_packet(data, DECLARED) for _ in range(3))


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from([STRANGER, ("10.0.0.1", 4000)]))))
def test_no_number_of_packets_from_elsewhere_decides(steps: list[tuple[int, Address]]) -> None:
    decision = latch()
    assert not any(decision.on_packet(packet(ssrc), at) for ssrc, at in steps)


def connect(learn_from: str = "", address: Address = DECLARED) -> Connect:
    return Connect("a", address, (address[0], address[1] + 1), learn_from, "PCMU", 0)


@given(st.lists(st.sampled_from(["exact", "learn", "latch", "nowhere"]), max_size=12))
def test_any_history_of_a_leg_is_legal(steps: list[str]) -> None:
    leg = Leg()
    for step in steps:
        before = leg.state
        match step:
            case "exact":
                leg.connect(connect())
            case "learn":
                leg.connect(connect(NAT))
            case "nowhere":
                leg.connect(connect(address=(NAT, 0)))
                assert not leg.receiving
            case _ if leg.state is LegState.LATCHING:
                leg.latched(OTHER)
            case _:
                continue
        assert leg.state is before or leg.state in TRANSITIONS[before]
        assert (leg.latch is not None) == (leg.state is LegState.LATCHING)


def test_a_new_offer_opens_the_door_again_and_keeps_sending_to_the_old_port() -> None:
    leg = Leg()
    leg.connect(connect(NAT))
    leg.latched(OTHER)
    leg.connect(connect(NAT))
    assert (leg.state, leg.remote) == (LegState.LATCHING, OTHER)
    assert leg.latch is not None
    assert leg.latch.preferred == {DECLARED, OTHER}


# The attack.

SPRAY = 20
EVIL = b"\x66" * 160


class Attacker(Phone):
    def spray(self, setup: Rig) -> None:
        """Every port, RTP and RTCP, with payload types that would be taken."""
        for port in setup.ports.values():
            for _ in range(SPRAY):
                _ = self.send(port, self.packet(EVIL))
                _ = self.send(port, self.packet(b"\x05\x8a\x03\x20", 101))
                _ = self.rtcp.sendto(b"\x80\xc9\x00\x01" + bytes(4), (HOST, port + 1))


async def say(setup: Rig, speaker: str, hearer: str) -> None:
    """Twice, so that a latch is sure of it. Sockets are queues: what was sprayed before is read."""
    port = setup.ports[speaker]
    _ = setup.phones[speaker].send(port)
    await setup.phones[hearer].hears(setup.phones[speaker].send(port))


@pytest.mark.parametrize("learn", [False, True], ids=["declared", "learned"])
def test_an_attacker_gets_nothing_and_is_not_heard(learn: bool, tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            attacker = setup.phones["attacker"] = Attacker("127.0.0.66", ssrc=0x66)

            def connect_both(**changes: bool) -> None:
                for name in ("a", "b"):
                    learn_from = setup.phones[name].host if learn else ""
                    setup.connect(name, learn_from=learn_from, **changes)

            _ = setup.open("a"), setup.open("b", "127.0.0.3")
            attacker.spray(setup)  # Nobody is connected.
            connect_both()
            setup.engine.command(Join("a", "b"))
            attacker.spray(setup)  # Both are silent.
            for speaker, hearer in ("ab", "ba", "ab"):
                await say(setup, speaker, hearer)
                attacker.spray(setup)  # They talk.
            connect_both(receiving=False)
            attacker.spray(setup)  # On hold.
            connect_both()
            for speaker, hearer in ("ab", "ba"):
                await say(setup, speaker, hearer)
            setup.engine.command(Play("a", 1, (str(tone(tmp_path)),)))
            setup.engine.command(Echo("b"))
            attacker.spray(setup)  # One hears a prompt, the other himself.
            before = len(setup.phones["a"].heard)
            await setup.phones["a"].until(lambda: len(setup.phones["a"].heard) > before + 2)
            await say(setup, "b", "b")
            for name in setup.ports:
                setup.engine.command(Close(name))
            attacker.spray(setup)  # It is over.
        assert (attacker.heard, attacker.reports) == ([], [])
        heard = [data for phone in setup.phones.values() for data in phone.heard]
        assert not [data for data in heard if EVIL in data or data[8:12] == b"\0\0\0\x66"]
        assert setup.of(Digit) == []
        refused = sum(closed.stats.refused for closed in setup.of(Closed))
        assert (refused > 0) == learn

    run(main)


def test_sound_comes_back_to_the_port_it_came_from() -> None:
    """The peer is behind a NAT: its SDP names an address that leads nowhere."""

    async def main() -> None:
        with rig() as setup:
            phone = setup.open("a")
            other = setup.call("b", "127.0.0.3")
            setup.connect("a", address=("127.0.0.99", 9), learn_from=phone.host)
            setup.engine.command(Join("a", "b"))
            await say(setup, "a", "b")
            await phone.hears(other.send(setup.ports["b"]))

    run(main)


def test_what_the_peer_said_before_we_knew_it_is_kept() -> None:
    async def main() -> None:
        with rig() as setup:
            phone, other = setup.open("a"), setup.call("b", "127.0.0.3")
            _ = phone.send(setup.ports["a"])
            setup.connect("a")
            setup.engine.command(Join("a", "b"))
            await other.hears(phone.send(setup.ports["a"]))
            setup.engine.command(Close("a"))
            assert (await setup.event(Closed)).stats.received == 2

    run(main)
