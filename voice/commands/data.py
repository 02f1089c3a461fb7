"""`hean data`: check, convert, split and show training data."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands import data_show
from voice.commands.common import add_command, add_group, print_json
from voice.commands.data_report import counted, print_problems, print_report
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from llm.data import Problem, Row
    from llm.data.doctor import Doctor, Settings
    from llm.data.treatment import Treatment

_EXIT_WRONG = 65
_FORMATS = ("messages", "alpaca", "sharegpt", "conversations", "cot", "thinking")
_EXAMPLES = {
    "check": """\
  hean data check train.jsonl                 every problem with file, line and field
  hean data check folder/ more.csv            all data files of a folder, and one more
  hean data check train.jsonl --valid valid.jsonl
                                              also what the one gives away of the other
  hean data check train.jsonl --base qwen2.5-0.5b --max-tokens 512
                                              also rows that lose their end or are never trained
  hean data check train.jsonl --json          for scripts
Formats are told by content: Alpaca, ShareGPT, OpenAI messages and preferences, minimind
conversations, Question/Complex_CoT/Response, Multilingual-Thinking, question and answer; in JSON,
JSON lines, objects one after the other, CSV and TSV. Exit status 65 if an error has to be mended;
warnings are to be looked at. Nothing is changed.""",
    "convert": """\
  hean data convert old.json --out new.jsonl  to messages, which keep all that a row holds
  hean data convert old.json --to alpaca --out new.jsonl
  hean data convert old.json --out new.jsonl --drop exact-duplicate --drop near-duplicate
  hean data convert old.json --out new.jsonl --mask
Rows are left out only for the problems that --drop names, and texts masked only with --mask; both
are counted. A file with rows that cannot be read is not converted without --drop unread.""",
    "split": """\
  hean data split train.jsonl --out parts/    parts/train.jsonl and parts/valid.jsonl, 90 to 10
  hean data split train.jsonl --out parts/ --share 0.2 --seed 7
