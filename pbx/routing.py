"""Dialled digits → destination → the block that carries it out."""

from typing import Final, NamedTuple

from pbx.attendance import Attendance
from pbx.callers import NO_WISHES, Wishes
from pbx.calls.causes import Cause
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.requirements import both
from pbx.flow.block import Block
from pbx.flow.codes import code_block, destination_of
from pbx.flow.conference import ConferenceBlock
from pbx.flow.dial import DialBlock
from pbx.flow.intercom import IntercomBlock
from pbx.flow.mailbox import MailboxBlock
from pbx.flow.outgoing import OutgoingBlock
from pbx.flow.park import ParkBlock, PickUpBlock
from pbx.flow.play import EchoBlock, PlayBlock, RefuseBlock
from pbx.flow.queue import QueueBlock
from pbx.flow.supervise import supervise_block
from pbx.flow.voicemail import VoicemailBlock
from pbx.history.records import Verdict
from pbx.plan import Destination, Plan, QueuePlan
from pbx.speech import extension as extension_number
from pbx.trunks.plan import TrunkPlan

NUMBER_MAX: Final = 64
"""Longer than any dialled number; keeps nonsense out of the history."""

FOR_EVERYBODY: Final = frozenset(
    {"queue", "extension", "play", "echo", "hangup", "decline", "voicemail", "mailbox"}
    | {"conference"}
)
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


def language_of(plan: Plan, number: str, caller: str, extension: str) -> str:
    """What is spoken to this caller: as is said of the caller, else of the extension that calls,
    else of the number that was dialled; "" if nothing is."""
    rule = plan.callers.find(caller)
    if rule is not None and rule.wishes.language:
        return rule.wishes.language
    own = plan.extensions.get(extension)
    if own is not None and own.language:
        return own.language
    return plan.wishes.get(number, NO_WISHES).language


def make_block(
    plan: Plan,
    destination: Destination | None,
    caller_extension: str,
    attendance: Attendance,
    language: str = "",
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
        case Destination("supervise", target):
            return supervise_block(plan, target)
        case Destination("conference", target) if target in plan.rooms.conferences:
            return ConferenceBlock(plan.rooms.conferences[target])
        case Destination("park", target):
            return _park_block(plan, target, language)
        case Destination("queue", target) if target in plan.queues:
            return _queue_block(plan, plan.queues[target], language)
        case Destination("outside", target):
            return OutgoingBlock(target, caller_extension)
        case Destination("play", target):
            return PlayBlock(plan.files((target,), language))
        case Destination("voicemail", target) if target in plan.voicemail.boxes:
            return VoicemailBlock(target)
        case Destination("mailbox", target):
            return MailboxBlock(target, own=plan.voicemail.is_own(target, caller_extension))
        case Destination("my_mailbox", _) if caller_extension in plan.extensions:
            return MailboxBlock(plan.voicemail.mailbox_of(caller_extension), own=True)
        case Destination("echo", _):
            return EchoBlock(plan.files(("echo-test",), language))
        case Destination("code", target):
            return code_block(plan, target, caller_extension, attendance, route, language)
        case Destination("decline", _):
            return RefuseBlock(Verdict.REJECTED, Cause.REJECTED)
        case Destination("hangup", _):
            return RefuseBlock(Verdict.SYSTEM, Cause.UNREACHABLE)
        case _:
            return RefuseBlock(Verdict.NOT_FOUND, Cause.NOT_FOUND)


def _park_block(plan: Plan, slot: str, language: str) -> Block:
    parking = plan.parking
    spoken = plan.spoken(language)
    said = {slot: plan.files(extension_number(slot, spoken), spoken) for slot in parking.slots}
    return ParkBlock(slot, parking.seconds, plan.files(("music/hold",)), said)


def _queue_block(plan: Plan, queue: QueuePlan, language: str) -> Block:
    ways_out = {
        LeaveReason.TIMED_OUT: queue.on_timeout,
        LeaveReason.QUEUE_FULL: queue.on_full,
        LeaveReason.NOBODY_SIGNED_IN: queue.on_empty,
        LeaveReason.NO_MATCH: queue.on_no_agent,
        LeaveReason.ALL_MISSED: queue.on_all_missed,
        LeaveReason.BLACKLISTED: plan.on_blacklist,
    }
    spoken = plan.spoken(language or queue.language)
    return QueueBlock(
        queue.id,
        language=spoken,
        greeting=plan.files(queue.greeting, spoken),
        must_finish=queue.must_finish,
        music=queue.music,
        says_position=queue.announce_position,
        says_wait=queue.announce_wait,
        ways_out=ways_out,
        keys=dict(queue.on_key),
    )


def _outside(number: str) -> Destination:
    return Destination("outside", number)
