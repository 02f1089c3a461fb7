"""Error rates of transcripts, by edit distance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from asr.text import HAN, simplified

_UNIT = re.compile(rf"[{HAN}]|[a-z]+(?:'[a-z]+)?|\d+(?:\.\d+)?")


def units(text: str) -> list[str]:
    """Return what errors are counted in: single Chinese characters, Latin words, numbers.

    Traditional characters, capitals and marks make no difference.
    """
    return _UNIT.findall(simplified(text).lower())


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the least number of insertions, deletions and replacements (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for number, left in enumerate(one, 1):
        before, row = row, [number]
        for place, right in enumerate(other):
            row.append(min(before[place + 1] + 1, row[place] + 1, before[place] + (left != right)))
    return row[-1]


def error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Return errors per unit of the references over all pairs (reference, heard).

    For Chinese this is the character error rate, for English the word error rate.
    """
    errors = total = 0
    for reference, heard in pairs:
        truth = units(reference)
        errors += edit_distance(truth, units(heard))
        total += len(truth)
    if total == 0:
        raise ValueError("the references are empty")
    return errors / total
