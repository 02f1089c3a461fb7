"""`hean bench`: measure this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kws import ENGINES
from voice.config import Config
from voice.errors import InputError, UsageError

_EPILOG = """\
examples:
  hean bench ask                                   with the recording that is shipped
  hean bench ask --wav questions/*.wav --json      with recordings of yours, for scripts
  hean bench wake --audio recordings               misses; false wakes over recordings of yours
  hean bench answer --n 20                         from the end of a question to the answer, aloud
  hean bench train                                 how quick training is here
  hean bench listen                                what listening takes while nobody calls
  hean bench flash                                 what cuts and kills leave of a flashed model

Speed depends on what else the machine does: look at the load that is printed, and compare ratios.
"""


def add_parser(subparsers: Any) -> None:
    """Register the command and its benchmarks."""
    parser = subparsers.add_parser(
        "bench",
        help="measure speed and memory on this machine",
        description="Measure speed and memory on this machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    benches = parser.add_subparsers(metavar="NAME", required=True)
    ask = benches.add_parser("ask", help="recorded questions: start, waiting time, memory")
    ask.add_argument("--wav", nargs="+", type=Path, metavar="FILE", help="recorded questions")
    ask.add_argument("--json", action="store_true", help="print one object for scripts")
    ask.set_defaults(run=_ask)
    base = benches.add_parser(
        "kb", help="recall of the knowledge base, thresholds, and search by size"
    )
    base.add_argument("--json", action="store_true", help="print one object for scripts")
    base.set_defaults(run=_kb)
    wake = benches.add_parser("wake", help="wake words missed and false wakes")
    wake.add_argument(
        "--audio", type=Path, metavar="FOLDER", help="hours of recordings without wake words"
    )
    wake.add_argument(
        "--engine", action="append", choices=ENGINES, help="measure only this; may be repeated"
    )
    wake.add_argument("--json", action="store_true", help="print one object for scripts")
    wake.set_defaults(run=_wake)
    answer = benches.add_parser("answer", help="the wait for an answer, on a virtual sound card")
    answer.add_argument("--n", type=int, default=20, metavar="N", help="questions (20)")
    answer.add_argument("--json", action="store_true", help="print one object for scripts")
    answer.set_defaults(run=_answer)
    listen = benches.add_parser("listen", help="what listening costs, on a virtual sound card")
    listen.add_argument(
        "--seconds", type=int, default=20, metavar="S", help="length of each of three parts (20)"
    )
    listen.add_argument("--json", action="store_true", help="print one object for scripts")
    listen.set_defaults(run=_listen)
    flash = benches.add_parser("flash", help="cuts and kills while flashing, and how long it takes")
    flash.add_argument("--kills", type=int, default=200, metavar="N", help="processes killed (200)")
    flash.add_argument("--json", action="store_true", help="print one object for scripts")
    flash.set_defaults(run=_flash)
    train = benches.add_parser("train", help="training, and the plain loop of transformers + PEFT")
    train.add_argument("--base", default="qwen2.5-coder-0.5b", metavar="ID|PATH", help="model")
    train.add_argument("--json", action="store_true", help="print one object for scripts")
    train.set_defaults(run=_train)


def _ask(args: argparse.Namespace, config: Config) -> int:
    from voice.bench import result
    from voice.bench_ask import measure
    from voice.commands.run import SHIPPED

    recordings = args.wav or [SHIPPED]
    if missing := [path for path in recordings if not path.is_file()]:
        raise InputError(f"{missing[0]}: no such file", "name recordings that exist")
    options = ["--config", str(args.common.config)] if args.common.config else []
    options += [word for setting in args.common.set for word in ("--set", setting)]
    figures = measure(config, options, recordings, _say)
    _print(result("ask", figures), args.json)
    return 0


def _kb(args: argparse.Namespace, config: Config) -> int:
    from voice.bench import result
    from voice.bench_kb import measure

    _print(result("kb", measure(config, _say)), args.json)
    return 0


def _wake(args: argparse.Namespace, config: Config) -> int:
    from kws.words import load_words
    from voice.bench import result
    from voice.bench_wake import make_trial, measure, unmeasured
    from voice.wake import load_wake_ears

    if args.audio and not args.audio.is_dir():
        raise InputError(f"{args.audio}: no such folder", "name a folder of recordings")
    missing = unmeasured(config)
    here = [engine for engine in ENGINES if engine not in missing]
    engines = args.engine or here
    if absent := [engine for engine in engines if engine in missing]:
        raise UsageError(f"{absent[0]}: {missing[absent[0]]}", f"--engine {here[0]}")
    words = [word for word in load_words(config.wake_file) if word.enabled and word.pinyin]
    trial = make_trial(config, words, args.audio, _say)
    ears = load_wake_ears(config)
    figures: dict[str, Any] = {}
    for engine in engines:
        chosen = replace(config, wake=replace(config.wake, engine=engine))
        figures |= measure(chosen, words, ears, trial, _say)
    _print({**result("wake", figures), "not_measured": missing}, args.json)
    return 0


def _answer(args: argparse.Namespace, config: Config) -> int:
    from voice.bench import result
    from voice.bench_answer import measure

    _check_range("--n", args.n, 100)
    _print(result("answer", measure(config, args.n, _say)), args.json)
    return 0


def _listen(args: argparse.Namespace, config: Config) -> int:
    from voice.bench import result
    from voice.bench_listen import measure

    _check_range("--seconds", args.seconds, 600)
    _print(result("listen", measure(config, args.seconds, _say)), args.json)
    return 0


def _train(args: argparse.Namespace, config: Config) -> int:
    from voice.bench import result
    from voice.bench_train import measure

    _print(result("train", measure(config, args.base, _say)), args.json)
    return 0


def _flash(args: argparse.Namespace, config: Config) -> int:
    from voice.bench import result
    from voice.bench_flash import measure

    _check_range("--kills", args.kills, 10_000)
    _print(result("flash", measure(config, args.kills, _say)), args.json)
    return 0


def _check_range(option: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise UsageError(f"{option} is {value}", f"give a number from 1 to {most}")


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def _print(outcome: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(outcome, ensure_ascii=False))
        return
    machine = outcome["machine"]
    print(f"{machine['processor']}, {machine['cores']} cores, load {machine['load']}")
    for key, figure in sorted(outcome["figures"].items()):
        print(f"{key:<32}" + "  ".join(f"{name} {value:g}" for name, value in figure.items()))
    for name, reason in outcome.get("not_measured", {}).items():
        print(f"not measured: {name}: {reason}")
