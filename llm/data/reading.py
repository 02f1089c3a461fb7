"""Files and folders to rows. Every row found is either read or named in a problem."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from llm.data import DataError, Dataset, Origin, Problem, Row
from llm.data.csv_rows import csv_values, delimiter_of
from llm.data.json_rows import Broken, Found, Unclosed, json_values
from llm.data.shapes import fits, parse
from llm.data.turns import Fault

ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
"""How the data files of a folder are named; a file that is given itself may have any name."""

_SAMPLE_BYTES, _HEAD_CHARS = 1 << 20, 1 << 16
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_OBJECT = re.compile(r'^\s*[{\[]\s*["{]', re.MULTILINE)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_PACKED = {b"PAR1": "Parquet", b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "gzip"}


@dataclass(frozen=True)
class Item:
    """A row that was found."""

    origin: Origin
    format: str = ""
    row: Row | None = None
    """None if it cannot be used: then there is a problem."""
    problems: tuple[Problem, ...] = ()
    unused: tuple[str, ...] = ()
    """Fields that were not understood."""


def read_all(paths: Iterable[Path]) -> Dataset:
    """Read everything into memory; see `llm.data.read`."""
    tally = Tally()
    rows = [item.row for item in tally.watch(items(paths)) if item.row is not None]
    return Dataset(tuple(rows), tuple(tally.problems), dict(tally.counts))


class Tally:
    """Counts what passes by, and collects the problems."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(found=0, read=0, unread=0)
        self.problems: list[Problem] = []
        self._formats: dict[Path, dict[str, list[int]]] = {}
        self._unused: dict[tuple[Path, str], list[int]] = {}

    def watch(self, stream: Iterable[Item | Problem]) -> Iterator[Item]:
        """Pass the rows on; when they have ended, all counts and problems are known."""
        for item in stream:
            if isinstance(item, Problem):
                self.problems.append(item)
                continue
            self._count(item)
            yield item
        self.problems += [*self._mixed(), *self._not_used()]

    def _count(self, item: Item) -> None:
        self.counts["found"] += 1
        self.counts["unread" if item.row is None else "read"] += 1
        if item.format:
            self.counts[f"format.{item.format}"] += 1
            lines = self._formats.setdefault(item.origin.path, {})
            lines.setdefault(item.format, []).append(item.origin.line)
        for name in item.unused:
            self._unused.setdefault((item.origin.path, name), []).append(item.origin.line)
        self.problems += item.problems

    def _mixed(self) -> Iterator[Problem]:
        for path, formats in self._formats.items():
            main = max(formats, key=lambda name: len(formats[name]))
            for name, lines in formats.items():
                if name == main:
                    continue
                message = f"{len(lines)} rows are {name}, the others {main}; the first is here"
                fix = "if that was not meant, take them out"
                origin = Origin(path, lines[0])
                yield Problem("warning", "mixed-formats", origin, "", message, fix, whole=True)

    def _not_used(self) -> Iterator[Problem]:
        for (path, name), lines in self._unused.items():
            message = f"is not used ({len(lines)} rows)"
            fix = "nothing to do, unless it should be trained on"
            origin = Origin(path, lines[0])
            yield Problem("warning", "unused-field", origin, name, message, fix, whole=True)


def items(paths: Iterable[Path]) -> Iterator[Item | Problem]:
    """Yield the rows of files and folders one by one, and the problems of whole files.

    Raises DataError: a file is missing or cannot be opened.
    """
    files = list(chain.from_iterable(map(_files, paths)))
    for path in files:
        try:
            yield from _file_items(path)
        except OSError as error:
            why = error.strerror or error
            raise DataError(f"{path} cannot be read: {why}", "check its name and rights") from error


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in ENDINGS)
    if not found:
        raise DataError(f"{path} holds no training data", f"put files in it: {' '.join(ENDINGS)}")
    return found


def _file_items(path: Path) -> Iterator[Item | Problem]:
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    unusable = _unusable(sample)
    if unusable:
        yield Problem("error", "unreadable-file", Origin(path), "", *unusable, whole=True)
        return
    encoding = _encoding(sample)
    if encoding == "gb18030":
        message, fix = "is not UTF-8; it is read as GB18030", "save it as UTF-8 to be sure"
        yield Problem("warning", "encoding", Origin(path), "", message, fix, whole=True)
    # Bytes that are no UTF-8 become lone surrogates, which the doctor finds in the rows.
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    with path.open(encoding=encoding, errors=errors, newline="") as text:
        values = _values(text)
        if values is None:
            message = "is neither JSON nor a table whose first line names its columns"
            fix = "name them, for example question,answer"
            yield Problem("error", "unknown-format", Origin(path), "", message, fix, whole=True)
            return
        for number, found in enumerate(values, 1):
            yield _item(Origin(path, found.line, number), found.value)


def _values(text: TextIO) -> Iterator[Found] | None:
    """Tell JSON from a table by the beginning of the text; None if it is neither."""
    head = text.read(_HEAD_CHARS).lstrip()
    text.seek(0)
    if head[:1] in ("[", "{"):
        return json_values(text.read)
    header = next(iter(head.splitlines()), "")
    delimiter = delimiter_of(header)
    names = next(csv.reader([header], delimiter=delimiter), [])
    if fits(dict.fromkeys(names, "")):
        return csv_values(text, delimiter)
    # Its first row may be the broken one.
    return json_values(text.read) if _OBJECT.search(head) else None


def _item(origin: Origin, value: object) -> Item | Problem:
    """Return a row, or why there is none."""
    if isinstance(value, Unclosed):
        message = "the list is not closed: the file seems to be cut short"
        return Problem("error", "cut-short", origin, "", message, "get the whole file", whole=True)
    if isinstance(value, Broken):
        return _unread(origin, "", [Fault("broken", "", value.reason, "mend it, or take it out")])
    if not isinstance(value, Mapping):
        fault = Fault("not-an-object", "", "is not an object in curly brackets", "take it out")
        return _unread(origin, "", [fault])
    parsed = parse(value)
    draft = parsed.draft
    if draft.faults:
        return _unread(origin, parsed.format, draft.faults)
    row = Row(
        messages=tuple(draft.messages),
        origin=origin,
        kind=draft.kind,
        entry=draft.entry,
        thinking=draft.thinking,
        rejected=draft.rejected,
    )
    return Item(origin, parsed.format, row, (), parsed.unused)


def _unread(origin: Origin, form: str, faults: list[Fault]) -> Item:
    problems = (Problem("error", f.code, origin, f.field, f.message, f.fix) for f in faults)
    return Item(origin, form, None, tuple(problems))


def _unusable(sample: bytes) -> tuple[str, str] | None:
    """Return what is wrong with a file that is no text, and what to do."""
    packed = next((kind for mark, kind in _PACKED.items() if sample.startswith(mark)), "")
    if packed:
        return f"is {packed}, not text", "unpack it, or save it as JSON lines"
    if not sample.strip(b"\xef\xbb\xbf \t\r\n"):
        return "is empty", "leave it out"
    if b"\0" in sample and not sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "is no text: it has bytes of value 0", "save it as UTF-8 text"
    return None


def _encoding(sample: bytes) -> str:
    known = next((name for mark, name in _BOMS.items() if sample.startswith(mark)), "")
    if known:
        return known
    for encoding in ("utf-8", "gb18030"):
        try:
            # Incremental: the sample may end in the middle of a character.
            text = codecs.getincrementaldecoder(encoding)().decode(sample)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _HAN.search(text):
            return encoding
    return "utf-8"
