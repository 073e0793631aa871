"""Messages as e-mails: the wording of each language, and nothing of a caller's that is more than
text."""

from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.mail import Attachment, Outgoing, compose
from pbx.speech.times import Moment
from pbx.voicemail.letters import FIELDS, WORDINGS, fill, length_of, letter
from pbx.voicemail.messages import Message

MESSAGE = Message(
    "1700000000-ab", "102", "+380501234567", "Olena", 0.0, Moment(2026, 3, 9, 7, 5), 75.4, "flac"
)
VALUES = {"owner": "Petro", "company": "Dzvin"}


def test_in_english() -> None:
    made = letter(MESSAGE, language="en", **VALUES)
    assert made.subject == "Voice message from +380501234567 (1:15)"
    assert made.body == (
        "Dear Petro,\n\n"
        "+380501234567 Olena left a message in mailbox 102 on 2026-03-09 at 07:05.\n"
        "Length: 1:15\n\nDzvin\n"
    )


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("uk", "Голосове повідомлення від +380501234567 (1:15)"),
        ("ru", "Голосовое сообщение от +380501234567 (1:15)"),
        ("pl", "Wiadomość głosowa od: +380501234567 (1:15)"),
        ("xx", "Voice message from +380501234567 (1:15)"),
    ],
)
def test_in_other_languages(language: str, subject: str) -> None:
    assert letter(MESSAGE, language=language, **VALUES).subject == subject


def test_templates_know_their_fields() -> None:
    template = "".join(f"{{{field}}}|" for field in FIELDS)
    made = letter(MESSAGE, language="en", subject=template, body=template, **VALUES)
    filled = "+380501234567|Olena|102|Petro|2026-03-09|07:05|1:15|Dzvin|"
    assert (made.subject, made.body) == (filled, filled + "\n")
    for wording in WORDINGS.values():
        assert "{" not in fill(wording.body, dict.fromkeys(FIELDS, ""))


def test_what_is_put_in_is_no_template() -> None:
    assert fill("{name} {caller}", {"name": "{caller}", "caller": "1"}) == "{caller} 1"


def test_lengths() -> None:
    assert [length_of(s) for s in (0.4, 59.6, 60.0, 3599.0)] == ["0:00", "1:00", "1:00", "59:59"]


def caller(text: str) -> Message:
    message = MESSAGE
    return Message(message.id, "102", text, text, 0.0, message.local, 3.0, "flac")


@given(st.text(max_size=60))
def test_no_caller_makes_a_header(text: str) -> None:
    made = letter(caller(text), language="en", **VALUES)
    assert len(made.subject.splitlines()) == 1
    data = compose(Outgoing("x", "a@example.com", made.subject, made.body), "b@example.com", 0.0)
    head = data.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert names == [
        *(b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Auto-Submitted"),
        *(b"Content-Type", b"Content-Transfer-Encoding", b"MIME-Version"),
    ]


def test_header_injection() -> None:
    hostile = '1\r\nBcc: all@example.com\r\n\r\n<script>"\0'
    made = letter(caller(hostile), language="en", subject="{caller} {name}", **VALUES)
    data = compose(Outgoing("x", "a@example.com", made.subject, made.body), "b@example.com", 0.0)
    read = message_from_bytes(data, policy=default)
    assert read["Bcc"] is None
    assert read["Subject"].strip().startswith("1 Bcc: all@example.com")


def test_a_subject_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|carriage"):
        _ = compose(Outgoing("x", "a@example.com", "a\r\nBcc: b", ""), "b@example.com", 0.0)


def test_an_attachment_arrives_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    path.write_bytes(bytes(range(256)))
    attachment = Attachment(str(path), "voicemail.flac", "audio/flac")
    made = Outgoing("x", "a@example.com", "Привіт", "Олена", (attachment,))
    read = message_from_bytes(compose(made, "b@example.com", 0.0), policy=default)
    assert read["Subject"] == "Привіт"
    body = read.get_body()
    assert body is not None
    assert body.get_content() == "Олена\r\n"
    (part,) = read.iter_attachments()
    assert (part.get_content_type(), part.get_filename()) == ("audio/flac", "voicemail.flac")
    assert part.get_payload(decode=True) == bytes(range(256))
