"""Times, money, telephone numbers, messages and places in the queue, against native sentences."""

import datetime
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.distribution.estimates import WAIT_STEPS, not_much_more
from pbx.speech import (
    CURRENCIES,
    LANGUAGES,
    Case,
    Moment,
    clock,
    date,
    digits,
    duration,
    extension,
    message_number,
    messages,
    money,
    new_messages,
    phone_number,
    queue_position,
    received,
    time_now,
    wait,
)
from sounds.texts import TEXTS
from tests.speech.said import said

MINUTES = {
    "en": {1: "one minute", 2: "two minutes", 21: "twenty one minutes"},
    "uk": {
        1: "одна хвилина",
        2: "дві хвилини",
        4: "чотири хвилини",
        5: "п'ять хвилин",
        11: "одинадцять хвилин",
        12: "дванадцять хвилин",
        21: "двадцять одна хвилина",
        22: "двадцять дві хвилини",
        25: "двадцять п'ять хвилин",
    },
    "ru": {
        1: "одна минута",
        2: "две минуты",
        5: "пять минут",
        11: "одиннадцать минут",
        14: "четырнадцать минут",
        21: "двадцать одна минута",
        22: "двадцать две минуты",
        25: "двадцать пять минут",
    },
    "pl": {
        1: "jedna minuta",
        2: "dwie minuty",
        4: "cztery minuty",
        5: "pięć minut",
        11: "jedenaście minut",
        12: "dwanaście minut",
        21: "dwadzieścia jeden minut",
        22: "dwadzieścia dwie minuty",
        25: "dwadzieścia pięć minut",
    },
}

MONEY = [
    ("uk", 1_00, "UAH", "одна гривня"),
    ("uk", 2_00, "UAH", "дві гривні"),
    ("uk", 5_00, "UAH", "п'ять гривень"),
    ("uk", 11_00, "UAH", "одинадцять гривень"),
    ("uk", 21_21, "UAH", "двадцять одна гривня двадцять одна копійка"),
    ("uk", 22_02, "UAH", "двадцять дві гривні дві копійки"),
    ("uk", 101_00, "UAH", "сто одна гривня"),
    ("uk", 1001_00, "UAH", "тисяча одна гривня"),
    ("uk", 1_000_000_00, "UAH", "мільйон гривень"),
    ("uk", 50, "UAH", "п'ятдесят копійок"),
    ("uk", 0, "UAH", "нуль гривень"),
    ("uk", 1_01, "EUR", "одне євро один цент"),
    ("uk", 3_00, "PLN", "три злоті"),
    ("uk", 5_05, "PLN", "п'ять злотих п'ять грошів"),
    ("uk", 22_00, "USD", "двадцять два долари"),
    ("uk", -5_00, "USD", "мінус п'ять доларів"),
    ("ru", 1_00, "UAH", "одна гривна"),
    ("ru", 2_00, "UAH", "две гривны"),
    ("ru", 25_00, "UAH", "двадцать пять гривен"),
    ("ru", 1_00, "EUR", "один евро"),
    ("ru", 2_03, "USD", "два доллара три цента"),
    ("ru", 2_00, "PLN", "два злотых"),
    ("ru", 101_01, "GBP", "сто один фунт один пенс"),
    ("ru", 1001_00, "UAH", "тысяча одна гривна"),
    ("pl", 1_00, "PLN", "jeden złoty"),
    ("pl", 2_02, "PLN", "dwa złote dwa grosze"),
    ("pl", 5_05, "PLN", "pięć złotych pięć groszy"),
    ("pl", 21_00, "PLN", "dwadzieścia jeden złotych"),
    ("pl", 22_22, "PLN", "dwadzieścia dwa złote dwadzieścia dwa grosze"),
    ("pl", 112_00, "PLN", "sto dwanaście złotych"),
    ("pl", 1_00, "EUR", "jedno euro"),
    ("pl", 2_00, "UAH", "dwie hrywny"),
    ("pl", 1001_00, "PLN", "tysiąc jeden złotych"),
    ("en", 1_01, "USD", "one dollar and one cent"),
    ("en", 2_50, "GBP", "two pounds and fifty pence"),
    ("en", 21_00, "UAH", "twenty one hryvnias"),
    ("en", 99, "EUR", "ninety nine cents"),
]

