"""`hean data show`: a row as the model sees it, and which of its tokens it learns."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, print_json
from voice.config import Config
from voice.errors import InputError, UsageError

if TYPE_CHECKING:
    from llm.data import Row
    from llm.data.supervision import Supervised
    from llm.data.tokens import GgufTokenizer

_EXAMPLES = """\
  hean data show train.jsonl                  the first row, with the configured model
  hean data show train.jsonl 17 --base model.gguf
  hean data show train.jsonl 17 --json        for scripts
What is trained is green on a terminal and stands in ⟦ ⟧ elsewhere. An answer before the last one
is trained as a sequence of its own."""
_GREEN, _PLAIN = "\x1b[1;32m", "\x1b[0m"


def add_parser(commands: Any) -> None:
    """Register the sub-command."""
    show = add_command(
        commands, "show", "show a row with the tokens that are trained", _show, _EXAMPLES
    )
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument("row", type=int, nargs="?", default=1, metavar="ROW", help="default: 1")
    show.add_argument("--base", metavar="MODEL", help="catalogue id or GGUF file")


@contextmanager
def tokens_of(base: str | None, config: Config) -> Iterator[GgufTokenizer | None]:
    """Open the tokenizer of a model, given by its catalogue id or its GGUF file; None for none."""
    if base is None:
        yield None
        return
    from llm.data.tokens import GgufTokenizer
    from voice.engines import ModelFiles

    path = Path(base).expanduser()
    if base and path.is_dir():
        raise UsageError(f"{base} is a folder", "give a GGUF file or an id of hean models list")
    if not path.is_file():  # empty: the model of the profile
        path = ModelFiles(config).find("llm", base)[1]["model"]
    tokens = GgufTokenizer(path)
    try:
        yield tokens
    finally:
        tokens.close()


def _show(args: argparse.Namespace, config: Config) -> int:
    from llm.data.supervision import sequences, supervise

    row = _row(args.file, args.row)
    with tokens_of(args.base or config.llm.model, config) as tokens:
        assert tokens is not None
        shown = [(supervise(part, tokens), part) for part in sequences(row)]
        texts = [_texts(found, tokens) for found, _ in shown]
    if args.json:
        parts = [
            {
                "ids": list(found.ids),
                "start": found.start,
                "closed": found.closed,
                "prompt": before,
                "trained": after,
            }
            for (found, _), (before, after) in zip(shown, texts, strict=True)
        ]
        print_json({"row": args.row, "line": row.origin.line, "sequences": parts})
        return 0
    print(_title(row))
    for (found, _), (before, after) in zip(shown, texts, strict=True):
        marks = (_GREEN, _PLAIN) if sys.stdout.isatty() else ("⟦", "⟧")
        print(f"{before}{marks[0]}{after}{marks[1]}")
        end = "" if found.closed else "; it has no end: the model would never stop"
        print(f"— {found.start} tokens before it, {len(found.ids) - found.start} trained{end}")
    return 0


def _row(path: Path, number: int) -> Row:
    from llm.data import Problem
    from llm.data.reading import items

    if number < 1:
        raise UsageError(f"row {number}: rows are counted from 1")
    found = (item for item in items([path]) if not isinstance(item, Problem))
    item = next(islice(found, number - 1, None), None)
    if item is None:
        raise InputError(f"{path} has no row {number}", f"hean data check {path}")
    if item.row is None:
        raise InputError(f"row {number} cannot be used: {item.problems[0]}", item.problems[0].fix)
    return item.row


def _title(row: Row) -> str:
    told = [str(row.origin), row.kind, row.entry]
    return " · ".join(text for text in told if text)


def _texts(found: Supervised, tokens: GgufTokenizer) -> tuple[str, str]:
    """Return what stands before the trained part, and that part."""
    parts = found.ids[: found.start], found.ids[found.start :]
    before, after = (b"".join(map(tokens.piece, ids)).decode(errors="replace") for ids in parts)
    return _shown(before), _shown(after)


def _shown(text: str) -> str:
    """Return the text without what could steer a terminal; line breaks stay."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
