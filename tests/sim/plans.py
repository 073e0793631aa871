"""Small companies to simulate: plans made of a few names, every sound a made-up file."""

from collections.abc import Iterable, Mapping
from typing import Final

from pbx.distribution.config import AgentConfig, DistributionConfig, QueueConfig
from pbx.plan import AgentPlan, Destination, ExtensionPlan, Plan, QueuePlan, SignIn
from sip.auth import Account, make_ha1

REALM: Final = "dzvin"
SOUNDS: Final = {
    name: f"/sounds/{name}.wav"
    for name in (
        *("welcome", "sorry", "echo-test", "no-such-number", "beep", "queue-position"),
        *("signed-in", "signed-out", "on-break", "back-from-break", "music/hold"),
        *(f"digits/{n}" for n in range(1, 21)),
    )
}
CODES: Final = {
    "*45": Destination("code", "sign_in"),
    "*46": Destination("code", "break"),
    "*47": Destination("code", "end_wrap_up"),
}
NUMBERS: Final = {
    "600": Destination("echo"),
    "700": Destination("play", "sorry"),
    "701": Destination("hangup"),
}

_ACCOUNTS: dict[str, Account] = {}


def password(user: str) -> str:
    return f"pw-{user}"


def account(user: str) -> Account:
    if user not in _ACCOUNTS:
        _ACCOUNTS[user] = Account(user, make_ha1(user, REALM, password(user)))
    return _ACCOUNTS[user]


def make_plan(
    *,
    callers: Iterable[str] = (),
    agents: Mapping[str, SignIn],
    queues: Iterable[QueueConfig] = (),
    agent_configs: Mapping[str, AgentConfig] | None = None,
    ways: Mapping[str, QueuePlan] | None = None,
    calls_max: int = 4000,
    silence_seconds: float = 30.0,
    trusted: tuple[str, ...] = (),
    extensions: Mapping[str, ExtensionPlan] | None = None,
    music: bool = True,
) -> Plan:
    """Agents sit at the extension of the same name. The number of the n-th queue is 500 + n."""
    queues = tuple(queues)
    configs = agent_configs or {}
    users = [*callers, *agents]
    distribution = DistributionConfig(
        queues=queues, agents=tuple(configs.get(a, AgentConfig(a)) for a in agents)
    )
    queue_plans = {
        queue.id: (ways or {}).get(
            queue.id,
            QueuePlan(
                queue.id,
                str(500 + n),
                greeting=(SOUNDS["welcome"],),
                music=("/music.wav",) if music else (),
                announce_position=True,
            ),
        )
        for n, queue in enumerate(queues)
    }
    numbers = {plan.number: Destination("queue", plan.id) for plan in queue_plans.values()}
    return Plan(
        company="Simulated",
        extensions={user: ExtensionPlan(user, f"Name {user}") for user in users}
        | dict(extensions or {}),
        agents={
            agent: AgentPlan(agent, agent, agent, sign_in) for agent, sign_in in agents.items()
        },
        queues=queue_plans,
        numbers=numbers | NUMBERS | CODES,
        sounds=dict(SOUNDS),
        distribution=distribution,
        realm=REALM,
        accounts={user: account(user) for user in users},
        trusted=trusted,
        silence_seconds=silence_seconds,
        calls_max=calls_max,
        agent_of={agent: agent for agent in agents},
        extension_of={agent: agent for agent in agents},
    )
