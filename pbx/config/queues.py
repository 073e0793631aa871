"""The settings of queues: who serves them, by which strategy, and their ways out."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from pbx.config.document import Place
from pbx.config.languages import Language
from pbx.config.queue_values import (
    CountWindow,
    Requirement,
    SecondsOrEveryCall,
    StrategyName,
    WindowOf,
    alias_of,
)
from pbx.config.settings import Settings, mapping_of, short_for
from pbx.config.values import (
    Destination,
    DestinationKind,
    Id,
    LongTime,
    Number,
    Seconds,
    SecondsOrNever,
    Sound,
    Text,
    To,
    Whole,
)
from pbx.distribution.config import (
    ALIAS_SETTINGS,
    Newcomer,
    Strategy,
    TagCount,
    Window,
    WithinTier,
)

MEMBERS_MAX = 10_000
STEPS_MAX = 100
PRIORITY_MAX = 100
PLAY_SORRY_NOBODY = Destination(DestinationKind.PLAY, "sorry-nobody-free")
PLAY_SORRY_FULL = Destination(DestinationKind.PLAY, "sorry-queue-full")
PLAY_SORRY_EMPTY = Destination(DestinationKind.PLAY, "sorry-empty")

Priority = Annotated[Whole, Field(ge=-PRIORITY_MAX, le=PRIORITY_MAX)]


class MemberSettings(Settings):
    """An agent's place in a queue."""

    agent: Id
    order: Annotated[Whole, Field(ge=1, le=STEPS_MAX)] = Field(
        default=1, description="1 is rung first"
    )
    rank: Annotated[Whole, Field(ge=0, le=100)] = Field(
        default=0, description="Competence: the highest first"
    )
    weight: Annotated[Whole, Field(ge=1, le=1000)] = Field(default=1, description="Share of calls")
    ring_timeout: Seconds | None = Field(default=None, description="Instead of the queue's")
    delay: Seconds = Field(
        default=0.0, description="Is offered only calls that have waited so long: a helper"
    )


Member = Annotated[
    MemberSettings,
    BeforeValidator(short_for("agent"), json_schema_input_type=MemberSettings | str | int),
]


class RetrySettings(Settings):
    """How long an agent is left in peace after an offer that came to nothing."""

    no_answer: Seconds = 5.0
    busy: Seconds = 5.0
    rejected: Seconds = 5.0
    unreachable: Seconds = 10.0


class AnnounceSettings(Settings):
    position: bool = Field(default=False, description="Tell waiting callers their place")
    wait: bool = Field(default=False, description="And how long it may take, when that is known")
    every: Annotated[Seconds, Field(ge=5.0)] = 60.0


class RelaxSettings(Settings):
    """A part of what is required that is required no more after some time in the queue."""

    after: Seconds
    drop: Id = Field(description="A dimension such as language, a tag, or all")


class StickySettings(Settings):
    """A caller is kept for the agent who talked with him last."""

    for_: LongTime = Field(alias="for", description="So long after the talk, such as 7d")
    wait: Seconds = Field(default=30.0, description="And waits so long for that agent")
    ignore_status: bool = Field(
        default=False, description="Even if that agent is signed out or on break"
    )


class PrioritySettings(Settings):
    """A higher one is served before those that wait longer."""

    start: Priority = Field(default=0, description="Added to that of the call")
    rise_every: Seconds = Field(
        default=0.0, description="One higher after each such time of waiting; 0s: never"
    )
    rise_max: Annotated[Whole, Field(ge=1, le=PRIORITY_MAX)] = Field(
        default=10, description="So many at most"
    )