CLOCK = [
    ("en", 14, 5, "two oh five P M"),
    ("en", 0, 0, "twelve A M"),
    ("en", 12, 30, "twelve thirty P M"),
    ("uk", 14, 5, "чотирнадцята година п'ять хвилин"),
    ("uk", 0, 21, "нульова година двадцять одна хвилина"),
    ("uk", 22, 0, "двадцять друга година"),
    ("ru", 14, 5, "четырнадцать часов пять минут"),
    ("ru", 21, 22, "двадцать один час двадцать две минуты"),
    ("ru", 1, 1, "один час одна минута"),
    ("pl", 14, 5, "godzina czternasta zero pięć"),
    ("pl", 22, 21, "godzina dwudziesta druga dwadzieścia jeden"),
]

DATES = [
    ("en", (2026, 5, 21), "May twenty-first twenty twenty six"),
    ("en", (2005, 12, 1), "December first two thousand five"),
    ("en", (1905, 1, 3), "January third nineteen oh five"),
    ("uk", (2026, 5, 21), "двадцять першого травня дві тисячі двадцять шостого року"),
    ("uk", (2000, 1, 2), "другого січня двохтисячного року"),
    ("uk", (1999, 8, 24), "двадцять четвертого серпня тисяча дев'ятсот дев'яносто дев'ятого року"),
    ("uk", (2030, 11, 30), "тридцятого листопада дві тисячі тридцятого року"),
    ("ru", (2026, 2, 23), "двадцать третьего февраля две тысячи двадцать шестого года"),
    ("ru", (2013, 9, 1), "первого сентября две тысячи тринадцатого года"),
    ("pl", (2026, 5, 3), "trzeciego maja dwa tysiące dwudziestego szóstego roku"),
    ("pl", (1989, 6, 4), "czwartego czerwca tysiąc dziewięćset osiemdziesiątego dziewiątego roku"),
    (
        "pl",
        (2044, 10, 31),
        "trzydziestego pierwszego października dwa tysiące czterdziestego czwartego roku",
    ),
]

NEW = [
    ("en", 0, "You have no new messages"),
    ("en", 1, "You have one new message"),
    ("en", 2, "You have two new messages"),
    ("uk", 1, "У вас одне нове повідомлення"),
    ("uk", 2, "У вас два нові повідомлення"),
    ("uk", 5, "У вас п'ять нових повідомлень"),
    ("uk", 11, "У вас одинадцять нових повідомлень"),
    ("uk", 21, "У вас двадцять одне нове повідомлення"),
    ("uk", 22, "У вас двадцять два нові повідомлення"),
    ("ru", 1, "У вас одно новое сообщение"),
    ("ru", 3, "У вас три новых сообщения"),
    ("ru", 25, "У вас двадцать пять новых сообщений"),
    ("ru", 101, "У вас сто одно новое сообщение"),
    ("pl", 1, "Masz jedną nową wiadomość"),
    ("pl", 2, "Masz dwie nowe wiadomości"),
    ("pl", 5, "Masz pięć nowych wiadomości"),
    ("pl", 21, "Masz dwadzieścia jeden nowych wiadomości"),
    ("pl", 22, "Masz dwadzieścia dwie nowe wiadomości"),
]


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [
        (language, count, text)
        for language, table in MINUTES.items()
        for count, text in table.items()
    ],
)
def test_minutes(language: str, count: int, text: str) -> None:
    assert said(duration(60 * count, language), language) == text


@pytest.mark.parametrize(
    ("language", "seconds", "text"),
    [
        ("en", 0, "zero seconds"),
        ("en", 3_661, "one hour one minute"),
        ("en", 90_000, "one day one hour"),
        ("uk", 3_600, "одна година"),
        ("uk", 7_322, "дві години дві хвилини"),
        ("uk", 61, "одна хвилина одна секунда"),
        ("uk", 2 * 86_400 + 30, "два дні"),
        ("ru", 2 * 3_600 + 120, "два часа две минуты"),
        ("ru", 21 * 3_600, "двадцать один час"),
        ("ru", 5 * 86_400, "пять дней"),
        ("pl", 3_600 + 300, "jedna godzina pięć minut"),
        ("pl", 2 * 86_400, "dwa dni"),
        ("pl", 22, "dwadzieścia dwie sekundy"),
    ],
)
def test_durations(language: str, seconds: float, text: str) -> None:
    assert said(duration(seconds, language), language) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("uk", "двадцять одну хвилину"),
        ("ru", "двадцать одну минуту"),
        ("pl", "dwadzieścia jeden minut"),
        ("en", "twenty one minutes"),
    ],
)
def test_a_duration_in_the_accusative(language: str, text: str) -> None:
    assert said(duration(1_260, language, Case.ACCUSATIVE), language) == text


