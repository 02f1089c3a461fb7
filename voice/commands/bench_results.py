"""`hean bench all`, `compare` and `page`: what deals with the results of other benchmarks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from voice.commands.common import print_json
from voice.commands.files import read_json, write_text
from voice.config import Config
from voice.errors import InputError, UsageError

EXIT_WORSE = 4
"""As of `hean eval model`."""
_MAKE = "make it with: hean bench all --json > FILE"
_ALL = """\
examples:
  hean bench all --html page.html --json > results.json
  hean bench all --short                               a few minutes, to see that all of them run
  hean bench all --skip train,rival --recordings people --audio hours
"""
_COMPARE = """\
Figures with their single values are compared by a bootstrap interval of the ratio, shares by
Fisher's exact test, both at 99 %. What rests on one value is shown and called unclear.

exit status: 0, or with --fail-on-worse 4 if a figure got worse

examples:
  hean bench compare before.json after.json
  hean bench compare before.json after.json --fail-on-worse --json
"""
_PAGE = """\
--pi-ratio is what `this machine / Raspberry Pi 5` is in a benchmark of one core, for example with
these published figures of a Pi 5 at 2.4 GHz: Geekbench 6 single-core 748, 7-zip on one core 3160.

examples:
  hean bench page results.json page.html
  hean bench page results.json page.html --pi-ratio 2.5
