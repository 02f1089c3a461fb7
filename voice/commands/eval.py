"""`hean eval`: how true are the answers?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from voice.config import Config
from voice.errors import InputError

_EPILOG = """\
FILE holds one question a line, separated by tabs: id, question, expected, language.
Expected is a list of fact ids (F030, F042), of which the answer must use at least one, or a
behaviour: refuse, correct, hand_over, unknown, brief. Lines that begin with # are left out.

examples:
  hean eval answers questions.tsv
  hean eval answers questions.tsv --json > before.json
  hean eval answers questions.tsv --set llm.model=none      vetted texts only, no language model
"""


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    parser = subparsers.add_parser(
        "eval",
        help="measure how true the answers are",
        description="Measure how true the answers are.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    answers = commands.add_parser(
        "answers",
        help="ask the questions of a file and count right, wrong and refused answers",
        description="Ask the questions of a file and count right, wrong and refused answers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    answers.add_argument("file", type=Path, metavar="FILE")
    answers.add_argument("--json", action="store_true", help="print one object for scripts")
    answers.set_defaults(run=_answers)


def _answers(args: argparse.Namespace, config: Config) -> int:
    from llm.score import Scorer, summary
    from voice.engines import knowledge_of, load_answerer

    questions = _read(args.file)
    knowledge = knowledge_of(config)
    scorer = Scorer(load_answerer(config, knowledge), knowledge)
    result = summary([scorer.score(question) for question in questions])
    if args.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        _show(result)
    return 0


def _read(path: Path) -> list[Any]:
    from llm.score import parse_questions

    try:
        questions = list(parse_questions(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}", "see: hean eval answers --help") from error
    if not questions:
        raise InputError(f"{path} holds no questions", "see: hean eval answers --help")
    return questions


def _show(result: dict[str, Any]) -> None:
    for row in result["rows"]:
        if row["fault"] or not row["supported"]:
            expected = row["expected"]
            wanted = expected if isinstance(expected, str) else ", ".join(expected)
            print(f"{row['id']}  {row['question']}")
            print(f"      {row['outcome']}, at fault: {row['fault']}; expected {wanted}")
            print(f"      {row['decision']}: {row['answer']}")
    counts = "  ".join(f"{key} {value}" for key, value in result.items() if key != "rows")
    print(counts)
