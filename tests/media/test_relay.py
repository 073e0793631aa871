from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import g711, rtcp, rtp
from media.errors import ParseError
from media.player import Ended
from media.protocol import Connect, Digit, PlayEnded, Silent
from media.relay import Conversion, Leg, checked, convert, is_rtp
from media.session import REPORT_COMPENSATION, REPORT_SECONDS, Mode, SendRtcp, SendRtp, Session

TABLES = g711.TRANSLATE


def connect(codec: str = "PCMU", payload_type: int = 0, **changes: object) -> Connect:
    values: dict[str, object] = {
        "session": "a",
        "address": ("192.0.2.1", 4000),
        "rtcp": ("192.0.2.1", 4001),
        "learn_from": "",
        "codec": codec,
        "payload_type": payload_type,
        "dtmf_payload_type": 101,
        **changes,
    }
    return Connect(**values)  # type: ignore[arg-type]


def leg(codec: str, payload_type: int, dtmf_payload_type: int | None = 101) -> Leg:
    made = Leg()
    made.connect(connect(codec, payload_type, dtmf_payload_type=dtmf_payload_type))
    return made


def session(name: str, **changes: object) -> Session:
    made = Session(name, "cname", Random(name))
    _ = made.connect(connect(**changes), 0.0)  # type: ignore[arg-type]
    return made


def pair(**changes: object) -> tuple[Session, Session]:
    a, b = session("a"), session("b", **changes)
    a.join(b)
    return a, b


@pytest.mark.parametrize(
    ("source", "target", "payload_type", "expected"),
    [
        (leg("PCMU", 0), leg("PCMU", 0), 0, Conversion(0)),
        (leg("PCMU", 0), leg("PCMA", 8), 0, Conversion(8, ("PCMU", "PCMA"))),
        (leg("PCMU", 0), leg("PCMU", 0), 8, Conversion(0, ("PCMA", "PCMU"))),
        (leg("opus", 111), leg("opus", 96), 111, Conversion(96)),
        (leg("opus", 111), leg("PCMU", 0), 111, None),
        (leg("opus", 111), leg("PCMU", 0), 0, Conversion(0)),
        (leg("PCMU", 0), leg("PCMU", 0, 96), 101, Conversion(96)),
        (leg("PCMU", 0), leg("PCMU", 0, None), 101, None),
        (leg("PCMU", 0), leg("PCMA", 8), 13, Conversion(13)),
        (leg("PCMU", 0), leg("PCMU", 0), 77, None),
    ],
)
def test_what_becomes_of_a_payload_type(
    source: Leg, target: Leg, payload_type: int, expected: Conversion | None
) -> None:
    assert source.conversion(payload_type, target) == expected


@given(
    st.binary(min_size=13, max_size=300),
    st.integers(0, 127),
    st.sampled_from([None, ("PCMU", "PCMA"), ("PCMA", "PCMU")]),
)
def test_conversion_keeps_the_stream(
    data: bytes, payload_type: int, laws: tuple[str, str] | None
) -> None:
    packet = b"\x80" + data[1:]
    out = convert(packet, Conversion(payload_type, laws), TABLES)
    assert out[1] & 0x80 == packet[1] & 0x80
    assert out[1] & 0x7F == payload_type
    assert (out[2:12], len(out)) == (packet[2:12], len(packet))
    assert (out[12:] == packet[12:]) or laws is not None


@given(st.binary(max_size=60), st.sampled_from([None, ("PCMU", "PCMA")]))
def test_conversion_of_anything_raises_only_parse_error(
    data: bytes, laws: tuple[str, str] | None
) -> None:
    if not is_rtp(data, len(data)):
        return
    try:
        out = convert(data, Conversion(8, laws), TABLES)
    except ParseError:
        return
    assert rtp.unpack(out).ssrc == rtp.unpack(data).ssrc


