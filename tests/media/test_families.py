"""A worker that listens on "::" speaks with phones of both families."""

import socket

import pytest

from media.protocol import Join
from media.sockets import as_seen_by, plain
from tests.media.rig import rig, run

SIX = "::1"


def six() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((SIX, 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not six(), reason="no IPv6 here")


@pytest.mark.parametrize(
    ("bound", "one", "other"),
    [
        ("::", "127.0.0.2", SIX),
        ("::", "127.0.0.2", "127.0.0.3"),
        ("::", SIX, SIX),
        (SIX, SIX, SIX),
    ],
)
@pytest.mark.parametrize("learning", [False, True])
def test_sound_both_ways(bound: str, one: str, other: str, learning: bool) -> None:
    async def main() -> None:
        with rig(bound) as setup:
            a, b = setup.open("a", one), setup.open("b", other)
            for name, phone in (("a", a), ("b", b)):
                if learning:  # The SDP names a port behind the NAT.
                    wrong = (phone.host, 9)
                    setup.connect(name, address=wrong, rtcp=(phone.host, 10), learn_from=phone.host)
                else:
                    setup.connect(name)
            setup.engine.command(Join("a", "b"))
            for phone, name in ((a, "a"), (b, "b")) if learning else ():
                for _ in range(8):
                    _ = phone.send(setup.ports[name])
            for _ in range(3):
                await b.until(lambda: bool(b.heard), meanwhile=lambda: a.send(setup.ports["a"]))
                await b.hears(a.send(setup.ports["a"]))
                await a.hears(b.send(setup.ports["b"]))

    run(main)


@pytest.mark.parametrize("host", ["127.0.0.2", SIX])
def test_what_came_before_the_address_was_known_is_the_peers(host: str) -> None:
    async def main() -> None:
        with rig("::") as setup:
            phone = setup.open("a", host)
            for _ in range(3):
                _ = phone.send(setup.ports["a"])
            setup.connect("a")
            assert vars(setup.engine)["sockets"].refused == 0

    run(main)


def test_addresses_of_both_families() -> None:
    with socket.socket(socket.AF_INET6) as sock6, socket.socket(socket.AF_INET) as sock4:
        assert as_seen_by(sock6, ("192.0.2.1", 9)) == ("::ffff:192.0.2.1", 9)
        assert as_seen_by(sock6, ("2001:db8::1", 9)) == ("2001:db8::1", 9)
        assert as_seen_by(sock4, ("192.0.2.1", 9)) == ("192.0.2.1", 9)
    assert plain(("::ffff:192.0.2.1", 9, 0, 0)) == ("192.0.2.1", 9)
    assert plain(("2001:db8::1", 9, 0, 0)) == ("2001:db8::1", 9)
    assert plain(("192.0.2.1", 9)) == ("192.0.2.1", 9)
