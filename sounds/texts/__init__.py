"""What every prompt says, in every language."""

from typing import Final

from .mailboxes import MAILBOXES
from .rooms import ROOMS
from .sentences import SENTENCES
from .words import WORDS

LANGUAGES: Final = ("en", "uk", "ru", "pl")

TEXTS: Final[dict[str, dict[str, str]]] = {
    language: {name: said[place] for name, said in {**SENTENCES, **MAILBOXES, **ROOMS}.items()}
    | WORDS[language]
    for place, language in enumerate(LANGUAGES)
}
"""By language and name of the sound."""
