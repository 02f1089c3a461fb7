"""Flash onto real file systems that become full, or read-only, at every single write.

A small file system in a file (a loop device) holds a proven slot. A second bundle is flashed onto
it; at the first write, then at the second, and so on, the file system runs full, or the kernel
finds an error in it and makes it read-only; and it begins with just so many free blocks that each
block of the bundle is once the one that finds no room. Whatever happens: one clear line, the old
slot or the new one whole, and once the disk is mended the next flash goes through.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.device.laboratory import FULL, SIZES_MB, CarelessDisk, Found, Laboratory

_EXAMPLES = """\
examples:
  python -m tests.device.failing_disks                       every position, about two minutes
  python -m tests.device.failing_disks --every 10            each tenth
  python -m tests.device.failing_disks --careless            can it fail? then it must
  python -m tests.device.failing_disks --file-system f2fs    where this kernel has it (only full)

Needs root, loop devices and mkfs of the file system.

exit codes: 0 nothing broken · 1 something broken · 2 wrong usage · 69 not possible here
"""
EXIT_SETUP = 69
_OWN_MOUNTS = "HEAN_TEST_OWN_MOUNTS"
_PRIVATE = ("unshare", "--mount", "--propagation", "private")


def missing(kind: str) -> str:
    """Return why this cannot be tried here, "" if it can."""
    if os.geteuid() != 0:
        return "only root may mount"
    if not shutil.which(f"mkfs.{kind}"):
        return f"mkfs.{kind} is not installed"
    if kind not in Path("/proc/filesystems").read_text("ascii").split():
        return f"this kernel has no {kind}"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    if subprocess.run([*_PRIVATE, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return "mounts of our own are not possible here, as in a chroot"
    return ""


def explore(kind: str, every: int) -> Found:
    """Try all positions, or each of `every`. Raises subprocess.CalledProcessError."""
    with TemporaryDirectory() as folder:
        laboratory = Laboratory(Path(folder), kind)
        for failure, count in laboratory.positions().items():
            for position in range(1, count + 1, every):
                laboratory.try_at(failure, position)
            _say(f"{failure}: {laboratory.found.positions[failure]} of {count} positions")
        return laboratory.found


def explore_carelessly(kind: str) -> Found:
    """Ignore failed writes, the last ones first, where the memory is kept, until something breaks.

    Raises subprocess.CalledProcessError.
    """
    with TemporaryDirectory() as folder:
        laboratory = Laboratory(Path(folder), kind, CarelessDisk)
        for position in range(laboratory.positions()[FULL], 0, -1):
            laboratory.try_at(FULL, position)
            if laboratory.found.broken:
                break
        return laboratory.found


def main() -> int:
    """Try a file system; return the exit code."""
    arguments = _arguments()
    if absent := missing(arguments.file_system):
        print(f"failing_disks: {absent}", file=sys.stderr)
        return EXIT_SETUP
    if _OWN_MOUNTS not in os.environ:
        # Where others see a mount, their copies of it keep a file system alive that is to be gone.
        os.environ[_OWN_MOUNTS] = "1"
        os.execvp(_PRIVATE[0], [*_PRIVATE, sys.executable, "-m", __spec__.name, *sys.argv[1:]])
    kind = arguments.file_system
    found = explore_carelessly(kind) if arguments.careless else explore(kind, arguments.every)
    if arguments.json:
        print(json.dumps(vars(found)))
    else:
        total = sum(found.positions.values())
        print(f"{total} positions on {arguments.file_system}, {len(found.broken)} broken")
        print(f"in use afterwards: {dict(found.outcomes)}; told: {dict(found.lines)}")
        print("\n".join(found.broken))
    return 1 if found.broken else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.device.failing_disks",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--file-system", choices=sorted(SIZES_MB), default="ext4")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each Nth position (1)")
    parser.add_argument(
        "--careless", action="store_true", help="ignore failed writes: then something must break"
    )
    parser.add_argument("--json", action="store_true", help="print one object for scripts")
    arguments = parser.parse_args()
    if arguments.every < 1:
        parser.error("--every must be 1 or more")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
