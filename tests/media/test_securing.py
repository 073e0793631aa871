"""Encrypted lines on real sockets: what an encrypted phone and a browser send and hear."""

import socket

import pytest
from msgspec.structs import replace

from media import rtp
from media.protocol import (
    Close,
    Closed,
    Dtls,
    Echo,
    Failed,
    Join,
    Secured,
    Silent,
    Srtp,
)
from media.srtp import Cipher, Keys
from tests.media.callers import Caller, check, described, identity
from tests.media.rig import HOST, Phone, Rig, rig, run, turn

SUITE = "AES_CM_128_HMAC_SHA1_80"
A, B, C = (bytes([n]) * 30 for n in (1, 2, 3))


def srtp(phone: Phone, packet: bytes, cipher: Cipher, port: int) -> None:
    _ = phone.rtp.sendto(cipher.protect(packet), (HOST, port))


def test_keys_of_a_description_are_heard_in_the_clear_on_the_other_side() -> None:
    async def main() -> None:
        with rig() as setup:
            phone = setup.call("a", srtp=Srtp(SUITE, A, B))
            other = setup.call("b", "127.0.0.3")
            setup.engine.command(Join("a", "b"))
            cipher = Cipher(Keys(SUITE, B, A))
            sent = [phone.packet() for _ in range(40)]
            for packet in sent:
                srtp(phone, packet, cipher, setup.ports["a"])
            await other.hears(*sent)
            assert other.heard == sent
            back = other.send(setup.ports["b"])
            await phone.until(lambda: len(phone.heard) == 1)
            assert cipher.unprotect(phone.heard[0]) == back
            assert phone.heard[0] != back

    run(main)


def test_who_has_no_key_is_not_heard() -> None:
    async def main() -> None:
        with rig() as setup:
            phone = setup.call("a", srtp=Srtp(SUITE, A, B))
            other = setup.call("b", "127.0.0.3")
            setup.engine.command(Join("a", "b"))
            _ = phone.send(setup.ports["a"])
            srtp(phone, phone.packet(), Cipher(Keys(SUITE, C, A)), setup.ports["a"])
            right = phone.packet()
            srtp(phone, right, Cipher(Keys(SUITE, B, A)), setup.ports["a"])
            await other.hears(right)
            assert other.heard == [right]
            setup.engine.command(Close("a"))
        assert setup.of(Closed)[0].stats.dropped == 2

    run(main)


@pytest.mark.parametrize("again", [Srtp(SUITE, A, B), Srtp(SUITE, C, C), None])
def test_a_reinvite_keeps_or_changes_the_keys(again: Srtp | None) -> None:
    """The same keys go on with their counters: a packet of before is not taken twice."""

    async def main() -> None:
        with rig() as setup:
            phone = setup.call("a", srtp=Srtp(SUITE, A, B))
            setup.engine.command(Echo("a"))
            ciphers = [Cipher(Keys(SUITE, B, A))]
            first = phone.packet()
            srtp(phone, first, ciphers[0], setup.ports["a"])
            await phone.until(lambda: len(phone.heard) == 1)
            setup.connect("a", srtp=again)
            packet = phone.packet()
            if again is None:
                _ = phone.send(setup.ports["a"], packet)
                await phone.hears(packet)
                return
            if again.send == C:
                ciphers.append(Cipher(Keys(SUITE, C, C)))
            srtp(phone, first, ciphers[-1], setup.ports["a"])
            srtp(phone, packet, ciphers[-1], setup.ports["a"])
            wanted = 3 if again.send == C else 2
            await phone.until(lambda: len(phone.heard) == wanted)
            assert ciphers[-1].unprotect(phone.heard[-1]) == packet

    run(main)


def test_keys_that_are_none_are_refused() -> None:
    async def main() -> None:
        with rig() as setup:
            _ = setup.call("a", srtp=Srtp(SUITE, b"short", B))
            assert (await setup.event(Failed)).error.endswith("no keys of " + SUITE)

    run(main)


