"""What the blocks of voicemail want of the mailboxes, carried out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from media.protocol import EndRecording, Record, RecordingEnded
from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.calls.media_pool import ToWorker
from pbx.consulting import Consulting
from pbx.events import RequestRefused
from pbx.outgoing import payer_of
from pbx.routing import route
from pbx.speech import time_now
from pbx.switchboard import Item
from pbx.voicemail import actions
from pbx.voicemail.boxes import Boxes, Lost, Untold
from pbx.voicemail.jobs import UNKNOWN, Begin, Report
from pbx.voicemail.local import moment
from pbx.voicemail.messages import Draft

if TYPE_CHECKING:
    from pbx.plan import Destination
    from pbx.protection import Protection

CALLED_BACK: Final = frozenset({"extension", "outside", "queue"})
"""Where a call back may lead."""

END_KEY: Final = "#"


class Mailboxes(Consulting):
    voicemail: Boxes  # Made with the other parts.
    protection: "Protection"

    def on_voicemail(self, report: Report, now: float) -> list[Item]:
        """What came of a job on disk."""
        return self._run([*self.voicemail.on_report(report, now)], now)

    def _run(self, items: list[Item], now: float) -> list[Any]:
        raise NotImplementedError  # In the exchange.

    def _mail(self, call: Call, command: do.Mail, now: float) -> list[Item]:
        action = command.action
        return self._MAIL[type(action)](self, call, action, now)

    def _answer_mail(self, call: Call, answer: actions.Answer, now: float) -> list[Item]:
        return self._commands(call, call.block.on_mail(call, answer, now))

    # --- what is asked --------------------------------------------------------------------------

    def _mail_open(self, call: Call, action: actions.Open, now: float) -> list[Item]:
        view = self.voicemail.view(action.mailbox, now)
        return self._answer_mail(call, actions.Opened(view), now)

    def _mail_check_pin(self, call: Call, action: actions.CheckPin, now: float) -> list[Item]:
        right = self.voicemail.check_pin(action.mailbox, action.digits, now, own=action.own)
        return self._answer_mail(call, actions.PinChecked(right), now)

    def _mail_pin_failed(self, call: Call, action: actions.PinFailed, now: float) -> list[Item]:
        """As a wrong password of whoever called from there."""
        self.voicemail.pin_failed(action.mailbox, now, own=action.own)
        if call.caller_leg not in self.legs:
            return []
        flow, guard = self.legs[call.caller_leg].flow, self.protection.guard
        refused = RequestRefused("PIN", flow.remote[0], 403, self._wall(now))
        user = f"mailbox {action.mailbox}"  # No user of SIP: they may still register.
        return [refused, *guard.on_wrong(flow, user, True, now)]

    def _mail_set_pin(self, call: Call, action: actions.SetPin, now: float) -> list[Item]:
        return self.voicemail.set_pin(action.mailbox, action.digits)

    def _mail_call_back(self, call: Call, action: actions.CallBack, now: float) -> list[Item]:
        to: Destination | None = None
        if action.number and payer_of(call) in self.plan.extensions:
            to = route(self.plan, action.number)
        if to is not None and to.kind not in CALLED_BACK:
            to = None
        return self._answer_mail(call, actions.CallsBack(to), now)

    # --- sound ----------------------------------------------------------------------------------

    def _mail_say(self, call: Call, action: actions.Say, now: float) -> list[Item]:
        files = self.plan.files(action.words, action.language)
        if not files or not self._near(call):
            call.plays += 1  # What plays now is of no interest any more.
            return self._commands(call, call.block.on_played(call, now))
        return self._play(call, do.PlayToCaller(files), now)

    def _say_time(self, call: Call, command: do.SayTime, now: float) -> list[Item]:
        local = moment(self._wall(now), self.voicemail.utc_offset)
        said = time_now(local.hour, local.minute, self.plan.spoken(call.language))
        return self._say(call, do.SayToCaller(said), now)

    def _mail_record(self, call: Call, action: actions.Record, now: float) -> list[Item]:
        near = self._near(call)
        if not near:
            return []  # The caller is gone; the end of the call follows.
        worker = self.pool.worker(near)
        draft = self.voicemail.begin(call, action, worker, now)
        record = Record(
            recording=draft.id,
            path=self.voicemail.path_of(draft),
            left=near,
            seconds_max=action.seconds_max,
            silence_seconds=action.silence_seconds,
            keys=END_KEY,
        )
        begun = self._answer_mail(call, actions.Begun(draft.id), now)
        return [Begin(draft), ToWorker(worker, record), *begun]

    def _mail_stop_recording(
        self, call: Call, action: actions.StopRecording, now: float
    ) -> list[Item]:
        return [
            ToWorker(found.worker, EndRecording(name))
            for name, found in self.voicemail.recordings.items()
            if found.draft.call == call.id
        ]

    def _voicemail_recorded(self, event: RecordingEnded, now: float) -> list[Item]:
        """A worker has ended a recording of ours."""
        seconds = self.voicemail.said(event.recording, event.seconds, event.reason)
        draft = self.voicemail.recordings[event.recording].draft
        return self._mail_recorded(draft, seconds, self.voicemail.end(draft.id, seconds), now)

    def _voicemail_lost(self, event: Lost, now: float) -> list[Item]:
        """What is on the disk of it will be seen; who spoke is told what the clock says."""
        found = self.voicemail.recordings.get(event.recording)
        if found is None:
            return []
        items = self.voicemail.end(event.recording, UNKNOWN)
        return [*items, Untold(found.draft)]

    def _voicemail_untold(self, event: Untold, now: float) -> list[Item]:
        draft, call = event.draft, self.calls.get(event.draft.call)
        near = "" if call is None else self._near(call)
        if near and not self.pool.is_alive(self.pool.worker(near)):
            self.voicemail.tell_later(draft, now)
            return []
        return self._mail_recorded(draft, self._wall(now) - draft.at, [], now)

    def _mail_recorded(
        self, draft: Draft, seconds: float, items: list[Item], now: float
    ) -> list[Item]:
        call = self.calls.get(draft.call)
        if call is None:
            return [*items, *self.voicemail.discard(draft.id)]
        told = actions.Recorded(draft.id, seconds, self.voicemail.path_of(draft))
        answered = self._answer_mail(call, told, now)
        self._arm(call)
        return [*items, *answered]

    def _arm(self, call: Call) -> None:
        raise NotImplementedError  # In the exchange.

    # --- what is done ---------------------------------------------------------------------------

    def _mail_discard(self, call: Call, action: actions.Discard, now: float) -> list[Item]:
        return self.voicemail.discard(action.draft)

    def _mail_mark(self, call: Call, action: actions.Mark, now: float) -> list[Item]:
        return self.voicemail.mark(action.mailbox, action.message, action.status, now)

    def _mail_delete(self, call: Call, action: actions.Delete, now: float) -> list[Item]:
        return self.voicemail.delete(action.mailbox, action.messages, now)

    def _mail_forward(self, call: Call, action: actions.Forward, now: float) -> list[Item]:
        done = self.voicemail.forward(call, action, now)
        forwarded = actions.Forwarded(done is not None)
        return [*(done or ()), *self._answer_mail(call, forwarded, now)]

    def _mail_keep_greeting(
        self, call: Call, action: actions.KeepGreeting, now: float
    ) -> list[Item]:
        return self.voicemail.keep_greeting(action)

    def _mail_delete_greeting(
        self, call: Call, action: actions.DeleteGreeting, now: float
    ) -> list[Item]:
        return self.voicemail.delete_greeting(action.mailbox, action.greeting)

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        items = super()._tear_down(call, now)
        return [*items, *self.voicemail.discard_of(call.id)] if self.voicemail.drafts else items

    _MAIL: ClassVar[dict[type, Callable[..., list[Item]]]] = {
        actions.Open: _mail_open,
        actions.CheckPin: _mail_check_pin,
        actions.PinFailed: _mail_pin_failed,
        actions.SetPin: _mail_set_pin,
        actions.Say: _mail_say,
        actions.Record: _mail_record,
        actions.StopRecording: _mail_stop_recording,
        actions.Discard: _mail_discard,
        actions.Mark: _mail_mark,
        actions.Delete: _mail_delete,
        actions.Forward: _mail_forward,
        actions.KeepGreeting: _mail_keep_greeting,
        actions.DeleteGreeting: _mail_delete_greeting,
        actions.CallBack: _mail_call_back,
    }
