"""Blocks that only speak: a prompt before hanging up, the echo test."""

from typing import TYPE_CHECKING

from pbx.calls.causes import Cause
from pbx.calls.commands import (
    AnswerCaller,
    Command,
    EchoCaller,
    Finish,
    PlayToCaller,
    SayTime,
    Tell,
)
from pbx.distribution.inputs import Input
from pbx.flow.block import Block
from pbx.history.records import Hangup, Verdict

if TYPE_CHECKING:
    from pbx.calls.call import Call


class PlayBlock(Block):
    """Say it, then hang up. `tell` is done first: what a feature code does."""

    name = "play"

    def __init__(self, files: tuple[str, ...], tell: tuple[Input, ...] = ()) -> None:
        self.files = files
        self.tell = tell
        self.next_deadline = None

    def start(self, call: "Call", now: float) -> list[Command]:
        told: list[Command] = [Tell(event) for event in self.tell]
        if not self.files:
            return [*told, *self.on_played(call, now)]
        return [*told, AnswerCaller(), PlayToCaller(self.files)]

    def on_sound_lost(self, call: "Call", now: float) -> list[Command]:
        return [PlayToCaller(self.files)] if self.files else []

    def on_played(self, call: "Call", now: float) -> list[Command]:
        return [Finish(call.verdict or Verdict.SERVED, Cause.NORMAL, Hangup.SYSTEM)]


class TimeBlock(PlayBlock):
    """What time it is, then hang up."""

    def __init__(self) -> None:
        super().__init__(())

    def start(self, call: "Call", now: float) -> list[Command]:
        return [AnswerCaller(), SayTime()]


class EchoBlock(Block):
    """A prompt, then the caller hears what they say."""

    name = "echo"

    def __init__(self, files: tuple[str, ...]) -> None:
        self.files = files
        self.next_deadline = None

    def start(self, call: "Call", now: float) -> list[Command]:
        if not self.files:
            return [AnswerCaller(), EchoCaller()]
        return [AnswerCaller(), PlayToCaller(self.files)]

    def on_sound_lost(self, call: "Call", now: float) -> list[Command]:
        return [EchoCaller()]

    def on_played(self, call: "Call", now: float) -> list[Command]:
        return [EchoCaller()]


class RefuseBlock(Block):
    """No answer, no sound: the caller's phone is told why."""

    name = "refuse"

    def __init__(self, verdict: Verdict, cause: Cause) -> None:
        self.verdict = verdict
        self.cause = cause
        self.next_deadline = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return [Finish(call.verdict or self.verdict, self.cause, Hangup.SYSTEM)]
