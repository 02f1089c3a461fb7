"""A disk with a write cache that a power cut empties, served to a virtual machine over NBD.

A killed qemu leaves the write cache of its host whole, so that nothing would show a missing flush.
Here what was written lasts from the next flush on. A cut keeps any part of what was written since,
in any order: each block of 4096 bytes lives or dies by itself. The protocol is the Network Block
Device of doc/proto.md of its project: fixed newstyle, simple replies.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 4096
"""What a disk writes whole or not at all: the physical sector of flash memory."""
_OPTION_MAGIC, _REPLY_MAGIC = 0x49484156454F5054, 0x3E889045565A9
_REQUEST_MAGIC, _ANSWER_MAGIC = 0x25609513, 0x67446698
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_HAS_FLAGS, _SEND_FLUSH = 1, 4
_OPTION_ABORT, _OPTION_GO = 2, 7
_REPLY_ACK, _REPLY_INFO, _REPLY_UNSUPPORTED = 1, 3, 0x80000001
_READ, _WRITE, _DISCONNECT, _FLUSH = range(4)
_INVALID = 22


class VolatileDisk:
    """What the machine reads, and what a cut would leave of it."""

    def __init__(self, size_bytes: int) -> None:
        self._now = bytearray(size_bytes)
        self._lasting = bytearray(size_bytes)
        self._waiting: list[tuple[int, bytes]] = []
        self._writes_left = 0
        self.stopped = threading.Event()
        """Set once the disk has taken the last write of `stop_after`; it answers no more then."""

    def __len__(self) -> int:
        return len(self._now)

    def read(self, offset: int, count: int) -> bytes:
        return bytes(self._now[offset : offset + count])

    def stop_after(self, writes: int) -> None:
        """Answer only so many writes from now on, as if the power failed there; 0 = all."""
        self._writes_left = writes

    def write(self, offset: int, data: bytes) -> None:
        """Take data that the next flush will make last."""
        self._now[offset : offset + len(data)] = data
        self._waiting.append((offset, data))
        self._writes_left -= 1
        if self._writes_left == 0:
            self.stopped.set()

    def flush(self) -> None:
        """Make last what was written."""
        for offset, data in self._waiting:
            self._lasting[offset : offset + len(data)] = data
        self._waiting.clear()

    def cut(self, chance: random.Random, kept_share: float) -> tuple[int, int]:
        """Cut the power; return how many blocks were not flushed, and how many of them are lost."""
        waiting = lost = 0
        for offset, data in self._waiting:
            for start in range(0, len(data), BLOCK_BYTES):
                block = data[start : start + BLOCK_BYTES]
                waiting += 1
                if chance.random() < kept_share:
                    self._lasting[offset + start : offset + start + len(block)] = block
                else:
                    lost += 1
        self._waiting.clear()
        self._now[:] = self._lasting
        self._writes_left = 0
        self.stopped.clear()
        return waiting, lost


@contextmanager
def served(disk: VolatileDisk, path: Path) -> Iterator[None]:
    """Serve a disk on a Unix socket to one client, which must be gone at the end of the block."""
    with socket.socket(socket.AF_UNIX) as listening:
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        listening.listen(1)
        thread = threading.Thread(target=_serve_one, args=(disk, listening), daemon=True)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)  # nobody may have come
            thread.join()


def _serve_one(disk: VolatileDisk, listening: socket.socket) -> None:
    with suppress(OSError, EOFError):  # the machine was killed
        client, _ = listening.accept()
        with client, client.makefile("rb") as source:
            session = _Session(disk, client, source)
            if session.agree():
                while session.answer():
                    pass
                while source.read(BLOCK_BYTES):  # a stopped disk neither answers nor keeps
                    pass


class _Session:
    """One connection, from the greeting to its end."""

    def __init__(self, disk: VolatileDisk, client: socket.socket, source: BinaryIO) -> None:
        self._disk = disk
        self._client = client
        self._source = source

    def agree(self) -> bool:
        """Greet, and answer options until the machine takes the disk; False if it does not."""
        self._client.sendall(
            b"NBDMAGIC" + struct.pack(">QH", _OPTION_MAGIC, _FIXED_NEWSTYLE | _NO_ZEROES)
        )
        self._take(4)  # flags of the client: the same
        while True:
            _, option, length = struct.unpack(">QII", self._take(16))
            self._take(length)
            if option == _OPTION_GO:
                flags = _HAS_FLAGS | _SEND_FLUSH
                self._reply(option, _REPLY_INFO, struct.pack(">HQH", 0, len(self._disk), flags))
                self._reply(option, _REPLY_ACK)
                return True
            if option == _OPTION_ABORT:
                self._reply(option, _REPLY_ACK)
                return False
            self._reply(option, _REPLY_UNSUPPORTED)

    def answer(self) -> bool:
        """Do one request; False if it was the last."""
        _, _, kind, handle, offset, count = struct.unpack(">IHHQQI", self._take(28))
        if kind == _DISCONNECT:
            return False
        error, data = 0, b""
        if kind == _READ:
            data = self._disk.read(offset, count)
        elif kind == _WRITE:
            self._disk.write(offset, self._take(count))
        elif kind == _FLUSH:
            self._disk.flush()
        else:
            error = _INVALID
        if self._disk.stopped.is_set():
            return False
        self._client.sendall(struct.pack(">IIQ", _ANSWER_MAGIC, error, handle) + data)
        return True

    def _reply(self, option: int, kind: int, data: bytes = b"") -> None:
        self._client.sendall(struct.pack(">QIII", _REPLY_MAGIC, option, kind, len(data)) + data)

    def _take(self, count: int) -> bytes:
        data = self._source.read(count)
        if len(data) < count:
            raise EOFError
        return data
