"""DTLS between two ends of ours, over a network that loses, doubles and disorders datagrams."""

import contextlib
import ssl
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.dtls import (
    ATTEMPTS_MAX,
    DATAGRAM_BYTES_MAX,
    HANDSHAKE_SECONDS,
    Association,
    DtlsState,
    Ended,
    Output,
    Ready,
    Transmit,
    datagrams,
    is_dtls,
)
from media.errors import ParseError
from media.fingerprint import ALGORITHMS, Fingerprint
from tests.interop.sprayer import HELLO
from tests.media.callers import certificate, identity

if TYPE_CHECKING:
    from media.srtp import Keys

A, B = certificate("a"), certificate("b")
PATIENCE_SECONDS = 25.0


class Network:
    def __init__(self, seed: int, loss: float) -> None:
        self.ends = {
            "a": Association(A, B.fingerprint, active=True),
            "b": Association(B, A.fingerprint, active=False),
        }
        self.keys: dict[str, Keys] = {}
        self.ended: dict[str, str] = {}
        self.now = 0.0
        self.sizes: list[int] = []
        self._loss = loss
        self._rng = Random(seed)
        self._wire: list[tuple[float, float, str, bytes]] = []

    def put(self, sender: str, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Ready(keys):
                    self.keys[sender] = keys
                case Ended(error):
                    self.ended[sender] = error
                case Transmit(data):
                    self.sizes.append(len(data))
                    if self._rng.random() < self._loss:
                        continue
                    for _ in range(2 if self._rng.random() < self._loss else 1):
                        at = self.now + self._rng.random() / 10
                        self._wire.append(
                            (at, self._rng.random(), "b" if sender == "a" else "a", data)
                        )

    def step(self) -> None:
        """On to whatever comes next."""
        due = [item[0] for item in self._wire]
        due += [at for end in self.ends.values() if (at := end.next_deadline) is not None]
        self.now = max(self.now, min(due))
        for item in sorted(item for item in self._wire if item[0] <= self.now):
            self._wire.remove(item)
            self.put(item[2], self.ends[item[2]].on_datagram(item[3], self.now))
        for name, end in self.ends.items():
            self.put(name, end.on_time(self.now))


def connect(seed: int = 0, loss: float = 0.0) -> Network:
    network = Network(seed, loss)
    network.put("a", network.ends["a"].start(0.0))
    while len(network.keys) < 2 and network.now < PATIENCE_SECONDS:
        network.step()
    return network


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.3]))
def test_both_have_the_same_keys_whatever_the_network_does(seed: int, loss: float) -> None:
    network = connect(seed, loss)
    a, b = network.keys["a"], network.keys["b"]
    assert (a.suite, a.send, a.receive) == (b.suite, b.receive, b.send)
    assert a.send != a.receive
    assert a.suite == "AEAD_AES_256_GCM"
    assert max(network.sizes) <= DATAGRAM_BYTES_MAX


def test_without_loss_it_takes_two_ways_there_and_back() -> None:
    network = connect()
    assert network.now < 0.5
    assert len(network.sizes) < 20
    assert all(end.next_deadline is None for end in network.ends.values())


def test_a_wrong_certificate_ends_it() -> None:
    network = Network(0, 0.0)
    network.ends["b"] = Association(B, B.fingerprint, active=False)
    network.put("a", network.ends["a"].start(0.0))
    while not network.ended:
        network.step()
    assert network.ended == {"b": "the certificate is not the one of the description"}
    assert network.ends["b"].on_datagram(b"\x16" * 40, 1.0) == []


def test_nobody_answers() -> None:
    end = Association(A, B.fingerprint, active=True)
    sent = end.start(0.0)
    assert sent
    hello, outputs = sent[0], []
    while (due := end.next_deadline) is not None:
        outputs = end.on_time(due)
        assert outputs in ([hello], [Ended("no answer to the handshake")])
    assert outputs == [Ended("no answer to the handshake")]
    assert (end.state, due) == (DtlsState.ENDED, None)
    assert HANDSHAKE_SECONDS == 30.0


def test_a_broken_hello_is_forgotten() -> None:
    """Even if it came from where the peer is: the right one comes later."""
    network = Network(0, 0.0)
    for _ in range(ATTEMPTS_MAX - 1):
        _ = network.ends["b"].on_datagram(HELLO, 0.0)
        assert network.ends["b"].state is DtlsState.NEW
    network.put("a", network.ends["a"].start(0.0))
    while len(network.keys) < 2:
        network.step()
    assert network.ended == {}


def test_too_many_broken_hellos() -> None:
    end = Association(A, B.fingerprint, active=False)
    ended = [end.on_datagram(HELLO, 0.0)[-1] for _ in range(ATTEMPTS_MAX)][-1]
    assert ended == Ended("the handshake is broken")


def test_goodbye() -> None:
    network = connect()
    network.put("a", network.ends["a"].close())
    while not network.ended:
        network.step()
    assert network.ended == {"b": ""}
    assert network.ends["a"].close() == []


def test_the_last_flight_is_sent_again() -> None:
    network = connect()
    server = network.ends["b"]
    flight = list(server._flight)
    repeated = bytes([22]) + bytes.fromhex("fefd000000000000000000010c") + bytes(12)
    assert server.on_datagram(repeated, 10.0) == [Transmit(datagram) for datagram in flight]
    assert server.on_datagram(repeated, 10.0) == []


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60) | st.just(HELLO), max_size=20), st.booleans())
def test_any_bytes(received: list[bytes], active: bool) -> None:
    end = Association(A, B.fingerprint, active=active)
    _ = end.start(0.0)
    for data in received:
        for output in end.on_datagram(data, 0.0):
            assert not isinstance(output, Ready)


@given(st.lists(st.integers(0, 1100), min_size=1, max_size=12))
def test_flights_are_cut_between_records(sizes: list[int]) -> None:
    flight = b"".join(b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2) + bytes(size) for size in sizes)
    cut = datagrams(flight)
    assert b"".join(cut) == flight
    assert all(len(datagram) <= DATAGRAM_BYTES_MAX for datagram in cut)
    assert all(is_dtls(datagram) for datagram in cut)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_fingerprints(algorithm: str) -> None:
    der = ssl.PEM_cert_to_DER_cert(identity("a").certificate_pem)
    fingerprint = Fingerprint.of(der, algorithm)
    assert Fingerprint.parse(f" {algorithm.upper()}  {fingerprint.value.lower()} ") == fingerprint
    assert fingerprint.fits(der)
    assert not fingerprint.fits(der + b"\0")


@given(st.text(max_size=30), st.sampled_from(["", "sha-256 ", "sha-1 ", "sha-256 " + "AB:" * 31]))
def test_any_fingerprint(text: str, start: str) -> None:
    with contextlib.suppress(ParseError):
        assert Fingerprint.parse(start + text).algorithm in ALGORITHMS
