"""Rows back to files: JSON lines in the formats that trainers read, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from llm import Message
from llm.data import DataError, Row
from llm.files import replacing

_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}


def as_fields(row: Row, form: str) -> dict[str, Any]:
    """Return a row as the object of a format; what the format has no field for keeps our name.

    Raises DataError: unknown format, or a conversation that it cannot hold.
    """
    if form not in _FORMS:
        raise DataError(f"unknown format {form}", f"use one of {', '.join(FORMATS)}")
    return _FORMS[form](row)


def write_rows(rows: Iterable[Row], form: str, path: Path) -> int:
    """Write rows one by one and return how many. Raises DataError."""
    count = 0
    with lines_of(path) as write:
        for row in rows:
            write(as_fields(row, form))
            count += 1
    return count


@contextmanager
def lines_of(path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Open a file of JSON lines; it takes the place of an older one once it is complete.

    Raises DataError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacing(path) as partial,
            partial.open("w", encoding="utf-8", errors="surrogateescape") as file,
        ):
            yield lambda fields: _write_line(file, fields)
    except OSError as error:
        why = error.strerror or error
        raise DataError(f"{path} cannot be written: {why}", "choose another place") from error


def _write_line(file: IO[str], fields: dict[str, Any]) -> None:
    line = json.dumps(fields, ensure_ascii=False)
    try:
        file.write(line + "\n")
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte: keep it as \udXXX
        file.write(json.dumps(fields) + "\n")


def _messages(row: Row) -> dict[str, Any]:
    return {"messages": _openai(row.messages), **_extras(row)}


def _conversations(row: Row) -> dict[str, Any]:
    return {"conversations": _openai(row.messages), **_extras(row)}


def _openai(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in messages]


def _sharegpt(row: Row) -> dict[str, Any]:
    turns = [{"from": _SHAREGPT[m.role], "value": m.content} for m in row.messages]
    extras = _extras(row)
    if rejected := extras.pop("rejected", ""):
        chosen = turns.pop()
        extras |= {"chosen": chosen, "rejected": {"from": "gpt", "value": rejected}}
    return {"conversations": turns, **extras}


def _alpaca(row: Row) -> dict[str, Any]:
    system, turns = _apart(row)
    texts = [message.content for message in turns]
    pairs = [list(pair) for pair in zip(texts[:-2:2], texts[1:-2:2], strict=True)]
    answer = "chosen" if row.rejected else "output"
    fields: dict[str, Any] = {"instruction": texts[-2], "input": "", answer: texts[-1]}
    return {
        **fields,
        **_given(system=system),
        **({"history": pairs} if pairs else {}),
        **_extras(row),
    }


def _cot(row: Row) -> dict[str, Any]:
    system, (asked, answer) = _single(row, "cot")
    extras = _extras(row)
    thought = extras.pop("thinking", "")
    fields = {"Question": asked.content, "Complex_CoT": thought, "Response": answer.content}
    return {**fields, **_given(system=system), **extras}


def _thinking(row: Row) -> dict[str, Any]:
    system, (asked, answer) = _single(row, "thinking")
    extras = _extras(row)
    fields = {
        "user": asked.content,
        "analysis": extras.pop("thinking", ""),
        "final": answer.content,
    }
    return {"reasoning_language": "unknown", "developer": system, **fields, **extras}


def _apart(row: Row) -> tuple[str, tuple[Message, ...]]:
    """Return the system message, or nothing, and the turns."""
    if row.messages[0].role == "system":
        return row.messages[0].content, row.messages[1:]
    return "", row.messages


def _single(row: Row, form: str) -> tuple[str, tuple[Message, ...]]:
    system, turns = _apart(row)
    if len(turns) != 2:
        raise DataError(
            f"{row.origin}: has {len(turns) // 2} answers, and a row of format {form} holds one",
            "use messages, conversations, sharegpt or alpaca",
        )
    return system, turns


def _extras(row: Row) -> dict[str, Any]:
    return _given(kind=row.kind, entry=row.entry, thinking=row.thinking, rejected=row.rejected)


def _given(**fields: str) -> dict[str, Any]:
    return {name: text for name, text in fields.items() if text}


_FORMS: dict[str, Callable[[Row], dict[str, Any]]] = {
    "messages": _messages,
    "conversations": _conversations,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "cot": _cot,
    "thinking": _thinking,
}
FORMATS = tuple(_FORMS)
