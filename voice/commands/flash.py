"""`hean flash`: bring a bundle to devices; each uses it only if it proves itself there."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import print_json
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from voice.flash.here import Flashed, Step, Wish
    from voice.flash.ssh import Link
    from voice.flash.targets import Row

_EPILOG = """\
examples:
  hean flash new.hean --to .                       this machine
  hean flash new.hean --to hean@kiosk.local        another machine, by ssh; resumed if it breaks
  hean flash new.hean --to /media/usb              a USB stick, to be carried
  hean flash --from /media/usb                     on the device: the newest bundle of the stick
  hean flash new.hean --all hosts.toml             many machines; see below
  hean flash new.hean --to . --dry-run             would it be taken? nothing is changed

hosts.toml names devices:   [kiosk-1]
                            to = "hean@kiosk-1.local"
                            command = "/opt/hean/hean"        # if it is not called hean there

A bundle is verified, tried in a process of its own, and used only if it answers as where it was
made, in the time and memory that it promises. Otherwise the model before stays or comes back.
Exit status: 0 in use · 65 refused · 70 tried and not kept · 75 link broken, begin again.
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "flash",
        help="bring a new model to this or other devices",
        description="Bring a signed bundle to devices, which use it only if it proves itself.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", metavar="TARGET", help=". for here, a folder, or user@host")
    where.add_argument("--all", type=Path, metavar="hosts.toml", help="every device of a table")
    where.add_argument("--from", dest="source", type=Path, metavar="FOLDER", help="take from there")
    where.add_argument("--received", metavar="ID", help=argparse.SUPPRESS)
    parser.add_argument("--dry-run", action="store_true", help="check everything, change nothing")
    parser.add_argument(
        "--allow-downgrade", default="", metavar="REASON", help="take an older version"
    )
    parser.add_argument("--ssh-config", type=Path, metavar="FILE", help="for ssh (-F)")
    parser.add_argument(
        "--remote-command", default="hean", metavar="WORDS", help="how hean is called there"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, config: Config) -> int:
    """Flash one device or many."""
    from voice.flash.here import Wish, flash_here
    from voice.flash.incoming import Incoming
    from voice.flash.targets import flash, newest_in

    wish = Wish(args.allow_downgrade, args.dry_run)
    if args.received:
        incoming = Incoming(config)
        path = incoming.path(args.received)
        done = flash_here(config, path, wish)
        incoming.delete(args.received)
        return _tell(args, done)
    if args.source:
        with _bars(args.json) as show:
            path = newest_in(config, args.source)
            return _tell(args, flash_here(config, path, wish, lambda step: show("", step)))
    if args.bundle is None:
        raise UsageError("no bundle is named", "hean flash BUNDLE --to TARGET")
    if args.all:
        return _flash_all(args, config, wish)
    with _bars(args.json) as show:
        done = flash(config, args.bundle, _link(args), wish, lambda step: show("", step))
    return _tell(args, done)


def _link(args: argparse.Namespace) -> Link:
    from voice.flash.ssh import Link

    return Link(args.to, _ssh_options(args), args.remote_command)


def _ssh_options(args: argparse.Namespace) -> tuple[str, ...]:
    return ("-F", str(args.ssh_config)) if args.ssh_config else ()


def _flash_all(args: argparse.Namespace, config: Config, wish: Wish) -> int:
    """Return the exit code of the first device that failed."""
    from voice.flash.targets import flash_all, read_hosts

    links = read_hosts(args.all, _ssh_options(args))
    with _bars(args.json) as show:
        rows = flash_all(config, args.bundle, links, wish, show)
    if args.json:
        print_json([_row(row) for row in rows])
    else:
        print("\n".join(_line(row) for row in rows))
    return next((row.error.exit_code for row in rows if row.error), 0)


def _row(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {"device": row.device}
    if row.error:
        return {**told, "error": row.error.as_json()}
    return {**told, **(row.flashed.as_json() if row.flashed else {})}


def _line(row: Row) -> str:
    if row.error:
        return f"{row.device:20}failed: {row.error.message}"
    return f"{row.device:20}{_said(row.flashed) if row.flashed else ''}"


def _tell(args: argparse.Namespace, done: Flashed) -> int:
    if args.json:
        print_json(done.as_json())
    else:
        print(_said(done))
    return 0


def _said(done: Flashed) -> str:
    what = f"{done.name} version {done.version}"
    if not done.changed:
        return f"{what}: nothing to change here"
    seconds = done.seconds.get("ready", 0.0)
    return f"{what} is in use, ready after {seconds:.1f} s"


Show = Callable[[str, "Step"], None]


@contextmanager
def _bars(quiet: bool) -> Iterator[Show]:
    """Show a line of progress for each device."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

    columns: Sequence[Any] = (TextColumn("{task.description:34}"), BarColumn(20), DownloadColumn())
    bars = Progress(*columns, console=Console(stderr=True), disable=quiet)
    tasks: dict[str, TaskID] = {}

    def show(device: str, step: Step) -> None:
        bars.start()
        if device not in tasks:
            tasks[device] = bars.add_task(device, total=None)
        bars.update(
            tasks[device],
            description=f"{device} {step.doing}".strip(),
            completed=step.done,
            total=step.total or None,
        )

    try:
        yield show
    finally:
        if tasks:
            bars.stop()
