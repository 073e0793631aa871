"""Numbers as they are said, against native forms written out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.speech import LANGUAGES, NUMBER_MAX, Case, Gender, number
from sounds.texts import TEXTS
from tests.speech.said import said

M, F, N = Gender.MASCULINE, Gender.FEMININE, Gender.NEUTER

ENGLISH = {
    0: "zero",
    1: "one",
    11: "eleven",
    20: "twenty",
    21: "twenty one",
    100: "one hundred",
    101: "one hundred one",
    115: "one hundred fifteen",
    999: "nine hundred ninety nine",
    1000: "one thousand",
    1001: "one thousand one",
    2022: "two thousand twenty two",
    21_000: "twenty one thousand",
    1_000_000: "one million",
    1_234_567: "one million two hundred thirty four thousand five hundred sixty seven",
    10**9: "one billion",
    -5: "minus five",
}

# Masculine, feminine, neuter.
UKRAINIAN = {
    0: "нуль | нуль | нуль",
    1: "один | одна | одне",
    2: "два | дві | два",
    5: "п'ять | п'ять | п'ять",
    11: "одинадцять | одинадцять | одинадцять",
    12: "дванадцять | дванадцять | дванадцять",
    20: "двадцять | двадцять | двадцять",
    21: "двадцять один | двадцять одна | двадцять одне",
    22: "двадцять два | двадцять дві | двадцять два",
    25: "двадцять п'ять | двадцять п'ять | двадцять п'ять",
    40: "сорок | сорок | сорок",
    90: "дев'яносто | дев'яносто | дев'яносто",
    101: "сто один | сто одна | сто одне",
    111: "сто одинадцять | сто одинадцять | сто одинадцять",
    232: "двісті тридцять два | двісті тридцять дві | двісті тридцять два",
    1000: "тисяча | тисяча | тисяча",
    1001: "тисяча один | тисяча одна | тисяча одне",
    2000: "дві тисячі | дві тисячі | дві тисячі",
    5000: "п'ять тисяч | п'ять тисяч | п'ять тисяч",
    11_000: "одинадцять тисяч | одинадцять тисяч | одинадцять тисяч",
    21_001: "двадцять одна тисяча один | двадцять одна тисяча одна | двадцять одна тисяча одне",
    22_000: "двадцять дві тисячі | двадцять дві тисячі | двадцять дві тисячі",
    1_000_000: "мільйон | мільйон | мільйон",
    2_000_000: "два мільйони | два мільйони | два мільйони",
    21_000_000: "двадцять один мільйон | двадцять один мільйон | двадцять один мільйон",
    5_000_000: "п'ять мільйонів | п'ять мільйонів | п'ять мільйонів",
    10**9: "мільярд | мільярд | мільярд",
    3 * 10**9: "три мільярди | три мільярди | три мільярди",
    -2: "мінус два | мінус дві | мінус два",
}

RUSSIAN = {
    1: "один | одна | одно",
    2: "два | две | два",
    5: "пять | пять | пять",
    11: "одиннадцать | одиннадцать | одиннадцать",
    21: "двадцать один | двадцать одна | двадцать одно",
    22: "двадцать два | двадцать две | двадцать два",
    25: "двадцать пять | двадцать пять | двадцать пять",
    101: "сто один | сто одна | сто одно",
    500: "пятьсот | пятьсот | пятьсот",
    1000: "тысяча | тысяча | тысяча",
    1001: "тысяча один | тысяча одна | тысяча одно",
    2000: "две тысячи | две тысячи | две тысячи",
    5000: "пять тысяч | пять тысяч | пять тысяч",
    21_000: "двадцать одна тысяча | двадцать одна тысяча | двадцать одна тысяча",
    1_000_000: "миллион | миллион | миллион",
    2_000_000: "два миллиона | два миллиона | два миллиона",
    12_000_000: "двенадцать миллионов | двенадцать миллионов | двенадцать миллионов",
    10**9: "миллиард | миллиард | миллиард",
    4 * 10**9: "четыре миллиарда | четыре миллиарда | четыре миллиарда",
}

POLISH = {
    1: "jeden | jedna | jedno",
    2: "dwa | dwie | dwa",
    3: "trzy | trzy | trzy",
    5: "pięć | pięć | pięć",
    11: "jedenaście | jedenaście | jedenaście",
    12: "dwanaście | dwanaście | dwanaście",
    21: "dwadzieścia jeden | dwadzieścia jeden | dwadzieścia jeden",
    22: "dwadzieścia dwa | dwadzieścia dwie | dwadzieścia dwa",
    25: "dwadzieścia pięć | dwadzieścia pięć | dwadzieścia pięć",
    101: "sto jeden | sto jeden | sto jeden",
    102: "sto dwa | sto dwie | sto dwa",
    1000: "tysiąc | tysiąc | tysiąc",
    1001: "tysiąc jeden | tysiąc jeden | tysiąc jeden",
    1002: "tysiąc dwa | tysiąc dwie | tysiąc dwa",
    2000: "dwa tysiące | dwa tysiące | dwa tysiące",
    5000: "pięć tysięcy | pięć tysięcy | pięć tysięcy",
    12_000: "dwanaście tysięcy | dwanaście tysięcy | dwanaście tysięcy",
    21_000: "dwadzieścia jeden tysięcy | dwadzieścia jeden tysięcy | dwadzieścia jeden tysięcy",
    22_000: "dwadzieścia dwa tysiące | dwadzieścia dwa tysiące | dwadzieścia dwa tysiące",
    1_000_000: "milion | milion | milion",
    2_000_000: "dwa miliony | dwa miliony | dwa miliony",
    5_000_000: "pięć milionów | pięć milionów | pięć milionów",
    10**9: "miliard | miliard | miliard",
}

GENDERED = [
    (language, value, forms)
    for language, table in (("uk", UKRAINIAN), ("ru", RUSSIAN), ("pl", POLISH))
    for value, forms in table.items()
]


@pytest.mark.parametrize(("value", "text"), ENGLISH.items())
def test_english(value: int, text: str) -> None:
    assert said(number(value, "en"), "en") == text


@pytest.mark.parametrize(("language", "value", "forms"), GENDERED)
def test_each_gender(language: str, value: int, forms: str) -> None:
    found = [said(number(value, language, gender), language) for gender in (M, F, N)]
    assert " | ".join(found) == forms


@pytest.mark.parametrize(
    ("language", "value", "text"),
    [
        ("uk", 1, "одну"),
        ("uk", 21, "двадцять одну"),
        ("uk", 2, "дві"),
        ("ru", 1, "одну"),
        ("ru", 101, "сто одну"),
        ("pl", 1, "jedną"),
        ("pl", 21, "dwadzieścia jeden"),
        ("en", 1, "one"),
    ],
)
def test_accusative_of_one(language: str, value: int, text: str) -> None:
    assert said(number(value, language, F, Case.ACCUSATIVE), language) == text


def test_a_language_without_grammar_is_spoken_as_english() -> None:
    assert number(21_002, "de") == number(21_002, "en")


def test_what_is_too_large_is_spoken_digit_by_digit() -> None:
    sounds = number(NUMBER_MAX + 1, "en")
    assert sounds == ("digits/1", *["digits/0"] * 12)


@given(
    st.one_of(st.integers(0, 10**4), st.integers(-NUMBER_MAX - 10, NUMBER_MAX + 10)),
    st.sampled_from(LANGUAGES),
    st.sampled_from(Gender),
    st.sampled_from(Case),
)
def test_every_number_has_its_sounds(value: int, language: str, gender: Gender, case: Case) -> None:
    sounds = number(value, language, gender, case)
    assert sounds
    assert TEXTS[language].keys() >= set(sounds)


@given(st.integers(0, NUMBER_MAX), st.sampled_from(LANGUAGES))
def test_no_two_numbers_sound_the_same(value: int, language: str) -> None:
    """The words give the number back."""
    assert _read(number(value, language)) == value


def _read(sounds: tuple[str, ...]) -> int:
    powers = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
    total, group = 0, 0
    for sound in sounds:
        folder, _, word = sound.partition("/")
        word = word.partition("-")[0]
        if folder == "digits":
            group += int(word)
        else:
            total += (group or 1) * powers[word]
            group = 0
    return total + group
