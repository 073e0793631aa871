"""The part of the exchange that knows all mailboxes. It touches no file: what is to be done on disk
leaves as jobs, and a message is in its mailbox only when the disk has it for good.

    Record --worker: it has ended--> Keep --spool: it is on disk--> in the mailbox, the lamp is lit

A recording belongs to nobody's call: whoever hangs up, it is kept or thrown away here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pbx.deadlines import Deadlines
from pbx.events import VoicemailLeft
from pbx.lamps import Lamps
from pbx.message_summary import Counts
from pbx.voicemail import actions, jobs
from pbx.voicemail.local import moment
from pbx.voicemail.messages import Draft, Greeting, Mailbox, Message, Purpose, Status
from pbx.voicemail.pins import Locks, hash_pin, is_pin
from pbx.voicemail.places import draft_file, sound_file
from pbx.voicemail.plan import NO_VOICEMAIL, BoxPlan, VoicemailPlan
from sip.tokens import Tokens

if TYPE_CHECKING:
    from pbx.calls.call import Call
    from pbx.plan import Plan
    from sip.events import RequestDone

Item = Any
"""For the work queue of the exchange."""

LATE_SECONDS: Final = 60.0
"""So long after its limit a recording has ended, even if its worker never says so."""

TELL_SECONDS: Final = 0.5  # Until it is looked whether a media worker is there again.

SWEEP_SECONDS: Final = 3600.0  # Between two looks for messages that are too old.


@dataclass(slots=True)
class Recording:
    """What a worker records for us now."""

    draft: Draft
    worker: int
    silence_seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody will tell how this recording ended."""

    recording: str


@dataclass(frozen=True, slots=True)
class Untold:
    """Who spoke there waits for a media worker, and has not been told that it has ended."""

    draft: Draft


