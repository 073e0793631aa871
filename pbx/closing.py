"""The end of a call: everything is hung up, and its record waits for the workers' last figures."""

from typing import Any, Final

from media.protocol import SessionStats
from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.calls.causes import Cause
from pbx.connecting import Connecting
from pbx.distribution import inputs
from pbx.events import CallEnded
from pbx.history.quality import mos
from pbx.history.records import CallRecord, LegAudio, Verdict
from pbx.switchboard import Item

FLUSH_SECONDS: Final = 2.0
"""How long a finished call's record waits for the workers' figures."""


class Closing(Connecting):
    def _finish(self, call: Call, command: do.Finish, now: float) -> list[Item]:
        call.end(command, now)
        del self.calls[call.id]
        return self._tear_down(call, now)

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        """Hang up whatever is left and wait for the workers' last figures."""
        items: list[Item] = []
        ended: list[Any] = [*call.drop_all()]
        for drop in ended:
            items += self._drop(call, drop, now)
        cause = call.cause if call.cause is not Cause.ANSWERED_ELSEWHERE else Cause.NORMAL
        items += self.legs.hangup(call.caller_leg, cause, now)
        items += self._vacate(call.occupies, now)
        if call.ended_at is None:  # A fault of ours.
            call.note_talk(now)
            call.ended_at, call.cause = now, Cause.FAILED
            call.verdict = Verdict.ANSWERED if call.bridged else Verdict.FAILED
        if call.queued:
            items += self._forget_queued(call, now)
        self._deadlines.stop("block", call.id)
        self._deadlines.stop("keys", call.id)
        for name in call.media:
            items += self.pool.close(name)
        if not any(name in self._call_by_media for name in call.media):
            return [*items, self._record_event(call, now)]
        self.ending[call.id] = call
        self._deadlines.start("flush", call.id, now + FLUSH_SECONDS)
        return items

    def _forget_queued(self, call: Call, now: float) -> list[Item]:
        """It ended without its queue block: shutdown, or a fault. The agent must be free again."""
        call.queued = False
        if call.conversation:
            return self._tell(inputs.ConversationEnded(call.id, call.conversation), now)
        reason = inputs.LeaveReason.SYSTEM
        told = self._tell(inputs.CallLeft(call.id, reason), now)
        return [self._left(call, reason.value, now), *told]

    def _media_closed(self, session: str, stats: SessionStats | None, now: float) -> list[Item]:
        call_id = self._call_by_media.pop(session, "")
        self.legs.forget_media(session)
        call = self.ending.get(call_id) or self.calls.get(call_id)
        if call is None:
            return []
        if stats is not None and (stats.sent or stats.received):
            call.audio[session] = LegAudio(
                stats.codec or (call.codecs[0] if call.codecs else ""),
                stats.sent,
                stats.received,
                stats.lost,
                stats.jitter_ms,
                mos(stats.received, stats.lost, stats.jitter_ms),
            )
        if call_id in self.calls or any(name in self._call_by_media for name in call.media):
            return []
        return self._flush(call_id, now)

    def _flush(self, call_id: str, now: float) -> list[Item]:
        call = self.ending.pop(call_id, None)
        self._deadlines.stop("flush", call_id)
        return [] if call is None else [self._record_event(call, now)]

    def _record_event(self, call: Call, now: float) -> CallEnded:
        ended = call.ended_at if call.ended_at is not None else now
        waiting_from = call.waiting_since if call.waiting_since is not None else call.started
        left = call.left_at if call.left_at is not None else ended
        audio = tuple(call.audio[name] for name in call.media if name in call.audio)
        record = CallRecord(
            id=call.id,
            started_at=self._wall(call.started),
            ended_at=self._wall(ended),
            caller=call.caller,
            caller_name=call.caller_name,
            called=call.called,
            queue=call.queue,
            agent=call.agent,
            extension=call.extension,
            answered_at=None if call.bridged_at is None else self._wall(call.bridged_at),
            wait_seconds=left - waiting_from if call.waited is None else call.waited,
            ring_seconds=call.ring_seconds,
            talk_seconds=call.talked,
            verdict=call.verdict or Verdict.FAILED,
            hangup=call.hangup,
            cause=call.cause.value,
            path=tuple(call.path),
            offers=tuple(call.offers),
            audio=audio,
            talks=tuple(call.talks) if len(call.talks) > 1 else (),
        )
        return CallEnded(call.id, record, self._wall(now))
