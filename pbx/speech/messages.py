"""What a mailbox says about its messages."""

from pbx.speech.grammar import Case, Gender, Sounds, grammar_of, noun
from pbx.speech.numbers import number

# Of the word for a message; in Polish it is what "you have" is followed by, an accusative.
_GENDERS = {"uk": Gender.NEUTER, "ru": Gender.NEUTER, "pl": Gender.FEMININE}


def new_messages(count: int, language: str) -> Sounds:
    """You have three new messages. You have no new messages."""
    if count <= 0:
        return ("messages/none",)
    return ("messages/you-have", *_counted(count, "messages/new", language))


def messages(new: int, old: int, language: str) -> Sounds:
    """The same, and how many older ones there are."""
    if old <= 0:
        return new_messages(new, language)
    older = _counted(old, "messages/old", language)
    if new <= 0:
        return (*new_messages(0, language), "messages/you-have", *older)
    return (*new_messages(new, language), "messages/and", *older)


def message_number(place: int, language: str) -> Sounds:
    """Message three."""
    return ("messages/message", *number(place, language))


def _counted(count: int, name: str, language: str) -> Sounds:
    grammar = grammar_of(language)
    case = Case.ACCUSATIVE if grammar == "pl" else Case.NOMINATIVE
    gender = _GENDERS.get(grammar, Gender.MASCULINE)
    return (*number(count, language, gender, case), noun(name, count, language))
