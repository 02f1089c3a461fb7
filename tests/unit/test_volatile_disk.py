"""The disk whose write cache a power cut empties, and how a machine talks to it."""

import random
import socket
import struct

from tests.device.volatile_disk import BLOCK_BYTES, VolatileDisk, served

GO, READ, WRITE, FLUSH, TRIM = 7, 0, 1, 3, 4


class Client:
    """As much of the client of qemu as a machine needs."""

    def __init__(self, path):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(str(path))
        self.source = self.link.makefile("rb")
        assert self.source.read(18)[:16] == b"NBDMAGICIHAVEOPT"
        self.link.sendall(struct.pack(">IQII", 3, 0x49484156454F5054, GO, 0))
        _, _, _, length = struct.unpack(">QIII", self.source.read(20))
        _, self.size, _ = struct.unpack(">HQH", self.source.read(length))
        self.source.read(20)

    def ask(self, kind, offset=0, count=0, data=b""):
        """Return the number of the error, and what was read."""
        self.link.sendall(struct.pack(">IHHQQI", 0x25609513, 0, kind, 9, offset, count) + data)
        magic, error, handle = struct.unpack(">IIQ", self.source.read(16))
        assert (magic, handle) == (0x67446698, 9)
        return error, self.source.read(count) if kind == READ else b""

    def close(self):
        self.source.close()
        self.link.close()


def test_what_was_not_flushed_is_lost_with_the_power():
    disk, chance = VolatileDisk(4 * BLOCK_BYTES), random.Random(1)
    disk.write(0, b"a" * BLOCK_BYTES)
    disk.flush()
    disk.write(0, b"b" * 2 * BLOCK_BYTES)
    assert disk.read(0, 1) == b"b"
    assert disk.cut(chance, kept_share=0) == (2, 2)
    assert disk.read(0, 2 * BLOCK_BYTES) == b"a" * BLOCK_BYTES + bytes(BLOCK_BYTES)


def test_a_cut_takes_whole_blocks_in_any_order():
    seen = set()
    for seed in range(40):
        disk = VolatileDisk(2 * BLOCK_BYTES)
        disk.write(0, b"a" * 2 * BLOCK_BYTES)
        disk.cut(random.Random(seed), kept_share=0.5)
        blocks = disk.read(0, BLOCK_BYTES), disk.read(BLOCK_BYTES, BLOCK_BYTES)
        assert all(len(set(block)) == 1 for block in blocks)
        seen.add(tuple(block[:1] for block in blocks))
    assert seen == {(a, b) for a in (b"a", b"\0") for b in (b"a", b"\0")}


def test_a_machine_reads_what_it_wrote_and_keeps_what_it_flushed(tmp_path):
    disk = VolatileDisk(2 * BLOCK_BYTES)
    with served(disk, tmp_path / "disk"):
        client = Client(tmp_path / "disk")
        assert client.size == 2 * BLOCK_BYTES
        assert client.ask(WRITE, BLOCK_BYTES, 3, b"abc") == (0, b"")
        assert client.ask(READ, BLOCK_BYTES, 4) == (0, b"abc\0")
        assert client.ask(FLUSH) == (0, b"")
        assert client.ask(WRITE, 0, 3, b"xyz") == (0, b"")
        assert client.ask(TRIM, 0, 3)[0]
        client.close()
    assert disk.cut(random.Random(1), kept_share=0) == (1, 1)
    assert disk.read(0, 3) + disk.read(BLOCK_BYTES, 3) == b"\0\0\0abc"


def test_a_disk_without_power_answers_no_more(tmp_path):
    disk = VolatileDisk(BLOCK_BYTES)
    disk.stop_after(1)
    with served(disk, tmp_path / "disk"):
        client = Client(tmp_path / "disk")
        client.link.sendall(struct.pack(">IHHQQI", 0x25609513, 0, WRITE, 9, 0, 3) + b"abc")
        assert disk.stopped.wait(5)
        client.link.sendall(struct.pack(">IHHQQI", 0x25609513, 0, FLUSH, 9, 0, 0))
        client.link.shutdown(socket.SHUT_WR)
        assert client.source.read() == b""
        client.close()
    assert disk.cut(random.Random(1), kept_share=0) == (1, 1)
    assert not disk.stopped.is_set()


def test_a_machine_that_never_comes_leaves_nothing_waiting(tmp_path):
    disk = VolatileDisk(BLOCK_BYTES)
    with served(disk, tmp_path / "disk"):
        pass
    assert disk.cut(random.Random(1), kept_share=1) == (0, 0)
