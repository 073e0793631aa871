"""An office with supervisors and conference rooms, and what each of its phones hears."""

from typing import Final

from pbx.events import ConferenceChanged, Supervised
from pbx.supervising import Supervise
from tests.exchange.transfers import Transfers

SUPERVISION: Final = """
supervision:
  supervisors:
    103: {queues: [sales]}
    104: everybody
    102: {extensions: [101], modes: [listen, whisper]}
"""
CONFERENCES: Final = """
conferences:
  meeting: 800
  board: {number: 801, pin: 1234, moderator_pin: 9876, wait_for_moderator: true}
  pair: {number: 802, members_max: 2, announce: number}
"""


SAID: Final = (
    *("supervision/not-allowed", "supervision/nobody", "supervision/waits"),
    *("conference/pin", "conference/wrong-pin", "conference/full", "conference/locked"),
    *("conference/alone", "conference/wait-moderator", "conference/muted", "conference/unmuted"),
    *("conference/is-locked", "conference/is-open", "conference/removed", "conference/members"),
    *("conference/extension", "conference/has-joined", "conference/has-left"),
)


class RoomsOffice(Transfers):
    def __init__(self, more: str = "") -> None:
        super().__init__(CONFERENCES + (more or SUPERVISION))
        plan = self.exchange.plan
        for sounds in (plan.sounds, *plan.voices.values()):  # Recorded or not.
            for name in SAID:
                sounds[name] = f"/sounds/{name}.flac"

    def hears(self, user: str, device: int = 0) -> str:
        """The users whose voices this phone hears, or the sound that is played to it."""
        host = self.of(user, device).address[0]
        names = {phone.address[0]: phone.user for phone in self.phones.values()}
        for worker in self.workers:
            for name, line in worker.lines.items():
                if line.address is None or line.address[0] != host:
                    continue
                if line.play:
                    return line.files[0].rpartition("/")[2].partition(".")[0]
                heard = (worker.lines[other].address for other in worker.heard_by(name))
                return " ".join(sorted(names[at[0]] for at in heard if at is not None))
        return "nothing"

    def all_hear(self, *users: str) -> list[str]:
        return [self.hears(user) for user in users]

    def keys(self, user: str, digits: str) -> None:
        for digit in digits:
            self.press(user, digit)
            self.run_for(0.25)

    def supervise(self, wanted: Supervise) -> None:
        """A command from outside."""
        self._input(lambda exchange: exchange.on_supervise(wanted, self.now))
        self.run_for(1.0)

    def supervised(self) -> list[str]:
        return [event.what for event in self.told(Supervised)]

    def conferred(self) -> list[tuple[str, str, int]]:
        return [(e.extension, e.what, e.members) for e in self.told(ConferenceChanged)]

    def served(self) -> None:
        """101 talks to the agent 901 through the queue."""
        self.talk("101", "500", "901")

    def go(self, user: str, number: str) -> None:
        self.dial(user, number)
        self.run_for(1.0)

    def leave(self, user: str) -> None:
        self.hang_up(user)
        self.run_for(1.0)
