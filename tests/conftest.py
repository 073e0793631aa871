"""What every test gets: a check that its module leaves no thread and no process behind."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is. In CI hypothesis sees to it by itself.
settings.register_profile("unhurried", deadline=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("unhurried")

GRACE_SECONDS = 2.0  # For threads and children that are already on their way out.


def children() -> set[int]:
    """Process ids of this process's children, zombies not counted."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:  # The thread has ended, or the kernel does not tell.
            continue
        found.update(int(pid) for pid in pids if not is_zombie(int(pid)))
    return found


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture(autouse=True, scope="module")
def nothing_left_over(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tasks need no check here: `asyncio.run` cancels them, a lost loop is a ResourceWarning."""
    threads, processes = set(threading.enumerate()), children()
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(GRACE_SECONDS)
    left = [thread.name for thread in set(threading.enumerate()) - threads]
    if children() - processes:
        _ = threading.Event().wait(GRACE_SECONDS)
    left += [f"process {pid}" for pid in sorted(children() - processes)]
    assert not left, f"{request.node.name} left behind: {', '.join(left)} (of {os.getpid()})"
