"""Inputs and effects of the distribution in words, one line each, for people who read a replay."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Final

from pbx.distribution.effects import (
    AgentChanged,
    AgentState,
    Announce,
    BreakOverdue,
    Connect,
    Effect,
    Leave,
    PickRefused,
    Release,
    Ring,
    StatusRefused,
    StopCause,
    StopRinging,
)
from pbx.distribution.explain import summary
from pbx.distribution.inputs import Configured, Input, LeaveReason

VALUE_MAX: Final = 60  # Characters of one field of an input.
_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")

STATES: Final[dict[AgentState, str]] = {
    AgentState.INACTIVE: "signed out",
    AgentState.READY: "ready",
    AgentState.RINGING: "ringing",
    AgentState.TALKING: "talking",
    AgentState.WRAP_UP: "in wrap-up",
    AgentState.BREAK: "on break",
    AgentState.UNREACHABLE: "unreachable",
    AgentState.DELAYED: "resting after a failed offer",
    AgentState.OCCUPIED: "in another call",
}

LEFT: Final[dict[LeaveReason, str]] = {
    LeaveReason.ANSWERED: "the conversation is over",
    LeaveReason.ABANDONED: "the caller hung up",
    LeaveReason.TIMED_OUT: "it waited as long as it may",
    LeaveReason.KEY: "the caller pressed a key",
    LeaveReason.QUEUE_FULL: "the queue is full",
    LeaveReason.NOBODY_SIGNED_IN: "nobody is signed in",
    LeaveReason.MOVED: "it is moved to another queue",
    LeaveReason.CALLBACK: "the caller wishes to be called back",
    LeaveReason.SYSTEM: "it was ended by the PBX",
    LeaveReason.NO_MATCH: "nobody who is signed in has what is required",
    LeaveReason.ALL_MISSED: "everybody who was ready was rung",
    LeaveReason.BLACKLISTED: "the number is on the blacklist",
}

STOPS: Final[dict[StopCause, str]] = {
    StopCause.ANSWERED_ELSEWHERE: "answered elsewhere",
    StopCause.NO_ANSWER: "no answer",
    StopCause.CALLER_LEFT: "the caller was gone",
    StopCause.WITHDRAWN: "withdrawn",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What people are called; who has no name goes by his id."""

    agents: Mapping[str, str] = field(default_factory=dict[str, str])

    def agent(self, id: str) -> str:
        name = self.agents.get(id, "")
        if not name or name == id:
            return id
        twice = list(self.agents.values()).count(name) > 1
        return f"{name} ({id})" if twice else name


def effect_words(effect: Effect, names: Names) -> str:
    match effect:
        case Ring():
            picked = ", at his own wish" if effect.auto_answer else ""
            why = summary(effect.explanation)
            return f"ring {names.agent(effect.agent)} for {effect.call}{picked} ({why})"
        case StopRinging():
            missed = ", missed" if effect.missed else ""
            cause = STOPS[effect.cause]
            return f"stop ringing {names.agent(effect.agent)} for {effect.call}: {cause}{missed}"
        case Connect():
            return f"connect {effect.call} to {names.agent(effect.agent)}"
        case Release():
            return f"hang up on {names.agent(effect.agent)}, too late for {effect.call}"
        case Leave():
            return f"{effect.call} leaves {effect.queue}: {LEFT[effect.reason]}"
        case Announce():
            wait = effect.expected_wait
            expected = f", about {duration(wait)}" if wait is not None else ""
            return f"tell {effect.call} its place: {effect.position}{expected}"
        case PickRefused():
            return f"{names.agent(effect.agent)} cannot take {effect.call}: {effect.why.value}"
        case StatusRefused():
            return f"{names.agent(effect.agent)} may not: {effect.why.value}"
        case BreakOverdue():
            return f"the break of {names.agent(effect.agent)} is too long: {effect.reason}"
        case AgentChanged():
            call = f" {effect.call}" if effect.call else ""
            reason = f": {effect.reason}" if effect.reason else ""
            return f"{names.agent(effect.agent)} is {STATES[effect.state]}{call}{reason}"
        case _:
            return _told(effect, names)


def input_words(event: Input, names: Names) -> str:
    """`call joined: call c1, queue sales`: the input's name and what it says."""
    if isinstance(event, Configured):
        config = event.config
        return f"configured: {len(config.queues)} queues, {len(config.agents)} agents"
    return _told(event, names)


def _told(what: Input | Effect, names: Names) -> str:
    title = _CAPITAL.sub(" ", type(what).__name__).lower()
    told = [
        f"{item.name} {_value(item.name, value, names)}"
        for item in fields(what)
        if (value := getattr(what, item.name)) != item.default
    ]
    return f"{title}: {', '.join(told)}" if told else title


def _value(name: str, value: object, names: Names) -> str:
    match value:
        case Enum():
            return str(value.value)
        case str() if name in ("agent", "main", "backup"):
            return names.agent(value)
        case float():
            return f"{value:g}"
        case _:
            text = str(value)
            return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 1]}…"


def duration(seconds: float) -> str:
    """`0.4 s`, `47 s`, `3:05 min`, `1:02:03 h`."""
    whole = max(0, round(seconds))
    if whole < 10 and abs(seconds - whole) >= 0.05:
        return f"{max(0.0, seconds):.1f} s"
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"


def enumerate_names(names: list[str], most: int) -> str:
    """`Anna, Bohdan and 3 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    if len(names) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return "".join(names)
