"""Polish in Ukrainian letters, with the stress marked: for a Ukrainian voice.

The package indexes have no Polish voice whose recordings may be passed on but espeak-ng's, which is
hard to understand. Ukrainian has nearly all the sounds of Polish, and a speech recogniser makes
less than half as many mistakes with this spelling (README.md).
"""

import re
from typing import Final

ACUTE: Final = "\u0301"

# Letters that stand for one consonant, the longest first; the rest stand for themselves.
_CONSONANTS: Final = {
    "dzi": "дзь",
    "dż": "дж",
    "dź": "дзь",
    "dz": "дз",
    "szcz": "шч",
    "sz": "ш",
    "cz": "ч",
    "ch": "х",
    "rz": "ж",
    "ż": "ж",
    "ć": "ць",
    "ś": "сь",
    "ź": "зь",
    "ń": "нь",
    "b": "б",
    "c": "ц",
    "d": "д",
    "f": "ф",
    "g": "ґ",
    "h": "х",
    "j": "й",
    "k": "к",
    "l": "ль",
    "ł": "ў",
    "m": "м",
    "n": "н",
    "p": "п",
    "r": "р",
    "s": "с",
    "t": "т",
    "w": "в",
    "z": "з",
}
_VOWELS: Final = {"a": "а", "e": "е", "i": "і", "o": "о", "u": "у", "ó": "у", "y": "и"}
# Without voice: at the end of a word and before others of that kind. `ў` is ł until the end, for it
# is no such consonant.
_VOICELESS: Final = "птксшцчфх"
_DEVOICED: Final = {
    "дзь": "ць",
    "дз": "ц",
    "дж": "ч",
    "зь": "сь",
    "з": "с",
    "ж": "ш",
    "б": "п",
    "д": "т",
    "ґ": "к",
    "в": "ф",
}
_VOICED: Final = re.compile(rf"({'|'.join(_DEVOICED)})(?=[{_VOICELESS}]|$)")
_BEHIND: Final = re.compile(rf"(?<=[{_VOICELESS}])[жв]")
_SOFT_VOWELS: Final = {"а": "я", "е": "є", "і": "і", "о": "ьо", "у": "ю", "и": "и"}
_LIPS: Final = "бвмпф"  # Softness is a sound of its own behind them: п'я.

# A nasal vowel is a plain one and the nasal consonant that the next consonant calls for.
_NASALS: Final = (
    (r"(?<=[ąę])(?=[łl])", ""),
    (r"(?<=[ąę])(?=[pb])", "m"),
    (r"(?<=[ąę])(?=ć|dź|ci|dzi)", "ń"),
    (r"(?<=ą)(?=[^mnń]|$)", "n"),
    (r"(?<=ę)(?=[^mnń])", "n"),
)
_TOKEN: Final = re.compile("|".join(sorted((*_CONSONANTS, *_VOWELS), key=len, reverse=True)))


def in_ukrainian_letters(text: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda word: _word(word[0].lower()), text)


def _word(word: str) -> str:
    for place, nasal in _NASALS:
        word = re.sub(place, nasal, word)
    word = word.replace("ą", "o").replace("ę", "e")
    letters = _TOKEN.findall(word)
    said: list[str] = []
    nuclei: list[int] = []  # The places of vowels in it.
    place = 0
    while place < len(letters):
        here, after = letters[place], letters[place + 1 : place + 3]
        place += 1
        if here in _VOWELS:
            nuclei.append(len(said))
            said.append(_VOWELS[here])
            continue
        consonant = _CONSONANTS[here]
        if here == "dzi" and not (after and after[0] in _VOWELS):
            nuclei.append(len(said))
            said.append("дзі")
            continue
        soft = consonant.endswith("ь") or here == "j"
        if after[:1] == ["i"]:
            soft = True
            place += len(after) == 2 and after[1] in _VOWELS  # It only makes soft.
        vowel = letters[place] if place < len(letters) and letters[place] in _VOWELS else ""
        if not vowel:
            said.append(consonant)
            continue
        place += 1
        nuclei.append(len(said))
        said.append(_syllable(consonant, _VOWELS[vowel], soft=soft))
    return _stressed(said, nuclei)


def _syllable(consonant: str, vowel: str, *, soft: bool) -> str:
    if not soft:
        return consonant + vowel
    if consonant == "й":
        return {"о": "йо", "і": "ї", "и": "йи"}.get(vowel) or _SOFT_VOWELS[vowel]
    if consonant == "ль" and vowel == "е":
        return "ле"
    if consonant in _LIPS and vowel != "і":
        return f"{consonant}'{_SOFT_VOWELS[vowel].replace('ьо', 'йо')}"
    return consonant.removesuffix("ь") + _SOFT_VOWELS[vowel]


def _stressed(said: list[str], nuclei: list[int]) -> str:
    """Polish stresses the last syllable but one."""
    if len(nuclei) > 1:
        said[nuclei[-2]] += ACUTE
    word = re.sub(r"(?<=[цсзкґр])ї", "ії", "".join(said))  # -cji, -sji
    word = _BEHIND.sub(lambda found: _DEVOICED[found[0]], word)
    for _ in range(2):  # What has lost its voice takes that of its neighbour before it.
        word = _VOICED.sub(lambda found: _DEVOICED[found[0]], word)
    return word.replace("ў", "в")
