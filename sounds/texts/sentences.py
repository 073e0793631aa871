"""What each prompt says in each language: whole sentences, the same names in all of them.

Another prompt is another row. The words that numbers, times and money are put together from are in
`words.py`.
"""

from typing import Final

from .said import Said

SENTENCES: Final[dict[str, Said]] = {
    # Queues.
    "welcome": Said(
        "Thank you for calling. Please hold, an agent will be with you shortly.",
        "Дякуємо за дзвінок. Будь ласка, зачекайте, оператор невдовзі вам відповість.",
        "Спасибо за звонок. Пожалуйста, подождите, оператор скоро вам ответит.",
        "Dziękujemy za telefon. Proszę czekać, konsultant wkrótce odbierze.",
    ),
    "all-busy": Said(
        "All our agents are busy at the moment. Please stay on the line.",
        "Зараз усі оператори зайняті. Будь ласка, залишайтеся на лінії.",
        "Сейчас все операторы заняты. Пожалуйста, оставайтесь на линии.",
        "Wszyscy konsultanci są teraz zajęci. Proszę pozostać na linii.",
    ),
    "queue-position": Said(
        "You are number",
        "Ваш номер у черзі",
        "Ваш номер в очереди",
        "Państwa numer w kolejce",
    ),
    "you-are-next": Said(
        "You are next in the queue.",
        "Ваш дзвінок наступний у черзі.",
        "Ваш звонок следующий в очереди.",
        "Państwa połączenie jest następne w kolejce.",
    ),
    "wait/1": Said(
        "Your call will be answered in less than a minute.",
        "Вам дадуть відповідь менш ніж за хвилину.",
        "Вам ответят меньше чем через минуту.",
        "Czas oczekiwania wynosi mniej niż jedną minutę.",
    ),
    "wait/2": Said(
        "Your call will be answered in about two minutes.",
        "Час очікування — близько двох хвилин.",
        "Время ожидания — около двух минут.",
        "Czas oczekiwania wynosi około dwóch minut.",
    ),
    "wait/3": Said(
        "Your call will be answered in about three minutes.",
        "Час очікування — близько трьох хвилин.",
        "Время ожидания — около трёх минут.",
        "Czas oczekiwania wynosi około trzech minut.",
    ),
    "wait/5": Said(
        "Your call will be answered in about five minutes.",
        "Час очікування — близько п'яти хвилин.",
        "Время ожидания — около пяти минут.",
        "Czas oczekiwania wynosi około pięciu minut.",
    ),
    "wait/10": Said(
        "Your call will be answered in about ten minutes.",
        "Час очікування — близько десяти хвилин.",
        "Время ожидания — около десяти минут.",
        "Czas oczekiwania wynosi około dziesięciu minut.",
    ),
    "wait/more": Said(
        "The waiting time is more than ten minutes.",
        "Час очікування — понад десять хвилин.",
        "Время ожидания — больше десяти минут.",
        "Czas oczekiwania wynosi ponad dziesięć minut.",
    ),
    "sorry-nobody-free": Said(
        "We are sorry, nobody is free to take your call. Please try again later.",
        "Вибачте, зараз немає вільних операторів. Будь ласка, зателефонуйте пізніше.",
        "Извините, сейчас нет свободных операторов. Пожалуйста, перезвоните позже.",
        "Przepraszamy, nikt nie może teraz odebrać. Proszę zadzwonić później.",
    ),
    "sorry-queue-full": Said(
        "We are sorry, too many callers are waiting. Please try again later.",
        "Вибачте, у черзі забагато дзвінків. Будь ласка, зателефонуйте пізніше.",
        "Извините, в очереди слишком много звонков. Пожалуйста, перезвоните позже.",
        "Przepraszamy, zbyt wiele osób czeka na połączenie. Proszę zadzwonić później.",
    ),
    "sorry-closed": Said(
        "We are sorry, we are closed now. Please call again during opening hours.",
        "Вибачте, ми зараз не працюємо. Будь ласка, зателефонуйте в робочий час.",
        "Извините, мы сейчас не работаем. Пожалуйста, перезвоните в рабочее время.",
        "Przepraszamy, teraz jest nieczynne. Proszę zadzwonić w godzinach pracy.",
    ),
    "sorry-empty": Said(
        "We are sorry, nobody is here to take your call. Please try again later.",
        "Вибачте, зараз нікому відповісти на ваш дзвінок. Будь ласка, зателефонуйте пізніше.",
        "Извините, сейчас некому ответить на ваш звонок. Пожалуйста, перезвоните позже.",
        "Przepraszamy, nie ma nikogo, kto mógłby odebrać. Proszę zadzwonić później.",
    ),
    "connecting": Said(
        "Connecting you now.",
        "З'єднуємо вас.",
        "Соединяем вас.",
        "Łączymy z konsultantem.",
    ),
    # Numbers that lead nowhere.
    "no-such-number": Said(
        "The number you have dialled does not exist. Please check it and try again.",
        "Набраного вами номера не існує. Будь ласка, перевірте номер і спробуйте ще раз.",
        "Набранного вами номера не существует. Пожалуйста, проверьте номер и попробуйте ещё раз.",
        "Wybrany numer nie istnieje. Proszę sprawdzić numer i spróbować ponownie.",
    ),
    "not-allowed": Said(
        "You may not call this number.",
        "Вам не дозволено телефонувати на цей номер.",
        "Вам не разрешено звонить на этот номер.",
        "Połączenie z tym numerem jest niedozwolone.",
    ),
    # Feature codes.
    "echo-test": Said(
        "This is the echo test. Whatever you say, you will hear again.",
        "Це перевірка звуку. Усе, що ви скажете, ви почуєте знову.",
        "Это проверка звука. Всё, что вы скажете, вы услышите снова.",
        "To jest test echa. Wszystko, co powiesz, usłyszysz ponownie.",
    ),
    "signed-in": Said(
        "You are signed in.",
        "Ви почали роботу.",
        "Вы начали работу.",
        "Praca rozpoczęta.",
    ),
    "signed-out": Said(
        "You are signed out.",
        "Ви завершили роботу.",
        "Вы закончили работу.",
        "Praca zakończona.",
    ),
    "on-break": Said(
        "You are on a break.",
        "У вас перерва.",
        "У вас перерыв.",
        "Przerwa rozpoczęta.",
    ),
    "back-from-break": Said(
        "Welcome back from your break.",
        "Перерву закінчено. З поверненням.",
        "Перерыв окончен. С возвращением.",
        "Przerwa zakończona. Witamy ponownie.",
    ),
    "wrap-up-ended": Said(
        "You are ready for the next call.",
        "Ви готові до наступного дзвінка.",
        "Вы готовы к следующему звонку.",
        "Można przyjąć następne połączenie.",
    ),
    "enter-number": Said(
        "Please enter the number, then press the hash key.",
        "Будь ласка, введіть номер і натисніть решітку.",
        "Пожалуйста, введите номер и нажмите решётку.",
        "Proszę wprowadzić numer i nacisnąć krzyżyk.",
    ),
    "forward-on": Said(
        "Your calls are forwarded now.",
        "Переадресацію ввімкнено.",
        "Переадресация включена.",
        "Przekierowanie włączone.",
    ),
    "forward-off": Said(
        "Your calls are no longer forwarded.",
        "Переадресацію вимкнено.",
        "Переадресация выключена.",
        "Przekierowanie wyłączone.",
    ),
    "do-not-disturb-on": Said(
        "Do not disturb is on.",
        "Режим не турбувати ввімкнено.",
        "Режим не беспокоить включён.",
        "Tryb nie przeszkadzać włączony.",
    ),
    "do-not-disturb-off": Said(
        "Do not disturb is off.",
        "Режим не турбувати вимкнено.",
        "Режим не беспокоить выключен.",
        "Tryb nie przeszkadzać wyłączony.",
    ),
    "number-hidden": Said(
        "Your number is hidden now.",
        "Ваш номер тепер приховано.",
        "Ваш номер теперь скрыт.",
        "Twój numer jest teraz ukryty.",
    ),
    "number-shown": Said(
        "Your number is shown now.",
        "Ваш номер тепер видно.",
        "Ваш номер теперь виден.",
        "Twój numer jest teraz widoczny.",
    ),
    "goodbye": Said(
        "Thank you for calling. Goodbye.",
        "Дякуємо за дзвінок. До побачення.",
        "Спасибо за звонок. До свидания.",
        "Dziękujemy za telefon. Do widzenia.",
    ),
    "recording-notice": Said(
        "This call may be recorded.",
        "Розмова може записуватися.",
        "Разговор может быть записан.",
        "Rozmowa może być nagrywana.",
    ),
    # Menus.
    "enter-extension": Said(
        "Please enter the extension number.",
        "Будь ласка, наберіть внутрішній номер.",
        "Пожалуйста, наберите внутренний номер.",
        "Proszę wybrać numer wewnętrzny.",
    ),
    "invalid-choice": Said(
        "That is not a valid choice.",
        "Такого варіанта немає.",
        "Такого варианта нет.",
        "Nie ma takiej opcji.",
    ),
    "nothing-pressed": Said(
        "We did not receive your choice.",
        "Ви нічого не вибрали.",
        "Вы ничего не выбрали.",
        "Nie wybrano żadnej opcji.",
    ),
    "try-again": Said(
        "Please try again.",
        "Будь ласка, спробуйте ще раз.",
        "Пожалуйста, попробуйте ещё раз.",
        "Proszę spróbować ponownie.",
    ),
    "technical-problem": Said(
        "We are sorry, there is a technical problem. Please try again later.",
        "Вибачте, сталася технічна помилка. Будь ласка, зателефонуйте пізніше.",
        "Извините, произошла техническая ошибка. Пожалуйста, перезвоните позже.",
        "Przepraszamy, wystąpił problem techniczny. Proszę zadzwonić później.",
    ),
    "not-available": Said(
        "The person you are calling is not available.",
        "Абонент зараз не може відповісти.",
        "Абонент сейчас не может ответить.",
        "Osoba, do której dzwonisz, nie może teraz odebrać.",
    ),
    # Times.
    "time/now": Said("The time is", "Точний час", "Точное время", "Dokładny czas"),
    "date/today": Said("Today", "Сьогодні", "Сегодня", "Dzisiaj"),
    "date/yesterday": Said("Yesterday", "Учора", "Вчера", "Wczoraj"),
}
