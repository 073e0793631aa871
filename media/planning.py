"""What the hot loop does with the next packets of a session: prepared at commands, not per packet.

A plain relay is the `send` of the other socket and nothing else. Whatever more there is to do (a
cipher, a listener, another number, another law) is a step before it, and is there only if it is
needed:

    unprotect -> taps -> to each hearer: restamp, convert or transcode -> protect -> send
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from media import rtp
from media.errors import ParseError
from media.formats import CodecError
from media.line import Cipher, Keeper, Line, Packet
from media.relay import Conversion, LegState, convert
from media.session import Session
from media.sockets import NO_TYPE, discard
from media.splicing import Splice

if TYPE_CHECKING:
    from media.transcoding import Transcoder

Forward = Callable[[Packet], object]
Clock = Callable[[], float]
OnPacket = Callable[[int, int, int, bytes, float], None]
Keep = Callable[[bytes, float], None]

_HEADER: Final = rtp.HEADER.unpack_from
_HEADER_SIZE: Final = rtp.HEADER_SIZE


def plan(line: Line, lines: Mapping[str, Line], clock: Clock) -> None:
    """Who is in the way of the peer's packets has changed, or may have."""
    line.settle()
    line.plan_send()
    session, leg, port = line.session, line.session.leg, line.rtp
    line.hearers = session.hearers
    port.forward = discard
    port.payload_type = NO_TYPE
    if leg.state is not LegState.CONNECTED or leg.payload_type == leg.dtmf_payload_type:
        return
    steps = [way(session, lines[hearer.name], clock) for hearer in line.hearers]
    forward = _all_of([step for step in steps if step is not None])
    if len(steps) == 1 and steps[0] is None and not line.taps:
        return  # Nobody can make use of it: it is looked at, and counted.
    keepers = [tap.keeper(leg.codec) for tap in line.taps if isinstance(tap, Keeper)]
    if keepers and len(keepers) == len(line.taps):
        if len(keepers) == 1 and forward is discard:
            forward = partial(_keep, keepers[0], clock)
        else:
            for keep in keepers:
                forward = _kept(keep, clock, forward)
    elif len(line.taps) == 1 and forward is discard:
        forward = partial(_tell, line.taps[0].on_packet, clock)
    elif line.taps:
        forward = partial(_forward_tapped, line, clock, forward)
    if line.unprotect is not None:
        forward = partial(_forward_unprotected, session, line.unprotect, forward)
    port.forward = forward
    port.payload_type = leg.payload_type


def way(session: Session, target: Line, clock: Clock) -> Forward | None:
    """The way of sound of the agreed payload type to one hearer."""
    leg = session.leg
    transcoder = target.session.transcoder = _transcoder(session, target.session)
    if transcoder is not None:
        return partial(_forward_transcoded, target, transcoder, clock)
    conversion = leg.conversion(leg.payload_type, target.session.leg)
    if conversion is None:
        return None
    send = target.send
    if conversion != Conversion(leg.payload_type):
        send = partial(_forward_converted, send, conversion)
    splice = target.session.splice
    return send if splice is None else partial(_forward_spliced, send, splice, clock)


def _all_of(steps: list[Forward]) -> Forward:
    if not steps:
        return discard
    return steps[0] if len(steps) == 1 else partial(_forward_to_all, tuple(steps))


def _forward_to_all(steps: tuple[Forward, ...], packet: Packet) -> None:
    """One who cannot be reached is no reason not to send to the others."""
    failed: OSError | None = None
    for step in steps:
        try:
            _ = step(packet)
        except OSError as error:
            failed = error
    if failed is not None:
        raise failed


def _forward_converted(
    send: Callable[[bytes], object], conversion: Conversion, packet: Packet
) -> None:
    _ = send(convert(bytes(packet), conversion, law_tables()))


def _forward_spliced(send: Forward, splice: Splice, clock: Clock, packet: Packet) -> None:
    _ = send(splice.renumber(packet, clock()))


def _forward_tapped(line: Line, clock: Clock, forward: Forward, packet: Packet) -> None:
    try:
        _ = forward(packet)
    finally:
        for tap in tuple(line.taps):
            _tell(tap.on_packet, clock, packet)


def _keep(keep: Keep, clock: Clock, packet: Packet) -> None:
    keep(bytes(packet), clock())


def _kept(keep: Keep, clock: Clock, forward: Forward) -> Forward:
    """For those who only put packets aside, whole: a third of the work of a tap. (A `partial`
    with these three would cost more than a closure.)"""

    def step(packet: Packet) -> None:
        try:
            _ = forward(packet)
        finally:
            keep(bytes(packet), clock())

    return step


def _tell(on_packet: OnPacket, clock: Clock, packet: Packet) -> None:
    """Plain: no more than the header of twelve bytes, and no marker."""
    _, payload_type, seq, timestamp, _ = _HEADER(packet)
    on_packet(payload_type, seq, timestamp, bytes(packet[_HEADER_SIZE:]), clock())


def _forward_unprotected(
    session: Session, unprotect: Cipher, forward: Forward, packet: Packet
) -> None:
    try:
        plain = unprotect(packet)
    except ParseError:
        session.dropped += 1
        return
    _ = forward(plain)


def _transcoder(source: Session, target: Session) -> "Transcoder | None":
    """The one that is at work already, a new one, or none."""
    if not source.leg.needs_transcoding(target.leg):
        return None
    from media.transcoding import Transcoder  # It needs numpy, and most workers never do.

    found = target.transcoder
    if found is not None and found.between == Transcoder.key(source.leg, target.leg):
        return found
    try:
        return Transcoder(source.leg, target.leg, target.player.stream)
    except CodecError:
        return None  # Not offered here, but agreed: nothing can be heard.


def _forward_transcoded(
    target: Line, transcoder: "Transcoder", clock: Clock, packet: Packet
) -> None:
    try:
        packets = transcoder.on_packet(bytes(packet), clock())
    except ParseError:
        packets = []
    # The hot loop counts one packet of this size.
    target.session.sent += len(packets) - 1
    target.session.bytes_sent += sum(map(len, packets)) - len(packet)
    for made in packets:
        _ = target.send(made)


def law_tables() -> dict[tuple[str, str], bytes]:
    """numpy makes them, and most workers never need them."""
    from media.g711 import TRANSLATE

    return TRANSLATE
