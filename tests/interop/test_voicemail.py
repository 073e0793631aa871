"""Messages left and heard with real phones; e-mail by a real SMTP server; kills."""

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import RunningPbx, settings
from tests.interop.programs import HOST, eventually, free_ports, let_pass
from tests.voicemail.post_office import PostOffice

pytestmark = pytest.mark.interop

JUMPS_MAX = 2  # A phone on a machine that is busy skips now and then.
TOLERANCE = 0.3  # Seconds, of the length of a message: the command to hang up takes its time.


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    with PostOffice(HOST, free_ports()) as office:
        yield office


def boxes(**box: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"voicemail": {"mailboxes": {"102": {"pin_on_own_phone": False, **box}}}}


def directory(pbx: RunningPbx) -> Path:
    return pbx.database.parent / "voicemail"


def messages(pbx: RunningPbx, mailbox: str = "102") -> list[dict[str, Any]]:
    notes = sorted((directory(pbx) / "boxes" / mailbox).glob("*-*.json"))
    return [json.loads(note.read_text()) for note in notes]


def sound_of(pbx: RunningPbx, message: dict[str, Any]) -> Path:
    name = f"{message['id']}.{message['ending']}"
    return directory(pbx) / "boxes" / str(message["mailbox"]) / name


def begin_message(pbx: RunningPbx, caller: Baresip, number: str = "*99102") -> None:
    """Until it is recorded."""
    incoming = directory(pbx) / "incoming"
    before = set(incoming.glob("*.wav"))
    caller.dial(number)
    eventually(lambda: set(incoming.glob("*.wav")) - before, "the caller is recorded", 30.0)


def leave(pbx: RunningPbx, caller: Baresip, seconds: float = 4.0) -> dict[str, Any]:
    known = len(messages(pbx))
    begin_message(pbx, caller)
    let_pass(seconds)
    caller.hang_up()
    eventually(lambda: len(messages(pbx)) == known + 1, "the message is in the mailbox")
    return messages(pbx)[-1]


def assert_is_tone(path: Path, hz: float, seconds: float) -> None:
    heard = tones.measure(tones.read(path), hz)
    assert heard is not None
    assert heard.seconds == pytest.approx(seconds, abs=TOLERANCE)
    assert heard.share >= 0.99
    assert heard.gaps == ()
    assert heard.jumps <= JUMPS_MAX


def test_a_message_is_left_shown_by_the_lamp_and_heard(office: Office) -> None:
    pbx = office.serve(settings(**boxes()))
    (caller,) = office.phones("101")
    owner = office.phone("102", modules=("mwi",))
    owner.wait_registered()
    message = leave(pbx, caller)
    assert (message["caller"], message["name"], message["status"]) == ("101", "Olena", "new")
    assert message["seconds"] == pytest.approx(4.0, abs=TOLERANCE)
    assert_is_tone(sound_of(pbx, message), tones.CALLER_HZ, message["seconds"])
    lamp_shows(owner, "yes", "1/0")
    owner.dial("*97")
    owner.wait_established()
    let_pass(1.0)
    owner.press("1")
    eventually(lambda: messages(pbx)[0]["status"] == "heard", "the message is played", 30.0)
    let_pass(message["seconds"] + 1.5)
    owner.hang_up()
    heard = tones.measure(owner.heard(), tones.CALLER_HZ)
    assert heard is not None
    assert heard.seconds == pytest.approx(message["seconds"], abs=TOLERANCE)
    lamp_shows(owner, "no", "0/1")
    assert pbx.wait_records(2)[0]["verdict"] == "voicemail"


def test_keys_end_a_message_and_delete_it(office: Office) -> None:
    pbx = office.serve(settings(**boxes()))
    caller, owner = office.phones("101", "102")
    begin_message(pbx, caller)
    let_pass(3.0)
    caller.press("#")
    caller.wait_closed(20.0)
    (message,) = messages(pbx)
    assert message["seconds"] == pytest.approx(3.0, abs=TOLERANCE)
    owner.dial("*97")
    owner.wait_established()
    let_pass(0.5)
    owner.press("1")
    let_pass(0.5)
    owner.press("7")
    let_pass(0.5)
    assert len(messages(pbx)) == 1  # Until he hangs up.
    owner.hang_up()
    eventually(lambda: messages(pbx) == [], "it is gone")
    assert list((directory(pbx) / "boxes/102").iterdir()) == []


def test_a_kill_in_the_middle_of_a_message(office: Office) -> None:
    """What was said until the last second before it is in the mailbox afterwards."""
    pbx = office.serve(settings(**boxes()))
    caller = office.phone("101")
    owner = office.phone("102", modules=("mwi",))
    caller.wait_registered()
    owner.wait_registered()
    begin_message(pbx, caller)
    let_pass(4.0)
    pbx.kill_and_start()
    eventually(lambda: len(messages(pbx)) == 1, "the message is recovered", 10.0)
    (message,) = messages(pbx)
    assert 3.0 - TOLERANCE <= message["seconds"] <= 4.0 + TOLERANCE
    assert_is_tone(sound_of(pbx, message), tones.CALLER_HZ, message["seconds"])
    assert list((directory(pbx) / "incoming").iterdir()) == []
    caller.hang_up()


def test_counts_survive_a_restart(office: Office) -> None:
    pbx = office.serve(settings(**boxes()))
    (caller,) = office.phones("101")
    _ = leave(pbx, caller)
    pbx.restart()
    owner = office.phone("102", modules=("mwi",))
    lamp_shows(owner, "yes", "1/0")


def test_the_message_comes_by_mail(office: Office, post_office: PostOffice) -> None:
    mail = {
        "server": HOST,
        "port": post_office.port,
        "security": "none",
        "from": "pbx@example.com",
    }
    box = boxes(email="taras@example.com", attach="wav", delete_after_email=True)
    pbx = office.serve(settings(**box, mail=mail))
    (caller,) = office.phones("101")
    begin_message(pbx, caller)
    let_pass(3.0)
    caller.hang_up()
    (letter,) = post_office.wait(1)
    assert letter.recipients == ["taras@example.com"]
    read = message_from_bytes(letter.data, policy=default)
    assert read["subject"] == "Voice message from 101 (0:03)"
    body, attachment = read.iter_parts()
    assert "101 Olena left a message in mailbox 102" in body.get_content()
    assert attachment.get_content_type() == "audio/wav"
    samples, rate = soundfile.read(BytesIO(attachment.get_content()))
    assert len(samples) / rate == pytest.approx(3.0, abs=TOLERANCE)
    eventually(lambda: messages(pbx) == [], "deleted after it was sent")


def lamp_shows(owner: Baresip, waiting: str, counts: str) -> None:
    def shown() -> bool:
        told = owner.received("NOTIFY")
        last = told[-1] if told else ""
        return f"Messages-Waiting: {waiting}" in last and f"Voice-Message: {counts}" in last

    eventually(shown, f"the lamp shows {waiting}, {counts}", 15.0)
