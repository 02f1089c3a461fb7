"""Training and validation rows that have nothing in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from random import Random

import numpy as np

from llm.data import DataError, Problem, Row
from llm.data.similarity import asked, digest, signature, similar_pairs, whole
from llm.language import detect_language


def split_rows(rows: Sequence[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Return training and validation rows; see `llm.data.split`."""
    if not 0 < share < 1:
        raise DataError(f"the share for validation is {share}", "give a number between 0 and 1")
    groups: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(_groups(rows)):
        groups[group].append(place)
    strata: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for members in groups.values():
        first = rows[members[0]]
        strata[first.kind, detect_language(first.answer)].append(members)
    valid = {place for key in sorted(strata) for place in _drawn(strata[key], share, seed)}
    if not valid:
        raise DataError(
            f"{len(rows)} rows are too alike to be split: all nearly ask the same",
            "give more rows, or validation rows of their own",
        )
    chosen = [place in valid for place in range(len(rows))]
    train = [row for row, taken in zip(rows, chosen, strict=True) if not taken]
    return train, [row for row, taken in zip(rows, chosen, strict=True) if taken]


def leaks(train: Sequence[Row], valid: Sequence[Row]) -> Iterator[Problem]:
    """Yield the validation rows that training rows give away."""
    groups = _groups([*train, *valid])
    known = dict(zip(reversed(groups[: len(train)]), reversed(train), strict=True))
    copies = {digest(whole(row)) for row in train}
    entries = {row.entry for row in train if row.entry}
    for row, group in zip(valid, groups[len(train) :], strict=True):
        if group not in known:
            continue
        where = known[group].origin
        if digest(whole(row)) in copies:
            code, message = "leak-exact", f"is also trained on ({where})"
        elif row.entry in entries:
            code, message = "leak-entry", f"is made of entry {row.entry}, as {where} is"
        else:
            code, message = "leak-near", f"asks nearly what {where} asks"
        yield Problem("error", code, row.origin, "", message, "split anew: hean data split")


def _drawn(groups: list[list[int]], share: float, seed: int) -> Iterator[int]:
    """Yield the rows of so many groups that they are about the share of all rows."""
    wanted = share * sum(map(len, groups))
    order = sorted(groups)
    Random(seed).shuffle(order)
    taken = 0
    for members in order[: len(order) - 1]:  # one group at least stays to learn from
        # The first one may be too large: better a larger share than no validation of this kind.
        if taken == 0 or taken + len(members) / 2 <= wanted:
            yield from members
            taken += len(members)
        if taken >= wanted:
            return


def _groups(rows: Sequence[Row]) -> list[int]:
    """Return a number for each row, the same for rows that must stay together."""
    joined = _Joined(len(rows))
    first: dict[Hashable, int] = {}
    for place, row in enumerate(rows):
        for key in (digest(asked(row)), ("entry", row.entry)):
            if key != ("entry", ""):
                joined.join(first.setdefault(key, place), place)
    if len(rows) > 1:
        for a, b in similar_pairs(np.stack([signature(asked(row)) for row in rows])):
            joined.join(int(a), int(b))
    return [joined.head(place) for place in range(len(rows))]


class _Joined:
    """Sets that grow together (union-find)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def head(self, place: int) -> int:
        while self._parent[place] != place:
            self._parent[place] = self._parent[self._parent[place]]
            place = self._parent[place]
        return place

    def join(self, a: int, b: int) -> None:
        a, b = self.head(a), self.head(b)
        self._parent[max(a, b)] = min(a, b)
