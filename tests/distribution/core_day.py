"""A day of the core alone, with what the call layer would remember of it."""

from pbx.distribution.config import DistributionConfig
from pbx.distribution.core import Distribution
from pbx.distribution.effects import AgentChanged, Connect, Effect, Leave, Ring, StopRinging
from pbx.distribution.inputs import (
    AnswerFailed,
    CallbackBooked,
    CallJoined,
    CallLeft,
    CallMoved,
    Configured,
    ConversationEnded,
    Input,
    RingEnded,
)
from tests.distribution.day_configs import AGENTS


class CoreDay:
    """The core, a clock, and the legs that the call layer would know of.

    Asserts what the call layer could not carry out.
    """

    def __init__(
        self, config: DistributionConfig, seed: int, names: tuple[str, ...] = AGENTS
    ) -> None:
        self.given, self.seed = config, seed
        self.names = names  # Of agents, the configured ones and a few more.
        self.config = config  # As of now.
        self.core = Distribution(config, seed)
        self.now = 0.0
        self.journal: list[tuple[float, Input]] = []
        self.effects: list[list[Effect]] = []
        self.phones: set[tuple[str, str]] = set()  # Ringing now: call, agent.
        self.late: list[tuple[str, str]] = []  # Stopped: their answer may still come.
        self.talks: dict[str, str] = {}
        self.inside: dict[str, str] = {}  # Calls not yet left, and their queue.
        self.calls = 0
        self.states: dict[str, AgentChanged] = {}

    def do(self, event: Input) -> list[Effect]:
        effects = self.core.apply(event, self.now)
        self.journal.append((self.now, event))
        self.effects.append(effects)
        self._heard(event)
        self._carry_out(effects)
        return effects

    def _heard(self, event: Input) -> None:
        match event:
            case CallJoined(call, queue) if call not in self.inside:
                self.inside[call] = queue
            case CallbackBooked(call, callback) if call in self.inside:
                if call not in self.talks and callback not in self.inside:
                    self.inside[callback] = self.inside.pop(call)
            case CallLeft(call):
                _ = self.inside.pop(call, None)
                _ = self.talks.pop(call, None)
            case ConversationEnded(call, agent) if self.talks.get(call) == agent:
                del self.inside[call], self.talks[call]
            case RingEnded(call, agent):
                self.phones.discard((call, agent))
            case AnswerFailed(call, agent) if self.talks.get(call) == agent:
                del self.talks[call]
            case CallMoved(call, queue) if call in self.inside:
                if queue in {q.id for q in self.config.queues}:
                    _ = self.talks.pop(call, None)
                    self.inside[call] = queue
            case Configured(config):
                self.config = config
            case _:
                pass

    def _carry_out(self, effects: list[Effect]) -> None:
        rung: set[tuple[str, str]] = set()
        for effect in effects:
            match effect:
                case Ring(call, agent):
                    rung.add((call, agent))
                    assert call in self.inside, effect
                    assert call not in self.talks, effect
                    assert agent not in {who for _, who in self.phones}, effect
                    self.phones.add((call, agent))
                case StopRinging(call, agent):
                    assert (call, agent) not in rung, f"{effect}: rung in vain"
                    self.phones.remove((call, agent))
                    self.late = [*self.late[-3:], (call, agent)]
                case Connect(call, agent):
                    assert call not in self.talks, effect
                    self.talks[call] = agent
                case Leave(call):
                    assert call not in self.talks, effect
                    del self.inside[call]
                case AgentChanged():
                    self.states[effect.agent] = effect
                case _:
                    pass
