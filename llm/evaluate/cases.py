"""Held-out rows as questions, so many of each kind and language that every column counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from random import Random

from llm.compose import quoted_passage
from llm.data import Row
from llm.evaluate import Case
from llm.language import detect_language

_SEED = 0
"""Decides which cases are drawn: figures of other cases cannot be compared."""


def cases_of(rows: Iterable[Row]) -> list[Case]:
    """Return one case for each row."""
    return [_case(row) for row in rows]


def fair_share(cases: Sequence[Case], most: int) -> list[Case]:
    """Return at most `most` cases, as evenly as possible over kinds and languages.

    The same cases for the same data, sorted so that prompts that begin alike follow each
    other: the engine evaluates their common beginning once.
    """
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.kind, case.language].append(case)
    for key, group in groups.items():
        Random(f"{_SEED} {key}").shuffle(group)
    turns = zip_longest(*(groups[key] for key in sorted(groups)))
    drawn = [case for case in chain.from_iterable(turns) if case is not None][:most]
    return sorted(drawn, key=lambda case: (case.language, case.kind, case.id))


def _case(row: Row) -> Case:
    asked = row.messages[:-1]
    # The language of the question, not of its passage nor of the rules in front.
    language = detect_language(row.answer, detect_language(row.question))
    return Case(
        str(row.origin), row.kind, language, asked, row.answer, quoted_passage(row.question)
    )
