"""What the exchange says, in the grammar of each language: numbers, money, times, counts.

Pure functions and tables. Each answers with the names of sounds to be played one after another,
such as ("digits/20", "digits/1-f", "units/minute-one"). Which text a name stands for is in
`sounds/texts/`; `Plan.files` turns names into files. A language that has no grammar of its own here
is spoken with that of English, so its sounds must have the English names.

    number(21, "uk", Gender.FEMININE)      двадцять одна
    money(2_05, "UAH", "uk")               дві гривні п'ять копійок
    duration(1260, "pl")                   dwadzieścia jeden minut
    clock(14, 5, "ru")                     четырнадцать часов пять минут
    date(2026, 5, 21, "uk")                двадцять першого травня
    received(when, now, "pl")              dzisiaj, godzina czternasta pięć
    new_messages(22, "ru")                 у вас двадцать два новых сообщения
    queue_position(3, "en")                you are number three in the queue
"""

from pbx.speech.grammar import LANGUAGES, Case, Gender, Sounds
from pbx.speech.messages import message_number, messages, new_messages
from pbx.speech.money import CURRENCIES, money
from pbx.speech.numbers import NUMBER_MAX, number
from pbx.speech.queues import queue_position, wait
from pbx.speech.telephone import digits, extension, phone_number
from pbx.speech.times import Moment, clock, date, duration, received, time_now

__all__ = [
    "CURRENCIES",
    "LANGUAGES",
    "NUMBER_MAX",
    "Case",
    "Gender",
    "Moment",
    "Sounds",
    "clock",
    "date",
    "digits",
    "duration",
    "extension",
    "message_number",
    "messages",
    "money",
    "new_messages",
    "number",
    "phone_number",
    "queue_position",
    "received",
    "time_now",
    "wait",
]
