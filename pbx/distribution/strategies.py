"""Which strategy is which ordering; a new one is a `ReadyIndex` and a line in INDEXES.

`manual` has none: until `auto_after` nobody is chosen, and then it is another strategy's turn.
"""

from random import Random
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.config import QueueConfig, Strategy
from pbx.distribution.counting import Counting
from pbx.distribution.indexes import (
    AtRandom,
    InOrder,
    ReadyIndex,
    RoundRobin,
    Width,
    effective,
    width_of,
)
from pbx.distribution.ranked import ByRank, FewestTags, LongestIdle, Weighted

INDEXES: Final[dict[Strategy, type[ReadyIndex]]] = {
    Strategy.RING_ALL: ReadyIndex,
    Strategy.IN_ORDER: InOrder,
    Strategy.ROUND_ROBIN: RoundRobin,
    Strategy.RANDOM: AtRandom,
    Strategy.WEIGHTED: Weighted,
    Strategy.FEWEST_CALLS: Counting,
    Strategy.LONGEST_IDLE: LongestIdle,
    Strategy.LEAST_TALK_TIME: Counting,
    Strategy.BY_RANK: ByRank,
    Strategy.FEWEST_TAGS: FewestTags,
}

KEY_NAMES: Final[dict[Strategy, tuple[str, ...]]] = {
    Strategy.IN_ORDER: ("tier", "place in the queue"),
    Strategy.ROUND_ROBIN: ("places after the one offered last",),
    Strategy.WEIGHTED: ("his share used, in cycles", "place in the queue"),
    Strategy.FEWEST_CALLS: ("answered calls", "idle since", "place in the queue"),
    Strategy.LONGEST_IDLE: ("idle since", "place in the queue"),
    Strategy.LEAST_TALK_TIME: ("milliseconds of talk", "idle since", "place in the queue"),
    Strategy.BY_RANK: ("rank", "idle since", "place in the queue"),
    Strategy.FEWEST_TAGS: ("tags", "idle since", "place in the queue"),
}
"""The parts of an explanation's key, after the first, which is the round of the last miss."""


def make_index(config: QueueConfig, agents: list[Agent], random: Random) -> ReadyIndex:
    strategy = effective(config)
    if strategy is Strategy.BY_RANK and width_of(config) is Width.TIER:
        return InOrder(config, agents, random)
    return INDEXES[strategy](config, agents, random)
