"""A company with mailboxes, in virtual time. Every prompt is a file of its name."""

from dataclasses import replace
from typing import Any, Final

from pbx.config.document import parse
from pbx.config.load import validate
from pbx.config.secrets import extension_secret, with_secrets
from pbx.plan import Plan
from pbx.planning import make_plan
from pbx.voicemail.messages import Message, Status
from tests.exchange.office import TICK, Office
from tests.exchange.trunk import PLAIN, Trunk
from tests.sim.audio import PROMPT_SECONDS
from tests.sim.plans import password
from tests.sim.spool import ROOT
from tests.sim.world import Network, World

PIN: Final = "4071"
OWN_PIN: Final = "9137"
TEXT: Final = """
extensions: {101: Olena, 102: Petro, 103: Iryna, 901: Anna}
agents: {901: }
queues:
  sales: {number: 500, members: [901], max_wait: 20s, on_timeout: voicemail:sales}
numbers: {700: voicemail:102, 701: mailbox}
sip: {trusted: [10.9.0.1]}
media: {silence_timeout: 0s}
voicemail:
  path: /spool
  operator: extension:901
  mailboxes:
    102: {pin: "4071"}
    103: {max_messages: 2, operator: extension:101}
    sales: {pin: "5082", silence: 0s}
"""


class Everything(dict[str, str]):
    """Each sound there might be, in every language."""

    def __missing__(self, name: str) -> str:
        return f"/sounds/{name}.wav"

    def get(self, name: str, default: object = None) -> Any:  # noqa: ANN401
        return self[name]


class House(Office):
    def __init__(self, text: str = TEXT, *, seed: int = 1, workers: int = 1) -> None:
        network = Network(delay=(TICK, TICK))
        World.__init__(self, plan_of(text), seed, network, workers=workers)
        self.checker.alike = False
        self.trunk_calls = 0
        self._open(self.exchange.plan.extensions, {})

    def reload(self, text: str) -> None:
        self.configure(plan_of(text))

    def call_from(self, number: str, dialled: str) -> Trunk:
        self.trunk_calls += 1
        trunk = Trunk(self, number, f"trunk-call-{self.trunk_calls}")
        trunk.invite(dialled, PLAIN)
        return trunk

    # --- what callers and owners do

    def leave(self, caller: str, number: str = "*99102", seconds: float = 5.0) -> None:
        """A message of so many seconds; the caller hangs up."""
        self.dial(caller, number)
        self.wait_recording()
        self.run_for(seconds)
        self.hang_up(caller)
        self.run_for(1.0)

    def wait_recording(self, seconds: float = 60.0) -> None:
        until = self.now + seconds
        while not self.exchange.voicemail.recordings:
            assert self.step(until), "nobody is recorded"

    def type(self, user: str, keys: str) -> None:
        for key in keys:
            self.press(user, key)
            self.run_for(0.25)

    def log_in(self, user: str, number: str = "*97", pin: str = PIN) -> None:
        """To the main menu."""
        self.dial(user, number)
        self.run_for(1.0)
        self.type(user, f"{pin}#")

    def own_pin(self, user: str, pin: str = OWN_PIN) -> None:
        """The first time: another PIN has to be chosen. Then to the main menu."""
        self.log_in(user)
        self.type(user, f"{pin}#{pin}#")

    # --- what came of it

    def heard(self, user: str) -> list[str]:
        """What plays to this phone now: names of prompts; a message by its file."""
        remote = self.of(user).remote
        assert remote is not None, user
        for worker in self.workers:
            for line in worker.lines.values():
                if line.port == remote.address[1] and line.play:
                    return [_name(file) for file in line.files]
        return []

    def box(self, mailbox: str) -> list[Message]:
        return list(self.exchange.voicemail.messages(mailbox))

    def lengths(self, mailbox: str) -> list[float]:
        return [message.seconds for message in self.box(mailbox)]

    def statuses(self, mailbox: str) -> list[Status]:
        return [message.status for message in self.box(mailbox)]

    def close(self) -> None:
        """Nothing is left half done either: what is on the disk is what is in the mailboxes."""
        super().close()
        known = self.exchange.voicemail
        on_disk = {message.id: message for message in self.spool.messages.values()}
        boxes = {message.mailbox for message in on_disk.values()}
        assert {m.id: m for box in boxes for m in known.messages(box)} == on_disk
        assert self.spool.drafts == {}
        assert not known.recordings
        assert not known.drafts


def plan_of(text: str) -> Plan:
    config = validate(parse(text, "house.yaml"))
    users = config.extensions
    config = with_secrets(config, {extension_secret(user): password(user) for user in users})
    return replace(make_plan(config, {}), sounds=Everything(), voices={})


def prompts(seconds: int) -> float:
    return PROMPT_SECONDS * seconds


def _name(file: str) -> str:
    return file.removeprefix("/sounds/").removesuffix(".wav")


__all__ = ["OWN_PIN", "PIN", "ROOT", "TEXT", "House", "plan_of", "prompts"]