@pytest.mark.parametrize(("language", "amount", "currency", "text"), MONEY)
def test_money(language: str, amount: int, currency: str, text: str) -> None:
    assert said(money(amount, currency, language), language) == text


@pytest.mark.parametrize(
    ("language", "text"), [("uk", "одну гривню одну копійку"), ("ru", "одну гривну одну копейку")]
)
def test_money_in_the_accusative(language: str, text: str) -> None:
    assert said(money(1_01, "UAH", language, Case.ACCUSATIVE), language) == text


@pytest.mark.parametrize(("language", "hour", "minute", "text"), CLOCK)
def test_the_time_of_day(language: str, hour: int, minute: int, text: str) -> None:
    assert said(clock(hour, minute, language), language) == text


@pytest.mark.parametrize(
    ("language", "hour", "twelve", "text"),
    [
        ("en", 14, False, "fourteen hundred"),
        ("uk", 14, True, "друга година дня"),
        ("uk", 0, True, "дванадцята година ночі"),
        ("ru", 9, True, "девять часов утра"),
        ("pl", 20, True, "godzina ósma wieczorem"),
        ("pl", 14, True, "godzina druga po południu"),
    ],
)
def test_the_other_clock(language: str, hour: int, twelve: bool, text: str) -> None:
    assert said(clock(hour, 0, language, twelve=twelve), language) == text


def test_what_time_it_is() -> None:
    assert said(time_now(14, 5, "uk"), "uk") == "Точний час чотирнадцята година п'ять хвилин"
    assert said(time_now(9, 30, "en"), "en") == "The time is nine thirty A M"


@pytest.mark.parametrize(("language", "day", "text"), DATES)
def test_dates(language: str, day: tuple[int, int, int], text: str) -> None:
    assert said(date(*day, language, with_year=True), language) == text


def test_when_a_message_came() -> None:
    now = Moment(2026, 3, 1, 9, 0)
    today, yesterday = Moment(2026, 3, 1, 8, 5), Moment(2026, 2, 28, 23, 59)
    assert said(received(today, now, "en"), "en") == "Today at eight oh five A M"
    assert said(received(yesterday, now, "uk"), "uk") == (
        "Учора двадцять третя година п'ятдесят дев'ять хвилин"
    )
    assert said(received(Moment(2026, 2, 27, 7, 0), now, "pl"), "pl") == (
        "dwudziestego siódmego lutego godzina siódma"
    )
    assert said(received(Moment(2025, 3, 1, 7, 0), now, "ru"), "ru") == (
        "первого марта две тысячи двадцать пятого года семь часов"
    )


@given(st.dates(datetime.date(1901, 1, 1), datetime.date(2099, 12, 30)))
def test_yesterday_is_the_day_before_in_every_calendar(day: datetime.date) -> None:
    after = day + datetime.timedelta(days=1)
    when = Moment(day.year, day.month, day.day, 12, 0)
    now = Moment(after.year, after.month, after.day, 0, 0)
    assert received(when, now, "pl")[0] == "date/yesterday"


@pytest.mark.parametrize(("language", "count", "text"), NEW)
def test_new_messages(language: str, count: int, text: str) -> None:
    assert said(new_messages(count, language), language) == text


def test_new_and_old_messages() -> None:
    assert said(messages(1, 3, "en"), "en") == ("You have one new message and three old messages")
    assert said(messages(2, 1, "uk"), "uk") == (
        "У вас два нові повідомлення і одне старе повідомлення"
    )
    assert said(messages(0, 2, "pl"), "pl") == (
        "Nie masz nowych wiadomości Masz dwie stare wiadomości"
    )
    assert said(message_number(3, "ru"), "ru") == "Сообщение три"


