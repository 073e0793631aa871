"""What sounds say when they are played one after another."""

from pbx.speech import Sounds
from sounds.texts import TEXTS


def said(sounds: Sounds, language: str) -> str:
    """The texts in one line, without the stops that shape the voice."""
    texts = TEXTS[language]
    words = [texts[sound].rstrip(".") for sound in sounds if sound != "pause"]
    return " ".join(words)
