"""The picture of a call: exact lines, whatever the width, and nothing hostile in it."""

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.calls.call_ids import CALLS_MAX, IDS_MAX, CallIds
from pbx.web import trace_page
from sip.flow import Flow
from sip.ladder import Ladder, describe, draw, make_ladder
from sip.pcap import pcap
from sip.trace import Trace
from tests.interop.programs import need

US = ("10.0.0.1", 5060)
PHONE = Flow("udp", US, ("192.0.2.7", 5062))
AGENT = Flow("tcp", ("2001:db8::1", 5060), ("2001:db8::7", 5064), 3)


def message(first: str, call_id: str = "a@b", method: str = "INVITE", *more: str) -> bytes:
    lines = [first, f"Call-ID: {call_id}", f"CSeq: 1 {method}", *more, "", ""]
    return "\r\n".join(lines).encode()


INVITE = message(
    "INVITE sip:500@10.0.0.1 SIP/2.0", "a@b", "INVITE", "Content-Type: application/sdp"
)
NOTED = [
    (100.0, False, PHONE, INVITE),
    (100.001, True, PHONE, message("SIP/2.0 100 Trying")),
    (100.01, True, AGENT, message("INVITE sip:901@192.0.2.8 SIP/2.0", "c")),
    (100.5, False, PHONE, INVITE),
    (101.0, False, AGENT, message("SIP/2.0 200 OK", "c", "INVITE", "c: application/sdp")),
    (101.25, True, PHONE, message("SIP/2.0 486 Busy Here")),
]


def test_the_ladder_of_a_call() -> None:
    assert draw(make_ladder(NOTED), 90) == [
        "   192.0.2.7:5062                          PBX                     [2001:db8::7]:5064 tcp",
        "    0.000 │─────── INVITE 500 (SDP) ───────>│                                 │",
        "    0.001 │<────── 100 Trying INVITE ───────│                                 │",
        "    0.010 │                                 │────────── INVITE 901 ──────────>│",
        "    0.500 │──── INVITE 500 (SDP) again ────>│                                 │",
        "    1.000 │                                 │<───── 200 OK INVITE (SDP) ──────│",
        "    1.250 │<───── 486 Busy Here INVITE ─────│                                 │",
    ]


def test_every_line_has_an_arrow_between_the_peer_and_us() -> None:
    for width in range(60, 130):
        rows = [line[10:] for line in draw(make_ladder(NOTED), width)[1:]]
        lives = {tuple(n for n, char in enumerate(row) if char == "│") for row in rows}
        assert len(rows) == 6
        assert len(lives) == 1


@given(st.integers(20, 300))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = draw(make_ladder(NOTED), width)
    assert all(len(line) <= max(width, 45) for line in lines if not line.startswith("Not drawn"))
    assert len([line for line in lines if "─" in line]) + 2 * ("Not drawn" in lines[-1]) == 6


def test_peers_without_room_are_named() -> None:
    assert draw(make_ladder(NOTED), 40)[-1] == (
        "Not drawn, for want of room: 2 messages with [2001:db8::7]:5064 tcp"
    )


def test_nothing_left() -> None:
    assert draw(make_ladder([]), 80) == ["No messages of this call are left in the trace."]
    assert "No messages of this call are left." in trace_page.page("c1", make_ladder([]))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("REGISTER sip:x SIP/2.0\n", ("REGISTER", "request")),
        ("INVITE sip:+380441@x;user=phone SIP/2.0\n", ("INVITE +380441", "request")),
        ("SIP/2.0 180 Ringing\nCSeq: 5 INVITE\n", ("180 Ringing INVITE", "provisional")),
        ("SIP/2.0 200 OK\ncseq : 5 BYE\n", ("200 OK BYE", "success")),
        ("SIP/2.0 302\n", ("302", "failure")),
        ("SIP/2.0 486 \x1b[2J\u202eevil\n", ("486 [2J?evil", "failure")),
        ("\n", ("(nothing)", "other")),
    ],
)
def test_a_message_in_a_few_words(text: str, told: tuple[str, str]) -> None:
    label, kind = describe(text)
    assert (label.replace("  ", " "), kind) == told


HOSTILE = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(
        lambda text: f"INVITE sip:{text}@x SIP/2.0\r\n\r\n".encode("utf-8", "replace")
    ),
    st.just(b"SIP/2.0 200 <script>alert(1)</script>\r\nCSeq: 1 </text><script>\r\n\r\n"),
)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from((PHONE, AGENT)), HOSTILE), max_size=8))
def test_hostile_messages(story: list[tuple[bool, Flow, bytes]]) -> None:
    ladder = make_ladder([(1.0 + n, out, flow, data) for n, (out, flow, data) in enumerate(story)])
    for line in draw(ladder, 100):
        assert line.isprintable()
    text = trace_page.page("c<1>&", ladder)
    assert "<script" not in text
    assert "c<1>" not in text
    _ = text.encode()