@pytest.mark.parametrize(
    ("language", "number", "groups"),
    [
        ("en", "5551234567", "five five five / one two three / four five six seven"),
        ("uk", "0671234567", "нуль шістдесят сім / сто двадцять три / сорок п'ять / шістдесят сім"),
        (
            "uk",
            "+380671234567",
            "плюс триста вісімдесят / шістдесят сім / сто двадцять три"
            " / сорок п'ять / шістдесят сім",
        ),
        (
            "ru",
            "+79161234567",
            "плюс семь / девятьсот шестнадцать / сто двадцать три / сорок пять / шестьдесят семь",
        ),
        (
            "pl",
            "+48601002003",
            "plus czterdzieści osiem / sześćset jeden / zero zero dwa / zero zero trzy",
        ),
        ("en", "+442079460000", "plus four four / two zero seven nine / "),
        ("pl", "12345", "sto dwadzieścia trzy / czterdzieści pięć"),
        ("uk", "1234567", "сто двадцять три / сорок п'ять / шістдесят сім"),
    ],
)
def test_telephone_numbers(language: str, number: str, groups: str) -> None:
    spoken: list[list[str]] = [[]]
    for sound in phone_number(number, language):
        if sound == "pause":
            spoken.append([])
        else:
            spoken[-1].append(sound)
    text = " / ".join(said(tuple(group), language) for group in spoken)
    if groups.endswith("/ "):  # Ten digits: 3 3 4.
        assert text == "plus four four / two zero seven / nine four six / zero zero zero zero"
    else:
        assert text == groups


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [
        ("en", "201", "two zero one"),
        ("uk", "201", "двісті один"),
        ("pl", "201", "dwieście jeden"),
        ("ru", "2014", "двадцать четырнадцать"),
        ("uk", "0044", "нуль нуль сорок чотири"),
        ("uk", "*45", "зірочка чотири п'ять"),
    ],
)
def test_extensions(language: str, number: str, text: str) -> None:
    assert said(extension(number, language), language) == text


def test_places_in_the_queue() -> None:
    assert said(queue_position(1, "uk"), "uk") == "Ваш дзвінок наступний у черзі"
    assert said(queue_position(21, "en"), "en") == "You are number twenty one in the queue"
    assert said(queue_position(22, "uk"), "uk") == "Ваш номер у черзі двадцять два"
    assert said(queue_position(101, "pl"), "pl") == "Państwa numer w kolejce sto jeden"


@pytest.mark.parametrize(
    ("seconds", "sound"),
    [
        (0, "1"),
        (60, "1"),
        (61, "2"),
        (120, "2"),
        (121, "3"),
        (300, "5"),
        (301, "10"),
        (600, "10"),
        (601, "more"),
        (1e9, "more"),
    ],
)
def test_waits_are_rounded_up(seconds: float, sound: str) -> None:
    assert wait(seconds) == (f"wait/{sound}",)


@given(st.lists(st.floats(0, 5_000), min_size=2, max_size=20))
def test_a_wait_never_grows_by_two_steps(estimates: list[float]) -> None:
    """What a caller is told one after another, whatever is estimated."""
    order = ["wait/1", "wait/2", "wait/3", "wait/5", "wait/10", "wait/more"]
    assert len(order) == len(WAIT_STEPS) + 1
    told: float | None = None
    heard: list[int] = []
    for estimate in estimates:
        told = not_much_more(estimate, told)
        heard.append(order.index(wait(told)[0]))
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(heard))


@given(
    st.sampled_from(LANGUAGES),
    st.integers(0, 10**11),
    st.sampled_from(sorted(CURRENCIES)),
    st.sampled_from(Case),
    st.integers(0, 23),
    st.integers(0, 59),
    st.dates(datetime.date(1800, 1, 1), datetime.date(2300, 1, 1)),
    st.text("0123456789+*# a", max_size=40),
)
def test_there_is_a_sound_for_all_that_is_said(
    language: str,
    amount: int,
    currency: str,
    case: Case,
    hour: int,
    minute: int,
    day: datetime.date,
    number: str,
) -> None:
    sounds = {
        *money(amount, currency, language, case),
        *duration(amount / 7, language, case),
        *clock(hour, minute, language),
        *clock(hour, minute, language, twelve=True),
        *clock(hour, minute, language, twelve=False),
        *date(day.year, day.month, day.day, language, with_year=True),
        *messages(amount, amount // 3, language),
        *message_number(amount, language),
        *queue_position(amount, language),
        *wait(amount),
        *digits(number),
        *extension(number, language),
        *phone_number(number, language),
    }
    assert {*TEXTS[language], "pause"} >= sounds
