"""What is said in conferences, to supervisors, and about recordings."""

from typing import Final

from .said import Said

ROOMS: Final[dict[str, Said]] = {
    "supervision/not-allowed": Said(
        "You may not listen to this conversation.",
        "Вам не дозволено слухати цю розмову.",
        "Вам не разрешено слушать этот разговор.",
        "Nie wolno słuchać tej rozmowy.",
    ),
    "supervision/nobody": Said(
        "There is no conversation to listen to.",
        "Зараз немає розмови.",
        "Сейчас нет разговора.",
        "Nie ma teraz żadnej rozmowy.",
    ),
    "supervision/waits": Said(
        "You will hear the next conversation.",
        "Ви почуєте наступну розмову.",
        "Вы услышите следующий разговор.",
        "Usłyszysz następną rozmowę.",
    ),
    "conference/pin": Said(
        "Please enter the PIN of the conference, then press the hash key.",
        "Введіть пін-код конференції і натисніть решітку.",
        "Введите пин-код конференции и нажмите решётку.",
        "Proszę podać kod konferencji i nacisnąć krzyżyk.",
    ),
    "conference/wrong-pin": Said(
        "That is not the right PIN.",
        "Неправильний пін-код.",
        "Неверный пин-код.",
        "Nieprawidłowy kod.",
    ),
    "conference/full": Said(
        "Nobody else can join this conference.",
        "У цій конференції немає вільних місць.",
        "В этой конференции нет свободных мест.",
        "Ta konferencja jest pełna.",
    ),
    "conference/locked": Said(
        "This conference is locked.",
        "Цю конференцію закрито.",
        "Эта конференция закрыта.",
        "Ta konferencja jest zamknięta.",
    ),
    "conference/alone": Said(
        "You are the first one in this conference.",
        "Поки що в конференції нікого немає.",
        "Пока в конференции никого нет.",
        "W tej konferencji nie ma jeszcze nikogo.",
    ),
    "conference/wait-moderator": Said(
        "The conference begins when the moderator is here.",
        "Конференція почнеться, коли приєднається ведучий.",
        "Конференция начнётся, когда присоединится ведущий.",
        "Konferencja zacznie się, gdy dołączy prowadzący.",
    ),
    "conference/muted": Said(
        "Nobody hears you now.",
        "Мікрофон вимкнено.",
        "Микрофон выключен.",
        "Mikrofon wyłączony.",
    ),
    "conference/unmuted": Said(
        "You are heard again.",
        "Мікрофон увімкнено.",
        "Микрофон включён.",
        "Mikrofon włączony.",
    ),
    "conference/is-locked": Said(
        "The conference is locked now.",
        "Конференцію закрито.",
        "Конференция закрыта.",
        "Konferencja została zamknięta.",
    ),
    "conference/is-open": Said(
        "The conference is open again.",
        "Конференцію знову відкрито.",
        "Конференция снова открыта.",
        "Konferencja jest znowu otwarta.",
    ),
    "conference/removed": Said(
        "You have been removed from the conference.",
        "Вас вилучено з конференції.",
        "Вас удалили из конференции.",
        "Usunięto cię z konferencji.",
    ),
    "conference/members": Said(
        "People in this conference:",
        "Учасників конференції:",
        "Участников конференции:",
        "Liczba uczestników konferencji:",
    ),
    # Behind the first of these comes the number of the extension, then one of the next two.
    "conference/extension": Said(
        "Extension", "Внутрішній номер", "Внутренний номер", "Numer wewnętrzny"
    ),
    "conference/has-joined": Said("has joined.", "приєднався.", "присоединился.", "dołączył."),
    "conference/has-left": Said("has left.", "відключився.", "отключился.", "rozłączył się."),
    "recording/started": Said(
        "Recording started.", "Запис почато.", "Запись начата.", "Nagrywanie rozpoczęte."
    ),
    "recording/stopped": Said(
        "Recording stopped.", "Запис зупинено.", "Запись остановлена.", "Nagrywanie zakończone."
    ),
    "recording/paused": Said(
        "Recording paused.",
        "Запис призупинено.",
        "Запись приостановлена.",
        "Nagrywanie wstrzymane.",
    ),
    "recording/resumed": Said(
        "Recording continues.",
        "Запис продовжено.",
        "Запись продолжена.",
        "Nagrywanie wznowione.",
    ),
}
