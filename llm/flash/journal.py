"""The journal of one change, and the memory that outlives all of them.

    idle ──► switching ──► trial ──► idle            proven good
                  │           │
                  └───────────┴──► returning ──► idle    failed: the slot before is back

Each file is replaced as a whole. A change has a number (generation); the memory keeps the number of
the last finished one, so that an old journal that turns up again means nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from llm.flash.disk import FILE, Disk, replace_file

JOURNAL, MEMORY = "journal.json", "memory.json"
IDLE, SWITCHING, TRIAL, RETURNING = "idle", "switching", "trial", "returning"
STATES = (IDLE, SWITCHING, TRIAL, RETURNING)
BY_HAND = "rolled back by hand"
"""Reason of a change back that a person wanted."""
TRIES = 3
"""Starts that a new slot has to prove itself."""
MAX_STEPS = 28
"""Most steps of one change, whatever happens: the bound of Mender's StateDataStoreCount."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Outcome:
    """How the last change ended."""

    slot: str = ""
    name: str = ""
    version: int = 0
    good: bool = True
    reason: str = ""
    """Why it failed; one line."""
    at: str = ""
    """Time, ISO 8601."""


@dataclass(frozen=True)
class Journal:
    """What is going on."""

    state: str = IDLE
    generation: int = 0
    slot: str = ""
    """The slot that is to be used."""
    before: str = ""
    """The slot to go back to; empty = the models of the catalogue."""
    tries: int = 0
    """Starts left."""
    steps: int = 0
    reason: str = ""
    last: Outcome = field(default_factory=Outcome)

    def step(self, **changes: Any) -> Journal:
        """Return the journal after one more step."""
        return replace(self, steps=self.steps + 1, **changes)


@dataclass(frozen=True)
class Memory:
    """What must not be forgotten."""

    version: int = 0
    """Newest version that was proven good."""
    generation: int = 0
    """Number of the last finished change."""


def read_journal(disk: Disk) -> Journal:
    """Return the journal; one that is missing, damaged or of a finished change means idle."""
    row = _read(disk, JOURNAL)
    last = _value(Outcome, row.pop("last", {}), Outcome())
    journal = _value(Journal, row, Journal())
    journal = replace(journal, last=last)
    memory = read_memory(disk)
    sane = journal.state in STATES and 0 <= journal.tries <= TRIES
    if journal.state != IDLE and (not sane or journal.generation <= memory.generation):
        return Journal(generation=memory.generation, last=last)
    return replace(journal, generation=max(journal.generation, memory.generation))


def write_journal(disk: Disk, journal: Journal) -> None:
    """Replace the journal."""
    _write(disk, JOURNAL, journal)


def read_memory(disk: Disk) -> Memory:
    """Return the memory; all zero if there is none."""
    return _value(Memory, _read(disk, MEMORY), Memory())


def write_memory(disk: Disk, memory: Memory) -> None:
    """Replace the memory."""
    _write(disk, MEMORY, memory)


def _write(disk: Disk, path: str, value: Journal | Memory) -> None:
    replace_file(disk, path, (json.dumps(asdict(value), ensure_ascii=False) + "\n").encode())


def _read(disk: Disk, path: str) -> dict[str, Any]:
    if disk.kind(path) != FILE:
        return {}
    with disk.open(path) as file:
        content = file.read()
    try:
        row = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _value(kind: type[_T], row: Mapping[str, Any], default: _T) -> _T:
    """Make a value of a table; the default if a field has the wrong type."""
    known = {f.name: getattr(default, f.name) for f in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(row, dict) or not set(row) <= set(known):
        return default
    if any(type(value) is not type(known[name]) for name, value in row.items()):
        return default
    return kind(**row)
