"""Rows taken out and texts masked because somebody asked for it, each of them counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from llm.data import Origin, Problem, Row
from llm.data.privacy import mask_row

UNREAD = "unread"
"""What stands for all rows that could not be read."""
CODES = (
    *(UNREAD, "exact-duplicate", "near-duplicate", "two-answers", "personal-data"),
    *("facility-detail", "encoding", "misread", "control-character", "marker", "role-in-text"),
    *(
        "unfinished",
        "echo",
        "maybe-swapped",
        "foreign-answer",
        "template",
        "no-end",
        "no-trained-tokens",
        "cut-end",
    ),
)
"""Problems of single rows, for which rows can be left out."""


@dataclass
class Treatment:
    """What is to be done with rows, and what was done."""

    drop: frozenset[str] = frozenset()
    """Codes of problems; rows that have one are left out."""
    mask: bool = False
    """Whether personal data and details of facilities are masked."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Rows left out, by code."""
    masked: Counter[str] = field(default_factory=Counter)
    """Places masked, by label."""

    def apply(self, rows: Iterable[Row], codes: Mapping[Origin, Collection[str]]) -> Iterator[Row]:
        """Yield the rows that stay, as they are to be."""
        for row in rows:
            reason = next((c for c in codes.get(row.origin, ()) if c in self.drop), "")
            if reason:
                self.dropped[reason] += 1
                continue
            if self.mask:
                row, counts = mask_row(row)
                self.masked += counts
            yield row


def codes_by_row(problems: Iterable[Problem]) -> dict[Origin, list[str]]:
    """Return the problems of single rows by row."""
    codes: dict[Origin, list[str]] = defaultdict(list)
    for problem in problems:
        if not problem.whole:
            codes[problem.origin].append(problem.code)
    return codes
