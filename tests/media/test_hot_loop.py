"""The loop that forwards sound: what it counts, what it leaves to others, whom it lets wait."""

from media import rtp
from media.engine import LINES_AT_ONCE
from media.protocol import Close, Closed, Digit, Event, Join, Silent, Watch
from tests.media.rig import Rig, rig, run

SILENT_SECONDS = 0.01


def test_packets_of_all_lengths_are_added_up() -> None:
    lengths = (160, 160, 80, 240, 240, 160, *(20 + n % 7 for n in range(100)))

    async def main() -> None:
        with rig() as setup:
            a, b = setup.call("a"), setup.call("b", "127.0.0.3")
            setup.engine.command(Join("a", "b"))
            sent = [a.packet(bytes(length)) for length in lengths]
            for packet in sent:
                _ = a.send(setup.ports["a"], packet)
                await b.hears(packet)
            assert b.heard == sent
            for name in "ab":
                setup.engine.command(Close(name))
        stats = {event.session: event.stats for event in setup.of(Closed)}
        octets = sum(map(len, sent))
        assert (stats["a"].received, stats["a"].bytes_received) == (len(sent), octets)
        assert (stats["b"].sent, stats["b"].bytes_sent) == (len(sent), octets)
        assert (stats["a"].lost, stats["a"].dropped) == (0, 0)

    run(main)


def test_what_is_too_short_is_not_taken_for_the_packet_before() -> None:
    """All ports share one buffer, so it still begins like sound."""

    async def main() -> None:
        with rig() as setup:
            a, b = setup.call("a"), setup.call("b", "127.0.0.3")
            setup.engine.command(Join("a", "b"))
            await b.hears(a.send(setup.ports["a"]))
            for data in (b"", b"\x80", rtp.pack(0, 9, 9, 9)):
                _ = b.send(setup.ports["b"], data)
                _ = a.send(setup.ports["a"], data)
            last = b.send(setup.ports["b"])
            await a.hears(last)
            assert (a.heard, len(b.heard)) == ([last], 1)
            for name in "ab":
                setup.engine.command(Close(name))
        stats = {event.session: event.stats for event in setup.of(Closed)}
        assert (stats["a"].received, stats["a"].dropped) == (1, 3)
        assert (stats["b"].received, stats["b"].dropped) == (1, 3)

    run(main)


class Presser(Rig):
    """Phone "a" presses a key as soon as somebody is found to be silent."""

    def _emit(self, event: Event) -> None:
        if isinstance(event, Silent) and not self.events:
            end = rtp.pack(101, 1, 160, 7) + b"\x05\x8a\x01\x40"
            _ = self.phones["a"].send(self.ports["a"], end)
        super()._emit(event)


def test_packets_go_through_while_lines_are_looked_after() -> None:
    async def main() -> None:
        names = ["a", *(str(n) for n in range(LINES_AT_ONCE + 4))]
        with rig(make=Presser) as setup:
            for name in names:
                _ = setup.call(name)
                setup.engine.command(Watch(name, SILENT_SECONDS))
            _ = await setup.event(Silent, len(names))
            silent: list[Event] = [Silent(name) for name in names]
            key = Digit("a", "5", 40)
            assert setup.events == [*silent[:LINES_AT_ONCE], key, *silent[LINES_AT_ONCE:]]

    run(main)
