"""`hean eval model`: is a trained model better than before, and did it lose anything?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, print_json
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from voice.training.gate import Pair

_EXAMPLES = """\
  hean eval model runs/2026-01-31-train                  the run's base against its adapter
  hean eval model runs/2026-01-31-train --rows 24        quicker, and less sure
  hean eval model --before qwen2.5-coder-0.5b --adapter adapter.gguf --data valid.jsonl
  hean eval model --before old.gguf --after new.gguf --data valid.jsonl --html page.html
  hean eval model runs/2026-01-31-train --tasks ceval-valid,cmmlu      where lm-eval is installed

Both models are asked the same held-out rows by the engine of run time. Of a run the result is also
kept beside it: report.html and report.json.

exit status: 0 pass · 3 no proven gain (chance could explain it) · 4 worse. Worse is, whatever else
improved: a new claim without support, fewer refusals or corrections, answers that do not end or
are in another language, general language forgotten."""


def add_parser(commands: Any) -> None:
    """Register the sub-command of `hean eval`."""
    parser = add_command(
        commands,
        "model",
        "compare a model before and after training, with a verdict",
        run,
        _EXAMPLES,
    )
    parser.add_argument("folder", type=Path, nargs="?", metavar="RUN", help="folder of a run")
    parser.add_argument("--before", metavar="ID|FILE", help="model before training")
    parser.add_argument("--after", metavar="ID|FILE", help="model after it; default: as before")
    parser.add_argument("--adapter", type=Path, metavar="FILE", help="adapter laid over --after")
    parser.add_argument("--base", type=Path, metavar="PATH", help="where the run's base is now")
    parser.add_argument(
        "--data", type=Path, nargs="+", metavar="FILE", help="rows to ask; default: the run's own"
    )
    parser.add_argument("--rows", type=int, metavar="N", help="ask at most N rows (48)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the page to FILE")
    parser.add_argument(
        "--tasks", metavar="A,B", help="tasks of lm-evaluation-harness for both models as well"
    )


def run(args: argparse.Namespace, config: Config) -> int:
    """Compare; return the exit code of the verdict."""
    from voice.training.gate import (
        EXIT_CODES,
        ROWS,
        compare,
        held_out,
        judge_of,
        progress,
        write_reports,
    )

    _check(args)
    pair, data = _of_run(args, config) if args.folder else _of_files(args, config)
    cases = held_out(args.data or data, args.rows or ROWS)
    with progress(quiet=args.json) as show:
        result = compare(pair, cases, judge_of(config), show)
    if args.tasks:
        result["tasks"] = _tasks(args.tasks.split(","), pair)
    folder = args.folder
    html = args.html or (folder / "report.html" if folder else None)
    write_reports(result, folder / "report.json" if folder else None, html)
    if args.json:
        print_json(result)
    else:
        _print(result)
        if html:
            print(f"page: {html}")
    return EXIT_CODES[result["verdict"]]


def _check(args: argparse.Namespace) -> None:
    """Raise UsageError for options that make no sense together."""
    fix = "see: hean eval model --help"
    if bool(args.folder) == bool(args.before):
        raise UsageError("name a run, or a model with --before", fix)
    if args.before and not args.data:
        raise UsageError("--before needs --data FILE: rows that neither was trained on", fix)
    if args.before and not (args.after or args.adapter):
        raise UsageError("--before needs --after or --adapter to compare with", fix)
    if args.rows is not None and args.rows < 1:
        raise UsageError(f"--rows is {args.rows}; it must be 1 or more", fix)


def _of_run(args: argparse.Namespace, config: Config) -> tuple[Pair, list[Path]]:
    from llm.export.run import open_run
    from voice.training.gate import pair_of

    opened = open_run(args.folder, args.base)
    return pair_of(opened, config), [args.folder / "data" / "valid.jsonl"]


def _of_files(args: argparse.Namespace, config: Config) -> tuple[Pair, list[Path]]:
    from voice.training.gate import Pair, subject
    from voice.training.run import find_base

    before = find_base(args.before, config)
    after = find_base(args.after, config) if args.after else before
    name = after.stem + (f" + {args.adapter.stem}" if args.adapter else "")
    pair = Pair(
        subject(before.stem, before, None, config), subject(name, after, args.adapter, config)
    )
    return pair, []


def _tasks(names: list[str], pair: Pair) -> dict[str, Any]:
    from llm.evaluate.harness import evaluate

    return {each.name: evaluate(each, names) for each in (pair.before, pair.after)}


def _print(result: Mapping[str, Any]) -> None:
    print(f"{result['verdict'].upper()} ({result['n']} held-out rows)")
    for reason in result["reasons"]:
        print(f"  {reason}")
    print(f"{'before':>54} {'after':>7} {'of':>5}")
    for count in result["counts"]:
        if count["of"]:
            mark = "  worse" if count["is_worse"] else ""
            print(
                f"{count['name']:<46} {count['before']:>7} {count['after']:>7} "
                f"{count['of']:>5}{mark}"
            )
    for key in ("score", "loss", "size_mb", "memory_mb", "tokens_per_s"):
        before, after = (model[key] for model in result["models"])
        print(f"{key:<46} {before:>7.4g} {after:>7.4g}")
    for language, change in result["forgetting"].items():
        print(f"loss on general sentences ({language}): {change['mean']:+.3f} nats per token")
