"""What a call asks for, and whom it may go to just now: the stages of a wait, worked out anew.

Requirements of the rule tests are clauses joined by " & ", so that they can be judged without the
core's parser: `CLAUSES` says of each what it means, and which tags it speaks of.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pbx.distribution.config import Member, Strategy, Tag
from tests.distribution.rules_people import Caller, Person
from tests.distribution.rules_watch import Watch

Tags = Mapping[str, int]

LANGUAGES: Final = (Tag("french", "language"), Tag("english", "language"))
_DIMENSIONS: Final = {tag.name: tag.dimension for tag in LANGUAGES}
_SKILL: Final = "skill"


class Clause(NamedTuple):
    names: frozenset[str]
    met: Callable[[Tags], bool]


def _clause(names: str, met: Callable[[Tags], bool]) -> Clause:
    return Clause(frozenset(names.split()), met)


CLAUSES: Final[dict[str, Clause]] = {
    "sales": _clause("sales", lambda tags: "sales" in tags),
    "support >= 60": _clause("support", lambda tags: tags.get("support", 0) >= 60),
    "french": _clause("french", lambda tags: "french" in tags),
    "(french >= 50 | english)": _clause(
        "french english", lambda tags: tags.get("french", 0) >= 50 or "english" in tags
    ),
    "!support": _clause("support", lambda tags: "support" not in tags),
    "magic": _clause("magic", lambda _: False),
    "sales >= >=": _clause("", lambda _: False),  # Not understood: nobody meets it.
}


def clauses(text: str) -> list[str]:
    return text.split(" & ") if text else []


def wanted(watch: Watch, caller: Caller, now: float) -> list[str]:
    """The clauses that are required still, those of the queue first."""
    queue = watch.queues[caller.queue]
    drops = {step.drop for step in queue.relax if caller.entered_at + step.after <= now}
    asked = dict.fromkeys(clauses(queue.requires) + clauses(caller.requires))
    if "all" in drops:
        return []
    return [
        clause
        for clause in asked
        if not any(
            name in drops or _DIMENSIONS.get(name, _SKILL) in drops
            for name in CLAUSES[clause].names
        )
    ]


def named(watch: Watch, caller: Caller, now: float) -> frozenset[str]:
    """The tags that what is required still speaks of."""
    queue = watch.queues[caller.queue]
    drops = {step.drop for step in queue.relax if caller.entered_at + step.after <= now}
    asked = clauses(queue.requires) + clauses(caller.requires)
    names = frozenset(name for clause in asked for name in CLAUSES[clause].names)
    if "all" in drops:
        return frozenset()
    return frozenset(
        name for name in names if not (name in drops or _DIMENSIONS.get(name, _SKILL) in drops)
    )


def member_of(watch: Watch, queue: str, agent: str) -> Member | None:
    members = watch.queues[queue].members
    return next((member for member in members if member.agent == agent), None)


def lacks_nothing(watch: Watch, caller: Caller, agent: str, now: float) -> bool:
    tags = _tags(watch.people[agent])
    return all(CLAUSES[clause].met(tags) for clause in wanted(watch, caller, now))


def eligible(watch: Watch, caller: Caller, agent: str, now: float) -> bool:
    """May this queue offer him the call, once it is kept for nobody?"""
    member = member_of(watch, caller.queue, agent)
    return (
        member is not None
        and caller.entered_at + member.delay <= now
        and lacks_nothing(watch, caller, agent, now)
    )


def restricted(watch: Watch, caller: Caller, now: float) -> bool:
    """Is there anything that some members of the queue do not meet yet?"""
    members = watch.queues[caller.queue].members
    return bool(wanted(watch, caller, now)) or any(
        caller.entered_at + member.delay > now for member in members
    )


def is_held(watch: Watch, caller: Caller, now: float) -> bool:
    """Agents must take it from the list themselves."""
    queue = watch.queues[caller.queue]
    if queue.strategy is not Strategy.MANUAL:
        return False
    return queue.auto_after == 0 or now < caller.entered_at + queue.auto_after


def strategy_of(watch: Watch, queue: str) -> Strategy:
    """A manual queue distributes by another one, once it does."""
    config = watch.queues[queue]
    return config.then if config.strategy is Strategy.MANUAL else config.strategy


def could_serve(watch: Watch, caller: Caller, agent: str, now: float) -> bool:
    """May he be rung for it now, if he is ready? When that is not sure: no."""
    keep(watch, caller, now)
    if caller.kept_for:
        return caller.kept_for == agent
    if caller.unsure or is_held(watch, caller, now):
        return False
    return eligible(watch, caller, agent, now)


def keep(watch: Watch, caller: Caller, now: float) -> None:
    """Is it kept for one agent: the caller's own, and then who talked with him last?"""
    before, queue = caller.kept_for, watch.queues[caller.queue]
    if before:
        if _still_kept(watch, caller, now):
            return
        caller.kept_for = ""
    if not caller.personal_over:
        caller.personal_over = True
        own = watch.people.get(caller.preferred)
        if own is not None and not own.removed and own.present and queue.personal_for > 0:
            caller.kept_for, caller.kept_since = caller.preferred, caller.entered_at
            if _still_kept(watch, caller, now):
                return
            before, caller.kept_for = caller.preferred, ""
    if not caller.sticky_over:
        caller.sticky_over = True
        last = _last_agent(watch, caller)
        if last not in ("", before) and queue.sticky_wait > 0:
            caller.kept_for, caller.kept_since, caller.kept_sticky = last, now, True


def _still_kept(watch: Watch, caller: Caller, now: float) -> bool:
    queue, person = watch.queues[caller.queue], watch.people.get(caller.kept_for)
    if person is None or person.removed or caller.kept_for in caller.tried:
        return False
    if caller.kept_sticky:
        in_time = now < caller.kept_since + queue.sticky_wait
        return in_time and _may_stick(watch, caller, caller.kept_for)
    return person.present and now < caller.kept_since + queue.personal_for


def _last_agent(watch: Watch, caller: Caller) -> str:
    agent, at = watch.memory.get(caller.number, ("", 0.0)) if caller.number else ("", 0.0)
    caller.talked_at = at
    return agent if _may_stick(watch, caller, agent) else ""


def _may_stick(watch: Watch, caller: Caller, agent: str) -> bool:
    queue, person = watch.queues[caller.queue], watch.people.get(agent)
    if person is None or person.removed or queue.sticky_for <= 0:
        return False
    if caller.talked_at + queue.sticky_for <= caller.entered_at:
        return False
    asked = clauses(queue.requires) + clauses(caller.requires)
    if not all(CLAUSES[clause].met(_tags(person)) for clause in asked):
        return False
    member = member_of(watch, caller.queue, agent) is not None
    return member and (person.present or queue.sticky_ignore_status)


def _tags(person: Person) -> dict[str, int]:
    return {name: level for name, level in person.config.tags if level > 0}


def settle(watch: Watch, now: float) -> None:
    """After an input: stages that are over for whoever waits do not come back."""
    for caller in watch.calls.values():
        if caller.queue in watch.queues and not caller.agent:
            keep(watch, caller, now)
            if watch.reconfigured and not caller.kept_for:
                caller.unsure |= bool(_last_agent(watch, caller))
