"""What the virtual machine does: recover, tell, then flash one small bundle after another for ever.

Runs as the first process of the machine, with the project on a read-only disk at /project. One line
on the console before and after each act, so that the host knows what the cut met.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from llm.flash.bundle import load_keys, open_bundle
from llm.flash.crashes import DEVICE
from llm.flash.disk import RealDisk
from llm.flash.journal import TRIAL, read_journal
from llm.flash.slots import Slots
from llm.flash.store import STAGING, fault, read_slot
from tests.device.outcomes import MARK

PROJECT, DISK, FOLDER = Path("/project"), "/dev/vdc", Path("/slots")
FAILS_EVERY = 4
"""Each version that this divides fails its trial, and the slot before must come back."""


class UnsyncedDisk(RealDisk):
    """A disk that does not keep its word: the cuts must find that out."""

    def sync(self, path: str) -> None:
        """Do nothing."""


def main() -> None:
    options = dict(word.partition("=")[::2] for word in Path("/proc/cmdline").read_text().split())
    _begin("mount")
    if options["hean.format"] == "yes":
        subprocess.run([f"mkfs.{options['hean.fs']}", "-q", DISK], check=True)
    subprocess.run(["mount", "-t", options["hean.fs"], DISK, str(FOLDER)], check=True)
    disk = RealDisk if options["hean.sync"] == "yes" else UnsyncedDisk
    slots = Slots(disk(FOLDER / "flash"))
    _recover(slots)
    _finish_trial(slots)
    status = slots.status()
    version = max((status.newest, *(slot.manifest.version for slot in status.slots)))
    while True:
        version += 1
        _flash(slots, version)


def _recover(slots: Slots) -> None:
    _begin("recover")
    found = read_journal(slots.disk).state
    journal = slots.recover()
    current = slots.current()
    before = read_slot(slots.disk, journal.before)
    _tell(
        event="found",
        journal=found,
        current=_version(slots),
        fault=fault(slots.disk, current) if current else "",
        newest=slots.status().newest,
        before=before.manifest.version if before else 0,
        trial=journal.state == TRIAL,
        staged=", ".join(slots.disk.names(STAGING)),
    )


def _finish_trial(slots: Slots) -> None:
    """Go on where the cut came between the switch and the proof."""
    version = _version(slots)
    if slots.status().journal.state == TRIAL:
        _start_and_prove(slots, version)


def _flash(slots: Slots, version: int) -> None:
    bundle = open_bundle(PROJECT / "bundles" / f"{version}.hean", load_keys(PROJECT / "keys"))
    _begin("install", version)
    slot = slots.install(bundle, DEVICE, {})
    _end("install", version, slots)
    _begin("activate", version)
    slots.activate(slot.id)
    _end("activate", version, slots)
    _start_and_prove(slots, version)
    _begin("collect", version)
    slots.collect()
    _end("collect", version, slots)


def _start_and_prove(slots: Slots, version: int) -> None:
    _begin("start", version)
    slots.begin_start()
    _end("start", version, slots)
    if slots.status().journal.state != TRIAL:  # no tries were left
        return
    if version % FAILS_EVERY:
        _begin("good", version)
        slots.mark_good()
        _end("good", version, slots)
    else:
        _begin("fail", version)
        slots.fail("it answers nonsense")
        _end("fail", version, slots)


def _version(slots: Slots) -> int:
    current = slots.current()
    return current.manifest.version if current else 0


def _begin(act: str, version: int = 0) -> None:
    _tell(event="begin", act=act, version=version)


def _end(act: str, version: int, slots: Slots) -> None:
    _tell(event="end", act=act, version=version, current=_version(slots))


def _tell(**event: object) -> None:
    print(MARK + json.dumps(event), flush=True)


if __name__ == "__main__":
    main()
