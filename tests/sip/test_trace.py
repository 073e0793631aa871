import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sip.flow import Flow
from sip.trace import Trace, redact, without_keys

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.7", 5060))
REGISTER = (
    b"REGISTER sip:192.0.2.1 SIP/2.0\r\n"
    b'Authorization: Digest username="101", realm="dzvin",\r\n'
    b' nonce="abc", uri="sip:192.0.2.1", response = "0123456789abcdef", cnonce=xyz, qop=auth\r\n'
    b"Call-ID: nonce=of-a-call\r\nContent-Length: 0\r\n\r\n"
)


def test_what_proves_a_password_is_starred_out() -> None:
    assert redact(REGISTER) == (
        "REGISTER sip:192.0.2.1 SIP/2.0\n"
        'Authorization: Digest username="101", realm="dzvin",\n'
        ' nonce=***, uri="sip:192.0.2.1", response = ***, cnonce=***, qop=auth\n'
        "Call-ID: nonce=of-a-call\nContent-Length: 0\n\n"
    )


def test_keys_of_the_sound_are_starred_out() -> None:
    body = (
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0|2^48|1:4 WSH=64\r\n"
        b"a=crypto:2 AEAD_AES_128_GCM INLINE:c2VjcmV0/+=\r\n"
        b"a=ice-ufrag:name\r\na=ice-pwd:secret\r\n"
    )
    assert redact(body) == (
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***|2^48|1:4 WSH=64\n"
        "a=crypto:2 AEAD_AES_128_GCM INLINE:***\na=ice-ufrag:name\na=ice-pwd:***\n"
    )
    assert without_keys("body=b'a=crypto:1 X inline:c2Vjcm") == "body=b'a=crypto:1 X inline:***"


def test_reads_the_newest_that_match_oldest_first() -> None:
    trace = Trace(messages_max=4)
    for n in range(6):
        trace.note(float(n), n % 2 == 0, FLOW, b"OPTIONS %d" % n)
    assert [traced.at for traced in trace.read()] == [2.0, 3.0, 4.0, 5.0]
    assert [traced.text for traced in trace.read(last=2)] == ["OPTIONS 4", "OPTIONS 5"]
    assert [traced.outgoing for traced in trace.read(containing="OPTIONS 3")] == [False]


@given(st.binary(max_size=300))
def test_any_bytes_become_lines_without_control_characters(data: bytes) -> None:
    text = redact(data)
    assert all(unicodedata.category(letter) != "Cc" for letter in text if letter != "\n")
    assert text.encode().decode() == text
