"""`hean models`: see, fetch, check, import and remove models; what fits this machine."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, add_group, print_json
from voice.config import Config

if TYPE_CHECKING:
    from models.advise import Phase, Running
    from models.catalog import Model
    from models.machine import Machine, Speed
    from models.progress import Progress, Step
    from models.store import Store

_EXAMPLES = {
    "list": """\
  hean models list                            what there is, and what is on this machine
  hean models list --json                     for scripts""",
    "fetch": """\
  hean models fetch                           the models of the configured profile
  hean models fetch --profile pi              the models of another profile
  hean models fetch sense-voice               one model
An interrupted fetch goes on where it stopped.""",
    "verify": """\
  hean models verify                          read every installed file and compare its hash
  hean models verify kokoro --json            one model, for scripts
Exit status 65 if something is missing or altered.""",
    "import": """\
  hean models import /media/usb               a USB stick: packages, archives, single files, or
                                              the models folder of another machine
  hean models import models.tar.gz            the same, packed""",
    "advise": """\
  hean models advise                          what can be run and trained here, how long it takes
  hean models advise --measure                the same, after measuring this machine for a second
  hean models advise --json                   for scripts
All times and sizes are estimates. The phases of training: try (50 rows), improve (300 rows, 3
epochs), produce (5,000 rows, 3 epochs); * marks the largest model that fits memory and time.""",
    "remove": """\
  hean models remove qwen2.5-1.5b             free its room on the disk""",
}
_EXIT_DAMAGED = 65


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "models",
        "see, fetch, check, import and remove models",
        "See, fetch, check, import and remove models.",
    )
    add_command(
        commands, "list", "show all models and what is on this machine", _list, _EXAMPLES["list"]
    )
    fetch = add_command(
        commands, "fetch", "download what is missing or damaged", _fetch, _EXAMPLES["fetch"]
    )
    fetch.add_argument("models", nargs="*", metavar="MODEL", help="default: those of the profile")
    fetch.add_argument("--profile", metavar="NAME", help="starter, pi or desktop")
    verify = add_command(
        commands,
        "verify",
        "read every installed file and compare its hash",
        _verify,
        _EXAMPLES["verify"],
    )
    verify.add_argument("models", nargs="*", metavar="MODEL", help="default: all installed ones")
    bring = add_command(
        commands,
        "import",
        "install from a folder, USB stick or archive",
        _import,
        _EXAMPLES["import"],
    )
    bring.add_argument("path", type=Path, metavar="PATH")
    advise = add_command(
        commands,
        "advise",
        "tell what this machine can run and train",
        _advise,
        _EXAMPLES["advise"],
    )
    advise.add_argument("--measure", action="store_true", help="measure this machine first")
    remove = add_command(
        commands, "remove", "delete a model from this machine", _remove, _EXAMPLES["remove"]
    )
    remove.add_argument("models", nargs="+", metavar="MODEL")


def _list(args: argparse.Namespace, config: Config) -> int:
    store = _store(config)
    rows = [_row(store, model) for model in store.catalog]
    if args.json:
        profiles = {name: dict(stages) for name, stages in store.catalog.profiles.items()}
        print_json({"store": str(store.root), "profiles": profiles, "models": rows})
        return 0
    _print_table(rows)
    for name, stages in store.catalog.profiles.items():
        mark = " (configured)" if name == config.models.profile else ""
        print(f"profile {name}{mark}: {', '.join(stages.values())}")
    return 0


def _fetch(args: argparse.Namespace, config: Config) -> int:
    store = _store(config)
    profile = store.catalog.profile(args.profile or config.models.profile)
    of_profile = profile.values() if args.profile or not args.models else ()
    ids = list(dict.fromkeys([*of_profile, *args.models]))
    wanted = [store.catalog.model(name) for name in ids if store.problem(name)]
    if not args.json:
        for model in wanted:
            print(f"{model.id}: {_megabytes(model.download_bytes)}, licence {model.licence}")
    with progress_bars(quiet=args.json) as progress:
        fetched = store.fetch(ids, progress)
    if args.json:
        print_json({"fetched": fetched, "ready": ids})
    else:
        print(f"ready: {', '.join(ids)}")
    return 0


def _verify(args: argparse.Namespace, config: Config) -> int:
    store = _store(config)
    checked = args.models or [model.id for model in store.installed()]
    with progress_bars(quiet=args.json) as progress:
        faults = store.verify(args.models, progress)
    if args.json:
        print_json({"checked": checked, "faults": [vars(fault) for fault in faults]})
    else:
        for fault in faults:
            print(f"{fault.problem}\n  {fault.fix}")
        if not faults:
            print(f"whole: {', '.join(checked) or 'no model is installed'}")
    return _EXIT_DAMAGED if faults else 0


def _import(args: argparse.Namespace, config: Config) -> int:
    from models.importing import import_models

    with progress_bars(quiet=args.json) as progress:
        ready = import_models(_store(config), args.path, progress)
    if args.json:
        print_json({"ready": ready})
    else:
        print(f"ready: {', '.join(ready)}")
    return 0


def _remove(args: argparse.Namespace, config: Config) -> int:
    store = _store(config)
    freed_bytes = {name: store.remove(name) for name in args.models}
    if args.json:
        print_json({"freed_bytes": freed_bytes})
    else:
        for name, size in freed_bytes.items():
            print(f"removed {name}: {_megabytes(size)} freed")
    return 0


def _advise(args: argparse.Namespace, config: Config) -> int:
    from models.advise import advise
    from models.machine import measure, this_machine

    store = _store(config)
    speed = measure() if args.measure else None
    advice = advise(this_machine(store.root), store.catalog, speed)
    if args.json:
        measured = None if speed is None else dataclasses.asdict(speed)
        print_json({**dataclasses.asdict(advice), "measured": measured})
        return 0
    _print_machine(advice.machine, speed)
    print(f"\n{advice.basis}")
    _print_running(advice.running)
    for phase in advice.phases:
        _print_phase(phase)
    return 0


def _print_machine(machine: Machine, speed: Speed | None) -> None:
    cards = ", ".join(f"{gpu.name} ({gpu.memory_mb:,} MB)" for gpu in machine.gpus)
    print(
        f"{machine.cores} cores {machine.architecture} ({' '.join(machine.features)}), "
        f"{machine.memory_mb:,} MB memory, {machine.free_disk_mb:,} MB free on the disk, "
        f"graphics card: {cards or 'none'}"
    )
    if speed:
        print(
            f"measured on one core: {speed.gflops:.0f} GFLOP/s in float32, "
            f"{speed.copy_gb_per_s:.0f} GB/s read and written"
        )


def _print_running(rows: Sequence[Running]) -> None:
    print(f"\n{'run':22}{'languages':11}{'':10}{'memory':>9}{'tokens/s':>10}{'answer':>9}")
    for row in rows:
        print(
            f"{row.model:22}{' '.join(row.languages):11}{row.quantisation:10}"
            f"{row.memory_mb:>6} MB{row.tokens_per_s:>10}{row.answer_s:>7} s  {row.why}"
        )


def _print_phase(phase: Phase) -> None:
    print(f"\n{phase.name}: {phase.aim} {phase.rows} rows, {phase.epochs} epochs → {phase.result}")
    for way in phase.choices:
        mark = "*" if way is phase.choice else " "
        time = "not measured" if way.minutes is None else f"{_duration(way.minutes)}"
        print(
            f"{mark} {way.model:20}{way.method:7}{way.weights:22}"
            f"{way.memory_mb:>6} MB{time:>14}  {way.why}"
        )


def _duration(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def _store(config: Config) -> Store:
    from models.store import Store

    return Store(config.store)


def _row(store: Store, model: Model) -> dict[str, Any]:
    installed = store.folder(model.id).is_dir()
    problem = store.problem(model.id) if installed else ""
    return {
        "id": model.id,
        "stage": model.stage,
        "engine": model.engine,
        "languages": list(model.languages),
        "licence": model.licence,
        "download_bytes": model.download_bytes,
        "memory_mb": model.memory_mb,
        "speed": model.speed,
        "state": "damaged" if problem else "ready" if installed else "",
        "problem": problem,
        "fix": model.fix if problem else "",
    }


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print a line for each model; the licence, of any length, comes last."""
    for row in rows:
        languages = " ".join(row["languages"])
        print(
            f"{row['state']:8}{row['id']:20}{row['stage']:10}{languages:16}"
            f"{_megabytes(row['download_bytes']):>9}  {row['licence']}"
        )


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Progress]:
    """Show a bar for each model that is downloaded, installed or read."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:34}"), BarColumn(20), DownloadColumn())
    bars = Bars(*columns, console=Console(stderr=True), disable=quiet)
    tasks: dict[tuple[str, str], TaskID] = {}
    parts: dict[tuple[str, str], dict[str, Step]] = {}

    def show(step: Step) -> None:
        bars.start()  # not before there is something to show
        key = (step.model, step.doing)
        parts.setdefault(key, {})[step.part] = step
        if key not in tasks:
            tasks[key] = bars.add_task(" ".join(key).strip(), total=None)
        steps = list(parts[key].values())
        total = sum(each.total for each in steps)
        bars.update(tasks[key], completed=sum(each.done for each in steps), total=total or None)

    try:
        yield show
    finally:
        if tasks:
            bars.stop()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 10_000_000 else f"{size / 1e6:,.0f} MB"
