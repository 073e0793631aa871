"""What reading and writing one INVITE of a real phone costs."""

import time
from collections.abc import Callable

from sip.message import respond
from sip.parser import parse

Figure = tuple[str, float, str]
ROUNDS = 7
REPEATS = 5_000

_SDP = (
    b"v=0\r\no=- 2742882515 2016366872 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    b"a=tool:baresip 1.0.0\r\nm=audio 44054 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    b"a=sendrecv\r\na=label:1\r\na=rtcp-rsize\r\na=minptime:20\r\na=ptime:20\r\n"
)
INVITE = (
    b"INVITE sip:500@192.0.2.1:5060;transport=udp SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.2:15101;branch=z9hG4bK7433a99d3ab52c60;rport\r\n"
    b"Contact: <sip:101-0x561564046980@192.0.2.2:15101>\r\nMax-Forwards: 70\r\n"
    b'Authorization: Digest username="101", realm="dzvin", nonce="awHmTGsB5SA0jIfqFJvrhFbTrRRHGqiw"'
    b', uri="sip:500@192.0.2.1:5060;transport=udp", response="8718720a4d474fc842fc23a994104f5d"'
    b', cnonce="84b5bbce949f7fa2", qop=auth, nc=00000001\r\n'
    b"To: <sip:500@192.0.2.1:5060;transport=udp>\r\n"
    b"From: <sip:101@192.0.2.1:5060>;tag=35e33d3113a4d099\r\nCall-ID: b13c389015a9cda9\r\n"
    b"CSeq: 44673 INVITE\r\nUser-Agent: baresip v1.0.0 (x86_64/linux)\r\n"
    b"Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,SUBSCRIBE,INFO,MESSAGE,REFER\r\n"
    b"Supported: gruu\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n"
) % len(_SDP) + _SDP


def run() -> list[Figure]:
    def read() -> None:
        message = parse(INVITE)
        _ = message.via, message.from_tag, message.to_tag, message.cseq, message.call_id

    request = parse(INVITE)

    def answer() -> None:
        _ = bytes(respond(request, 200, to_tag="a", body=_SDP))  # type: ignore[arg-type]

    def write() -> None:
        _ = bytes(request)

    return [
        ("invite_parse_us", _best(read), "us"),
        ("invite_serialise_us", _best(write), "us"),
        ("invite_answer_us", _best(answer), "us"),
    ]


def _best(work: Callable[[], None]) -> float:
    """Microseconds of CPU, best of several rounds."""
    times: list[float] = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(REPEATS):
            work()
        times.append((time.process_time() - begin) / REPEATS * 1e6)
    return round(min(times), 2)
