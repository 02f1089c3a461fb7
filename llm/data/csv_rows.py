"""The rows of a CSV or TSV text, by the names in its first line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator

from llm.data.json_rows import Broken, Found

_DELIMITERS = ",\t;|"
_AS_JSON = ("messages", "conversations", "chosen", "rejected", "history", "prompt")
"""Columns that may hold a list of messages, written as JSON."""


def delimiter_of(header: str) -> str:
    """Return the sign that separates the cells of the first line."""
    return max(_DELIMITERS, key=header.count)


def csv_values(lines: Iterable[str], delimiter: str) -> Iterator[Found]:
    """Yield each row as a mapping from the column's name to its text, with its first line.

    The first row holds the names. Cells that no name stands above make a row unusable.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    names: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            # Too long a cell means a quotation mark that nothing closes.
            yield Found(line, Broken(f"{error}; is a quotation mark open?"))
            continue
        if cells is None:
            return
        if not names:
            names = cells
        elif any(cell.strip() for cell in cells):
            yield Found(line, _row(names, cells))


def _row(names: list[str], cells: list[str]) -> object:
    if len(cells) > len(names):
        return Broken(f"has {len(cells)} cells under {len(names)} names: quote cells with commas")
    row = dict(zip(names, cells, strict=False))
    return {name: _value(name, cell) for name, cell in row.items()}


def _value(name: str, cell: str) -> object:
    if name.strip().lower() in _AS_JSON and cell.lstrip().startswith("["):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell  # becomes "is not a list of messages", or is a text after all
    return cell
