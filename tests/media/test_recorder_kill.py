"""kill -9 of a worker amid twenty recorded calls: what it had written stays."""

import os
import signal
import time
from pathlib import Path

from media import protocol
from media.client import MediaWorker
from media.wav import is_being_written, repair
from tests.media.rig import Phone, free_port, run
from tests.media.speaker import Speaker, conversation, hertz, read

CALLS = 20
TALK_SECONDS = 3.3
BEHIND_SECONDS_MAX = 1.0
HERE = "127.0.0.1"


def test_twenty_recordings_outlive_their_worker(tmp_path: Path) -> None:
    async def main() -> None:
        lost: list[str] = []
        worker = MediaWorker(tmp_path / "socket", lambda event: None, lost.append)
        hello = await worker.start()
        phones: list[Phone] = []
        people: list[Speaker] = []
        try:
            for call in range(CALLS):
                for side, tone in (("a", 400 + 20 * call), ("b", 2000 + 20 * call)):
                    phone, port = Phone("127.0.0.2"), free_port()
                    phones.append(phone)
                    people.append(Speaker(phone, port, tone))
                    session, at = f"{call}{side}", (phone.host, phone.port)
                    worker.send(protocol.Open(session, port, HERE))
                    rtcp = (phone.host, phone.port + 1)
                    worker.send(protocol.Connect(session, at, rtcp, "", "PCMU", 0, 101))
                worker.send(protocol.Join(f"{call}a", f"{call}b"))
                name = str(tmp_path / f"{call}.wav")
                worker.send(protocol.Record(f"r{call}", name, f"{call}a", f"{call}b"))
            files = [tmp_path / f"{call}.wav" for call in range(CALLS)]
            await phones[0].until(lambda: all(map(Path.exists, files)), meanwhile=lambda: None)
            began = time.monotonic()
            await conversation(TALK_SECONDS, *people)
            assert is_being_written(str(tmp_path / "0.wav"))
            os.kill(hello.pid, signal.SIGKILL)
            killed = time.monotonic() - began
            await worker.wait()
        finally:
            await worker.stop()
            for phone in phones:
                phone.close()
        for call in range(CALLS):
            path = tmp_path / f"{call}.wav"
            assert not is_being_written(str(path))
            written = len(read(path)) / 8000  # As it is: any player does that much.
            assert killed - BEHIND_SECONDS_MAX <= written <= killed + 0.5
            assert repair(str(path)).seconds >= written
            sound = read(path)[8000:]
            assert [hertz(sound[:, n]) for n in (0, 1)] == [400 + 20 * call, 2000 + 20 * call]

    run(main)