class StrategySettings(Settings):
    """Who of the agents gets the next call, and how wide an offer is."""

    strategy: StrategyName = Strategy.RING_ALL
    members: tuple[Member, ...] = Field(default=(), max_length=MEMBERS_MAX)
    steps: tuple[Annotated[tuple[Member, ...], Field(min_length=1)], ...] = Field(
        default=(),
        max_length=STEPS_MAX,
        description="in_order: [[901, 902], [903]], instead of members with an order",
    )
    ring_timeout: Seconds = Field(default=15.0, description="How long one agent is rung")
    rounds: Annotated[Whole, Field(ge=0, le=100)] = Field(
        default=0, description="So often through all who are ready, then on_all_missed; 0: no limit"
    )
    join_ringing: bool = Field(
        default=True, description="ring_all: an agent who gets free joins the ringing"
    )
    share_ringing: bool = Field(
        default=True,
        description="ring_all: some phones go over to a further caller; needs join_ringing",
    )
    within_tier: WithinTier = Field(
        default=WithinTier.ALL, description="in_order: all of a tier ring, or one_by_one"
    )
    tier_timeout: Seconds = Field(
        default=0.0, description="in_order: how long one tier is rung; 0s: as ring_timeout says"
    )
    keep_ringing: bool = Field(default=False, description="in_order: earlier tiers ring on")
    within_rank: WithinTier = Field(
        default=WithinTier.ONE_BY_ONE, description="by_rank: one_by_one, or all of a rank ring"
    )
    rank_timeout: Seconds = Field(
        default=0.0, description="by_rank: how long one rank is rung; 0s: as ring_timeout says"
    )
    outbound_resets_idle: bool = Field(
        default=True, description="longest_idle: an outgoing call counts too"
    )
    window: WindowOf = Field(
        default=CountWindow(Window.DAY),
        description="fewest_calls, least_talk_time: day | hour | shift | a time such as 90m",
    )
    align: Literal["rolling", "clock"] = Field(
        default="rolling", description="window: hour; the last 60 minutes, or since the hour struck"
    )
    recalculate: SecondsOrEveryCall = Field(
        default=0.0,
        description="fewest_calls, least_talk_time: every_call, or the ranking stands for so long",
    )
    newcomer: Newcomer = Field(
        default=Newcomer.MINIMUM,
        description="fewest_calls, least_talk_time: who signs in late begins with"
        " as many calls as the one who has the fewest, or with zero",
    )
    count_tags: TagCount = Field(
        default=TagCount.TOTAL,
        description="fewest_tags: all of an agent's, or foreign: those that the call does not need",
    )
    auto_after: Seconds = Field(
        default=0.0, description="manual: who took no call by then gets it by `then`; 0s: never"
    )
    then: StrategyName = Field(default=Strategy.LONGEST_IDLE, description="manual: see auto_after")

    @model_validator(mode="before")
    @classmethod
    def _what_is_implied(cls, value: object) -> object:
        """`strategy: linear` also means one by one; `steps` alone mean in_order."""
        items = mapping_of(value)
        if items is None:
            return value
        if items.get("steps") is not None and items.get("strategy") is None:
            items = items | {"strategy": Strategy.IN_ORDER.value}
        return ALIAS_SETTINGS.get(alias_of(str(items.get("strategy"))), {}) | items

    def places(self) -> Iterator[tuple[Place, MemberSettings]]:
        """Each member, those of steps with their order, and where in the queue it stands."""
        for index, member in enumerate(self.members):
            yield ("members", index), member
        for order, step in enumerate(self.steps, 1):
            for index, member in enumerate(step):
                yield ("steps", order - 1, index), member.model_copy(update={"order": order})


class QueueSettings(StrategySettings):
    """A waiting line, the agents who serve it, and its ways out."""

    name: Text = ""
    number: Number | None = Field(default=None, description="Number to dial")
    requires: Requirement = Field(
        default="", description='Tags that an agent needs, such as "sales & french >= 50"'
    )
    relax: tuple[RelaxSettings, ...] = Field(
        default=(), max_length=100, description="What is required no more after some time"
    )
    leave_unmatched_after: SecondsOrNever = Field(
        default=60.0, description="No signed-in agent has what is required: on_no_agent, or never"
    )
    personal_for: Seconds = Field(
        default=20.0, description="How long a call waits for the caller's own agent"
    )
    sticky: (
        Annotated[
            StickySettings,
            BeforeValidator(short_for("for"), json_schema_input_type=StickySettings | str),
        ]
        | None
    ) = None
    wrap_up: Seconds = Field(default=0.0, description="Time for notes after each call")
    wrap_up_max: Seconds | None = Field(
        default=None, description="The most that an agent's own wrap_up may be here"
    )
    retry_after: RetrySettings = RetrySettings()
    join_empty: bool = Field(default=True, description="May a call wait while nobody is signed in?")
    leave_empty_after: SecondsOrNever = Field(
        default=60.0, description="Time from the last agent's sign-out to on_empty, or never"
    )
    max_wait: Seconds = Field(default=300.0, description="Then on_timeout; 0s: without end")
    grace_if_ringing: bool = Field(
        default=False, description="Phones that ring at max_wait may ring to their end"
    )
    max_length: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        default=50, description="Calls waiting; further ones go on_full; 0: without end"
    )
    priority: Annotated[
        PrioritySettings,
        BeforeValidator(short_for("start"), json_schema_input_type=PrioritySettings | int),
    ] = PrioritySettings()
    weight: Annotated[Whole, Field(ge=0, le=100)] = Field(
        default=0, description="Agents of several queues serve the highest weight first"
    )
    greeting: Sound | None = Field(default=None, description="Played once")
    must_finish: bool = Field(
        default=False, description="Nobody is rung before the greeting is over; else it is cut off"
    )
    music: Sound = "hold"
    language: Language = Field(
        default=None, description="Spoken to callers who have none of their own"
    )
    announce: AnnounceSettings = AnnounceSettings()
    on_timeout: To = PLAY_SORRY_NOBODY
    on_full: To = PLAY_SORRY_FULL
    on_empty: To = PLAY_SORRY_EMPTY
    on_no_agent: To | None = Field(
        default=None, description="Nobody who is signed in has the tags; default: as on_empty"
    )
    on_all_missed: To | None = Field(
        default=None, description="After the last of the rounds; default: as on_timeout"
    )
    on_key: dict[Annotated[str, Field(pattern=r"^[0-9*#]$")], To] = Field(
        default_factory=dict[str, Destination], description="What callers may press"
    )

    @property
    def announces(self) -> bool:
        """Is there anything to tell those who wait?"""
        return self.announce.position or self.announce.wait

    @property
    def ways_out(self) -> dict[str, Destination]:
        """Where a call goes that leaves by itself, by setting."""
        return {
            "on_timeout": self.on_timeout,
            "on_full": self.on_full,
            "on_empty": self.on_empty,
            "on_no_agent": self.on_no_agent or self.on_empty,
            "on_all_missed": self.on_all_missed or self.on_timeout,
        }