class Browser:
    """A `Caller` behind the socket of a phone."""

    def __init__(self, setup: Rig, name: str, caller: Caller) -> None:
        self.setup, self.name, self.caller = setup, name, caller
        self.phone = setup.phones[name]
        self._taken = 0

    def pump(self) -> None:
        for data in self.phone.heard[self._taken :]:
            self._taken += 1
            self.caller.on_datagram(data)
        for data in self.caller.out:
            _ = self.phone.rtp.sendto(data, (HOST, self.setup.ports[self.name]))
        self.caller.out.clear()

    async def hears(self, count: int) -> None:
        """So many packets, all in all."""
        await self.phone.until(lambda: len(self.caller.heard) == count, "sound", self.pump)

    async def shake_hands(self) -> None:
        self.caller.check()
        self.pump()
        await self.phone.until(lambda: self.answered, "answer to the check", self.pump)
        self.caller.start()
        self.pump()
        await self.setup.until(
            lambda: bool(self.setup.of(Secured)) and self.caller.keys is not None,
            "keys",
            self.pump,
        )

    @property
    def heard(self) -> list[bytes]:
        return [rtp.payload(packet) for packet in self.caller.heard]

    @property
    def answered(self) -> bool:
        self.pump()
        return bool(self.caller.answers)


def browser(
    setup: Rig, name: str = "a", peer: Dtls | None = None, host: str = "127.0.0.2"
) -> Browser:
    peer = peer or described()
    setup.engine.command(identity("server"))
    _ = setup.open(name, host)
    setup.connect(name, address=(host, 9), rtcp=("", 0), dtls=peer)
    return Browser(setup, name, Caller(peer, active=not peer.active))


@pytest.mark.parametrize("active", [False, True])
def test_a_browser_talks_with_a_phone(active: bool) -> None:
    async def main() -> None:
        with rig() as setup:
            page = browser(setup, peer=described(active=active))
            other = setup.call("b", "127.0.0.3")
            setup.engine.command(Join("a", "b"))
            await page.shake_hands()
            assert setup.of(Secured) == [Secured("a", "AEAD_AES_256_GCM")]
            packet = page.phone.packet()
            page.caller.speak(packet)
            page.pump()
            await other.hears(packet)
            back = other.send(setup.ports["b"])
            await page.phone.until(lambda: bool(page.caller.heard), "sound", page.pump)
            assert rtp.payload(page.caller.heard[0]) == rtp.payload(back)

    run(main)


def test_nothing_leaves_before_there_are_keys() -> None:
    async def main() -> None:
        with rig() as setup:
            page = browser(setup)
            other = setup.call("b", "127.0.0.3")
            setup.engine.command(Join("a", "b"))
            _ = other.send(setup.ports["b"])
            _ = page.phone.send(setup.ports["a"])
            await turn()
            assert (page.phone.heard, other.heard) == ([], [])

    run(main)


def test_a_stranger_cannot_spoil_the_handshake() -> None:
    """He sends a ClientHello that can come to nothing, from his own address, all the time."""

    async def main() -> None:
        with rig() as setup, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.4", 0))
            stranger.setblocking(False)
            page = browser(setup)
            hello = Caller(described(), name="stranger")
            hello.start()
            where = (HOST, setup.ports["a"])

            def spray() -> None:
                for data in hello.out:
                    _ = stranger.sendto(data, where)
                page.pump()

            spray()
            page.caller.check()
            await page.phone.until(lambda: page.answered, "answer", spray)
            page.caller.start()
            await setup.until(lambda: bool(setup.of(Secured)), "keys", spray)
            with pytest.raises(BlockingIOError):
                _ = stranger.recv(2048)

    run(main)


def test_who_shows_another_certificate_fails() -> None:
    async def main() -> None:
        with rig() as setup:
            page = browser(setup)
            page.caller = Caller(described(), name="somebody else")
            page.caller.check()
            await page.phone.until(lambda: page.answered, "answer", page.pump)
            page.caller.start()
            page.pump()
            await setup.until(lambda: bool(setup.of(Failed)), "failure", page.pump)
            assert setup.of(Failed)[0].error == (
                "no keys with the peer: the certificate is not the one of the description"
            )

    run(main)


def test_who_says_goodbye_is_gone() -> None:
    async def main() -> None:
        with rig() as setup:
            page = browser(setup)
            await page.shake_hands()
            page.caller._take(page.caller.association.close())
            page.pump()
            await turn()
            assert setup.of(Silent) == []  # Its BYE may be on the way.
            assert await setup.event(Silent) == Silent("a")

    run(main)


