"""The words that numbers, times, dates and money are put together from, by language.

Which of them stands where is decided in `pbx/speech/`.
"""

from typing import Final

Words = dict[str, str]


def _numbered(folder: str, words: str, first: int = 0, step: int = 1) -> Words:
    """`first` is the number of the first word. Words are split at commas."""
    joint = "-" if "/" in folder else "/"
    return {
        f"{folder}{joint}{first + step * place}": word.strip()
        for place, word in enumerate(words.split(","))
    }


def _forms(name: str, *forms: str) -> Words:
    """One, few, many; or one and many. A fourth is the accusative of one."""
    endings = ("one", "many") if len(forms) == 2 else ("one", "few", "many", "one-acc")
    return {f"{name}-{ending}": word for ending, word in zip(endings, forms, strict=False)}


ENGLISH: Final[Words] = {
    **_numbered(
        "digits",
        "zero, one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen,"
        "fourteen, fifteen, sixteen, seventeen, eighteen, nineteen",
    ),
    **_numbered("digits", "twenty, thirty, forty, fifty, sixty, seventy, eighty, ninety", 20, 10),
    **_numbered(
        "digits",
        "one hundred, two hundred, three hundred, four hundred, five hundred, six hundred,"
        "seven hundred, eight hundred, nine hundred",
        100,
        100,
    ),
    **_numbered(
        "ordinals",
        "first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh,"
        "twelfth, thirteenth, fourteenth, fifteenth, sixteenth, seventeenth, eighteenth,"
        "nineteenth, twentieth, twenty-first, twenty-second, twenty-third, twenty-fourth,"
        "twenty-fifth, twenty-sixth, twenty-seventh, twenty-eighth, twenty-ninth, thirtieth,"
        "thirty-first",
        1,
    ),
    **_numbered(
        "date/month",
        "January, February, March, April, May, June, July, August, September, October, November,"
        "December",
        1,
    ),
    "number/thousand": "thousand",
    "number/million": "million",
    "number/billion": "billion",
    "number/minus": "minus",
    "number/and": "and",
    "number/oh": "oh",
    "number/plus": "plus",
    "number/star": "star",
    "number/hash": "hash",
    "queue-position-end": "in the queue.",
    "time/hundred": "hundred",
    "time/at": "at",
    "time/am": "A M",
    "time/pm": "P M",
    **_forms("units/day", "day", "days"),
    **_forms("units/hour", "hour", "hours"),
    **_forms("units/minute", "minute", "minutes"),
    **_forms("units/second", "second", "seconds"),
    **_forms("money/uah", "hryvnia", "hryvnias"),
    **_forms("money/kopiyka", "kopiyka", "kopiykas"),
    **_forms("money/eur", "euro", "euros"),
    **_forms("money/usd", "dollar", "dollars"),
    **_forms("money/cent", "cent", "cents"),
    **_forms("money/pln", "zloty", "zlotys"),
    **_forms("money/grosz", "grosz", "groszy"),
    **_forms("money/gbp", "pound", "pounds"),
    **_forms("money/penny", "penny", "pence"),
    **_forms("messages/new", "new message.", "new messages."),
    **_forms("messages/old", "old message.", "old messages."),
}

