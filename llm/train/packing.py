"""Put several rows into one sequence without padding and without one row seeing another.

Rows that begin alike share what they have in common: the tokens form a tree, and each token sees
its ancestors only, at the positions they have in their own row. The result is exactly that of the
rows one by one (a test compares loss and gradients), but the instructions of a batch, and the
prompt of a pair of answers, are computed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llm.train.rows import Encoded

Indices = NDArray[np.int64]
Group = tuple[Encoded, ...]
"""Rows that belong together: one, or the better and the worse answer of a pair."""


@dataclass(frozen=True)
class Pack:
    """The tokens of some rows as a tree."""

    ids: Indices
    """Shape (nodes,): the tokens; parents come before their children."""
    positions: Indices
    """Shape (nodes,): how many tokens of its row come before each."""
    parents: Indices
    """Shape (nodes,): the node before; -1 at the beginning of a row."""
    sources: Indices
    """Shape (targets,): nodes from which a trained token is predicted."""
    targets: Indices
    """Shape (targets,): those trained tokens."""
    rows: Indices
    """Shape (targets,): the row each belongs to, as an index into `origins`."""
    origins: tuple[str, ...]
    """Where each row stands."""
    keys: tuple[str, ...]
    """A name for the tokens of each row, the same in every run."""

    def visible(self, window: int = 0) -> NDArray[np.bool_]:
        """Return what each node sees, shape (nodes, nodes); with `window` only so many tokens."""
        seen = np.zeros((len(self.ids), len(self.ids)), np.bool_)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node] = seen[parent]
            seen[node, node] = True
        if window:
            seen &= self.positions[:, None] - self.positions[None, :] < window
        return seen


def pack(rows: Sequence[Encoded], share: bool = True) -> Pack:
    """Return the tree of some rows; without `share` they stand one after the other."""
    ids: list[int] = []
    positions: list[int] = []
    parents: list[int] = []
    known: dict[tuple[int, int], int] = {}
    found: list[tuple[int, int, int]] = []
    for number, row in enumerate(rows):
        node = -1
        # Nothing follows the end of the answer, so it is predicted but never read.
        for position, token in enumerate(row.ids[:-1]):
            child = known.get((node, token), -1) if share else -1
            if child < 0:
                child = known[node, token] = len(ids)
                ids.append(token)
                positions.append(position)
                parents.append(node)
            node = child
            if position + 1 >= row.start:
                found.append((node, row.ids[position + 1], number))
    sources, targets, numbers = (np.array(column, np.int64) for column in zip(*found, strict=True))
    return Pack(
        np.array(ids, np.int64),
        np.array(positions, np.int64),
        np.array(parents, np.int64),
        sources,
        targets,
        numbers,
        tuple(str(row.origin) for row in rows),
        tuple(row.key for row in rows),
    )


def packs(groups: Sequence[Group], most_tokens: int, share: bool = True) -> Iterator[Pack]:
    """Yield packs of at most about `most_tokens` tokens; a longer group gets one of its own.

    The rows of a group stay together, and groups that begin alike come together.
    """
    chosen: list[Encoded] = []
    used = 0
    for group in sorted(groups, key=lambda group: group[0].ids):
        new = _new_tokens(chosen, group, share)
        if chosen and used + new > most_tokens:
            yield pack(chosen, share)
            chosen, used = [], 0
            new = _new_tokens(chosen, group, share)
        chosen += group
        used += new
    if chosen:
        yield pack(chosen, share)


def _new_tokens(chosen: Sequence[Encoded], group: Group, share: bool) -> int:
    """Return how many tokens a group adds to those chosen."""
    before = chosen[-1].ids if chosen else ()
    count = 0
    for row in group:
        count += len(row.ids) - (_common(before, row.ids) if share else 0)
        before = row.ids
    return count


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    for position, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return position
    return min(len(a), len(b))
