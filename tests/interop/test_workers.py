"""Media workers that die or hang, and control that dies: whose sound goes on."""

import os
import signal
import time
from typing import Final

import pytest
import soundfile

from tests.interop import crowd, tones
from tests.interop.conftest import Office
from tests.interop.pbx import RunningPbx, settings
from tests.interop.programs import eventually, is_alive, let_pass
from tests.interop.telephones import MUSIC, assert_heard, pjsip, talk, telephone
from tests.interop.test_recording import file_of, rows

pytestmark = pytest.mark.interop

CALLS: Final = 20
BACK_SECONDS: Final = 2.0
TALK_SECONDS: Final = 3.0
DEAD_SECONDS: Final = 1.0  # Between two controls.
PATIENCE: Final = 2.0  # Of a busy machine.


def worker_of(pbx: RunningPbx) -> int:
    pid: int = pbx.status()["workers"][0]["pid"]
    return pid


def is_back(pbx: RunningPbx, before: int) -> bool:
    worker = pbx.status()["workers"][0]
    return bool(worker["alive"]) and worker["pid"] != before


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_dies_or_hangs_amid_calls(office: Office, end: signal.Signals) -> None:
    """Noticed within a second; a talk, music, an echo and a conference go on after it."""
    pbx = office.serve(
        settings(
            extensions={"103": "Petro"}, conferences={"meeting": {"number": 800, "announce": "off"}}
        )
    )
    one, other = telephone(office, "baresip", "101"), pjsip(office, "102")
    waits = telephone(office, "baresip", "103")
    _ = waits.dial("500")
    _ = waits.wait_established()
    talk(one, other)
    before = worker_of(pbx)
    os.kill(before, end)
    _ = eventually(lambda: is_back(pbx, before), "another worker runs", 5.0)
    assert_heard({one: other, other: one})
    assert_heard({waits: MUSIC})
    assert not is_alive(before)
    _ = one.hang_up()
    _ = other.wait_closed()
    _ = waits.hang_up()
    pbx.wait_idle()
    assert {record["cause"] for record in pbx.wait_records(2)} == {"normal"}


def test_twenty_calls_go_on_within_two_seconds(office: Office) -> None:
    """Each hears itself: a tone goes there and back."""
    pbx = office.serve(settings(extensions={"103": "Petro"}))
    phones = [pjsip(office, user) for user in ("101", "101", "102", "102", "103")]
    for number in range(CALLS):
        phone = phones[number % len(phones)]
        _ = phone.dial("600")
        phone.wait_established()
    _ = eventually(lambda: len(pbx.status()["calls"]) == CALLS, f"{CALLS} calls")
    before = worker_of(pbx)
    os.kill(before, signal.SIGKILL)
    began = time.monotonic()

    def invited() -> int:
        return sum(len(phone.received("INVITE")) for phone in phones)

    _ = eventually(lambda: invited() == CALLS, f"{CALLS} re-INVITEs", 10.0, 0.05)
    assert time.monotonic() - began < BACK_SECONDS * PATIENCE
    assert len(pbx.status()["calls"]) == CALLS
    assert pbx.status()["workers"][0]["alive"]
    for phone in phones:
        for call in range(CALLS // len(phones)):
            phone.hang_up(call)
    pbx.wait_idle()
    records = pbx.wait_records(CALLS, 10.0)
    assert {record["cause"] for record in records} == {"normal"}
    audio = [record["audio"] for record in records]
    assert all(audio), "sound after the worker's end"


def test_control_dies_and_its_worker_is_adopted(office: Office) -> None:
    """The calls are lost, but nothing else is: phones call at once, no port is given out twice."""
    pbx = office.serve(settings(extensions={"103": "Petro"}))
    one, other = telephone(office, "baresip", "101"), pjsip(office, "102")
    talk(one, other)
    worker = worker_of(pbx)
    pbx.kill()  # Its workers are no family of the dead.
    assert is_alive(worker)
    assert_heard({one: other, other: one})  # Sound goes on without control.
    pbx.start_again()
    assert worker_of(pbx) == worker
    _ = one.hang_up()
    other.hang_up()
    third = telephone(office, "baresip", "103")
    talk(third, other)
    _ = third.hang_up()
    _ = other.wait_closed(1)
    pbx.wait_idle()
    _ = eventually(lambda: sockets_of(worker) == 0, "all ports are free")


@pytest.mark.slow
def test_control_dies_amid_twenty_recorded_calls(office: Office) -> None:
    """The worker writes on until there is a new control, which closes what it does not know."""
    pbx = office.serve(
        settings(extensions=crowd.EXTENSIONS, recording={"calls": "always", "format": "wav"})
    )
    people = crowd.Crowd(office)
    people.talk()
    let_pass(TALK_SECONDS)
    worker = worker_of(pbx)
    pbx.kill()
    killed_at = time.time()
    assert is_alive(worker)
    let_pass(DEAD_SECONDS)
    pbx.start_again()
    adopted_at = time.time()
    assert worker_of(pbx) == worker
    states = ["recovered"] * crowd.CALLS
    _ = eventually(lambda: [row["state"] for row in rows(pbx)] == states, f"{rows(pbx)}", 10.0)
    for row in rows(pbx):
        sound, rate = soundfile.read(file_of(pbx, row))
        assert len(sound) == round(row["seconds"] * rate)
        assert killed_at + DEAD_SECONDS < row["begun_at"] + row["seconds"] < adopted_at + 1.0
        for channel, side in enumerate(("left_extension", "right_extension")):
            heard = tones.measure(sound[:, channel], crowd.VOICES[row[side]])
            assert heard is not None
            assert (heard.gaps, heard.jumps) == ((), 0)
            assert row["begun_at"] + heard.begin + heard.seconds > killed_at
    _ = eventually(lambda: sockets_of(worker) == 0, "all ports are free")
    assert pbx.records() == []


def sockets_of(pid: int) -> int:
    """UDP sockets: two for each session that is still open."""
    inodes = set[str]()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if link.startswith("socket:"):
            inodes.add(link.removeprefix("socket:[").removesuffix("]"))
    with open(f"/proc/{pid}/net/udp", encoding="ascii") as table:
        return sum(line.split()[9] in inodes for line in table.readlines()[1:])
