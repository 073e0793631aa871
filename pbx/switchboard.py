"""What all that carries out calls' commands works on: the tables of calls, legs and media sessions,
the distribution, and the small steps that everything is made of."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pbx.attendance import Attendance
from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.calls.legs import Legs
from pbx.calls.media_pool import MediaPool
from pbx.deadlines import Deadlines
from pbx.distribution import inputs
from pbx.distribution.core import Distribution
from pbx.distribution.journal import Told
from pbx.events import QueueLeft
from pbx.flow.block import Block
from pbx.phone_settings import PhoneSettings
from pbx.plan import Plan
from sip.registration import Registrar
from sip.tokens import Tokens

if TYPE_CHECKING:
    from pbx.distribution.effects import Effect
    from pbx.lamps import Lamps
    from pbx.trunks.trunks import Trunks

Item = Any
"""What the work queue holds: outputs of the layers, and (call, command) pairs."""

NAME_MAX: Final = 128
"""Display names are cut to this: they go into records, pages and other phones."""


@dataclass(frozen=True, slots=True)
class CarryOutEffects:
    """Everything that the distribution wants, in its order: what carrying one of its effects out
    makes it want comes after those that it wanted before."""


class Switchboard:
    trunks: "Trunks"  # Made with the other parts.

    lamps: "Lamps"

    def __init__(
        self,
        plan: Plan,
        *,
        tokens: Tokens,
        legs: Legs,
        pool: MediaPool,
        registrar: Registrar,
        distribution: Distribution,
        attendance: Attendance,
        epoch: float,
    ) -> None:
        self.plan = plan
        self.legs = legs
        self.pool = pool
        self.registrar = registrar
        self.distribution = distribution
        self.attendance = attendance
        self.epoch = epoch
        self.phones = PhoneSettings(plan.phones, epoch)
        self.calls: dict[str, Call] = {}
        self.parked: dict[str, str] = {}  # Slot → call.
        self.ending: dict[str, Call] = {}  # Over, but for the workers' figures.
        self._tokens = tokens
        self._deadlines = Deadlines()
        self._call_by_leg: dict[str, str] = {}
        self._call_by_media: dict[str, str] = {}
        self._effects: deque[Effect] = deque()  # Of the distribution, not carried out yet.
        self.inputs: list[Told] = []  # What the distribution was told: the edge takes it away.

    def _own_media(self, call: Call, session: str) -> None:
        call.media.append(session)
        self._call_by_media[session] = call.id

    def _near(self, call: Call) -> str:
        """The media session through which the caller hears us, "" before there is one."""
        media = self.legs[call.caller_leg].media if call.caller_leg in self.legs else ""
        return media if media and self.pool.is_open(media) else ""

    def _commands(self, call: Call, commands: Sequence[do.Command]) -> list[Item]:
        return [(call, command) for command in commands]

    def _waiting(self, queue: str) -> int:
        found = self.distribution.world.queues.get(queue)
        return 0 if found is None else len(found.line)

    def _tell(self, event: inputs.Input, now: float) -> list[Item]:
        told = Told(now, event, [])
        self.inputs.append(told)  # First, so that an input that fails is in the journal, too.
        told.effects.extend(self.distribution.apply(event, now))
        self._effects.extend(told.effects)
        return [CarryOutEffects()]

    def _wall(self, now: float) -> float:
        return now + self.epoch

    def _occupy(self, agent: str, now: float) -> list[Item]:
        return self._tell(inputs.AgentOccupied(agent), now) if agent else []

    def _vacate(self, agent: str, now: float) -> list[Item]:
        return self._tell(inputs.AgentVacated(agent), now) if agent else []

    def _left(self, call: Call, reason: str, now: float) -> QueueLeft:
        since = call.waiting_since if call.waiting_since is not None else call.started
        waiting = self._waiting(call.queue)
        self.lamps.note_queue(call.queue)
        return QueueLeft(call.id, call.queue, reason, now - since, waiting, self._wall(now))

    def _enter(self, call: Call, block: Block, now: float) -> list[Item]:
        call.block = block
        target = getattr(block, "queue", "") or getattr(block, "extension", "")
        call.path.append(f"{block.name} {target}".strip())
        return self._commands(call, block.start(call, now))
