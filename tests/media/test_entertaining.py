"""What those hear who wait, on real sockets, counted in packets of 20 ms: announcements come at
once, music goes on where it stopped and without a seam, a broken file costs but its own sound."""

import random
import wave
from array import array
from pathlib import Path

import pytest

from media import rtp, sounds
from media.protocol import Join, Play, PlayEnded
from tests.media.rig import Phone, Rig, rig, run

PREEMPTED_PACKETS_MAX = 5  # 100 ms.
FRAMES = 30


def noise(directory: Path, name: str, frames: int = FRAMES) -> Path:
    """A sound no two frames of which are alike."""
    path = directory / f"{name}.wav"
    dice = random.Random(name)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(array("h", (dice.randint(-9_000, 9_000) for _ in range(160 * frames))))
    return path


def frames_of(path: Path) -> tuple[bytes, ...]:
    return sounds.load(sounds.key_of(str(path), "PCMU"))


class Listener:
    """Knows which frame of which sound a packet is."""

    def __init__(self, phone: Phone, *files: Path) -> None:
        self.phone = phone
        self.frames = {
            frame: (path.stem, number)
            for path in files
            for number, frame in enumerate(frames_of(path))
        }

    @property
    def heard(self) -> list[tuple[str, int]]:
        return [self.frames[rtp.payload(data)] for data in self.phone.heard]

    async def until_heard(self, sound: str, number: int) -> None:
        await self.phone.until(lambda: (sound, number) in self.heard, (sound, number))


def music(setup: Rig, file: Path, play: int = 1) -> None:
    setup.engine.command(Play("a", play, (str(file),), repeat=True, resume=True))


@pytest.mark.parametrize("known", [True, False], ids=["decoded before", "first of its kind"])
def test_an_announcement_cuts_music_within_100_ms(tmp_path: Path, known: bool) -> None:
    async def main() -> None:
        with rig() as setup:
            a = setup.call("a")
            hold, prompt = noise(tmp_path, "hold"), noise(tmp_path, "prompt", 10)
            listener = Listener(a, hold, prompt)
            if known:
                setup.engine.command(Play("a", 9, (str(prompt),)))
                await listener.until_heard("prompt", 9)
                a.heard.clear()
            music(setup, hold)
            await listener.until_heard("hold", 7)
            before = len(a.heard)
            setup.engine.command(Play("a", 2, (str(prompt),)))
            await listener.until_heard("prompt", 9)
            after = [sound for sound, _ in listener.heard[before:]]
            assert after.index("prompt") <= PREEMPTED_PACKETS_MAX
            seqs = [rtp.unpack(data).seq for data in a.heard]
            assert seqs == [(seqs[0] + n) % 65536 for n in range(len(seqs))]

    run(main)


def test_an_agent_who_answers_cuts_an_announcement_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = setup.call("a"), setup.call("b", "127.0.0.3")
            prompt = noise(tmp_path, "prompt", 200)
            listener = Listener(a, prompt)
            setup.engine.command(Play("a", 1, (str(prompt),)))
            await listener.until_heard("prompt", 3)
            before = len(a.heard)
            setup.engine.command(Join("a", "b"))
            spoken = b.send(setup.ports["b"])
            await a.hears(spoken)
            assert a.heard.index(spoken) - before <= PREEMPTED_PACKETS_MAX
            assert a.heard[-1] == spoken

    run(main)


def test_music_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            a = setup.call("a")
            hold, prompt = noise(tmp_path, "hold"), noise(tmp_path, "prompt", 4)
            listener = Listener(a, hold, prompt)
            music(setup, hold)
            for play in (2, 4):
                heard = [number for sound, number in listener.heard if sound == "hold"]
                await listener.until_heard("hold", (heard[-1] if heard else 0) + 5)
                setup.engine.command(Play("a", play, (str(prompt),)))
                _ = await setup.event(PlayEnded)
                await a.until(lambda: listener.heard[-1] == ("prompt", 3))
                music(setup, hold, play + 1)
            await a.until(lambda: listener.heard[-1][0] == "hold")
            numbers = [number for sound, number in listener.heard if sound == "hold"]
            assert numbers == list(range(len(numbers)))

    run(main)


def test_music_begins_again_without_a_gap(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            a = setup.call("a")
            hold = noise(tmp_path, "hold", 6)
            listener = Listener(a, hold)
            music(setup, hold)
            await a.until(lambda: len(a.heard) >= 20)
            assert [number for _, number in listener.heard[:20]] == [n % 6 for n in range(20)]
            stamps = [rtp.unpack(data).timestamp for data in a.heard[:20]]
            assert stamps == [(stamps[0] + 160 * n) % 2**32 for n in range(20)]

    run(main)


@pytest.mark.parametrize("damage", ["missing", "broken", "empty", "directory"])
def test_a_file_that_cannot_be_played_does_not_end_the_session(tmp_path: Path, damage: str) -> None:
    async def main() -> None:
        with rig() as setup:
            a = setup.call("a")
            bad, prompt = tmp_path / "bad.wav", noise(tmp_path, "prompt", 4)
            listener = Listener(a, prompt)
            if damage == "directory":
                bad.mkdir()
            elif damage != "missing":
                _ = bad.write_bytes(b"" if damage == "empty" else b"RIFF nonsense")
            music(setup, bad)
            ended = await setup.event(PlayEnded)
            assert (ended.play, ended.finished) == (1, False)
            setup.engine.command(Play("a", 2, (str(prompt),)))
            await listener.until_heard("prompt", 3)

    run(main)
