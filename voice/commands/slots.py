"""`hean slots`: the models that were flashed to this device."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, add_group, print_json
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from llm.flash.slots import Slots
    from llm.flash.store import Slot

_EXAMPLES = {
    "status": """\
  hean slots status                           what is in use, what was before, what came last
  hean slots status --json                    for scripts""",
    "install": """\
  hean slots install new.hean                 verify and store it; what is in use stays""",
    "activate": """\
  hean slots activate 3f2a                    switch to a stored slot, on trial: the beginning of
                                              its id; it must prove itself at the next start""",
    "rollback": """\
  hean slots rollback                         back to the slot before""",
    "gc": """\
  hean slots gc                               delete slots that are neither current nor previous""",
    "verify": """\
  hean slots verify                           read every file of every slot and compare its hash
Exit status 65 if something is missing or altered.""",
    "incoming": "  used by hean flash --to user@host",
    "receive": "  used by hean flash --to user@host",
}
_EXIT_DAMAGED = 65


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "slots",
        "the models that were flashed to this device",
        "See, switch and clean up the models that were flashed to this device.",
    )
    for name, text, run in (
        ("status", "show what is in use", _status),
        ("install", "verify and store a bundle without using it", _install),
        ("activate", "switch to a stored slot, on trial", _activate),
        ("rollback", "go back to the slot before", _rollback),
        ("gc", "delete slots that are not used", _gc),
        ("verify", "read all slots and compare every hash", _verify),
        ("incoming", "tell how much of a bundle has arrived", _incoming),
        ("receive", "take the rest of a bundle from standard input", _receive),
    ):
        command = add_command(commands, name, text, run, _EXAMPLES[name])
        if name == "install":
            command.add_argument("file", type=Path, metavar="BUNDLE")
        if name in ("activate", "incoming", "receive"):
            command.add_argument("slot", metavar="ID")
        if name == "incoming":
            command.add_argument("--bytes", type=int, required=True, metavar="N")
        if name == "receive":
            command.add_argument("--offset", type=int, required=True, metavar="N")


def _status(args: argparse.Namespace, config: Config) -> int:
    status = _slots(config).status()
    if args.json:
        from voice.flash.report import status_json

        print_json(status_json(status))
        return 0
    print(f"current   {_named(status.current) or 'none: the models of the catalogue'}")
    if status.previous:
        print(f"previous  {_named(status.previous)}")
    journal, last = status.journal, status.journal.last
    if journal.state != "idle":
        print(f"going on  {journal.state}, {journal.tries} starts left to prove itself")
    if last.slot:
        how = "good" if last.good else f"not kept: {last.reason}"
        print(f"last      {last.name} version {last.version}, {last.at}: {how}")
    used = {slot.id for slot in (status.current, status.previous) if slot}
    for slot in status.slots:
        if slot.id not in used:
            print(f"stored    {_named(slot)}")
    print(f"newest proven version: {status.newest}")
    return 0


def _install(args: argparse.Namespace, config: Config) -> int:
    from llm.flash.bundle import open_bundle
    from voice.flash.device import bases, this_device, trusted

    bundle = open_bundle(args.file, trusted(config))
    slot = _slots(config).install(bundle, this_device(config), bases(config))
    if args.json:
        from voice.flash.report import slot_json

        print_json(slot_json(slot))
    else:
        print(f"stored {_named(slot)}; hean slots activate {slot.id[:8]} switches to it")
    return 0


def _activate(args: argparse.Namespace, config: Config) -> int:
    slots = _slots(config)
    found = [slot for slot in slots.status().slots if slot.id.startswith(args.slot)]
    if len(found) != 1 or not args.slot:
        raise UsageError(f"{len(found)} slots begin with {args.slot!r}", "hean slots status")
    slots.activate(found[0].id)
    return _tell(args, config)


def _rollback(args: argparse.Namespace, config: Config) -> int:
    _slots(config).roll_back()
    return _tell(args, config)


def _gc(args: argparse.Namespace, config: Config) -> int:
    gone = _slots(config).collect()
    if args.json:
        from voice.flash.report import slot_json

        print_json({"deleted": [slot_json(slot) for slot in gone]})
    for slot in gone if not args.json else ():
        print(f"deleted {_named(slot)}")
    return 0


def _verify(args: argparse.Namespace, config: Config) -> int:
    from llm.flash.store import fault

    slots = _slots(config)
    faults = {slot.id: fault(slots.disk, slot) for slot in slots.status().slots}
    broken = {identity: problem for identity, problem in faults.items() if problem}
    if args.json:
        print_json({"checked": list(faults), "faults": broken})
    else:
        for identity, problem in broken.items():
            print(f"{identity[:16]}: {problem}\n  flash it again, or: hean slots rollback")
        if not broken:
            print(f"whole: {len(faults)} slots")
    return _EXIT_DAMAGED if broken else 0


def _incoming(args: argparse.Namespace, config: Config) -> int:
    from voice.flash.incoming import Incoming

    arrived = Incoming(config).arrived(args.slot, args.bytes)
    print_json(asdict(arrived))
    return 0


def _receive(args: argparse.Namespace, config: Config) -> int:
    from voice.flash.incoming import Incoming

    with FileIO(sys.stdin.fileno(), closefd=False) as source:
        print_json({"bytes": Incoming(config).receive(args.slot, args.offset, source)})
    return 0


def _tell(args: argparse.Namespace, config: Config) -> int:
    """Print what is in use now."""
    args.json = bool(args.json)
    return _status(args, config)


def _slots(config: Config) -> Slots:
    from voice.active_slot import slots_of

    return slots_of(config)


def _named(slot: Slot | None) -> str:
    if slot is None:
        return ""
    return f"{slot.manifest.name} version {slot.manifest.version} ({slot.id[:16]})"
