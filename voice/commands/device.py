"""`hean device`: put He'an in place on this machine, take it away, see how it is."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, add_group, print_json
from voice.config import Config, ModelsConfig
from voice.config_file import load_config
from voice.errors import UsageError
from voice.terminal import row

if TYPE_CHECKING:
    from voice.device import Place
    from voice.device.install import Step
    from voice.device.status import Status

_EXAMPLES = {
    "install": """\
  sudo ./hean device install                  service, screen, models: all that starts at boot
  sudo ./hean device install --no-kiosk       without a screen
  sudo ./hean device install --dry-run        what would be done
  sudo ./hean device install --root /mnt      into a system that is not running
It copies the software and models that are here, and can be started again at any time: what is in
place stays. Debian 12, 13 and Raspberry Pi OS.""",
    "uninstall": """\
  sudo hean device uninstall                  models, slots, audit log and changed settings stay
  sudo hean device uninstall --purge          nothing stays, except packages of Debian""",
    "status": """\
  hean device status                          what is installed, what runs, heat, power, disk, clock
  hean device status --json                   for scripts
Exit status 1 if something is missing, does not run or needs a person.""",
}
_EXIT_UNWELL = 1


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "device",
        "install as a service with a screen, and see how the machine is",
        "Install He'an as a service with a screen, and see how the machine is.",
    )
    for name, text, run in (
        ("install", "put all in place that starts at boot", _install),
        ("uninstall", "take it away again", _uninstall),
        ("status", "tell what is installed, what runs and how the machine is", _status),
    ):
        command = add_command(commands, name, text, run, _EXAMPLES[name])
        command.add_argument(
            "--root", type=Path, default=Path("/"), metavar="DIR", help="a system in a folder"
        )
        if name != "status":
            command.add_argument("--dry-run", action="store_true", help="change nothing")
        if name == "install":
            command.add_argument("--no-kiosk", action="store_true", help="without a screen")
        if name == "uninstall":
            command.add_argument(
                "--purge", action="store_true", help="delete models, slots, audit log, settings too"
            )


def _install(args: argparse.Namespace, config: Config) -> int:
    from voice.commands.models import progress_bars
    from voice.device.install import install
    from voice.device.parts import Wish

    place = _place(args)
    with progress_bars(quiet=args.json) as progress:
        steps = install(
            config,
            place,
            Wish(kiosk=not args.no_kiosk),
            lambda step: _say(args, step),
            dry_run=args.dry_run,
            progress=progress,
        )
    if args.json:
        print_json({"steps": list(map(asdict, steps))})
    elif place.live and not args.dry_run:
        print("It is starting; `hean device status` tells how it is.")
    return 0


def _uninstall(args: argparse.Namespace, config: Config) -> int:
    from voice.device.install import uninstall
    from voice.device.parts import Wish

    place, wish = _place(args), Wish(purge=args.purge)
    steps = uninstall(config, place, wish, lambda step: _say(args, step), dry_run=args.dry_run)
    if args.json:
        print_json({"steps": list(map(asdict, steps))})
    elif place.data.exists() and not args.dry_run:
        print(f"Kept: {place.data}; --purge deletes it.")
    return 0


def _status(args: argparse.Namespace, _config: Config) -> int:
    from voice.device.status import status

    place = _place(args)
    found = status(_config_of(place), place)
    if args.json:
        print_json(found.as_json())
    else:
        _show(found)
    return 0 if found.well else _EXIT_UNWELL


def _show(found: Status) -> None:
    print(row("program", found.program or "not installed"))
    print(row("system", f"{found.system}, {found.board}"))
    for name, service in found.services.items():
        text = ", ".join(filter(None, (service.state, service.text)))
        restarts = f", started anew {service.restarts} times" if service.restarts else ""
        print(row(name.removesuffix(".service"), text + restarts))
    print(row("screen", found.screen or "none"))
    print(row("model", found.slot or "of the catalogue"))
    for problem in filter(None, found.models.values()):
        print(row("", problem))
    print(row("sticks", ", ".join(found.media) or "none"))
    care = found.care
    heat = "no sensor" if care.temperature_c is None else f"{care.temperature_c:.0f} °C"
    before = ", was slowed down since it was switched on" if care.was_throttled else ""
    print(row("heat, power", heat + before))
    print(row("disk", f"{care.free_mb:,} MB free"))
    for problem in care.problems:
        print(row("look at", problem))


def _place(args: argparse.Namespace) -> Place:
    from voice.device import Place

    root = args.root.resolve()
    if not root.is_dir():
        raise UsageError(f"{args.root}: no such folder")
    return Place(root)


def _config_of(place: Place) -> Config:
    """Return the configuration of the device, whoever asks."""
    config = load_config(place.settings if place.settings.exists() else None)
    if config.models.store:
        return config
    return replace(config, models=ModelsConfig(config.models.profile, str(place.models)))


def _say(args: argparse.Namespace, step: Step) -> None:
    if not args.json:
        print(row(step.part, f"{step.state}: {step.text}"), flush=True)
