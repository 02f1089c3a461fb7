"""Training data: rows of conversations, read from what people have, checked and split.

    turns.py         roles of any dialect, and their order
    shapes.py        the shapes a row comes in (Alpaca, ShareGPT, messages, ...), told by content
    json_rows.py     JSON, JSON lines and concatenated objects, piece by piece
    csv_rows.py      CSV and TSV
    reading.py       files and folders to rows; what cannot be read becomes a `Problem`
    doctor.py        everything that can be wrong with rows that could be read:
    texts.py         characters, markers, swapped roles
    similarity.py    exact and near duplicates
    pairing.py       do the answers belong to their questions?
    privacy.py       personal data and details of facilities
    supervision.py   which tokens of a row are trained
    tokens.py        the tokenizer of a GGUF file
    treatment.py     rows taken out or masked on request, and counted
    dividing.py      training and validation without leakage between them
    writing.py       rows back to a file, in any of the formats
    knowledge_rows.py   rows made of the knowledge base

Nothing is dropped or changed in silence: the rows that go in are those that come out and those
that a `Problem` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llm import Message

KINDS = ("", "answer", "correction", "refusal", "general")
"""What a row teaches: to answer, to put a false premise right, to say that it does not know; or
what the base can do anyway, and is to keep."""


class DataError(Exception):
    """Training data cannot be used; `fix` is what to do."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, order=True)
class Origin:
    """Where a row stands."""

    path: Path
    line: int = 1
    """The first line of the row, counted from 1."""
    row: int = 0
    """The how manieth row of its file it is, counted from 1; 0 = not from a file."""

    def __str__(self) -> str:
        # Only where several rows share a line, the line does not tell which one is meant.
        number = f"#{self.row}" if self.row > self.line else ""
        return f"{self.path}:{self.line}{number}"


@dataclass(frozen=True)
class Row:
    """One conversation to learn from; its last message is the answer."""

    messages: tuple[Message, ...]
    """Of the roles system, user and assistant, the last one the assistant's."""
    origin: Origin
    kind: str = ""
    """One of KINDS; empty = not told."""
    entry: str = ""
    """Id of the knowledge entry the row was made of; rows of one entry are kept together."""
    thinking: str = ""
    """Chain of thought before the last answer."""
    rejected: str = ""
    """A worse last answer, for preference training."""

    @property
    def question(self) -> str:
        """Return the last text of the user."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def answer(self) -> str:
        """Return the last text of the assistant."""
        return self.messages[-1].content

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield each text with its field: messages[0].content, ..., thinking, rejected."""
        for number, message in enumerate(self.messages):
            yield f"messages[{number}].content", message.content
        if self.thinking:
            yield "thinking", self.thinking
        if self.rejected:
            yield "rejected", self.rejected


@dataclass(frozen=True)
class Problem:
    """Something wrong with a row or with the data as a whole, and what to do about it."""

    level: str
    """error = training on it would do harm or is impossible, warning = to look at."""
    code: str
    """Short name for scripts, for example empty-answer."""
    origin: Origin
    field: str
    """Which part of the row, for example messages[1].content; empty = all of it."""
    message: str
    fix: str = ""
    """What to do."""
    whole: bool = False
    """About the file or all rows together, and not about the one row at `origin`."""

    def __str__(self) -> str:
        where = f"{self.origin}:{self.field}" if self.field else str(self.origin)
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class Dataset:
    """What was read: found rows = `rows` and those that an `unread` problem names."""

    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """found, read, unread: of all rows; format.NAME: rows of each format."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems that forbid training."""
        return tuple(problem for problem in self.problems if problem.level == "error")


def read(paths: Iterable[Path]) -> Dataset:
    """Read files, and the data files of folders, of any known format.

    Rows that cannot be used become problems of level error. Raises DataError: a file is missing
    or cannot be opened.
    """
    from llm.data.reading import read_all

    return read_all(paths)


def split(rows: Sequence[Row], share: float = 0.1, seed: int = 0) -> tuple[list[Row], list[Row]]:
    """Return training rows and about a `share` of validation rows, in their order.

    Rows that ask nearly the same, and rows of one knowledge entry, stay on one side. Each kind and
    language gets its share. The same rows and seed give the same split.
    Raises DataError: the rows are too alike to be split.
    """
    from llm.data.dividing import split_rows

    return split_rows(rows, share, seed)


def write(rows: Iterable[Row], form: str, path: Path) -> int:
    """Write rows as JSON lines, whole or not at all; return how many.

    `messages` keeps all that a row holds. Raises DataError: unknown format, a conversation that
    the format cannot hold, or the file cannot be written.
    """
    from llm.data.writing import write_rows

    return write_rows(rows, form, path)
