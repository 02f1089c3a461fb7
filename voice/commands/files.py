"""Files that a person names on the command line: read and written, or one line on why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.errors import InputError, cause

if TYPE_CHECKING:
    from llm.score import Question


def read_text(path: Path, fix: str = "") -> str:
    """Return a text, with or without a byte order mark. Raises InputError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {cause(error)}", fix) from error


def read_json(path: Path, fix: str = "") -> Any:
    """Return what a file of JSON holds. Raises InputError."""
    try:
        return json.loads(read_text(path, fix))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}", fix) from error


def read_questions(path: Path) -> list[Question]:
    """Return the questions of a file, at least one. Raises InputError."""
    from llm.score import parse_questions

    fix = "see: hean eval answers --help"
    lines = read_text(path, fix).splitlines()
    try:
        questions = list(parse_questions(lines))
    except ValueError as error:
        raise InputError(f"{path}: {error}", fix) from error
    if not questions:
        raise InputError(f"{path} holds no questions", fix)
    return questions


def write_text(path: Path, text: str) -> None:
    """Replace a text. Raises InputError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {cause(error)}", "name another file"
        ) from error
