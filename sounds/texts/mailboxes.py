"""What mailboxes say."""

from typing import Final

from .said import Said

MAILBOXES: Final[dict[str, Said]] = {
    "messages/you-have": Said("You have", "У вас", "У вас", "Masz"),
    "messages/none": Said(
        "You have no new messages.",
        "У вас немає нових повідомлень.",
        "У вас нет новых сообщений.",
        "Nie masz nowych wiadomości.",
    ),
    "messages/and": Said("and", "і", "и", "oraz"),
    "messages/message": Said("Message", "Повідомлення", "Сообщение", "Wiadomość"),
    # Behind the first of these comes the number of the extension, then one of the next two.
    "voicemail/person-at": Said(
        "The person at extension", "Внутрішній номер", "Внутренний номер", "Numer wewnętrzny"
    ),
    "voicemail/is-busy": Said("is busy.", "зайнятий.", "занят.", "jest zajęty."),
    "voicemail/is-unavailable": Said(
        "is not available.", "не відповідає.", "не отвечает.", "nie odpowiada."
    ),
    "voicemail/leave-message": Said(
        "Please leave a message after the tone, then hang up or press hash.",
        "Залиште повідомлення після сигналу, потім покладіть слухавку або натисніть решітку.",
        "Оставьте сообщение после сигнала, затем положите трубку или нажмите решётку.",
        "Proszę zostawić wiadomość po sygnale, a potem rozłączyć się lub nacisnąć krzyżyk.",
    ),
    "voicemail/full": Said(
        "This mailbox is full. No message can be left.",
        "Ця скринька переповнена. Залишити повідомлення неможливо.",
        "Этот ящик переполнен. Оставить сообщение невозможно.",
        "Ta skrzynka jest pełna. Nie można zostawić wiadomości.",
    ),
    "voicemail/thank-you": Said(
        "Thank you. Your message has been saved.",
        "Дякуємо. Ваше повідомлення збережено.",
        "Спасибо. Ваше сообщение сохранено.",
        "Dziękujemy. Wiadomość została zapisana.",
    ),
    "voicemail/too-short": Said(
        "That was too short and has not been saved.",
        "Запис надто короткий, його не збережено.",
        "Запись слишком короткая, она не сохранена.",
        "Nagranie było za krótkie i nie zostało zapisane.",
    ),
    "voicemail/enter-mailbox": Said(
        "Please enter the number of the mailbox, then press hash.",
        "Введіть номер скриньки і натисніть решітку.",
        "Введите номер ящика и нажмите решётку.",
        "Proszę podać numer skrzynki i nacisnąć krzyżyk.",
    ),
    "voicemail/no-mailbox": Said(
        "There is no such mailbox.",
        "Такої скриньки немає.",
        "Такого ящика нет.",
        "Nie ma takiej skrzynki.",
    ),
    "voicemail/enter-pin": Said(
        "Please enter your PIN, then press hash.",
        "Введіть свій пін-код і натисніть решітку.",
        "Введите свой пин-код и нажмите решётку.",
        "Proszę podać swój kod i nacisnąć krzyżyk.",
    ),
    "voicemail/wrong-pin": Said(
        "That is not the right PIN.",
        "Неправильний пін-код.",
        "Неверный пин-код.",
        "Nieprawidłowy kod.",
    ),
    "voicemail/choose-pin": Said(
        "You have to choose a PIN of your own.",
        "Вам треба вибрати власний пін-код.",
        "Вам нужно выбрать собственный пин-код.",
        "Trzeba wybrać własny kod.",
    ),
    "voicemail/new-pin": Said(
        "Please enter the new PIN, then press hash.",
        "Введіть новий пін-код і натисніть решітку.",
        "Введите новый пин-код и нажмите решётку.",
        "Proszę podać nowy kod i nacisnąć krzyżyk.",
    ),
    "voicemail/new-pin-again": Said(
        "Please enter the new PIN once more, then press hash.",
        "Введіть новий пін-код ще раз і натисніть решітку.",
        "Введите новый пин-код ещё раз и нажмите решётку.",
        "Proszę podać nowy kod jeszcze raz i nacisnąć krzyżyk.",
    ),
    "voicemail/pins-differ": Said(
        "The two PINs are not the same.",
        "Пін-коди не збігаються.",
        "Пин-коды не совпадают.",
        "Podane kody są różne.",
    ),
    "voicemail/weak-pin": Said(
        "This PIN is too short or too easy to guess.",
        "Цей пін-код закороткий або його легко вгадати.",
        "Этот пин-код слишком короткий или его легко угадать.",
        "Ten kod jest za krótki lub zbyt łatwy do odgadnięcia.",
    ),
    "voicemail/pin-changed": Said(
        "Your PIN has been changed.",
        "Ваш пін-код змінено.",
        "Ваш пин-код изменён.",
        "Kod został zmieniony.",
    ),
    "voicemail/no-more": Said(
        "There are no more messages.",
        "Більше повідомлень немає.",
        "Больше сообщений нет.",
        "Nie ma więcej wiadomości.",
    ),
    "voicemail/main-menu": Said(
        "For new messages, press one. For heard ones, press two. For greetings and your PIN, press"
        " zero. To end, press hash.",
        "Нові повідомлення — натисніть один. Прослухані — два. Вітання і пін-код — нуль."
        " Завершити — решітка.",
        "Новые сообщения — нажмите один. Прослушанные — два. Приветствия и пин-код — ноль."
        " Закончить — решётка.",
        "Nowe wiadomości — naciśnij jeden. Odsłuchane — dwa. Powitania i kod — zero."
        " Zakończenie — krzyżyk.",
    ),
    "voicemail/from": Said("from", "від номера", "от номера", "od numeru"),
    "voicemail/from-unknown": Said(
        "from an unknown number.",
        "від невідомого номера.",
        "от неизвестного номера.",
        "od nieznanego numeru.",
    ),
    "voicemail/message-menu": Said(
        "To hear it again, press five. For the next one, press six, for the one before, four. To"
        " delete it, press seven. To save it, press nine. To forward it, press eight. To call"
        " back, press three. For the main menu, press star.",
        "Прослухати ще раз — натисніть п'ять. Наступне — шість, попереднє — чотири. Видалити —"
        " сім. Зберегти — дев'ять. Переслати — вісім. Передзвонити — три. Головне меню —"
        " зірочка.",
        "Прослушать ещё раз — нажмите пять. Следующее — шесть, предыдущее — четыре. Удалить —"
        " семь. Сохранить — девять. Переслать — восемь. Перезвонить — три. Главное меню —"
        " звёздочка.",
        "Ponowne odsłuchanie — naciśnij pięć. Następna — sześć, poprzednia — cztery. Usunięcie —"
        " siedem. Zapisanie — dziewięć. Przesłanie dalej — osiem. Oddzwonienie — trzy. Menu"
        " główne — gwiazdka.",
    ),
    "voicemail/deleted": Said(
        "The message has been deleted.",
        "Повідомлення видалено.",
        "Сообщение удалено.",
        "Wiadomość została usunięta.",
    ),
    "voicemail/undeleted": Said(
        "The message is kept.",
        "Повідомлення залишено.",
        "Сообщение оставлено.",
        "Wiadomość została zachowana.",
    ),
    "voicemail/saved": Said(
        "The message has been saved.",
        "Повідомлення збережено.",
        "Сообщение сохранено.",
        "Wiadomość została zapisana.",
    ),
    "voicemail/forward-to": Said(
        "To forward the message, enter the mailbox, then press hash.",
        "Щоб переслати повідомлення, введіть номер скриньки і натисніть решітку.",
        "Чтобы переслать сообщение, введите номер ящика и нажмите решётку.",
        "Aby przesłać wiadomość dalej, podaj numer skrzynki i naciśnij krzyżyk.",
    ),
    "voicemail/forward-comment": Said(
        "To say something before it, press one. To send it as it is, press hash.",
        "Щоб додати коментар, натисніть один. Щоб надіслати без коментаря, натисніть решітку.",
        "Чтобы добавить комментарий, нажмите один. Чтобы отправить без комментария, нажмите"
        " решётку.",
        "Aby dodać komentarz, naciśnij jeden. Aby wysłać bez komentarza, naciśnij krzyżyk.",
    ),
    "voicemail/record": Said(
        "Please speak after the tone, then press hash.",
        "Говоріть після сигналу, потім натисніть решітку.",
        "Говорите после сигнала, затем нажмите решётку.",
        "Proszę mówić po sygnale, a potem nacisnąć krzyżyk.",
    ),
    "voicemail/forwarded": Said(
        "The message has been forwarded.",
        "Повідомлення переслано.",
        "Сообщение переслано.",
        "Wiadomość została przesłana dalej.",
    ),
    "voicemail/no-call-back": Said(
        "This caller cannot be called back.",
        "Цьому абоненту неможливо передзвонити.",
        "Этому абоненту невозможно перезвонить.",
        "Nie można oddzwonić na ten numer.",
    ),
    "voicemail/options-menu": Said(
        "For the greeting when you are not available, press one. When you are busy, press two. For"
        " a temporary greeting, press three. To change your PIN, press four. To go back, press"
        " star.",
        "Вітання, коли ви не відповідаєте — натисніть один. Коли ви зайняті — два. Тимчасове"
        " вітання — три. Змінити пін-код — чотири. Повернутися — зірочка.",
        "Приветствие, когда вы не отвечаете — нажмите один. Когда вы заняты — два. Временное"
        " приветствие — три. Изменить пин-код — четыре. Вернуться — звёздочка.",
        "Powitanie, gdy nie odbierasz — naciśnij jeden. Gdy linia jest zajęta — dwa. Powitanie"
        " tymczasowe — trzy. Zmiana kodu — cztery. Powrót — gwiazdka.",
    ),
    "voicemail/greeting-menu": Said(
        "To record the greeting, press one. To hear it, press two. To delete it, press three. To go"
        " back, press star.",
        "Записати вітання — натисніть один. Прослухати — два. Видалити — три. Повернутися —"
        " зірочка.",
        "Записать приветствие — нажмите один. Прослушать — два. Удалить — три. Вернуться —"
        " звёздочка.",
        "Nagranie powitania — naciśnij jeden. Odsłuchanie — dwa. Usunięcie — trzy. Powrót —"
        " gwiazdka.",
    ),
    "voicemail/review-menu": Said(
        "To keep it, press one. To hear it, press two. To record it again, press three. To go back"
        " without it, press star.",
        "Зберегти — натисніть один. Прослухати — два. Записати знову — три. Повернутися без"
        " збереження — зірочка.",
        "Сохранить — нажмите один. Прослушать — два. Записать заново — три. Вернуться без"
        " сохранения — звёздочка.",
        "Zapisanie — naciśnij jeden. Odsłuchanie — dwa. Ponowne nagranie — trzy. Powrót bez"
        " zapisania — gwiazdka.",
    ),
    "voicemail/greeting-kept": Said(
        "Your greeting has been saved.",
        "Ваше вітання збережено.",
        "Ваше приветствие сохранено.",
        "Powitanie zostało zapisane.",
    ),
    "voicemail/greeting-deleted": Said(
        "Your greeting has been deleted.",
        "Ваше вітання видалено.",
        "Ваше приветствие удалено.",
        "Powitanie zostało usunięte.",
    ),
    "voicemail/no-greeting": Said(
        "There is no such greeting.",
        "Такого вітання немає.",
        "Такого приветствия нет.",
        "Nie ma takiego powitania.",
    ),
}
