"""Twenty conversations at once: five telephones, each of which calls another one four times."""

from typing import Final

from tests.interop.conftest import Office
from tests.interop.pjsip import Pjsip

# Each has a voice of its own, none a multiple of another.
CALLERS: Final = {"111": 1013.0, "112": 613.0, "113": 787.0, "114": 437.0, "115": 1289.0}
CALLED: Final = {"121": 547.0, "122": 1153.0, "123": 709.0, "124": 911.0, "125": 1447.0}
VOICES: Final = CALLERS | CALLED
EXTENSIONS: Final = {user: f"Telephone {user}" for user in VOICES}
CALLS_EACH: Final = 4  # More calls at once PJSIP does not have.
CALLS: Final = CALLS_EACH * len(CALLERS)


class Crowd:
    def __init__(self, office: Office) -> None:
        """The server has `EXTENSIONS`."""
        phones = [self._phone(office, user) for user in VOICES]
        for phone in phones:
            phone.wait_registered()
        self.callers, self.called = phones[: len(CALLERS)], phones[len(CALLERS) :]

    @staticmethod
    def _phone(office: Office, user: str) -> Pjsip:
        server, password = office.pbx.sip, office.pbx.password(user)
        place, hertz = office._place(user), VOICES[user]
        phone = Pjsip(place, user, tone_hz=hertz, server=server, password=password)
        return office._programs.enter_context(phone)

    def talk(self) -> None:
        for number in range(CALLS_EACH):
            for caller, called in zip(self.callers, self.called, strict=True):
                _ = caller.dial(called.user)
            for caller, called in zip(self.callers, self.called, strict=True):
                _ = called.wait_incoming()
                called.accept(number)
                caller.wait_established(number)

    def hang_up(self) -> None:
        for number in range(CALLS_EACH):
            for caller in self.callers:
                caller.hang_up(number)
