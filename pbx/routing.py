"""Dialled digits → destination → the block that carries it out."""

from typing import Final, NamedTuple

from pbx.attendance import Attendance
from pbx.callers import NO_WISHES, Wishes
from pbx.calls.causes import Cause
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.requirements import both
from pbx.flow.block import Block
from pbx.flow.dial import DialBlock
from pbx.flow.play import EchoBlock, PlayBlock, RefuseBlock
from pbx.flow.queue import POSITION_MAX, QueueBlock
from pbx.history.records import Verdict
from pbx.plan import Destination, Plan, QueuePlan

NUMBER_MAX: Final = 64
"""Longer than any dialled number; keeps nonsense out of the history."""


def route(plan: Plan, number: str) -> Destination | None:
    """Queues, special numbers and feature codes come before extensions."""
    number = number[:NUMBER_MAX]
    found = plan.numbers.get(number)
    if found is not None:
        return found
    return Destination("extension", number) if number in plan.extensions else None


class Arrival(NamedTuple):
    """Where a new call goes, and how."""

    destination: Destination | None
    wishes: Wishes = NO_WISHES
    blacklisted: bool = False


def arrive(plan: Plan, number: str, caller: str) -> Arrival:
    """As `route`, with what the number asks for and what is done for this caller in queues."""
    destination = route(plan, number)
    wishes = plan.wishes.get(number, NO_WISHES)
    if destination is None or destination.kind != "queue":
        return Arrival(destination)
    rule = plan.callers.find(caller)
    if rule is None:
        return Arrival(destination, wishes)
    if rule.blacklisted:
        return Arrival(plan.on_blacklist, blacklisted=True)
    if rule.queue in plan.queues:
        destination = Destination("queue", rule.queue)
    theirs = rule.wishes
    priority = wishes.priority + theirs.priority
    requires = both(wishes.requires, theirs.requires)
    return Arrival(destination, Wishes(priority, requires, theirs.agent or wishes.agent))


def make_block(
    plan: Plan, destination: Destination | None, caller_extension: str, attendance: Attendance
) -> Block:
    match destination:
        case Destination("extension", target) if target in plan.extensions:
            extension = plan.extensions[target]
            return DialBlock(target, plan.agent_of.get(target, ""), extension.ring_seconds)
        case Destination("queue", target) if target in plan.queues:
            return _queue_block(plan, plan.queues[target])
        case Destination("play", target):
            return PlayBlock(_files(plan, target))
        case Destination("echo", _):
            return EchoBlock(_files(plan, "echo-test"))
        case Destination("code", target):
            return _code_block(plan, target, caller_extension, attendance)
        case Destination("decline", _):
            return RefuseBlock(Verdict.REJECTED, Cause.REJECTED)
        case Destination("hangup", _):
            return RefuseBlock(Verdict.SYSTEM, Cause.UNREACHABLE)
        case _:
            return RefuseBlock(Verdict.NOT_FOUND, Cause.NOT_FOUND)


def _queue_block(plan: Plan, queue: QueuePlan) -> Block:
    ways_out = {
        LeaveReason.TIMED_OUT: queue.on_timeout,
        LeaveReason.QUEUE_FULL: queue.on_full,
        LeaveReason.NOBODY_SIGNED_IN: queue.on_empty,
        LeaveReason.NO_MATCH: queue.on_no_agent,
        LeaveReason.ALL_MISSED: queue.on_all_missed,
        LeaveReason.BLACKLISTED: plan.on_blacklist,
    }
    positions: tuple[tuple[str, ...], ...] = ()
    if queue.announce_position:
        later = range(2, POSITION_MAX + 1)
        positions = (
            _files(plan, "you-are-next"),
            *(_files(plan, "queue-position", f"digits/{n}", "queue-position-end") for n in later),
        )
    return QueueBlock(
        queue.id,
        greeting=queue.greeting,
        music=queue.music,
        positions=positions,
        ways_out=ways_out,
        keys=dict(queue.on_key),
    )


def _code_block(plan: Plan, code: str, extension: str, attendance: Attendance) -> Block:
    agent = plan.agent_of.get(extension)
    if agent is None:
        return RefuseBlock(Verdict.REJECTED, Cause.FORBIDDEN)
    inputs, sound = attendance.on_code(agent, code)
    return PlayBlock(_files(plan, sound), tuple(inputs))


def _files(plan: Plan, *names: str) -> tuple[str, ...]:
    """A sound that is missing is left out: silence is better than a dropped call."""
    return tuple(plan.sounds[name] for name in names if name in plan.sounds)