Questions that are nearly the same, and rows of one knowledge entry, stay on one side.""",
}


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "data",
        "check, convert, split and show training data",
        "Check, convert, split and show training data. Nothing is dropped or changed in silence.",
    )
    check = add_command(
        commands, "check", "find what is wrong with training data", _check, _EXAMPLES["check"]
    )
    _add_files(check)
    check.add_argument("--valid", type=Path, nargs="+", default=[], metavar="FILE")
    check.add_argument("--base", metavar="MODEL", help="catalogue id or GGUF file")
    check.add_argument("--max-tokens", type=int, default=0, metavar="N", help="longest row")
    check.add_argument("--all", action="store_true", help="name every single problem")
    convert = add_command(
        commands, "convert", "write rows in another format", _convert, _EXAMPLES["convert"]
    )
    _add_files(convert)
    convert.add_argument("--out", type=Path, required=True, metavar="FILE")
    _add_treatment(convert)
    split = add_command(
        commands, "split", "make training and validation rows", _split, _EXAMPLES["split"]
    )
    _add_files(split)
    split.add_argument("--out", type=Path, required=True, metavar="DIR")
    split.add_argument("--share", type=float, default=0.1, metavar="X", help="default: 0.1")
    split.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    _add_treatment(split)
    data_show.add_parser(commands)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")


def _add_treatment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", default="messages", choices=_FORMATS, help="default: messages")
    parser.add_argument("--drop", action="append", default=[], metavar="PROBLEM")
    parser.add_argument("--mask", action="store_true", help="mask personal data and details")


def _check(args: argparse.Namespace, config: Config) -> int:
    from llm.data.dividing import leaks
    from llm.data.doctor import Doctor

    if args.max_tokens and not args.base:
        raise UsageError("--max-tokens needs a tokenizer", "give --base MODEL")
    with data_show.tokens_of(args.base, config) as tokens:
        doctor = Doctor(_settings(tokens, args.max_tokens))
        rows: list[Row] = []
        keep = rows.append if args.valid else _forget  # rows of large files need not all be kept
        problems, counts = _examined(args.files, doctor, keep, quiet=args.json)
    if args.valid:
        valid: list[Row] = []
        more, found = _examined(args.valid, Doctor(_settings()), valid.append, quiet=args.json)
        problems += [*more, *leaks(rows, valid)]
        counts["valid"] = found["read"]
    return print_report(args, {**counts, **doctor.counts}, problems)


def _settings(tokens: Any = None, max_tokens: int = 0) -> Settings:
    from llm.data.doctor import Settings
    from llm.encode import UniversalSentenceEncoder

    return Settings(UniversalSentenceEncoder, tokens, max_tokens)


def _forget(_: Row) -> None:
    """Keep nothing."""


def _examined(
    files: Iterable[Path], doctor: Doctor, keep: Callable[[Row], None], quiet: bool
) -> tuple[list[Problem], Counter[str]]:
    """Examine files row by row; return problems, those of whole files first, and counts."""
    from llm.data.reading import Tally, items

    tally = Tally()
    problems: list[Problem] = []
    for item in counted(tally.watch(items(files)), quiet):
        if item.row is not None:
            keep(item.row)
            problems += doctor.see(item.row)
    found = [*tally.problems, *problems, *doctor.finish()]
    return sorted(found, key=lambda p: (not p.whole, p.origin)), tally.counts


def _convert(args: argparse.Namespace, config: Config) -> int:
    from llm.data import write

    treated = _treated(args)
    if treated is None:
        return _EXIT_WRONG
    rows, treatment, counts = treated
    written = write(rows, args.to, args.out)
    _tell(args, treatment, counts, {str(args.out): written})
    return 0


def _split(args: argparse.Namespace, config: Config) -> int:
    from llm.data import split, write

    treated = _treated(args)
    if treated is None:
        return _EXIT_WRONG
    rows, treatment, counts = treated
    parts = zip(("train", "valid"), split(list(rows), args.share, args.seed), strict=True)
    files = {args.out / f"{name}.jsonl": part for name, part in parts}
    written = {str(path): write(part, args.to, path) for path, part in files.items()}
    _tell(args, treatment, counts, written)
    return 0


def _treated(
    args: argparse.Namespace,
) -> tuple[Iterator[Row], Treatment, Counter[str]] | None:
    """Return the rows as they are to be written; None if some that cannot be read are in the way.

    The problems that --drop names are looked for only if there is one, because near duplicates
    are known only after everything was read.
    """
    from llm.data import read
    from llm.data.doctor import examine
    from llm.data.treatment import CODES, UNREAD, Treatment, codes_by_row

    if unknown := [code for code in args.drop if code not in CODES]:
        raise UsageError(f"--drop {unknown[0]}: there is no such problem", f"{', '.join(CODES)}")
    data = read(args.files)
    if any(problem.whole and problem.level == "error" for problem in data.problems) or (
        data.counts["unread"] and UNREAD not in args.drop
    ):
        print_problems(args, data.errors, f"nothing written; --drop {UNREAD} leaves such rows out")
        return None
    treatment = Treatment(frozenset(args.drop), args.mask)
    treatment.dropped[UNREAD] += data.counts["unread"]
    wanted = treatment.drop - {UNREAD}
    codes = codes_by_row(examine(data.rows)) if wanted else {}
    return treatment.apply(data.rows, codes), treatment, Counter(data.counts)


def _tell(
    args: argparse.Namespace, treatment: Treatment, counts: Counter[str], written: dict[str, int]
) -> None:
    dropped = {code: n for code, n in treatment.dropped.items() if n}
    result = {
        "found": counts["found"],
        "written": written,
        "dropped": dropped,
        "masked": dict(treatment.masked),
    }
    if args.json:
        print_json(result)
        return
    for name, count in written.items():
        print(f"{name}: {count} rows")
    left_out = "".join(f" + {n} left out ({code})" for code, n in dropped.items())
    print(f"{counts['found']} rows found = {sum(written.values())} written{left_out}")
    for label, n in treatment.masked.items():
        print(f"masked: {n} × {label}")
