"""A file system that takes only so many bytes a second, mounted for real: for whoever writes to it,
the kernel waits.

It speaks the kernel's FUSE protocol (<linux/fuse.h>, 7.31) and keeps its files in memory. Only what
a recording needs is there: directories, files that grow, reading.
"""

import ctypes
import errno
import os
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

READ_BYTES = 1 << 20
ROOT = 1
MNT_FORCE, MNT_DETACH = 1, 2
BIG_WRITES, DIRECT_IO, SET_SIZE = 1 << 5, 1 << 0, 1 << 3
LOOKUP, FORGET, GETATTR, SETATTR, MKDIR = 1, 2, 3, 4, 9
OPEN, READ, WRITE, RELEASE, FSYNC, FLUSH = 14, 15, 16, 18, 20, 25
INIT, CREATE, INTERRUPT, BATCH_FORGET = 26, 35, 36, 42
_SILENT = frozenset({FORGET, BATCH_FORGET, INTERRUPT})
_HEAD = struct.Struct("<IIQQIIII")
_ATTR = struct.Struct("<6Q10I")


@dataclass
class Node:
    number: int
    mode: int
    data: bytearray = field(default_factory=bytearray)
    children: dict[bytes, "Node"] = field(default_factory=dict)

    def attr(self) -> bytes:
        size = len(self.data)
        return _ATTR.pack(
            self.number, size, size // 512, 0, 0, 0, 0, 0, 0, self.mode, 1, 0, 0, 0, 4096, 0
        )

    def entry(self) -> bytes:
        return struct.pack("<4Q2I", self.number, 0, 0, 0, 0, 0) + self.attr()


class SlowDisk:
    def __init__(self, place: Path) -> None:
        self.place = place
        self.rate = 0  # Bytes a second; 0: as fast as it goes.
        self.written = 0
        self._nodes = {ROOT: Node(ROOT, stat.S_IFDIR | 0o755)}
        self._faster = threading.Event()
        self._fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self._fd},rootmode=40000,user_id=0,group_id=0".encode()
        if self._libc.mount(b"slow", os.fsencode(place), b"fuse", 0, options):
            os.close(self._fd)
            raise OSError(ctypes.get_errno(), "cannot mount")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def slow_down(self, rate: int) -> None:
        self._faster.clear()
        self.rate = rate

    def speed_up(self) -> None:
        self.rate = 0
        self._faster.set()

    def close(self) -> None:
        self.speed_up()
        _ = self._libc.umount2(os.fsencode(self.place), MNT_FORCE | MNT_DETACH)
        self._thread.join()
        os.close(self._fd)

    # --- in its thread

    def _serve(self) -> None:
        root = self._nodes[ROOT]
        while True:
            try:
                request = os.read(self._fd, READ_BYTES)
            except OSError:
                return  # It was unmounted.
            _, code, unique, number, *_ = _HEAD.unpack_from(request)
            if code in _SILENT:
                continue
            try:
                error, answer = (
                    0,
                    self._answer(code, self._nodes.get(number, root), request[_HEAD.size :]),
                )
            except OSError as problem:
                error, answer = -(problem.errno or errno.EIO), b""
            _ = os.write(self._fd, struct.pack("<IiQ", 16 + len(answer), error, unique) + answer)

    def _answer(self, code: int, node: Node, body: bytes) -> bytes:
        attributes = struct.pack("<QII", 0, 0, 0)
        opened = struct.pack("<QII", 0, DIRECT_IO, 0)
        match code:
            case c if c == INIT:
                answer = struct.pack("<4I2H2I", 7, 31, 0, BIG_WRITES, 0, 0, READ_BYTES // 2, 1)
                return answer.ljust(64, b"\0")
            case c if c == LOOKUP:
                if body[:-1] not in node.children:
                    raise FileNotFoundError(errno.ENOENT, "")
                return node.children[body[:-1]].entry()
            case c if c == MKDIR:
                return self._make(node, body[8:-1], stat.S_IFDIR | 0o755).entry()
            case c if c == CREATE:
                return self._make(node, body[16:-1], stat.S_IFREG | 0o640).entry() + opened
            case c if c == OPEN:
                return opened
            case c if c == READ:
                _, offset, size = struct.unpack_from("<QQI", body)
                return bytes(node.data[offset : offset + size])
            case c if c == WRITE:
                return self._write(node, body)
            case c if c in (GETATTR, SETATTR):
                valid, _, _, size = struct.unpack_from("<IIQQ", body.ljust(24, b"\0"))
                if c == SETATTR and valid & SET_SIZE:
                    del node.data[size:]
                    node.data.extend(bytes(size - len(node.data)))
                return attributes + node.attr()
            case c if c in (FLUSH, RELEASE, FSYNC):
                return b""
        raise OSError(errno.ENOSYS, "")

    def _make(self, parent: Node, name: bytes, mode: int) -> Node:
        node = Node(len(self._nodes) + 1, mode)
        self._nodes[node.number] = parent.children[name] = node
        return node

    def _write(self, node: Node, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        if self.rate:
            _ = self._faster.wait(size / self.rate)
        node.data.extend(bytes(max(0, offset + size - len(node.data))))
        node.data[offset : offset + size] = body[40 : 40 + size]
        self.written += size
        return struct.pack("<II", size, 0)


@contextmanager
def slow_disk(place: Path) -> Iterator[SlowDisk]:
    """Skips the test where nothing can be mounted."""
    place.mkdir()
    try:
        disk = SlowDisk(place)
    except OSError as error:
        pytest.skip(f"no file system of ours can be mounted here: {error}")
    try:
        yield disk
    finally:
        disk.close()