UKRAINIAN: Final[Words] = {
    **_numbered(
        "digits",
        "нуль, один, два, три, чотири, п'ять, шість, сім, вісім, дев'ять, десять, одинадцять,"
        "дванадцять, тринадцять, чотирнадцять, п'ятнадцять, шістнадцять, сімнадцять, вісімнадцять,"
        "дев'ятнадцять",
    ),
    **_numbered(
        "digits",
        "двадцять, тридцять, сорок, п'ятдесят, шістдесят, сімдесят, вісімдесят, дев'яносто",
        20,
        10,
    ),
    **_numbered(
        "digits",
        "сто, двісті, триста, чотириста, п'ятсот, шістсот, сімсот, вісімсот, дев'ятсот",
        100,
        100,
    ),
    "digits/1-f": "одна",
    "digits/1-f-acc": "одну",
    "digits/1-n": "одне",
    "digits/2-f": "дві",
    **_numbered(
        "ordinals",
        "першого, другого, третього, четвертого, п'ятого, шостого, сьомого, восьмого, дев'ятого,"
        "десятого, одинадцятого, дванадцятого, тринадцятого, чотирнадцятого, п'ятнадцятого,"
        "шістнадцятого, сімнадцятого, вісімнадцятого, дев'ятнадцятого, двадцятого,"
        "двадцять першого, двадцять другого, двадцять третього, двадцять четвертого,"
        "двадцять п'ятого, двадцять шостого, двадцять сьомого, двадцять восьмого,"
        "двадцять дев'ятого, тридцятого, тридцять першого",
        1,
    ),
    **_numbered(
        "ordinals",
        "сорокового, п'ятдесятого, шістдесятого, сімдесятого, вісімдесятого, дев'яностого",
        40,
        10,
    ),
    "ordinals/2000": "двохтисячного",
    **_numbered(
        "date/month",
        "січня, лютого, березня, квітня, травня, червня, липня, серпня, вересня, жовтня,"
        "листопада, грудня",
        1,
    ),
    "date/year": "року",
    **_numbered(
        "time/hour",
        "нульова година, перша година, друга година, третя година, четверта година, п'ята година,"
        "шоста година, сьома година, восьма година, дев'ята година, десята година,"
        "одинадцята година, дванадцята година, тринадцята година, чотирнадцята година,"
        "п'ятнадцята година, шістнадцята година, сімнадцята година, вісімнадцята година,"
        "дев'ятнадцята година, двадцята година, двадцять перша година, двадцять друга година,"
        "двадцять третя година",
    ),
    "time/night": "ночі",
    "time/morning": "ранку",
    "time/afternoon": "дня",
    "time/evening": "вечора",
    **_forms("number/thousand", "тисяча", "тисячі", "тисяч"),
    **_forms("number/million", "мільйон", "мільйони", "мільйонів"),
    **_forms("number/billion", "мільярд", "мільярди", "мільярдів"),
    "number/minus": "мінус",
    "number/plus": "плюс",
    "number/star": "зірочка",
    "number/hash": "решітка",
    **_forms("units/day", "день", "дні", "днів"),
    **_forms("units/hour", "година", "години", "годин", "годину"),
    **_forms("units/minute", "хвилина", "хвилини", "хвилин", "хвилину"),
    **_forms("units/second", "секунда", "секунди", "секунд", "секунду"),
    **_forms("money/uah", "гривня", "гривні", "гривень", "гривню"),
    **_forms("money/kopiyka", "копійка", "копійки", "копійок", "копійку"),
    **_forms("money/eur", "євро", "євро", "євро"),
    **_forms("money/usd", "долар", "долари", "доларів"),
    **_forms("money/cent", "цент", "центи", "центів"),
    **_forms("money/pln", "злотий", "злоті", "злотих"),
    **_forms("money/grosz", "грош", "гроші", "грошів"),
    **_forms("money/gbp", "фунт", "фунти", "фунтів"),
    **_forms("money/penny", "пенс", "пенси", "пенсів"),
    **_forms("messages/new", "нове повідомлення.", "нові повідомлення.", "нових повідомлень."),
    **_forms("messages/old", "старе повідомлення.", "старі повідомлення.", "старих повідомлень."),
}

