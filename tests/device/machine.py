"""A virtual machine that can be cut off: qemu without hardware help, its console, its disk."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.device.image import System
from tests.device.volatile_disk import BLOCK_BYTES, VolatileDisk, served

Lines = queue.Queue["str | None"]
"""What the console says, line by line; None at its end."""
_KERNEL = (
    "root=/dev/vda ro init=/init console=ttyS0 loglevel=4 panic=-1 edd=off "
    "hean.fs={file_system} hean.format={format} hean.sync={sync}"
)


@dataclass(frozen=True)
class Place:
    """What all starts of a machine share."""

    system: System
    project: Path
    socket: Path
    file_system: str
    synced: bool
    """False: nothing is synced, and the cuts must find that out."""


@contextmanager
def started(place: Place, disk: VolatileDisk, fresh: bool) -> Iterator[Lines]:
    """Start the machine, with an empty disk if `fresh`; kill it at the end of the block.

    Then the console has said all it ever will, and the disk has all that the machine sent.
    """
    with served(disk, place.socket):
        process = subprocess.Popen(
            _command(place, fresh),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        lines: Lines = queue.Queue()
        reading = threading.Thread(target=_read, args=(process, lines), daemon=True)
        reading.start()
        try:
            yield lines
        finally:
            process.kill()
            process.wait()
            reading.join()


def _command(place: Place, fresh: bool) -> list[str]:
    options = _KERNEL.format(
        file_system=place.file_system,
        format="yes" if fresh else "no",
        sync="yes" if place.synced else "no",
    )
    blocks = f",logical_block_size={BLOCK_BYTES},physical_block_size={BLOCK_BYTES}"
    command = ["qemu-system-x86_64", "-accel", "tcg", "-m", "512"]
    command += ["-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot"]
    command += ["-serial", "stdio", "-kernel", str(place.system.kernel), "-append", options]
    command += ["-initrd", str(place.system.initial)]
    disks = (  # in the order of their names: vda, vdb, vdc
        (f"file={place.system.root},readonly=on", ""),
        (f"file={place.project},readonly=on", ""),
        (f"file=nbd:unix:{place.socket}", blocks),
    )
    for number, (drive, more) in enumerate(disks):
        command += ["-drive", f"{drive},format=raw,if=none,id=disk{number}"]
        command += ["-device", f"virtio-blk-pci,drive=disk{number}{more}"]
    return command


def _read(process: subprocess.Popen[bytes], lines: Lines) -> None:
    assert process.stdout
    for line in process.stdout:
        lines.put(line.decode(errors="replace"))
    lines.put(None)
