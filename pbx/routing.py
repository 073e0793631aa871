"""Dialled digits → destination → the block that carries it out."""

from typing import Final, NamedTuple

from pbx.attendance import Attendance
from pbx.callers import NO_WISHES, Wishes
from pbx.calls.causes import Cause
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.requirements import both
from pbx.flow.block import Block
from pbx.flow.codes import code_block, destination_of
from pbx.flow.dial import DialBlock
from pbx.flow.intercom import IntercomBlock
from pbx.flow.outgoing import OutgoingBlock
from pbx.flow.park import ParkBlock, PickUpBlock
from pbx.flow.play import EchoBlock, PlayBlock, RefuseBlock
from pbx.flow.queue import POSITION_MAX, QueueBlock
from pbx.history.records import Verdict
from pbx.plan import Destination, Plan, QueuePlan
from pbx.trunks.plan import TrunkPlan

NUMBER_MAX: Final = 64
"""Longer than any dialled number; keeps nonsense out of the history."""

FOR_EVERYBODY: Final = frozenset({"queue", "extension", "play", "echo", "hangup", "decline"})
"""Where a number may lead a caller from outside; codes are for our own phones."""


def route(plan: Plan, number: str) -> Destination | None:
    """Queues, special numbers and feature codes come before extensions."""
    number = number[:NUMBER_MAX]
    found = plan.numbers.get(number)
    if found is not None:
        return found
    if number in plan.extensions:
        return Destination("extension", number)
    if number in plan.parking.slots:
        return Destination("park", number)
    dialled = plan.phones.codes.match(number)
    if dialled is not None:
        return destination_of(dialled)
    return _outside(number) if plan.outside.dial_plan.find(number) is not None else None


def route_from(plan: Plan, trunk: TrunkPlan, number: str) -> Destination | None:
    """For a caller from outside: the trunk's numbers, and what it opens beside them."""
    found = trunk.numbers.get(number)
    if found is not None:
        return found
    found = plan.numbers.get(number)
    if found is not None and found.kind in FOR_EVERYBODY:
        return found
    if trunk.extensions and number in plan.extensions:
        return Destination("extension", number)
    if trunk.onward and plan.outside.dial_plan.find(number) is not None:
        return _outside(number)
    return trunk.unknown


class Arrival(NamedTuple):
    """Where a new call goes, and how."""

    destination: Destination | None
    wishes: Wishes = NO_WISHES
    blacklisted: bool = False


def arrive(plan: Plan, number: str, caller: str, trunk: str = "") -> Arrival:
    """As `route`, with what the number asks for and what is done for this caller in queues."""
    line = plan.outside.trunks.get(trunk)
    destination = route(plan, number) if line is None else route_from(plan, line, number)
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
        case Destination("intercom", target) if target in plan.extensions:
            extension = plan.extensions[target]
            return IntercomBlock(target, plan.agent_of.get(target, ""), extension.ring_seconds)
        case Destination("pickup", target):
            return PickUpBlock(target)
        case Destination("park", target):
            return _park_block(plan, target)
        case Destination("queue", target) if target in plan.queues:
            return _queue_block(plan, plan.queues[target])
        case Destination("outside", target):
            return OutgoingBlock(target, caller_extension)
        case Destination("play", target):
            return PlayBlock(_files(plan, target))
        case Destination("echo", _):
            return EchoBlock(_files(plan, "echo-test"))
        case Destination("code", target):
            return code_block(plan, target, caller_extension, attendance, route)
        case Destination("decline", _):
            return RefuseBlock(Verdict.REJECTED, Cause.REJECTED)
        case Destination("hangup", _):
            return RefuseBlock(Verdict.SYSTEM, Cause.UNREACHABLE)
        case _:
            return RefuseBlock(Verdict.NOT_FOUND, Cause.NOT_FOUND)


def _park_block(plan: Plan, slot: str) -> Block:
    parking = plan.parking
    said = {slot: _files(plan, *(f"digits/{digit}" for digit in slot)) for slot in parking.slots}
    return ParkBlock(slot, parking.seconds, _files(plan, "music/hold"), said)


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


def _files(plan: Plan, *names: str) -> tuple[str, ...]:
    """A sound that is missing is left out: silence is better than a dropped call."""
    return tuple(plan.sounds[name] for name in names if name in plan.sounds)


def _outside(number: str) -> Destination:
    return Destination("outside", number)
