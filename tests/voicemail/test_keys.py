"""Any keys in any order: a call to a mailbox, or to leave a message, ends, and no message is lost
that its owner has not deleted."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.flow.block import Block
from pbx.flow.mailbox import MailboxBlock
from pbx.flow.mailbox_talk import IDLE_MAX, SESSION_SECONDS_MAX, At
from pbx.flow.voicemail import LeaveState, VoicemailBlock
from pbx.message_summary import Counts
from pbx.plan import Destination
from pbx.speech.times import Moment
from pbx.voicemail import actions as mail
from pbx.voicemail.messages import Greeting, Message, Status

MOMENT = Moment(2026, 11, 22, 7, 5)
PIN = "4071"
MESSAGES = ("1-a", "2-b", "3-c")
STEPS_MAX = 60  # Prompts and pauses until the end, when nobody presses anything more.


@dataclass(slots=True)
class Desk:
    """Answers what a block asks, as the exchange would."""

    block: Block
    call: Call
    now: float = 0.0
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    pin: str = ""
    saying: tuple[str, ...] = ()
    recording: str = ""
    recordings: int = 0
    kept: list[float] = field(default_factory=list[float])  # Seconds of what was recorded.
    discarded: list[str] = field(default_factory=list[str])
    deletions: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    over: bool = False
    began: float = 0.0

    def do(self, commands: list[do.Command]) -> None:
        for command in commands:
            assert not self.over, command
            match command:
                case do.Mail(action):
                    self.act(action)
                case do.Finish() | do.GoTo():
                    self.over = True
                case do.StopPlaying():
                    self.saying = ()
                case do.AnswerCaller():
                    pass
                case _:
                    raise AssertionError(command)

    def act(self, action: mail.Action) -> None:
        match action:
            case mail.Open(mailbox):
                self.answer(mail.Opened(self.view() if mailbox == "102" else None))
            case mail.CheckPin(mailbox, digits):
                right = mailbox == "102" and digits == (self.pin or PIN)
                self.answer(mail.PinChecked(right))
            case mail.SetPin(_, digits):
                self.pin = digits
            case mail.Say(said):
                assert said
                self.saying = said
            case mail.Record():
                assert not self.recording
                self.saying = ()
                self.recordings += 1
                self.recording, self.began = f"9-{self.recordings}", self.now
                self.answer(mail.Begun(self.recording))
            case mail.StopRecording():
                self.end_recording()
            case mail.Mark(_, message, status):
                self.messages[message] = _with(self.messages[message], status)
            case mail.Delete(_, messages):
                self.deletions.append(messages)
                for message in messages:
                    del self.messages[message]
            case mail.Forward(message, to):
                assert message.id in MESSAGES
                self.answer(mail.Forwarded(to == "103"))
            case mail.CallBack(number):
                back = Destination("extension", number) if number == "101" else None
                self.answer(mail.CallsBack(back))
            case mail.Discard(draft):
                self.discarded.append(draft)
            case _:
                pass

    def answer(self, answer: mail.Answer) -> None:
        self.do(self.block.on_mail(self.call, answer, self.now))

    def end_recording(self) -> None:
        if self.recording:
            name, self.recording = self.recording, ""
            self.kept.append(self.now - self.began)
            self.answer(mail.Recorded(name, self.now - self.began, f"/spool/{name}.wav"))

    def view(self) -> mail.View:
        return mail.View(
            mailbox="102",
            language="en",
            messages=tuple(self.messages.values()),
            files={id: f"/spool/{id}.flac" for id in self.messages},
            greetings={Greeting.BUSY: "/spool/busy.wav"},
            greeting="",
            full=False,
            has_pin=True,
            must_change_pin=not self.pin,
            pin_on_own_phone=True,
            pin_digits=4,
            seconds_max=180.0,
            seconds_min=2.0,
            silence_seconds=6.0,
            operator=Destination("extension", "901"),
            now=MOMENT,
        )

    # --- what happens

    def press(self, key: str) -> None:
        self.do(self.block.on_digit(self.call, key, self.now))

    def passes(self, seconds: float) -> None:
        """The prompt ends, or the time comes that the block waits for."""
        if self.saying:
            self.now += min(seconds, 3.0)
            self.saying = ()
            self.do(self.block.on_played(self.call, self.now))
            return
        until = self.now + seconds
        due = self.block.next_deadline
        self.now = until if due is None else max(self.now, min(until, due))
        if due is not None and self.now >= due:
            self.do(self.block.on_time(self.call, self.now))

    def goes_on(self) -> None:
        """Nobody does anything any more: until something happens by itself."""
        if self.recording:
            self.now += 120.0
            self.end_recording()
        else:
            self.passes(SESSION_SECONDS_MAX)


def desk_of(block: Block) -> Desk:
    call = Call("c", "leg", "101", "Olena", "*97", "102", 0.0, block, {})
    desk = Desk(block, call)
    for id in MESSAGES:
        caller = "101" if id == "1-a" else "0501234567"
        desk.messages[id] = Message(id, "102", caller, "", 0.0, MOMENT, 3.0, "flac")
    desk.do(block.start(call, 0.0))
    return desk


def _with(message: Message, status: Status) -> Message:
    from dataclasses import replace

    return replace(message, status=status)


keys = st.sampled_from("0123456789*#")
steps = st.one_of(
    keys,
    st.sampled_from(["played", "recorded", "102#", f"{PIN}#", "9137#9137#", "103#", "1", "7"]),
    st.floats(0.0, 20.0),
)


def run(desk: Desk, step: Any) -> None:  # noqa: ANN401
    if isinstance(step, float):
        desk.passes(step)
    elif step == "played":
        desk.passes(3.0)
    elif step == "recorded":
        desk.now += 2.5
        desk.end_recording()
    else:
        for key in step:
            if not desk.over:
                desk.press(key)


def singly(history: list[Any]) -> list[Any]:
    """Each key by itself."""
    words = ("played", "recorded")
    return [
        key
        for step in history
        for key in (step if isinstance(step, str) and step not in words else [step])
    ]


@settings(deadline=None, max_examples=300)
@given(
    own=st.booleans(),
    known=st.booleans(),
    begin=st.sampled_from(["", f"{PIN}#9137#9137#", f"{PIN}#9137#9137#1"]),
    history=st.lists(steps, max_size=60),
)
def test_a_mailbox_ends_and_loses_nothing(
    own: bool, known: bool, begin: str, history: list[Any]
) -> None:
    block = MailboxBlock("102" if own or known else "", own=own)
    desk = desk_of(block)
    pressed: dict[str, bool] = dict.fromkeys(MESSAGES, False)  # To be deleted.
    for step in singly([begin, *history]):
        if desk.over:
            break
        at = block.at
        here = block._item.message.id if at in (At.ENVELOPE, At.BODY, At.MESSAGE) else ""
        if here and step == "7":
            pressed[here] = not pressed[here]
        if here and step == "9":
            pressed[here] = False
        run(desk, step)
        assert not desk.deletions or block.at in (At.ENDING, At.OVER)
    for _ in range(STEPS_MAX):
        if desk.over:
            break
        desk.goes_on()
    assert desk.over, block.at
    assert block.at is At.OVER
    gone = {id for ids in desk.deletions for id in ids}
    assert gone == {id for id, deleted in pressed.items() if deleted}
    assert len(desk.deletions) <= 1
    assert block.next_deadline is None


@settings(deadline=None, max_examples=200)
@given(history=st.lists(steps, max_size=40), hang_up=st.integers(0, 40))
def test_hanging_up_at_any_moment_deletes_what_was_deleted(
    history: list[Any], hang_up: int
) -> None:
    block = MailboxBlock("102", own=True)
    desk = desk_of(block)
    for key in f"{PIN}#9137#9137#1":
        desk.press(key)
    for step in history[:hang_up]:
        if not desk.over:
            run(desk, step)
    marked = {item.message.id for item in block.items if item.deleted}
    before = set(desk.messages)
    if not desk.over:
        desk.do(block.on_caller_gone(desk.call, desk.now))
        assert set(desk.messages) == before - marked


@settings(deadline=None, max_examples=300)
@given(history=st.lists(st.one_of(keys, st.floats(0.0, 30.0), st.just("recorded")), max_size=30))
def test_leaving_a_message_ends(history: list[Any]) -> None:
    block = VoicemailBlock("102")
    desk = desk_of(block)
    for step in history:
        if not desk.over:
            run(desk, step)
    for _ in range(5):
        if not desk.over:
            desk.goes_on()
    assert desk.over, block.state
    assert block.state is LeaveState.OVER
    assert desk.recordings <= 1
    assert desk.deletions == []


@given(keys_pressed=st.text(alphabet="0123456789*#", max_size=30))
def test_without_a_right_pin_nothing_is_told(keys_pressed: str) -> None:
    block = MailboxBlock("102", own=False)
    desk = desk_of(block)
    if f"{PIN}#" in keys_pressed or f"{PIN}" in keys_pressed:
        return
    for key in keys_pressed:
        if not desk.over:
            desk.press(key)
        if not desk.over:
            desk.passes(0.5)
    assert block.at in (At.PIN, At.SLOWED, At.ENDING, At.OVER)


def test_who_presses_nothing_is_asked_three_times() -> None:
    block = MailboxBlock("102", own=False)
    desk = desk_of(block)
    asked = 0
    while not desk.over:
        asked += desk.saying == ("voicemail/enter-pin",)
        desk.passes(10.0)
    assert asked == IDLE_MAX


def test_counts_follow_what_was_deleted() -> None:
    block = MailboxBlock("102", own=True)
    desk = desk_of(block)
    for key in f"{PIN}#9137#9137#17*":
        desk.press(key)
    assert block._counts == Counts(2, 0)