def test_the_page_allows_its_own_style_only() -> None:
    assert trace_page.POLICY.startswith("default-src 'none'; style-src 'sha256-")
    text = trace_page.page("c1", make_ladder(NOTED))
    assert text.count("<style>") == 1
    assert "style=" not in text
    assert text.count("<details>") == 6


# --- which messages belong to a call --------------------------------------------------------------


def test_only_messages_of_these_calls_without_secrets() -> None:
    trace = Trace()
    authorization = 'Authorization: Digest username="101", response="0123456789abcdef", nonce="n"'
    signed = message("INVITE sip:500@10.0.0.1 SIP/2.0", "a@b", "INVITE", authorization)
    trace.note(1.0, False, PHONE, message("INVITE sip:500@10.0.0.1 SIP/2.0"), known=False)
    trace.note(2.0, False, PHONE, signed)
    trace.note(3.0, True, AGENT, message("BYE sip:x SIP/2.0", "c"))
    trace.note(4.0, True, AGENT, message("BYE sip:x SIP/2.0", "other"))
    trace.note(5.0, False, AGENT, b"BYE sip:x SIP/2.0\r\ni : c\r\n\r\n")
    found = trace.of_calls(["a@b", "c"])
    assert [at for at, *_ in found] == [1.0, 2.0, 3.0, 5.0]
    assert b"response=***, nonce=***" in found[1][3]
    assert b"0123456789abcdef" not in b"".join(data for *_, data in found)


def test_strangers_do_not_wash_the_calls_away() -> None:
    trace = Trace()
    trace.note(0.0, False, PHONE, INVITE)
    for n in range(20_000):
        trace.note(1.0 + n, False, AGENT, b"x" * 60_000, known=False)
    assert len(trace) == 1001
    assert [traced.at for traced in trace.read("a@b")] == [0.0]
    assert sum(len(traced.text) for traced in trace.read()[1:]) == 1000 * 2048


def test_the_ids_of_calls_are_bounded() -> None:
    ids = CallIds()
    for n in range(CALLS_MAX + 10):
        ids.note(f"c{n}", f"i{n}")
    assert ids.of("c9") is None
    assert ids.of("c10") == ["i10"]
    for n in range(IDS_MAX):
        ids.note("many", f"m{n}")
    assert ids.of(f"c{CALLS_MAX}") is None
    assert len(ids.of("many") or []) == IDS_MAX
    ids.note("none", "")
    assert ids.of("none") == []


# --- pcap -----------------------------------------------------------------------------------------


def test_the_file_header() -> None:
    assert pcap([]) == struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 101)


def test_tshark_reads_what_we_write(tmp_path: Path) -> None:
    need("tshark")
    file = tmp_path / "call.pcap"
    _ = file.write_bytes(pcap(NOTED))
    fields = [
        "frame.time_epoch",
        "ip.src",
        "ipv6.dst",
        "udp.srcport",
        "sip.Method",
        "sip.Status-Code",
    ]
    options = [part for field in fields for part in ("-e", field)]
    told = subprocess.run(
        ["tshark", "-r", str(file), "-o", "udp.check_checksum:TRUE", "-T", "fields", *options,
         "-e", "udp.checksum.status", "-e", "ip.checksum.status", "-o", "ip.check_checksum:TRUE"],
        capture_output=True, text=True, check=True, timeout=50,
    ).stdout  # fmt: skip
    rows = [line.split("\t") for line in told.splitlines()]
    assert [float(row[0]) for row in rows] == [at for at, *_ in NOTED]
    assert [row[1] for row in rows] == ["192.0.2.7", "10.0.0.1", "", "192.0.2.7", "", "10.0.0.1"]
    assert [row[4] or row[5] for row in rows] == ["INVITE", "100", "INVITE", "INVITE", "200", "486"]
    assert {row[6] for row in rows} == {"1"}
    assert {row[7] for row in rows} <= {"1", ""}


@given(st.binary(max_size=70_000), st.floats(0, 4e9))
def test_any_bytes_are_a_packet(data: bytes, at: float) -> None:
    file = pcap([(at, True, Flow("udp", US, ("no address", 0)), data)])
    length = struct.unpack_from("!I", file, 24 + 8)[0]
    assert len(file) == 24 + 16 + length


def test_an_empty_ladder_has_no_peers() -> None:
    assert make_ladder([]) == Ladder(0.0, (), ())
