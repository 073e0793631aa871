"""Call centres for the rule tests: small ones, of all strategies, with some knobs turned.

Whole and half seconds, so that deadlines coincide often.
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    Newcomer,
    QueueConfig,
    Relax,
    RetryDelays,
    Strategy,
    TagCount,
    Window,
    WithinTier,
)
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentUnreachable,
    AgentVacated,
    Input,
    WrapUpEnded,
    WrapUpExtended,
)
from tests.distribution.rules_people import Person
from tests.distribution.rules_wants import CLAUSES, LANGUAGES

AGENTS: Final = ("anna", "bohdan", "clara", "dmytro", "eva")
QUEUES: Final = ("sales", "support")
NUMBERS: Final = ("", "501", "502", "666")

Knob = tuple[str, Any]
"""A field of QueueConfig and a value for it."""

_ONE: Final = WithinTier.ONE_BY_ONE
TIMES: Final[tuple[Knob, ...]] = (
    ("ring_timeout", 4.0),
    ("wrap_up", 0.0),
    ("retry_after", RetryDelays(0.0, 0.0, 0.0, 0.0)),
    ("retry_after", RetryDelays(2.0, 1.0, 5.0, 3.0)),
    ("max_wait", 12.0),
    ("max_wait", 40.0),
    ("grace_if_ringing", True),
    ("leave_empty_after", None),
    ("leave_empty_after", 0.0),
    ("leave_empty_after", 10.0),
    ("leave_unmatched_after", None),
    ("leave_unmatched_after", 5.0),
    ("wrap_up_max", 1.0),
)
OFFERS: Final[tuple[Knob, ...]] = (
    ("join_ringing", False),
    ("share_ringing", False),
    ("tier_timeout", 3.0),
    ("tier_timeout", 6.0),
    ("keep_ringing", True),
    ("within_tier", _ONE),
    ("within_rank", WithinTier.ALL),
    ("rank_timeout", 3.0),
    ("rounds", 1),
    ("rounds", 2),
    ("outbound_resets_idle", False),
)
WAITS: Final[tuple[Knob, ...]] = (
    ("max_length", 3),
    ("join_empty", False),
    ("announce_every", 7.0),
    ("announce_wait", False),
    ("weight", 5),
    ("priority", 1),
    ("rise_every", 4.0),
    ("rise_max", 2),
)
WISHES: Final[tuple[Knob, ...]] = (
    ("requires", "sales"),
    ("requires", "(french >= 50 | english)"),
    ("relax", (Relax(4.0, "language"),)),
    ("relax", (Relax(2.5, "french"), Relax(9.0, "all"))),
    ("relax", (Relax(0.0, "support"), Relax(6.0, "skill"))),
    ("personal_for", 0.0),
    ("personal_for", 5.0),
    ("sticky_for", 100.0),
    ("sticky_wait", 6.0),
    ("sticky_ignore_status", True),
    ("auto_after", 6.0),
    ("then", Strategy.RING_ALL),
    ("then", Strategy.ROUND_ROBIN),
)
COUNTS: Final[tuple[Knob, ...]] = (
    ("window", Window.HOUR),
    ("window", Window.SHIFT),
    ("window", Window.ROLLING),
    ("window_seconds", 20.0),
    ("recalculate", 15.0),
    ("newcomer", Newcomer.ZERO),
    ("count_tags", TagCount.FOREIGN),
)
KNOBS: Final = TIMES + OFFERS + WAITS + WISHES + COUNTS

TAGS: Final = (
    (),
    (("sales", 80),),
    (("sales", 80), ("french", 40)),
    (("support", 60), ("english", 50)),
    (("sales", 10), ("support", 30), ("french", 90)),
    (("support", 0), ("french", 70)),
)
# As CallJoined understands them; most callers want nothing special.
WANTS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {},
    {},
    {},
    {"priority": 2},
    {"requires": "french"},
    {"requires": "sales & !support"},
    {"requires": "support >= 60 & (french >= 50 | english)"},
    {"requires": "sales >= >="},
    {"preferred_agent": "anna"},
    {"preferred_agent": "bohdan"},
    {"preferred_agent": "clara", "requires": "french"},
    {"callback": True},
)
assert all(
    clause in CLAUSES
    for want in WANTS
    for clause in want.get("requires", "").split(" & ")
    if clause
)


# Where the knobs stand that are not turned: as quick tests want them.
USUAL: Final[tuple[Knob, ...]] = (("ring_timeout", 8.0), ("wrap_up", 2.0))


@lru_cache
def members(agents: tuple[str, ...], least: int) -> st.SearchStrategy[tuple[Member, ...]]:
    return st.lists(
        st.builds(
            Member,
            st.sampled_from(agents),
            order=st.integers(1, 3),
            rank=st.integers(0, 2),
            weight=st.integers(1, 3),
            ring_timeout=st.sampled_from((None, None, 3.0)),
            delay=st.sampled_from((0.0, 0.0, 0.0, 4.0)),
        ),
        min_size=least,
        max_size=len(agents),
        unique_by=lambda member: member.agent,
    ).map(tuple)


class Kind(NamedTuple):
    """What the call centres of a rule are like."""

    strategies: tuple[Strategy, ...] = tuple(Strategy)
    knobs: tuple[Knob, ...] = KNOBS
    usual: tuple[Knob, ...] = USUAL
    agents: tuple[str, ...] = AGENTS
    queues: tuple[str, ...] = QUEUES
    least: int = 3  # Members of each queue.


@lru_cache
def queues(name: str, kind: Kind) -> st.SearchStrategy[QueueConfig]:
    turned = st.lists(st.sampled_from(kind.knobs), max_size=7)
    return st.builds(
        lambda strategy, members, knobs: QueueConfig(
            name, strategy, members, **{**dict(kind.usual), **dict(knobs)}
        ),
        st.sampled_from(kind.strategies),
        members(kind.agents, kind.least),
        turned,
    )


_AGENT: Final[tuple[dict[str, Any], ...]] = (
    {},
    {},
    {"max_calls": 2},
    {"max_no_answer": 2},
    {"wrap_up": 0.0},
    {"wrap_up": 4.0, "wrap_up_max": 6.0},
    {"ring_in_use": True},
)


@lru_cache
def agents(name: str) -> st.SearchStrategy[AgentConfig]:
    return st.builds(
        lambda settings, tags: AgentConfig(name, tags=tags, **settings),
        st.sampled_from(_AGENT),
        st.sampled_from(TAGS),
    )


@st.composite
def configs(draw: st.DrawFn, kind: Kind) -> DistributionConfig:
    """One or two queues; whoever is a member is configured, others mostly."""
    names = draw(st.sampled_from((kind.queues[:1], kind.queues, kind.queues)))
    made = tuple(draw(queues(name, kind)) for name in names)
    absent = draw(st.sampled_from(("", "", "", *kind.agents)))
    needed = {member.agent for queue in made for member in queue.members}
    people = [name for name in kind.agents if name in needed or name != absent]
    return DistributionConfig(
        made,
        tuple(draw(agents(name)) for name in people),
        LANGUAGES,
        draw(st.sampled_from(((), (), (), ("66*", "502")))),
    )


def about(agent: str, person: Person | None) -> tuple[Input, ...]:
    """What an agent may do or suffer; what brings him back is likeliest."""
    goes: tuple[Input, ...] = (
        AgentSignedOut(agent),
        AgentUnreachable(agent),
        AgentStatusSet(agent, AgentStatus.BREAK, "lunch"),
        AgentStatusSet(agent, AgentStatus.BREAK, "training"),
        AgentOccupied(agent),
    )
    if person is None:
        return (*goes, AgentSignedIn(agent), AgentReachable(agent))
    comes: list[Input] = []
    if not person.signed_in:
        comes.append(AgentSignedIn(agent))
    if not person.reachable:
        comes.append(AgentReachable(agent))
    if person.status is AgentStatus.BREAK:
        comes.append(AgentStatusSet(agent, AgentStatus.ACTIVE))
    if person.occupied:
        comes.append(AgentVacated(agent))
    if person.wrap_until is not None:
        comes += [WrapUpEnded(agent), WrapUpExtended(agent, 3.0), WrapUpExtended(agent, 3.0)]
    return (*goes, *comes, *comes, *comes, *comes)
