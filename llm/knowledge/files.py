"""Writing the files of a knowledge base, with the errors of one."""

from __future__ import annotations

from pathlib import Path

from llm import KnowledgeError
from llm.files import write_whole


def write_atomically(path: Path, content: str | bytes, private: bool = False) -> None:
    """Write a file whole or not at all; a new one is readable by all unless `private`.

    Raises KnowledgeError.
    """
    try:
        write_whole(path, content, private)
    except OSError as error:
        raise unwritable(path, error) from error


def write_new(path: Path, content: str | bytes, private: bool = False) -> None:
    """Write a file that must not exist yet. Raises KnowledgeError."""
    if path.exists():
        raise KnowledgeError(f"{path} exists already and is not overwritten")
    write_atomically(path, content, private)


def unwritable(path: Path, error: OSError) -> KnowledgeError:
    """Return the error for a file that cannot be written."""
    return KnowledgeError(f"{path} cannot be written: {error.strerror or error}")
