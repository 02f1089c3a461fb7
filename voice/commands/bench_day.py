"""`hean bench day`: the command around `voice.bench.day`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from voice.config import Config
from voice.errors import InputError, StageError, UsageError

_LONGEST_H = 24 * 7
_EPILOG = """\
examples:
  hean bench day --hours 24 --recordings people --json    people and television from a folder
  hean bench day --hours 0.1                              a short form
  hean bench day --minutes 90                             what can be heard in 90 minutes
  hean bench day --hours 4 --trace                        tell where memory grows, if it does

Turns left open, lost blocks, stages that fail or a broken audit chain end it with exit code 70.
"""


def add_parser(benches: Any) -> None:
    """Register the benchmark."""
    day = benches.add_parser(
        "day",
        help="a day of listening, many times as quick: memory, turns, false wakes, audit",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    day.add_argument("--hours", type=float, default=24.0, metavar="H", help="of audio (24)")
    day.add_argument(
        "--minutes", type=float, default=math.inf, metavar="M",
        help="what is not heard by then is left",
    )  # fmt: skip
    day.add_argument(
        "--recordings", type=Path, metavar="FOLDER", help="people who talk, without wake words"
    )
    day.add_argument("--seed", type=int, default=1, metavar="N", help="another day (1)")
    day.add_argument("--trace", action="store_true", help="note where Python's memory goes: slower")
    day.add_argument("--json", action="store_true", help="print one object for scripts")
    day.set_defaults(run=_run)


def _run(args: argparse.Namespace, config: Config) -> int:
    from voice.bench import result
    from voice.bench.day import Plan, measure

    if not 0 < args.hours <= _LONGEST_H:
        raise UsageError(f"--hours is {args.hours:g}", f"give hours up to {_LONGEST_H}")
    if not args.minutes > 0:
        raise UsageError(f"--minutes is {args.minutes:g}", "give minutes above 0")
    if args.recordings and not args.recordings.is_dir():
        raise InputError(f"{args.recordings}: no such folder", "name a folder of recordings")
    limit_s = args.minutes * 60
    plan = Plan(args.hours * 3600, args.recordings, args.seed, args.trace, limit_s)
    day = measure(config, plan, _say)
    outcome = {**result("day", day.figures), "growth": day.growth, "problems": day.problems}
    if args.json:
        print(json.dumps(outcome, ensure_ascii=False))
    else:
        _print(outcome)
    if day.problems:
        raise StageError(
            f"not as it should be: {'; '.join(day.problems)}", "report it, with --json"
        )
    return 0


def _print(outcome: dict[str, Any]) -> None:
    for key, figure in outcome["figures"].items():
        print(f"{key:<32}" + "  ".join(f"{name} {value:g}" for name, value in figure.items()))
    for line in outcome["growth"]:
        print(f"grew: {line}")


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
