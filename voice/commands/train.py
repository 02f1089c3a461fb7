"""`hean train`: from rows of questions and answers to an adapter that is better, or a plain no."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import print_json
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from llm.train.loop import Progress, Show
    from llm.train.settings import Settings

_EPILOG = """\
examples:
  hean kb export --format messages train.jsonl
  hean train train.jsonl --base qwen2.5-coder-0.5b --rows 300
  hean train train.jsonl --base ./Qwen3-0.6B --method full --epochs 1
  hean train pairs.jsonl --base qwen2.5-coder-0.5b --objective dpo
  hean train train.jsonl --base qwen2.5-coder-0.5b --dry-run      memory and time, nothing else
  hean train --resume runs/2026-01-31-train                       after a power cut
  hean train train.jsonl --base qwen2.5-coder-0.5b --key owner --flash hean@kiosk.local
  accelerate launch -m voice train train.jsonl --base ...          several graphics cards, machines

After training the result is exported and compared with its base on rows that were held out: the
page report.html of the run tells both, and the exit code is that of the verdict (hean eval model).
With --flash it then goes to a device as with hean flash, if the verdict is pass and only then.

The base is a model of the catalogue, a GGUF file, or a Hugging Face folder. Rows that cannot be
trained on stop the command by name: hean data check tells all that is wrong with data.
"""
_SETTINGS = (  # option, type, field of Settings, help
    ("--epochs", int, "epochs", "times that each row is seen"),
    ("--lr", float, "learning_rate", "learning rate"),
    (
        "--rehearse",
        int,
        "rehearse",
        "everyday questions it shall not forget to answer (64); 0 = none",
    ),
    ("--rank", int, "rank", "rank of the adapter"),
    ("--alpha", int, "alpha", "weight of the adapter is alpha / rank"),
    ("--batch", int, "batch_rows", "rows for each step"),
    ("--max-tokens", int, "max_tokens", "longest row"),
    ("--freeze-keep", int, "freeze_keep", "last layers that --method freeze trains"),
    ("--patience", int, "patience", "validations without gain after which training ends"),
    ("--seed", int, "seed", "decides the order of rows, the split and the first weights"),
)

_MOST_WARNINGS = 5


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a model on rows of questions and answers",
        description="Train a model on rows of questions and answers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", nargs="*", type=Path, metavar="DATA", help="files or folders")
    parser.add_argument("--base", metavar="ID|PATH", help="model that is trained")
    parser.add_argument("--method", default="lora", choices=("lora", "qlora", "full", "freeze"))
    parser.add_argument("--objective", default="sft", choices=("sft", "dpo"))
    parser.add_argument(
        "--thinking", default="strip", choices=("keep", "strip"), help="chain of thought in rows"
    )
    parser.add_argument("--rows", type=int, metavar="N", help="train on N rows chosen at random")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder of the run")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run")
    parser.add_argument(
        "--train-only", action="store_true", help="neither export nor compare with the base"
    )
    parser.add_argument("--flash", metavar="DEVICE", help="where it goes if it passed (hean flash)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="private key to sign it with")
    parser.add_argument("--dry-run", action="store_true", help="tell memory and time, then stop")
    for option, kind, field, text in _SETTINGS:
        parser.add_argument(option, type=kind, dest=field, metavar="N", help=text)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, config: Config) -> int:
    if bool(args.resume) == bool(args.data):
        raise UsageError("name data to train on, or a run to --resume", "hean train --help")
    if args.data and not args.base:
        raise UsageError("--base is missing", "for example --base qwen2.5-coder-0.5b")
    if args.rows is not None and args.rows < 2:
        raise UsageError(f"--rows is {args.rows}", "give at least 2")
    _check_flash(args)
    from llm.train.together import leads
    from voice.training import run as training

    training.prepare()
    if args.resume:
        plan = training.resumed(args.resume)
    else:
        base = training.find_base(args.base, config)
        plan = training.planned(args.data, base, _settings(args, base), args.rows)
    _warn(plan.warnings)
    if args.dry_run:
        _print(training.estimate(plan), args.json)
        return 0
    folder = args.resume or _free(args.out) or _new_folder(args.data[0])
    with _progress(quiet=args.json or not leads()) as show:
        outcome = training.train(plan, folder, None if args.json else _say, show)
    if args.train_only or not leads():
        _print(outcome, args.json)
        return 0
    return _prove(folder, config, outcome, args)


def _check_flash(args: argparse.Namespace) -> None:
    """Raise UsageError, or FlashError, now rather than when the training is over."""
    if not args.flash:
        return
    if args.key is None or args.train_only:
        raise UsageError(
            "--flash needs a --key, and a verdict", "hean keys create owner; --flash … --key owner"
        )
    from voice.flash.trained import check_key

    check_key(args.key)


def _prove(folder: Path, config: Config, outcome: dict[str, Any], args: argparse.Namespace) -> int:
    """Export what was trained, compare it with the base, and return the verdict's exit code."""
    from voice.training.gate import EXIT_CODES, progress
    from voice.training.run import prove

    with progress(quiet=args.json) as show:
        verdict = prove(folder, config, None if args.json else _say, show)
    code = EXIT_CODES[verdict["verdict"]]
    flashed: dict[str, Any] = {}
    if args.flash and code == 0:
        from voice.flash.trained import flash_run

        flashed = {"flashed": flash_run(config, folder, args.key, args.flash).as_json()}
    elif args.flash:
        flashed = {"flashed": None}
    _print({**outcome, **verdict, **flashed}, args.json)
    return code


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings[:_MOST_WARNINGS]:
        _say(warning)
    if len(warnings) > _MOST_WARNINGS:
        _say(f"and {len(warnings) - _MOST_WARNINGS} more: hean data check tells them all")


def _settings(args: argparse.Namespace, base: Path) -> Settings:
    from voice.training.run import settings_for

    settings = settings_for(base, args.method, args.objective)
    given = {field: getattr(args, field) for _, _, field, _ in _SETTINGS}
    changes = {field: value for field, value in given.items() if value is not None}
    if args.objective == "dpo" and args.rehearse:
        raise UsageError("everyday answers have no worse ones to compare with", "--rehearse 0")
    return replace(settings, thinking=args.thinking, **changes)


def _free(folder: Path | None) -> Path | None:
    """Return a folder that a new run may have. Raises UsageError: there is a run in it."""
    from llm.train.together import leads

    if folder and leads() and (folder / "run.json").exists():
        raise UsageError(
            f"{folder} holds a run already", f"hean train --resume {folder}, or another --out"
        )
    return folder


def _new_folder(data: Path) -> Path:
    """Return a name for the run that is not taken."""
    stem = f"{time.strftime('%Y-%m-%d')}-{data.stem}"
    names = (stem, *(f"{stem}-{n}" for n in range(2, 10_000)))
    return next(Path("runs") / name for name in names if not (Path("runs") / name).exists())


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Show]:
    """Show steps, losses and the time that is left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("training"),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    bars = Bars(*columns, console=Console(stderr=True), disable=quiet)
    task = bars.add_task("", total=None)

    def show(now: Progress) -> None:
        left = f"{now.seconds_left / 60:.0f} min left"
        text = f"loss {now.loss:.3f}, validation {now.valid_loss:.3f}, "
        text += f"{now.tokens_per_s:.0f} tokens/s, {left}"
        bars.update(task, completed=now.step, total=now.steps, description=text)

    with bars:
        yield show


def _print(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(values)
        return
    for key, value in values.items():
        print(f"{key.replace('_', ' '):22}{value}")