"""


def add_parsers(benches: Any) -> None:
    """Register the three."""
    every = _add(benches, "all", "every benchmark, one after the other", _ALL)
    every.add_argument("--short", action="store_true", help="a few of everything")
    every.add_argument(
        "--minutes", type=float, metavar="M", help="what is not done by then is left"
    )
    every.add_argument("--only", metavar="A,B", help="only these, in the order of `all`")
    every.add_argument("--skip", metavar="A,B", help="all but these")
    every.add_argument("--audio", metavar="FOLDER", help="recordings for `wake`")
    every.add_argument("--recordings", metavar="DIR", help="recordings of people for `asr`")
    every.add_argument(
        "--faster-whisper", metavar="DIR", help="Whisper in the form of CTranslate2 for `rival`"
    )
    every.add_argument("--questions", metavar="FILE", help="questions for `rival`")
    every.add_argument("--html", type=Path, metavar="PAGE", help="write a page, too")
    every.add_argument("--pi-ratio", type=float, metavar="R", help="see: hean bench page --help")
    every.add_argument("--json", action="store_true", help="print one object for scripts")
    every.set_defaults(run=_all)
    two = _add(benches, "compare", "what got better or worse beyond chance", _COMPARE)
    two.add_argument("old", type=Path, metavar="OLD")
    two.add_argument("new", type=Path, metavar="NEW")
    two.add_argument("--fail-on-worse", action="store_true", help="exit status 4 if any got worse")
    two.add_argument("--json", action="store_true", help="print one object for scripts")
    two.set_defaults(run=_compare)
    page = _add(benches, "page", "results as a page", _PAGE)
    page.add_argument("results", type=Path, metavar="FILE")
    page.add_argument("page", type=Path, metavar="PAGE")
    page.add_argument("--pi-ratio", type=float, metavar="R", help="estimate a Raspberry Pi 5")
    page.set_defaults(run=_page)


def show(outcome: Mapping[str, Any]) -> None:
    """Print figures for people."""
    machine = outcome["machine"]
    print(f"{machine['processor']}, {machine['cores']} cores, load {machine['load']}")
    for key, figure in sorted(outcome["figures"].items()):
        print(f"{key:<40}" + "  ".join(f"{name} {value:g}" for name, value in figure.items()))
    for run in outcome.get("runs", [outcome]):
        for name, reason in run.get("not_measured", {}).items():
            print(f"not measured: {name}: {reason}")
        if "error" in run:
            print(f"failed: {run['bench']}: {run['error']['message']}")
    for warning in outcome.get("warnings", ()):
        print(f"warning: {warning}")


def common_words(args: argparse.Namespace) -> list[str]:
    """Return the command-line options that lead a child process to the same configuration."""
    words = ["--config", str(args.common.config)] if args.common.config else []
    return words + [word for setting in args.common.set for word in ("--set", setting)]


def _add(benches: Any, name: str, text: str, epilog: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = benches.add_parser(
        name, help=text, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def _all(args: argparse.Namespace, _config: Config) -> int:
    from voice.bench.all import run_all

    _check_ratio(args.pi_ratio)
    if args.minutes is not None and not args.minutes > 0:
        raise UsageError(f"--minutes is {args.minutes:g}", "give more than 0")
    limit_s = inf if args.minutes is None else args.minutes * 60
    outcome = run_all(_steps(args), common_words(args), _say, limit_s)
    if args.html:
        _write(args.html, outcome, args.pi_ratio)
    if args.json:
        print(json.dumps(outcome, ensure_ascii=False))
    else:
        show(outcome)
    return 0


def _steps(args: argparse.Namespace) -> list[Any]:
    """Return the chosen steps with the files and folders that were named for them."""
    from voice.bench.all import STEPS

    names = [step.name for step in STEPS]
    only, skip = (_names(value, names) for value in (args.only, args.skip))
    given = {
        "wake": [("--audio", args.audio)],
        "asr": [("--recordings", args.recordings)],
        "rival": [("--faster-whisper", args.faster_whisper), ("--questions", args.questions)],
    }
    chosen = []
    for step in STEPS:
        if step.name in skip or (only and step.name not in only):
            continue
        words = [word for pair in given.get(step.name, ()) if pair[1] for word in pair]
        short = step.short if args.short else ()
        chosen.append(replace(step, options=(*step.options, *short, *words)))
    if not chosen:
        raise UsageError("no benchmark is left", f"there are: {', '.join(names)}")
    return chosen


def _names(value: str | None, known: list[str]) -> list[str]:
    names = value.split(",") if value else []
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"there is no benchmark {unknown[0]!r}", f"one of {', '.join(known)}")
    return names


def _compare(args: argparse.Namespace, _config: Config) -> int:
    from voice.bench.compare import compare, figures_of

    outcomes = [read_json(path, _MAKE) for path in (args.old, args.new)]
    for path, outcome in zip((args.old, args.new), outcomes, strict=True):
        try:
            list(figures_of(outcome))
        except ValueError as error:
            raise InputError(f"{path}: {error}", _MAKE) from error
    try:
        comparison = compare(*outcomes)
    except ValueError as error:
        raise InputError(f"{args.old} and {args.new}: {error}", _MAKE) from error
    if args.json:
        print_json(comparison)
    else:
        _show_comparison(comparison)
    return EXIT_WORSE if args.fail_on_worse and comparison["worse"] else 0


def _show_comparison(comparison: Mapping[str, Any]) -> None:
    for change in comparison["changes"]:
        ratio = "" if change["ratio"] is None else f"x {change['ratio']:.3g}"
        interval = "" if change["low"] is None else f"{change['low']:.3g} to {change['high']:.3g}"
        figures = f"{change['old']:>10.5g} {change['new']:>10.5g} {ratio:>9}  {interval:<16}"
        print(f"{change['key']:<44} {figures} {change['verdict']}")
    for doubt in comparison["doubts"]:
        print(f"doubt: {doubt}")
    print(f"better {len(comparison['better'])}, worse {len(comparison['worse'])}")


def _page(args: argparse.Namespace, _config: Config) -> int:
    from voice.bench.compare import figures_of

    _check_ratio(args.pi_ratio)
    outcome = read_json(args.results, _MAKE)
    try:
        list(figures_of(outcome))
    except ValueError as error:
        raise InputError(f"{args.results}: {error}", _MAKE) from error
    _write(args.page, outcome, args.pi_ratio)
    return 0


def _write(path: Path, outcome: Mapping[str, Any], pi_ratio: float | None) -> None:
    from voice.bench.page import page

    write_text(path, page(outcome, pi_ratio))


def _check_ratio(ratio: float | None) -> None:
    if ratio is not None and not 0.1 <= ratio <= 100:
        raise UsageError(f"--pi-ratio is {ratio:g}", "give a number from 0.1 to 100")


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