RUSSIAN: Final[Words] = {
    **_numbered(
        "digits",
        "ноль, один, два, три, четыре, пять, шесть, семь, восемь, девять, десять, одиннадцать,"
        "двенадцать, тринадцать, четырнадцать, пятнадцать, шестнадцать, семнадцать, восемнадцать,"
        "девятнадцать",
    ),
    **_numbered(
        "digits",
        "двадцать, тридцать, сорок, пятьдесят, шестьдесят, семьдесят, восемьдесят, девяносто",
        20,
        10,
    ),
    **_numbered(
        "digits",
        "сто, двести, триста, четыреста, пятьсот, шестьсот, семьсот, восемьсот, девятьсот",
        100,
        100,
    ),
    "digits/1-f": "одна",
    "digits/1-f-acc": "одну",
    "digits/1-n": "одно",
    "digits/2-f": "две",
    **_numbered(
        "ordinals",
        "первого, второго, третьего, четвёртого, пятого, шестого, седьмого, восьмого, девятого,"
        "десятого, одиннадцатого, двенадцатого, тринадцатого, четырнадцатого, пятнадцатого,"
        "шестнадцатого, семнадцатого, восемнадцатого, девятнадцатого, двадцатого,"
        "двадцать первого, двадцать второго, двадцать третьего, двадцать четвёртого,"
        "двадцать пятого, двадцать шестого, двадцать седьмого, двадцать восьмого,"
        "двадцать девятого, тридцатого, тридцать первого",
        1,
    ),
    **_numbered(
        "ordinals",
        "сорокового, пятидесятого, шестидесятого, семидесятого, восьмидесятого, девяностого",
        40,
        10,
    ),
    "ordinals/2000": "двухтысячного",
    **_numbered(
        "date/month",
        "января, февраля, марта, апреля, мая, июня, июля, августа, сентября, октября, ноября,"
        "декабря",
        1,
    ),
    "date/year": "года",
    **_numbered(
        "time/hour",
        "ноль часов, один час, два часа, три часа, четыре часа, пять часов, шесть часов,"
        "семь часов, восемь часов, девять часов, десять часов, одиннадцать часов,"
        "двенадцать часов, тринадцать часов, четырнадцать часов, пятнадцать часов,"
        "шестнадцать часов, семнадцать часов, восемнадцать часов, девятнадцать часов,"
        "двадцать часов, двадцать один час, двадцать два часа, двадцать три часа",
    ),
    "time/night": "ночи",
    "time/morning": "утра",
    "time/afternoon": "дня",
    "time/evening": "вечера",
    **_forms("number/thousand", "тысяча", "тысячи", "тысяч"),
    **_forms("number/million", "миллион", "миллиона", "миллионов"),
    **_forms("number/billion", "миллиард", "миллиарда", "миллиардов"),
    "number/minus": "минус",
    "number/plus": "плюс",
    "number/star": "звёздочка",
    "number/hash": "решётка",
    **_forms("units/day", "день", "дня", "дней"),
    **_forms("units/hour", "час", "часа", "часов"),
    **_forms("units/minute", "минута", "минуты", "минут", "минуту"),
    **_forms("units/second", "секунда", "секунды", "секунд", "секунду"),
    **_forms("money/uah", "гривна", "гривны", "гривен", "гривну"),
    **_forms("money/kopiyka", "копейка", "копейки", "копеек", "копейку"),
    **_forms("money/eur", "евро", "евро", "евро"),
    **_forms("money/usd", "доллар", "доллара", "долларов"),
    **_forms("money/cent", "цент", "цента", "центов"),
    **_forms("money/pln", "злотый", "злотых", "злотых"),
    **_forms("money/grosz", "грош", "гроша", "грошей"),
    **_forms("money/gbp", "фунт", "фунта", "фунтов"),
    **_forms("money/penny", "пенс", "пенса", "пенсов"),
    **_forms("messages/new", "новое сообщение.", "новых сообщения.", "новых сообщений."),
    **_forms("messages/old", "старое сообщение.", "старых сообщения.", "старых сообщений."),
}

