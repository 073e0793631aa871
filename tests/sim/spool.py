"""The disk of the mailboxes in virtual time: it knows how long everything is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pbx.voicemail import jobs
from pbx.voicemail.messages import Draft, Message, Purpose
from pbx.voicemail.places import draft_file, greeting_file
from tests.sim.audio import FakeWorker

SPOOL_SECONDS: Final = 1 / 64
ROOT: Final = "/spool"


@dataclass(slots=True)
class FakeSpool:
    drafts: dict[str, Draft] = field(default_factory=dict[str, Draft])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    pins: dict[str, str] = field(default_factory=dict[str, str])
    greetings: set[str] = field(default_factory=set[str])  # Files.

    def on_job(self, job: jobs.Job, workers: Iterable[FakeWorker]) -> list[jobs.Report]:
        match job:
            case jobs.Begin(draft):
                assert draft.id not in self.drafts, draft
                self.drafts[draft.id] = draft
            case jobs.Keep(draft, seconds):
                return [self._keep(draft, seconds, workers)]
            case jobs.Throw(draft):
                del self.drafts[draft.id]
            case jobs.Update(message):
                assert message.id in self.messages, message
                self.messages[message.id] = message
            case jobs.Remove(messages):
                for message in messages:
                    del self.messages[message.id]
            case jobs.Copy(message, draft, comment):
                assert message.id in self.messages, message
                if comment is not None:
                    del self.drafts[comment.id]
                return [self._message(draft, message.seconds, message.mailbox)]
            case jobs.Greet(draft, greeting):
                del self.drafts[draft.id]
                file = greeting_file(ROOT, draft.mailbox, greeting, draft.id)
                self.greetings.add(file)
                return [jobs.Greets(draft.mailbox, greeting, file)]
            case jobs.Ungreet(_, _, file):
                self.greetings.remove(file)
            case jobs.WritePin(mailbox, hashed):
                self.pins[mailbox] = hashed
        return []

    def _keep(
        self, draft: Draft, seconds: float, workers: Iterable[FakeWorker]
    ) -> jobs.Kept | jobs.Thrown:
        del self.drafts[draft.id]
        assert draft.purpose is Purpose.MESSAGE, draft
        recorded = [w.recorded.get(draft_file(ROOT, draft.id), 0.0) for w in workers]
        seconds = max(recorded, default=0.0) if seconds == jobs.UNKNOWN else seconds
        if seconds < draft.seconds_min:
            return jobs.Thrown(draft.id)
        return self._message(draft, seconds)

    def _message(self, draft: Draft, seconds: float, forwarded_by: str = "") -> jobs.Kept:
        message = Message(
            draft.id,
            draft.mailbox,
            draft.caller,
            draft.name,
            draft.at,
            draft.local,
            seconds,
            "flac",
            call=draft.call,
            forwarded_by=forwarded_by,
        )
        self.messages[message.id] = message
        return jobs.Kept(message)
