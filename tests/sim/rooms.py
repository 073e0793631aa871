"""Who must hear whom where more than two talk: guests of a conversation, and conferences."""

from pbx.calls.call import Call
from pbx.calls.leg import Leg
from pbx.conferences import Conference
from pbx.exchange import Exchange
from pbx.flow.conference import ConferenceBlock
from pbx.flow.supervise import GuestBlock
from pbx.room_plan import Mode
from tests.sim.audio import FakeWorker


def check_guests(
    exchange: Exchange, call: Call, both: list[str], workers: list[FakeWorker]
) -> None:
    """The two hear each other, whoever else is there; who only listens is heard by nobody."""
    one, other = both
    worker = workers[exchange.pool.worker(one)]
    to_one, to_other = worker.heard_by(one), worker.heard_by(other)
    playing = worker.lines[one].play or worker.lines[other].play
    assert playing or (other in to_one and one in to_other), f"{call}: {to_one} {to_other}"
    for name in exchange.guests[call.id]:
        guest = exchange.calls[name]
        assert isinstance(guest.block, GuestBlock), guest
        assert guest.block.host == call.id, guest
        leg = _present(exchange, guest)
        if leg is None:
            continue
        heard = worker.heard_by(leg.media)
        assert worker.lines[leg.media].play or heard >= set(both), f"{guest}: {heard}"
        mode = guest.block.mode
        told = (leg.media in to_one) + (leg.media in to_other)
        wanted = 2 if mode in (Mode.BARGE, Mode.PARTY) else 0
        if mode is Mode.WHISPER:  # Two phones of one person may talk to each other.
            fork = call.forks[call.bridged]
            wanted = (call.caller_extension, fork.extension).count(guest.block.watched)
        assert playing or told == wanted, f"{guest} {mode}: heard by {told}"


def check_conference(exchange: Exchange, conference: Conference, workers: list[FakeWorker]) -> None:
    """Everybody hears all others who are not muted."""
    present: dict[str, ConferenceBlock] = {}
    for name in conference.members:
        call = exchange.calls[name]
        assert isinstance(call.block, ConferenceBlock), call
        leg = _present(exchange, call)
        if leg is not None:
            present[leg.media] = call.block
    heard = {media for media, block in present.items() if not block.muted}
    plan = exchange.plan.rooms.conferences[conference.name]
    waits = plan.wait_for_moderator and not any(b.moderator for b in present.values())
    for media in present:
        worker = workers[exchange.pool.worker(media)]
        if not worker.dead and not worker.lines[media].play:
            expected = set[str]() if waits else heard - {media}
            assert worker.heard_by(media) == expected, f"{conference}: {media}"


def _present(exchange: Exchange, call: Call) -> Leg | None:
    if call.caller_leg not in exchange.legs:
        return None
    leg = exchange.legs[call.caller_leg]
    return leg if not leg.held and exchange.pool.is_open(leg.media) else None