def test_translated_packets_leave_extension_and_padding_behind() -> None:
    head = rtp.pack(0, 2, 320, 7)
    packet = b"\xb1" + head[1:] + bytes(4) + b"\xbe\xde\0\0" + b"abc" + b"\2\2"
    out = convert(packet, Conversion(8, ("PCMU", "PCMA")), TABLES)
    assert out == rtp.pack(8, 2, 320, 7) + b"abc".translate(g711.ULAW_TO_ALAW)


@pytest.mark.parametrize("host", ["phone.example.com", "", "224.0.0.1", "ff02::1", "1.2.3"])
def test_only_addresses_of_one_host_are_taken(host: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        _ = checked(connect(address=(host, 4000)))


def test_addresses_are_spelled_as_the_kernel_spells_them() -> None:
    address = ("2001:DB8:0:0::1", 4000)
    command = checked(connect(address=address, rtcp=address, learn_from="2001:db8::0:1"))
    assert command.address == command.rtcp == ("2001:db8::1", 4000)
    assert command.learn_from == "2001:db8::1"
    assert checked(connect(address=("0.0.0.0", 4000))).address[1] == 0


def test_sound_goes_to_the_partner() -> None:
    a, b = pair(codec="PCMA", payload_type=8)
    packet = rtp.pack(0, 1, 160, 7) + b"abc"
    expected = rtp.pack(8, 1, 160, 7) + b"abc".translate(g711.ULAW_TO_ALAW)
    assert a.on_rtp(packet, 0.0, 0.0, TABLES) == [SendRtp(b, expected)]
    assert (a.received, a.bytes_received, a.dropped) == (1, 15, 0)


@pytest.mark.parametrize(
    ("speaker", "hearer"),
    [
        ({"sending": False}, {}),
        ({}, {"receiving": False}),
        ({}, {"address": ("192.0.2.1", 0)}),
    ],
)
def test_who_is_held_is_not_sent_to(speaker: dict[str, object], hearer: dict[str, object]) -> None:
    a, b = session("a", **speaker), session("b", **hearer)
    a.join(b)
    assert a.hearers == ()
    assert a.on_rtp(rtp.pack(0, 1, 160, 7) + b"abc", 0.0, 0.0, TABLES) == []


def test_nobody_hears_who_is_pressed_at() -> None:
    a, b = pair()
    _ = b.player.press("1", 1)
    assert (a.hearers, b.hearers) == ((), (a,))
    b.player.forget_keys()
    assert a.hearers == (b,)


def test_leaving_takes_the_partner_along() -> None:
    a, b = pair()
    assert a.leave() == (b, None)
    assert (a.mode, b.mode, a.peer, b.peer) == (Mode.IDLE, Mode.IDLE, None, None)
    a.echo()
    assert a.hearers == (a,)


def test_the_end_of_a_play_is_the_end_of_the_mode() -> None:
    a = session("a")
    a.mode = Mode.PLAYING
    assert a.ended(Ended(3, True, "")) == PlayEnded("a", 3, True)
    assert a.mode is Mode.IDLE


def test_no_frame_of_the_old_law_after_a_change_of_codec() -> None:
    a = session("a")
    _ = a.player.playlist.start(1, ("f",), repeat=False, resume=False)
    _ = a.player.playlist.supply("f", (b"one", b"two"))
    assert not a.connect(connect(), 1.0)
    assert a.on_tick(1)[0] is not None
    assert a.connect(connect("PCMA", 8), 1.0)
    assert a.on_tick(2) == (None, None)
    _ = a.player.playlist.supply("f", (b"ONE", b"TWO"))
    packet, event = a.on_tick(3)
    assert packet is not None
    assert (packet[1], packet[12:]) == (0x88, b"TWO")
    assert event == PlayEnded("a", 1, True)


def test_a_key_is_reported_once_and_goes_on() -> None:
    a, b = pair(dtmf_payload_type=96)
    end = rtp.pack(101, 1, 160, 7) + b"\x05\x8a\x03\x20"
    out = rtp.pack(96, 1, 160, 7) + b"\x05\x8a\x03\x20"
    assert a.on_rtp(end, 0.0, 0.0, {}) == [Digit("a", "5", 100), SendRtp(b, out)]
    assert a.on_rtp(end, 0.02, 0.0, {}) == [SendRtp(b, out)]
    down = rtp.pack(101, 2, 800, 7) + b"\x06\x0a\x00\xa0"
    assert a.on_rtp(down, 0.1, 0.0, {}) == [SendRtp(b, rtp.pack(96, 2, 800, 7) + down[12:])]
    assert a.on_key_time(0.2) == []
    assert a.on_key_time(0.5) == [Digit("a", "6", 20)]


@given(st.lists(st.binary(max_size=40)))
def test_garbage_raises_nothing(packets: list[bytes]) -> None:
    a, _ = pair(codec="PCMA", payload_type=8)
    for data in packets:
        for changed in (data, b"\x80\x00" + data, b"\x80\x65" + data, b"\x80\xc8" + data):
            _ = a.on_rtp(changed, 0.0, 0.0, TABLES)
            _ = a.on_rtcp(changed, 0.0, 0.0)


def test_the_round_trip_is_measured_through_the_relay() -> None:
    a, b = pair()
    ntp = rtcp.ntp_time(1_800_000_000.0)
    report = rtcp.pack_report(rtcp.SenderReport(7, ntp, 0, 1, 160), "a")
    assert a.on_rtcp(report, 10.0, 0.0) == [SendRtcp(b, report)]
    block = rtcp.ReportBlock(7, 0, 0, 1, 0, rtcp.ntp_middle(ntp), 2 * 65_536)
    answer = rtcp.pack_report(rtcp.ReceiverReport(8, (block,)), "b")
    assert b.on_rtcp(answer, 12.05, 0.0) == [SendRtcp(a, answer)]
    assert b.session_stats().rtt_ms == pytest.approx(50.0, abs=0.1)
    assert a.session_stats().rtt_ms is None


def test_reports_come_about_every_five_seconds() -> None:
    a, rng = session("a"), Random(1)
    times = [n / 10 for n in range(1, 6000) if a.report_due(n / 10, rng)]
    steps = [after - before for before, after in pairwise(times)]
    low, high = (REPORT_SECONDS * factor / REPORT_COMPENSATION for factor in (0.5, 1.5))
    assert all(low <= step <= high + 0.11 for step in steps)
    assert max(steps) - min(steps) > 2  # At random.
    a.join(session("b"))
    assert not any(a.report_due(n / 10, rng) for n in range(6000, 7000))


def test_a_report_tells_what_is_new_and_nothing_else() -> None:
    a = session("a")
    assert a.report(0.0, 0.0, 0) is None
    _ = a.on_rtp(rtp.pack(0, 1, 160, 7) + b"x", 1.0, 0.0, {})
    report = a.report(2.0, 100.0, 5)
    assert report is not None
    first = rtcp.parse(report)[0]
    assert isinstance(first, rtcp.ReceiverReport)
    assert [block.ssrc for block in first.blocks] == [7]
    assert a.report(3.0, 0.0, 0) is None
    _ = a.player.stream.packet(0, b"x" * 160, 3)
    report = a.report(4.0, 100.0, 5)
    assert report is not None
    first = rtcp.parse(report)[0]
    assert isinstance(first, rtcp.SenderReport)
    stream = a.player.stream
    assert (first.ssrc, first.packets, first.octets) == (stream.ssrc, 1, 160)
    assert first.timestamp == stream.at(5)


def test_silence_is_told_once_and_again_after_sound() -> None:
    a = session("a")
    a.silence.watch(2.0, 0.0)
    assert [a.check_silence(now) for now in (1.0, 2.0, 3.0)] == [[], [Silent("a")], []]
    a.received += 1
    assert [a.check_silence(now) for now in (4.0, 5.9, 6.0)] == [[], [], [Silent("a")]]


def test_silence_on_hold_is_no_silence() -> None:
    a = session("a", receiving=False)
    a.silence.watch(2.0, 0.0)
    assert [a.check_silence(now) for now in (1.0, 9.0)] == [[], []]
    _ = a.connect(connect(), 10.0)
    assert [a.check_silence(now) for now in (11.0, 12.0)] == [[], [Silent("a")]]
