"""Words on a terminal: labelled lines, nothing that could steer it, an end when nobody reads."""

from __future__ import annotations

import os
import select
import unicodedata
from typing import TextIO

_LABEL_WIDTH = 12


def printable(text: str) -> str:
    """Return a text with a space for each control character: those could steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def row(label: str, text: str) -> str:
    """Return a labelled line."""
    return f"{label:<{_LABEL_WIDTH}}{printable(text)}"


def newest(line: str, columns: int) -> str:
    """Return the line, or its last part if it is wider: Chinese characters take two columns."""
    width = 0
    for at in range(len(line) - 1, -1, -1):
        width += 2 if unicodedata.east_asian_width(line[at]) in "WF" else 1
        if width > columns:
            return line[at + 1 :]
    return line


def reader_gone(out: TextIO) -> bool:
    """Tell whether what is written to `out` can reach nobody any more."""
    try:
        number = out.fileno()
    except OSError:  # not a file of the system
        return False
    asked = select.poll()
    asked.register(number, 0)  # nothing but what is always told: errors, and that it was hung up
    return bool(asked.poll(0))


def discard(out: TextIO) -> None:
    """Drop what is still written to `out`: its reader (head, less) has gone.

    Without this the interpreter would complain when it empties its buffers at the end.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)
