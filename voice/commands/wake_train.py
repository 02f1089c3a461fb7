"""`hean wake train`: a wake word model of one's own, from the text of the words alone."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, print_json
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from kws.train.checkpoint import Checkpoint
    from voice.wake_training import Tell
    from voice.wake_training.plan import Plan

_EXAMPLES = """\
  hean wake train 你好核安                            an hour and a half on two cores
  hean wake train 你好核安 --word 小安小安 --word "hello heron" --hours 3
  hean wake train 小核小核 --speech recordings --noise noise
  hean wake train --resume runs/2026-01-31-wake     after a power cut
  hean wake train --resume runs/2026-01-31-wake --finish
                                                    use what has been learnt so far
Nobody has to speak: the words are said by mixtures of the installed voices (hean models fetch
kokoro-speakers: 43 more), among a great deal of other speech. Recordings of people who say
anything else (--speech: a folder with a table of file, transcript and speaker, .tsv, and with its
LICENSE) make the model better with real voices. report.html tells what is missed and what wakes
by mistake, training.json what the model was made from; both are kept with it in the store. The
model is used from the next start on; hean models remove kws-own goes back.
"""
_HOURS = 1.5
_HOURS_FROM_TO = 0.001, 100


def add(commands: Any) -> None:
    """Register the sub-command."""
    parser = add_command(
        commands, "train", "train a model that hears words of your own", _run, _EXAMPLES
    )
    parser.add_argument("text", nargs="?", metavar="WORD", help="word to train for")
    parser.add_argument("--word", action="append", default=[], help="one more word")
    parser.add_argument(
        "--pinyin", action="append", default=[], metavar="P", help="how the first word is said"
    )
    parser.add_argument(
        "--hours",
        type=float,
        metavar="H",
        help=f"time to take, with two cores ({_HOURS:g}); may be changed with --resume",
    )
    parser.add_argument(
        "--speech", action="append", default=[], metavar="FOLDER", help="recordings of people"
    )
    parser.add_argument("--noise", default="", metavar="FOLDER", help="recordings of noise")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="decides all that varies")
    parser.add_argument("--out", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run")
    parser.add_argument(
        "--finish", action="store_true", help="with --resume: train no more, use the last state"
    )
    parser.add_argument("--no-install", action="store_true", help="leave the model in the run")
    parser.add_argument(
        "--box",
        action="store_true",
        help="for those who build He'an: make it the model that comes with the program",
    )


def _run(args: argparse.Namespace, config: Config) -> int:
    from models.disk import clear_errors
    from voice.wake_training import plan as plans
    from voice.wake_training import prepare, word_counts

    plan, run = _plan(args)
    prepare()
    if not args.resume:
        plans.begin(plan, run)
    if not args.json:
        print(f"{run}: {plan.command}", file=sys.stderr)
        for doubt in plans.doubts(plan.words, word_counts(config)):
            print(f"! {doubt}", file=sys.stderr)
    kept = clear_errors(run, f"hean wake train --resume {run}")
    with kept, _progress(quiet=args.json) as tell:
        found = _made(plan, run, config, tell, args)
    if args.json:
        print_json(found)
    else:
        _print(found, run)
    return 0


def _plan(args: argparse.Namespace) -> tuple[Plan, Path]:
    from voice.wake_training import plan as plans

    if bool(args.resume) == bool(args.text):
        raise UsageError("name a word to train for, or a run to --resume", "hean wake train --help")
    if args.finish and not args.resume:
        raise UsageError("--finish ends a run that was begun", "--resume RUN --finish")
    hours = _HOURS if args.hours is None else args.hours
    if not _HOURS_FROM_TO[0] <= hours <= _HOURS_FROM_TO[1]:
        raise UsageError(f"--hours is {hours:g}", "from 0.001 to 100")
    if args.resume:
        return plans.resumed(args.resume, args.hours), args.resume
    options = {
        "hours": hours,
        "speech": tuple(args.speech),
        "noise": args.noise,
        "seed": args.seed,
    }
    plan = plans.planned([args.text, *args.word], args.pinyin, options)
    return plan, args.out or _new_folder()


def _made(
    plan: Plan, run: Path, config: Config, tell: Tell, args: argparse.Namespace
) -> dict[str, Any]:
    """Do all that is left to do; return the report."""
    from kws.train.corpus import read_clips
    from voice import wake_training as training
    from voice.wake_training.report import papers, write_report

    checkpoint: Checkpoint
    if args.finish:
        clips, checkpoint = read_clips(run / "corpus"), training.newest_checkpoint(run)
    else:
        clips = training.make_speech(plan, run, config, tell)
        checkpoint = training.train(plan, run, clips, tell)
    files = training.export(checkpoint, plan, run, config)
    choice, files["operating"] = training.choose(plan, run, files, clips, tell)
    found = write_report(plan, run, checkpoint, files, choice)
    files |= papers(run)
    if args.box:
        training.box(files)
    elif not args.no_install:
        training.install(files, config)
    return {**found, "run": str(run), "installed": not (args.no_install or args.box)}


def _new_folder() -> Path:
    """Return a name for the run that is not taken."""
    stem = f"{time.strftime('%Y-%m-%d')}-wake"
    names = (stem, *(f"{stem}-{number}" for number in range(2, 10_000)))
    return next(Path("runs") / name for name in names if not (Path("runs") / name).exists())


def _print(found: dict[str, Any], run: Path) -> None:
    for word, point in found["chosen"].items():
        missed = ", ".join(f"{share:.0%} {name}" for name, share in point["miss"].items())
        name = "other typed words" if word == "*" else word
        print(
            f"{name}: boost {point['boost']:g}, threshold {point['threshold']:g}: missed {missed};"
            f" near-misses {point['near']:.1%}, false {point['false_per_hour']:.1f} an hour"
            + _sure(found["sure"].get(word))
        )
    print(f"report: {run / 'report.html'}")
    if found["installed"]:
        print("installed: used from the next start on. Try it: hean wake test --mic")


def _sure(point: dict[str, Any] | None) -> str:
    if point is None:
        return "; each hit must be confirmed"
    missed = max(point["miss"].values(), default=0.0)
    return f"; sure from {point['threshold']:g} on, where up to {missed:.0%} are missed"


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Tell]:
    """Show what is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(20), TaskProgressColumn(), TextColumn("{task.description}"))
    bars = Progress(*columns, console=Console(stderr=True), disable=quiet)

    def tell(what: str, done: float) -> None:
        bars.start()  # not before there is something to show
        task = bars.task_ids[0] if bars.task_ids else bars.add_task(what, total=1.0)
        bars.update(task, description=what, completed=done)

    try:
        yield tell
    finally:
        if bars.task_ids:
            bars.stop()
