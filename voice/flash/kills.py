"""Kill real processes at random instants of a flash, and look what the disk holds then.

Run as `python -m voice.flash.kills COUNT FOLDER`: a small process of its own, whose children are
made by fork and end by SIGKILL. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from llm.flash import FlashError
from llm.flash.bundle import Bundle
from llm.flash.crashes import flash, small_bundle
from llm.flash.disk import RealDisk
from llm.flash.slots import Slots
from llm.flash.store import fault

_WEIGHTS_BYTES = 200_000


@dataclass
class Kills:
    """What came of them."""

    kills: int = 0
    """Children that were killed while they flashed."""
    old: int = 0
    """How often the old slot was in use then, and how often the new one."""
    new: int = 0
    broken: list[str] = field(default_factory=list)


def kill_often(count: int, folder: Path) -> Kills:
    """Flash two bundles in turn in children, and kill `count` of them."""
    bundles = [_bundle(folder, version) for version in (1, 2)]
    slots = Slots(RealDisk(folder / "flash"))
    began_s = time.monotonic()
    flash(slots, bundles[0])
    flash(slots, bundles[1])
    usual_s = (time.monotonic() - began_s) / 2
    moments, found = random.Random(1), Kills()
    while found.kills < count:
        old = slots.current()
        new = bundles[0] if old and old.id == bundles[1].head.id else bundles[1]
        if _killed(folder, new, moments.uniform(0, usual_s)):
            found.kills += 1
            _look(slots, new, found)
    return found


def _killed(folder: Path, bundle: Bundle, after_s: float) -> bool:
    """Flash in a child and kill it; False if it was done before."""
    child = os.fork()
    if child == 0:
        flash(Slots(RealDisk(folder / "flash")), bundle)
        os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _look(slots: Slots, new: Bundle, found: Kills) -> None:
    """Recover, and check that the slot in use is whole; then clean up for the next kill."""
    try:
        slots.recover()
        current = slots.current()
        problem = fault(slots.disk, current) if current else "no slot is in use"
        slots.fail("killed")
        slots.collect()
    except (FlashError, OSError) as error:
        current, problem = None, str(error)
    if problem:
        found.broken.append(problem)
    elif current and current.id == new.head.id:
        found.new += 1
    else:
        found.old += 1


def _bundle(folder: Path, version: int) -> Bundle:
    weights = random.Random(version).randbytes(_WEIGHTS_BYTES)
    entry = f"entry {version}".encode()
    files = {"model.gguf": ("model", weights), "knowledge/zh/iodine.toml": ("knowledge", entry)}
    return small_bundle(folder, version, files)


if __name__ == "__main__":
    json.dump(asdict(kill_often(int(sys.argv[1]), Path(sys.argv[2]))), sys.stdout)