def test_a_reinvite_keeps_the_way_and_the_keys() -> None:
    """Held and taken back: the description's address is none, and nothing is negotiated anew."""

    async def main() -> None:
        with rig() as setup:
            page = browser(setup)
            setup.engine.command(Echo("a"))
            await page.shake_hands()
            for receiving in (False, True):
                setup.connect(
                    "a",
                    address=("127.0.0.2", 9),
                    rtcp=("", 0),
                    dtls=described(),
                    receiving=receiving,
                )
            packet = page.phone.packet()
            page.caller.speak(packet)
            page.pump()
            await page.phone.until(lambda: page.heard == [rtp.payload(packet)], "echo", page.pump)
            assert len(setup.of(Secured)) == 1

    run(main)


def test_the_peer_moves_to_another_network() -> None:
    """A check that names another place takes the sound there (RFC 8445 §8.1.1)."""

    async def main() -> None:
        with rig() as setup:
            page = browser(setup)
            setup.engine.command(Echo("a"))
            await page.shake_hands()
            elsewhere = setup.open("elsewhere", "127.0.0.5")
            setup.ports["elsewhere"] = setup.ports["a"]
            page.phone, page._taken, page.name = elsewhere, 0, "elsewhere"
            page.caller.answers.clear()
            page.caller.check()
            await elsewhere.until(lambda: page.answered, "answer", page.pump)
            packet = elsewhere.packet()
            page.caller.speak(packet)
            page.pump()
            await elsewhere.until(lambda: page.heard == [rtp.payload(packet)], "echo", page.pump)

    run(main)


def test_a_peer_that_looks_for_its_network_again_is_heard_all_the_time() -> None:
    """It has chosen a new port before our answer comes, and keeps that with the old password."""

    async def main() -> None:
        with rig() as setup:
            page = browser(setup)
            setup.engine.command(Echo("a"))
            await page.shake_hands()
            elsewhere = setup.open("elsewhere", "127.0.0.5")
            setup.ports["elsewhere"] = setup.ports["a"]
            page.phone, page._taken, page.name = elsewhere, 0, "elsewhere"
            page.caller.answers.clear()
            page.caller.check(use=False)
            await elsewhere.until(lambda: page.answered, "answer", page.pump)
            peer = replace(described(), ice_ufrag="more", ice_pwd="m" * 22, peer_ufrag="they")
            setup.connect("a", address=("127.0.0.5", 9), rtcp=("", 0), dtls=peer)
            before, after = elsewhere.packet(), elsewhere.packet()
            page.caller.speak(before)
            page.caller.check()
            page.caller.speak(after)
            page.pump()
            await elsewhere.until(lambda: page.heard == [rtp.payload(after)], "echo", page.pump)
            assert page.caller.answers[-1].kind.name == "SUCCESS"
            first = setup.phones["a"]
            await first.until(lambda: first.heard[-1][0] >= 128, "the echo of before")
            page.caller.heard.clear()
            page.caller.on_datagram(first.heard[-1])
            assert page.heard == [rtp.payload(before)]
            assert len(setup.of(Secured)) == 1

    run(main)


def test_a_wrong_password_gets_an_answer_that_says_so() -> None:
    async def main() -> None:
        with rig() as setup:
            page = browser(setup)
            page.caller.out.append(check("ours:them", "wrong"))
            page.pump()
            await page.phone.until(lambda: page.answered, "answer", page.pump)
            assert page.caller.answers[0].kind.name == "ERROR"

    run(main)


def test_all_voices_and_music_are_one_stream_for_a_browser() -> None:
    """Another source would be another track to it, and the first one never be heard again."""

    async def main() -> None:
        with rig() as setup:
            page = browser(setup)
            phones = [setup.call("b", "127.0.0.3"), setup.call("c", "127.0.0.6")]
            await page.shake_hands()
            for count, index in enumerate((0, 1, 0), start=1):
                setup.engine.command(Join("a", "bc"[index]))
                _ = phones[index].send(setup.ports["bc"[index]])
                await page.hears(count)
            headers = [rtp.unpack(packet) for packet in page.caller.heard]
            assert len({header.ssrc for header in headers}) == 1
            first = headers[0].seq
            assert [header.seq for header in headers] == [(first + n) % 65_536 for n in range(3)]

    run(main)
