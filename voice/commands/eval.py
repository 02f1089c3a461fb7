"""`hean eval`: how true are the answers?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voice.commands import eval_model
from voice.commands.common import add_group, print_json
from voice.commands.files import read_json, read_questions, write_text
from voice.config import Config
from voice.errors import InputError, UsageError

_MAKE = "make it with: hean eval answers --json > FILE"
_QUESTIONS = Path(__file__).parents[1] / "data" / "questions.tsv"
_EPILOG = """\
FILE holds one question a line, separated by tabs: id, question, expected, language. Without FILE
the questions that come with the program are asked.

question  in words, or the name of a recording (WAV, FLAC, MP3, OGG) beside FILE; a fifth field
          may tell what is said in it, so that what was heard wrong is told from the rest
expected  ids of facts (F030, F042): the answer must rest on the first and on at least half of
          those that may be spoken; or a behaviour: refuse, correct, hand_over, unknown, brief
language  zh or en

Lines that begin with # are left out. Support of the answers is checked by rules other than those
that let them through; what neither can see: claims in everyday words without number, name or
negation, and numbers of the passage that are said of another thing.

examples:
  hean eval answers
  hean eval answers questions.tsv --json > before.json
  hean eval answers questions.tsv --compare before.json --html after.html
  hean eval answers --spoken --voices zf_xiaobei,zm_yunxi,af_heart --noise 10
  hean eval answers --set llm.model=none      vetted texts only, no language model
"""


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "eval",
        "measure how true the answers are",
        "Measure how true the answers are.",
    )
    answers = commands.add_parser(
        "answers",
        help="ask the questions of a file and count right, wrong and refused answers",
        description="Ask the questions of a file and count right, wrong and refused answers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    answers.add_argument("file", type=Path, nargs="?", default=_QUESTIONS, metavar="FILE")
    answers.add_argument("--spoken", action="store_true", help="say the questions aloud")
    answers.add_argument(
        "--voices", metavar="A,B", help="who says them, taking turns (hean say --voices lists all)"
    )
    answers.add_argument(
        "--noise", type=float, metavar="DB", help="mix noise in: speech is DB decibels louder"
    )
    answers.add_argument(
        "--noise-files", type=Path, metavar="DIR", help="recordings of noise; default: pink noise"
    )
    answers.add_argument("--limit", type=int, metavar="N", help="ask the first N questions only")
    answers.add_argument("--json", action="store_true", help="print one object for scripts")
    answers.add_argument("--html", type=Path, metavar="FILE", help="write a page with every miss")
    answers.add_argument(
        "--compare", type=Path, metavar="FILE", help="tell what changed since that --json output"
    )
    answers.set_defaults(run=_answers)
    eval_model.add_parser(commands)


def _answers(args: argparse.Namespace, config: Config) -> int:
    from voice.errors import translated

    _check(args)
    before = read_json(args.compare, _MAKE) if args.compare else None
    questions = read_questions(args.file)[: args.limit]
    with translated():
        result = _evaluate(args, config, questions)
    if before is not None:
        result = _compared(before, result, args.compare)
    if args.html:
        from voice.evaluation.page import page

        write_text(args.html, page(result))
    if args.json:
        print_json(result)
    else:
        _show(result)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise UsageError for options that make no sense, alone or together."""
    help_line = "see: hean eval answers --help"
    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit is {args.limit}; it must be 1 or more", help_line)
    if args.noise is not None and not -20 <= args.noise <= 60:
        raise UsageError(f"--noise is {args.noise:g}; it must be from -20 to 60 dB", help_line)
    if args.noise_files and args.noise is None:
        raise UsageError("--noise-files needs --noise DB", "for example: --noise 10")
    if args.voices is not None and not args.spoken:
        raise UsageError("--voices needs --spoken", help_line)


def _evaluate(args: argparse.Namespace, config: Config, questions: list[Any]) -> dict[str, Any]:
    from voice.evaluation.noise import Noise
    from voice.evaluation.run import Evaluation, Plan, is_recording
    from voice.evaluation.speech import VOICES

    if args.noise is not None and not (args.spoken or any(map(is_recording, questions))):
        raise UsageError("--noise needs --spoken", "questions in writing have no noise")
    voices = tuple(v.strip() for v in args.voices.split(",")) if args.voices else VOICES
    noise = None if args.noise is None else Noise(args.noise, args.noise_files)
    plan = Plan(args.file.parent, args.spoken, voices, noise)
    return Evaluation(config, plan).run(questions, _progress)


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _compared(before: Mapping[str, Any], result: dict[str, Any], path: Path) -> dict[str, Any]:
    from voice.evaluation.compare import compare

    try:
        return {**result, "compare": compare(before, result)}
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _show(result: Mapping[str, Any]) -> None:
    from llm.score import FAULTS
    from voice.evaluation.compare import is_good
    from voice.evaluation.page import expected_of, share, shares

    for row in result["rows"]:
        if not is_good(row):
            print(f"{row['id']}  {row['question']}")
            if row["voice"]:
                print(f"      understood: {row['understood']} ({row['voice']})")
            print(f"      {FAULTS[row['fault']]}; expected {expected_of(row)}")
            print(f"      {row['decision']}: {row['answer']}")
            for claim in row["unsupported"]:
                print(f"      without support: {claim}")
    for name, count, total in shares(result):
        print(f"{count:5d} of {total:<5d} {share(count, total):>6}  {name}")
    if "cer_raw" in result:
        print(f"errors heard {result['cer_raw']:.1%}, repaired {result['cer_repaired']:.1%}")
    if "compare" in result:
        better, worse = result["compare"]["better"], result["compare"]["worse"]
        print(f"better: {len(better)} {' '.join(better)}")
        print(f"worse:  {len(worse)} {' '.join(worse)}")
