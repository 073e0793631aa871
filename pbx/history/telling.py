"""A call's story as text: a headline, one sentence for each queue it was in, and every moment.

waited 47 s; rang Anna 15 s (no answer), Bohdan 15 s (rejected), then for 17 s nobody was free:
2 talking, 1 on break (lunch)
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pbx.distribution.effects import WhyNot
from pbx.distribution.inputs import LeaveReason
from pbx.history.replay import Replay
from pbx.history.stays import Gap, Kept, Offer, Stay, nobody
from pbx.history.story import NAMES_MAX, Story
from pbx.history.words import LEFT, Names, duration, enumerate_names

PARTS_MAX: Final = 12  # Of the sentence that sums a stay up.
GAP_SECONDS_MIN: Final = 0.5  # A shorter time without a ringing phone is not worth a word.
INDENT: Final = "            "
_PAST: Final = {
    "nobody is free": "nobody was free",
    "nobody is rung": "nobody was rung",
    "nobody is signed in": "nobody was signed in",
}


def tell(
    days: Iterable[tuple[Iterable[str], int]],
    call: str,
    names: Names,
    clock: Callable[[float], str],
) -> str:
    """The story from the journals of the days from its beginning on: the lines of each, and the
    number of the last one that speaks of the call (0: none does).

    As many days are taken as it lasted.
    """
    replay, story = Replay(), Story(call, names)
    for lines, last in days:
        if story.is_over and not last:
            break
        for step in replay.run(lines):
            story.on_step(step, replay.core)
            if story.is_over and replay.line >= last:
                break
    told = [text(story, clock)]
    if replay.first_difference is not None:
        since = clock(replay.first_difference.at)
        told.append(f"Careful: from {since} on this version decides differently from that day's.")
    told += [f"Careful: {problem}." for problem in replay.problems]
    return "\n".join(told)


def text(story: Story, clock: Callable[[float], str]) -> str:
    """The whole of it. `clock` makes a time of day of Unix seconds."""
    lines = [headline(story), *(summary(story, stay) for stay in story.stays)]
    for moment in story.moments:
        lines.append(f"{clock(moment.at)}  {moment.text}")
        lines += [f"{INDENT}{line}" for line in moment.more]
    if story.left_out:
        lines.append(f"{story.left_out} further moments are left out.")
    return "\n".join(lines)


def headline(story: Story) -> str:
    if not story.stays:
        return f"Call {story.call}: never in a queue."
    caller = f" from {story.stays[0].number}" if story.stays[0].number else ""
    queues = ", then ".join(dict.fromkeys(stay.queue for stay in story.stays))
    return f"Call {story.call}{caller} in {queues}: {_end(story)}."


def summary(story: Story, stay: Stay) -> str:
    """What came of its wait, in one sentence."""
    now = story.seen_until if stay.ended is None else stay.ended
    end = now if stay.answered_at is None else stay.answered_at
    told = f"waited {duration(stay.waited(now))}"
    if parts := _parts(stay, story.names, end):
        told += f"; {parts}"
    if stay.answered_at is not None:
        told += f"; talked with {story.names.agent(stay.agent)} {duration(now - stay.answered_at)}"
    return told


def _end(story: Story) -> str:
    stay = story.stays[-1]
    agent = story.names.agent(stay.agent)
    if story.interrupted:
        return "lost when the PBX stopped"
    if stay.ended is None:
        doing = f"talks with {agent}" if stay.agent else "still waits"
        return f"{doing} where the journal ends"
    if stay.reason is LeaveReason.ANSWERED:
        return f"answered by {agent}"
    words = LEFT[stay.reason] if stay.reason is not None else "it left"
    return f"not answered, {words}"


def _parts(stay: Stay, names: Names, end: float) -> str:
    """Whom the call rang, and when it rang nobody, in order."""
    found: list[tuple[float, str, str]] = [
        (offers[0].at, "rang ", _rang(offers, names, end)) for offers in _together(stay.offers)
    ]
    for gap in stay.gaps:
        lasted = (end if gap.ended is None else gap.ended) - gap.at
        if lasted >= GAP_SECONDS_MIN:
            found.append((gap.at, "for ", f"{duration(lasted)} {_nobody(gap)}"))
    found.sort(key=lambda part: part[0])
    told, before = "", ""
    for _, verb, words in found[:PARTS_MAX]:
        if not before:
            told = f"{verb}{words}"
        elif verb == before == "rang ":
            told += f", {words}"
        else:
            # What kept the members is a list itself.
            told += f"{';' if before == 'for ' else ','} then {verb}{words}"
        before = verb
    more = len(found) - PARTS_MAX
    return f"{told}; and so on, {more} more times" if more > 0 else told


def _rang(offers: Sequence[Offer], names: Names, now: float) -> str:
    agents = enumerate_names([names.agent(offer.agent) for offer in offers], NAMES_MAX)
    first = offers[0]
    rang = duration(first.rang(now)) if first.began is not None else "without a sign of ringing"
    return f"{agents} {rang} ({first.outcome or 'still ringing'})"


def _together(offers: Sequence[Offer]) -> list[list[Offer]]:
    """Those rung by one decision whose ringing came to the same."""
    groups: dict[tuple[float, float | None, str, bool], list[Offer]] = {}
    for offer in offers:
        key = (offer.at, offer.ended, offer.outcome, offer.began is None)
        groups.setdefault(key, []).append(offer)
    return list(groups.values())


def _nobody(gap: Gap) -> str:
    now = nobody(gap.kept)
    said = _PAST.get(now, "nobody could be rung: the queue has no members")
    if not gap.kept or all(group.why is WhyNot.INACTIVE for group in gap.kept):
        return said
    told = f"{said}: {_counted(gap.kept)}"
    changed = gap.last and _counts(gap.last) != _counts(gap.kept)
    return f"{told}, at the end {_counted(gap.last)}" if changed else told


def _counted(kept: Sequence[Kept]) -> str:
    return ", ".join(group.words() for group in kept)


def _counts(kept: Sequence[Kept]) -> dict[tuple[WhyNot, str], int]:
    return {(group.why, group.reason): len(group.agents) for group in kept}