POLISH: Final[Words] = {
    **_numbered(
        "digits",
        "zero, jeden, dwa, trzy, cztery, pięć, sześć, siedem, osiem, dziewięć, dziesięć,"
        "jedenaście, dwanaście, trzynaście, czternaście, piętnaście, szesnaście, siedemnaście,"
        "osiemnaście, dziewiętnaście",
    ),
    **_numbered(
        "digits",
        "dwadzieścia, trzydzieści, czterdzieści, pięćdziesiąt, sześćdziesiąt, siedemdziesiąt,"
        "osiemdziesiąt, dziewięćdziesiąt",
        20,
        10,
    ),
    **_numbered(
        "digits",
        "sto, dwieście, trzysta, czterysta, pięćset, sześćset, siedemset, osiemset, dziewięćset",
        100,
        100,
    ),
    "digits/1-f": "jedna",
    "digits/1-f-acc": "jedną",
    "digits/1-n": "jedno",
    "digits/2-f": "dwie",
    **_numbered(
        "ordinals",
        "pierwszego, drugiego, trzeciego, czwartego, piątego, szóstego, siódmego, ósmego,"
        "dziewiątego, dziesiątego, jedenastego, dwunastego, trzynastego, czternastego,"
        "piętnastego, szesnastego, siedemnastego, osiemnastego, dziewiętnastego, dwudziestego,"
        "dwudziestego pierwszego, dwudziestego drugiego, dwudziestego trzeciego,"
        "dwudziestego czwartego, dwudziestego piątego, dwudziestego szóstego,"
        "dwudziestego siódmego, dwudziestego ósmego, dwudziestego dziewiątego, trzydziestego,"
        "trzydziestego pierwszego",
        1,
    ),
    **_numbered(
        "ordinals",
        "czterdziestego, pięćdziesiątego, sześćdziesiątego, siedemdziesiątego,"
        "osiemdziesiątego, dziewięćdziesiątego",
        40,
        10,
    ),
    "ordinals/2000": "dwutysięcznego",
    **_numbered(
        "date/month",
        "stycznia, lutego, marca, kwietnia, maja, czerwca, lipca, sierpnia, września,"
        "października, listopada, grudnia",
        1,
    ),
    "date/year": "roku",
    **_numbered(
        "time/hour",
        "godzina zero, godzina pierwsza, godzina druga, godzina trzecia, godzina czwarta,"
        "godzina piąta, godzina szósta, godzina siódma, godzina ósma, godzina dziewiąta,"
        "godzina dziesiąta, godzina jedenasta, godzina dwunasta, godzina trzynasta,"
        "godzina czternasta, godzina piętnasta, godzina szesnasta, godzina siedemnasta,"
        "godzina osiemnasta, godzina dziewiętnasta, godzina dwudziesta,"
        "godzina dwudziesta pierwsza, godzina dwudziesta druga, godzina dwudziesta trzecia",
    ),
    "time/night": "w nocy",
    "time/morning": "rano",
    "time/afternoon": "po południu",
    "time/evening": "wieczorem",
    **_forms("number/thousand", "tysiąc", "tysiące", "tysięcy"),
    **_forms("number/million", "milion", "miliony", "milionów"),
    **_forms("number/billion", "miliard", "miliardy", "miliardów"),
    "number/minus": "minus",
    "number/plus": "plus",
    "number/star": "gwiazdka",
    "number/hash": "krzyżyk",
    **_forms("units/day", "dzień", "dni", "dni"),
    **_forms("units/hour", "godzina", "godziny", "godzin", "godzinę"),
    **_forms("units/minute", "minuta", "minuty", "minut", "minutę"),
    **_forms("units/second", "sekunda", "sekundy", "sekund", "sekundę"),
    **_forms("money/uah", "hrywna", "hrywny", "hrywien", "hrywnę"),
    **_forms("money/kopiyka", "kopiejka", "kopiejki", "kopiejek", "kopiejkę"),
    **_forms("money/eur", "euro", "euro", "euro"),
    **_forms("money/usd", "dolar", "dolary", "dolarów"),
    **_forms("money/cent", "cent", "centy", "centów"),
    **_forms("money/pln", "złoty", "złote", "złotych"),
    **_forms("money/grosz", "grosz", "grosze", "groszy"),
    **_forms("money/gbp", "funt", "funty", "funtów"),
    **_forms("money/penny", "pens", "pensy", "pensów"),
    **_forms("messages/new", "nową wiadomość.", "nowe wiadomości.", "nowych wiadomości."),
    **_forms("messages/old", "starą wiadomość.", "stare wiadomości.", "starych wiadomości."),
}

WORDS: Final[dict[str, Words]] = {
    "en": ENGLISH,
    "uk": UKRAINIAN,
    "ru": RUSSIAN,
    "pl": POLISH,
}
