"""Everything that mailboxes say has been recorded, in each language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.message_summary import Counts
from pbx.speech.times import Moment
from pbx.voicemail import words
from pbx.voicemail.messages import Message
from sounds.texts import LANGUAGES, TEXTS

NOW = Moment(2026, 11, 22, 7, 5)
MADE_OTHERWISE = {"beep", "pause"}  # Tones and silence.


def missing(said: words.Words, language: str) -> set[str]:
    return set(said) - TEXTS[language].keys() - MADE_OTHERWISE


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_has_its_text(language: str) -> None:
    constants = [value for value in vars(words).values() if isinstance(value, tuple)]
    assert len(constants) > 20
    assert missing(tuple(word for said in constants for word in said), language) == set()
    assert missing((words.GOODBYE,), language) == set()
    assert missing(words.greeting("102", language, busy=True), language) == set()
    assert missing(words.greeting("102", language, busy=False), language) == set()


@pytest.mark.parametrize("language", LANGUAGES)
@given(new=st.integers(0, 1000), old=st.integers(0, 1000))
def test_every_count_can_be_said(language: str, new: int, old: int) -> None:
    assert missing(words.how_many(Counts(new, old), language), language) == set()


@pytest.mark.parametrize("language", LANGUAGES)
@given(
    caller=st.text(max_size=40),
    place=st.integers(1, 1000),
    month=st.integers(1, 12),
    day=st.integers(1, 28),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
)
def test_every_envelope_can_be_said(
    language: str, caller: str, place: int, month: int, day: int, hour: int, minute: int
) -> None:
    local = Moment(2026, month, day, hour, minute)
    message = Message("1-a", "102", caller, "", 0.0, local, 3.0, "flac")
    said = words.envelope(message, place, NOW, language)
    assert missing(said, language) == set()
    assert said[0] == "messages/message"


def test_who_has_no_number() -> None:
    message = Message("1-a", "102", "anonymous", "", 0.0, NOW, 3.0, "flac")
    assert "voicemail/from-unknown" in words.envelope(message, 1, NOW, "en")


def test_a_mailbox_without_digits_is_not_spelled() -> None:
    assert words.greeting("sales", "en", busy=False) == words.LEAVE
