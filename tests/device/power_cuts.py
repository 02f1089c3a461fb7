"""Cut the power of a virtual machine while it flashes, and look what its file system holds then.

A small Debian under qemu flashes one bundle after another onto a disk whose write cache a cut
empties. At a random instant qemu is killed, the cache loses what chance takes, and the same disk is
booted again. docs/power-cuts.md says what that shows and what not.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.device.image import TOOLS, ImageError, pack_project, system
from tests.device.machine import Lines, Place, started
from tests.device.outcomes import Judge
from tests.device.volatile_disk import VolatileDisk

_EXAMPLES = """\
examples:
  python -m tests.device.power_cuts                              30 cuts on ext4
  python -m tests.device.power_cuts --cuts 50 --file-system f2fs
  python -m tests.device.power_cuts --without-sync               can it fail? then it must
  python -m tests.device.power_cuts --seed 7 --json              another series, for scripts

Needs Linux on x86-64, root, qemu-system-x86, debootstrap and e2fsprogs, and on first use a Debian
mirror. No test of CI: a cut takes about ten seconds of one core.

exit codes: 0 nothing broken · 1 something broken · 2 wrong usage · 69 a tool is missing
"""
EXIT_SETUP = 69
_FILE_SYSTEMS = ("ext4", "f2fs")
_DISK_BYTES = 96 << 20
_LOOK_AGAIN_S = 0.05
_SILENCE_S = 240.0
"""So long may a machine say nothing; a start without hardware help for qemu takes a tenth of it."""
_MAX_LINES, _MAX_DELAY_S = 48, 0.05
"""One cut in two comes after so many lines of the console and so long after the last of them."""
_MAX_WRITES = 400
"""The others come after so many writes from the start on, between any two of them."""
_KEPT_SHARES = (0.0, 0.5, 1.0)
"""How much of the write cache survives: nothing, any half, everything."""
_VERSIONS_PER_CUT = 40


def main() -> int:
    """Run a series; return the exit code."""
    arguments = _arguments()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        what = f"missing: {', '.join(missing)}" if missing else "it must run as root"
        print(f"power_cuts: {what}: see --help", file=sys.stderr)
        return EXIT_SETUP
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hean/power-cuts"
    _say(f"the machine is kept in {cache}; the first start makes it, which takes some minutes")
    with TemporaryDirectory() as folder:
        work = Path(folder)
        try:
            machine = system(cache)
            project = pack_project(work, (arguments.cuts + 1) * _VERSIONS_PER_CUT)
        except ImageError as error:
            print(f"power_cuts: {error}", file=sys.stderr)
            return EXIT_SETUP
        synced = not arguments.without_sync
        place = Place(machine, project, work / "disk", arguments.file_system, synced)
        series = Series(place, arguments.seed)
        series.run(arguments.cuts)
    return _report(arguments, series)


def _report(arguments: argparse.Namespace, series: Series) -> int:
    """Print what came of a series; return the exit code."""
    outcomes = series.judge.outcomes
    row = {
        "file_system": arguments.file_system,
        "seed": arguments.seed,
        **outcomes.as_row(),
        "unflushed_blocks": series.waiting_blocks,
        "lost_blocks": series.lost_blocks,
        "minutes": round(series.took_s / 60, 1),
    }
    print(json.dumps(row) if arguments.json else _in_words(row))
    return 1 if outcomes.broken else 0


class Series:
    """Cuts of one machine, one after the other, all on the same disk."""

    def __init__(self, place: Place, seed: int) -> None:
        self.judge = Judge()
        self.waiting_blocks = 0
        """Blocks that the cache of the disk held at the cuts, and how many of them were lost."""
        self.lost_blocks = 0
        self.took_s = 0.0
        self._place = place
        self._chance = random.Random(seed)
        self._disk = VolatileDisk(_DISK_BYTES)

    def run(self, cuts: int) -> None:
        """Boot and cut, then boot a last time and look; end if the machine stops by itself."""
        began_s = time.monotonic()
        for boot in range(cuts + 1):
            # The first start makes the file system, the last one is the look at the last cut.
            whole = boot in (0, cuts)
            told = self._chance.randint(1, _MAX_LINES)
            if boot % 2 and not whole:
                told = sys.maxsize
                self._disk.stop_after(self._chance.randint(1, _MAX_WRITES))
            with started(self._place, self._disk, fresh=boot == 0) as lines:
                went_on = self._listen(lines, told, whole)
                time.sleep(self._chance.uniform(0, _MAX_DELAY_S))
            if not went_on:
                self.judge.silent()
                break
            while (line := lines.get()) is not None:  # said while it was being killed
                self.judge.hear(line)
            if boot < cuts:
                self._cut()
        self.took_s = time.monotonic() - began_s

    def _listen(self, lines: Lines, told: int, whole: bool) -> bool:
        """Listen until the disk stopped, or enough was told, if `whole` with the report.

        Return False if the machine stops by itself.
        """
        end_s = time.monotonic() + _SILENCE_S
        while not self._disk.stopped.is_set():
            if told <= 0 and (self.judge.came_up or not whole):
                break
            with suppress(queue.Empty):
                line = lines.get(timeout=_LOOK_AGAIN_S)
                if line is None:
                    return False
                told -= self.judge.hear(line)
                end_s = time.monotonic() + _SILENCE_S
            if time.monotonic() > end_s:
                return False
        return True

    def _cut(self) -> None:
        waiting, lost = self._disk.cut(self._chance, self._chance.choice(_KEPT_SHARES))
        self.waiting_blocks += waiting
        self.lost_blocks += lost
        act, number = self.judge.act, self.judge.outcomes.cuts + 1
        _say(f"cut {number} at {act}: {waiting} unflushed blocks, {lost} of them lost")
        self.judge.cut()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.device.power_cuts",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cuts", type=int, default=30, metavar="N", help="how many (30)")
    parser.add_argument("--file-system", choices=_FILE_SYSTEMS, default="ext4")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the instants (1)")
    parser.add_argument(
        "--without-sync", action="store_true", help="sync nothing: then something must break"
    )
    parser.add_argument("--json", action="store_true", help="print one object for scripts")
    arguments = parser.parse_args()
    if not 1 <= arguments.cuts <= 10_000:
        parser.error("--cuts must be from 1 to 10000")
    return arguments


def _in_words(row: dict[str, Any]) -> str:
    during = ", ".join(f"{act} {count}" for act, count in row["during"].items())
    lines = [
        f"{row['cuts']} cuts on {row['file_system']} in {row['minutes']} minutes, "
        f"{len(row['broken'])} broken; versions proven good: {row['flashed']}",
        f"cut off at: {during}",
        f"unflushed blocks: {row['unflushed_blocks']}, lost: {row['lost_blocks']}",
        "journal found    slot in use after recovery",
    ]
    for journal, counts in sorted(row["found"].items()):
        kinds = ", ".join(f"{kind} {count}" for kind, count in counts.items())
        lines.append(f"{journal:<16} {kinds}")
    return "\n".join([*lines, *row["broken"]])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