class Boxes:
    def __init__(self, lamps: Lamps, tokens: Tokens, epoch: float) -> None:
        self.plan: VoicemailPlan = NO_VOICEMAIL
        self.locks = Locks()
        self.utc_offset = 0.0  # Told by the edge.
        self.recordings: dict[str, Recording] = {}  # By the name that the worker knows.
        self.drafts: dict[str, Draft] = {}  # Recorded, and waiting for what becomes of them.
        self._keeping: dict[str, str] = {}  # Message that is being written → its mailbox.
        self._untold: dict[str, Draft] = {}
        self._boxes: dict[str, Mailbox] = {}
        self._lamps = lamps
        self._tokens = tokens
        self._epoch = epoch  # Unix seconds at `now` zero.
        self._deadlines = Deadlines()

    # --- a part of the exchange -----------------------------------------------------------------

    @property
    def next_deadline(self) -> float | None:
        return self._deadlines.next_deadline

    def load(self, boxes: Mapping[str, Mailbox], now: float) -> list[Item]:
        """What is on disk at the start."""
        self._boxes.update(boxes)
        return [item for mailbox in boxes for item in self._light(mailbox, now)]

    def configure(self, plan: "Plan", now: float) -> list[Item]:
        """A mailbox that is not configured any more keeps what is in it."""
        before, self.plan = self.plan.shared, plan.voicemail
        items: list[Item] = []
        for extension in {**before, **self.plan.shared}:
            if before.get(extension) != self.plan.shared.get(extension):
                items += self._light_one(extension, now)
        if self.plan.boxes:
            self._deadlines.start("sweep", "", now + SWEEP_SECONDS)
            return [*items, *self._sweep(now)]
        self._deadlines.stop("sweep", "")
        return items

    def on_time(self, now: float) -> list[Item]:
        items: list[Item] = []
        for kind, key in self._deadlines.take_expired(now):
            if kind == "sweep":
                self._deadlines.start("sweep", "", now + SWEEP_SECONDS)
                items += self._sweep(now)
            elif kind == "untold":
                items.append(Untold(self._untold.pop(key)))
            else:
                items.append(Lost(key))
        return items

    def on_done(self, event: "RequestDone", now: float) -> list[Item]:
        return []  # We send no requests.

    # --- what there is --------------------------------------------------------------------------

    def knows(self, mailbox: str) -> bool:
        return mailbox in self.plan.boxes

    def of(self, mailbox: str) -> Mailbox:
        return self._boxes.setdefault(mailbox, Mailbox())

    def messages(self, mailbox: str) -> tuple[Message, ...]:
        """The oldest first."""
        found = self._boxes.get(mailbox)
        return () if found is None else tuple(found.messages.values())

    def counts(self, mailbox: str) -> Counts:
        found = self._boxes.get(mailbox)
        return Counts() if found is None else found.counts

    def file_of(self, message: Message) -> str:
        return sound_file(self.plan.root, message)

    def is_full(self, plan: BoxPlan) -> bool:
        """Those that are being written count as well."""
        coming = sum(mailbox == plan.id for mailbox in self._keeping.values())
        coming += sum(
            r.draft.mailbox == plan.id and r.draft.purpose is Purpose.MESSAGE
            for r in self.recordings.values()
        )
        return len(self.of(plan.id).messages) + coming >= plan.messages_max

    def view(self, mailbox: str, now: float) -> actions.View | None:
        plan = self.plan.boxes.get(mailbox)
        if plan is None:
            return None
        box = self.of(mailbox)
        return actions.View(
            mailbox=mailbox,
            language=plan.language,
            messages=tuple(box.messages.values()),
            files={id: self.file_of(message) for id, message in box.messages.items()},
            greetings=dict(box.greetings),
            greeting=plan.greeting,
            full=self.is_full(plan),
            has_pin=bool(box.pin or plan.pin),
            must_change_pin=not box.pin,
            pin_on_own_phone=plan.pin_on_own_phone,
            pin_digits=self.plan.pin_digits,
            seconds_max=plan.seconds_max,
            seconds_min=plan.seconds_min,
            silence_seconds=plan.silence_seconds,
            operator=plan.operator,
            now=moment(now + self._epoch, self.utc_offset),
        )

    # --- PINs -----------------------------------------------------------------------------------

    def check_pin(self, mailbox: str, digits: str, now: float, *, own: bool) -> bool:
        """A mailbox that is locked, or that there is not, has no right PIN; that takes as long."""
        plan = self.plan.boxes.get(mailbox)
        hashed = self.of(mailbox).pin if plan is not None else ""
        first = plan.pin if plan is not None and not hashed else ""
        right = is_pin(digits, hashed or hash_pin(first, "not kept"))
        if plan is None or not (hashed or first) or self.locks.is_locked(_lock(mailbox, own), now):
            return False
        if right:
            self.locks.opened(_lock(mailbox, own))
        return right

    def pin_failed(self, mailbox: str, now: float, *, own: bool) -> None:
        if self.knows(mailbox):
            _ = self.locks.failed(_lock(mailbox, own), now)

    def set_pin(self, mailbox: str, digits: str) -> list[Item]:
        if not self.knows(mailbox):
            return []
        hashed = self.of(mailbox).pin = hash_pin(digits, self._tokens.token(16))
        return [jobs.WritePin(mailbox, hashed)]

    # --- recording ------------------------------------------------------------------------------

    def begin(self, call: "Call", wanted: actions.Record, worker: int, now: float) -> Draft:
        """`worker`: where the caller's sound is. The name of the recording is the draft's id."""
        at = now + self._epoch
        draft = Draft(
            id=f"{int(at)}-{self._tokens.token(12)}",
            mailbox=wanted.mailbox,
            purpose=wanted.purpose,
            at=at,
            local=moment(at, self.utc_offset),
            caller=call.caller,
            name=call.caller_name,
            call=call.id,
            seconds_min=wanted.seconds_min,
        )
        self.recordings[draft.id] = Recording(draft, worker, wanted.silence_seconds)
        self._deadlines.start("late", draft.id, now + wanted.seconds_max + LATE_SECONDS)
        return draft

    def path_of(self, draft: Draft) -> str:
        return draft_file(self.plan.root, draft.id)

    def said(self, recording: str, seconds: float, reason: str) -> float:
        """How much of it is worth keeping: not the silence that ended it."""
        silence = self.recordings[recording].silence_seconds if reason == "silence" else 0.0
        return max(0.0, seconds - silence)

    def end(self, recording: str, seconds: float) -> list[Item]:
        """It has ended, so many seconds are worth keeping."""
        found = self.recordings.pop(recording, None)
        if found is None:
            return []
        self._deadlines.stop("late", recording)
        draft = found.draft
        if draft.purpose is not Purpose.MESSAGE:
            self.drafts[draft.id] = draft
            return []
        if seconds != jobs.UNKNOWN and seconds < draft.seconds_min:
            return [jobs.Throw(draft)]
        self._keeping[draft.id] = draft.mailbox
        return [jobs.Keep(draft, seconds)]

    def on_worker_lost(self, worker: int) -> list[Item]:
        """What it wrote so far is on the disk."""
        return [Lost(name) for name, found in self.recordings.items() if found.worker == worker]

    def tell_later(self, draft: Draft, now: float) -> None:
        self._untold[draft.id] = draft
        self._deadlines.start("untold", draft.id, now + TELL_SECONDS)

    def discard(self, draft: str) -> list[Item]:
        found = self.drafts.pop(draft, None)
        return [] if found is None else [jobs.Throw(found)]

    def discard_of(self, call: str) -> list[Item]:
        """The call is over: nobody will decide about these any more."""
        return [
            item
            for draft in [d.id for d in self.drafts.values() if d.call == call]
            for item in self.discard(draft)
        ]

    # --- what owners do -------------------------------------------------------------------------

    def mark(self, mailbox: str, message: str, status: Status, now: float) -> list[Item]:
        marked = self.of(mailbox).mark(message, status)
        return [] if marked is None else [jobs.Update(marked), *self._light(mailbox, now)]

    def delete(self, mailbox: str, messages: Iterable[str], now: float) -> list[Item]:
        box = self.of(mailbox)
        gone = tuple(box.messages.pop(id) for id in messages if id in box.messages)
        return [jobs.Remove(gone), *self._light(mailbox, now)] if gone else []

    def forward(self, call: "Call", wanted: actions.Forward, now: float) -> list[Item] | None:
        """None: there is no such mailbox, or it is full. The comment is used up only if it goes."""
        plan = self.plan.boxes.get(wanted.to)
        message = wanted.message
        held = self.of(message.mailbox).messages
        if plan is None or message.id not in held or self.is_full(plan):
            return None
        at = now + self._epoch
        draft = Draft(
            id=f"{int(at)}-{self._tokens.token(12)}",
            mailbox=wanted.to,
            purpose=Purpose.MESSAGE,
            at=at,
            local=moment(at, self.utc_offset),
            caller=message.caller,
            name=message.name,
            call=message.call,
        )
        self._keeping[draft.id] = draft.mailbox
        return [jobs.Copy(message, draft, self.drafts.pop(wanted.comment, None))]

    def keep_greeting(self, wanted: actions.KeepGreeting) -> list[Item]:
        draft = self.drafts.pop(wanted.draft, None)
        if draft is None or draft.mailbox != wanted.mailbox:
            return []
        return [jobs.Greet(draft, wanted.greeting)]

    def delete_greeting(self, mailbox: str, greeting: Greeting) -> list[Item]:
        file = self.of(mailbox).greetings.pop(greeting, None)
        return [] if file is None else [jobs.Ungreet(mailbox, greeting, file)]

    # --- what the disk says ---------------------------------------------------------------------

    def on_report(self, report: jobs.Report, now: float) -> list[Item]:
        match report:
            case jobs.Kept(message):
                _ = self._keeping.pop(message.id, None)
                return self._kept(message, now)
            case jobs.Thrown(draft):
                _ = self._keeping.pop(draft, None)
                return []
            case jobs.Greets(mailbox, greeting, file):
                greetings = self.of(mailbox).greetings
                before, greetings[greeting] = greetings.get(greeting, file), file
                return [] if before == file else [jobs.Ungreet(mailbox, greeting, before)]
            case jobs.Unwanted(mailbox, message):
                return self.delete(mailbox, [message], now)
            case jobs.Marked(mailbox, message, status):
                return self.mark(mailbox, message, status, now)

    def _kept(self, message: Message, now: float) -> list[Item]:
        box = self.of(message.mailbox)
        if message.id in box.messages:
            return []
        box.put(message)
        left = VoicemailLeft(
            message.mailbox,
            message.id,
            message.call,
            message.caller,
            message.seconds,
            box.counts.new,
            now + self._epoch,
        )
        return [left, *self._light(message.mailbox, now)]

    def _light(self, mailbox: str, now: float) -> list[Item]:
        """The lamps of all who may hear it."""
        plan = self.plan.boxes.get(mailbox)
        lamps = (mailbox, *(() if plan is None else plan.members))
        return [item for lamp in lamps for item in self._light_one(lamp, now)]

    def _light_one(self, lamp: str, now: float) -> list[Item]:
        """A mailbox, or an extension that may have a share in several."""
        counts = [self.counts(box) for box in (lamp, *self.plan.shared.get(lamp, ()))]
        new, old = (sum(numbers) for numbers in zip(*counts, strict=True))
        return self._lamps.set_messages(lamp, new, old, now)

    def _sweep(self, now: float) -> list[Item]:
        items: list[Item] = []
        for plan in self.plan.boxes.values():
            found = self._boxes.get(plan.id)
            if found is None or not plan.keep_seconds:
                continue
            old = found.old(now + self._epoch - plan.keep_seconds)
            items += self.delete(plan.id, [message.id for message in old], now)
        return items


def _lock(mailbox: str, own: bool) -> str:
    """Who tries others' mailboxes must not shut their owners out."""
    return f"own {mailbox}" if own else mailbox
