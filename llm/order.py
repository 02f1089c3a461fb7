"""Do the words and numbers of a sentence stand in the order of its passage?

A sentence made of the passage's own words may still say the contrary: "dogs before people", the
dose of one thing given to another. So a sentence is aligned with the part of the passage that
holds its words: every number must find its own place there, and most words theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from llm.numbers import Quantity

Tokens = tuple[str | Quantity, ...]
AND = "&"
"""Token that stands between the members of a list."""

_LEAST_HELD = 0.8
"""Share of its words from which a part of the passage is where a sentence comes from."""
_LEAST_IN_ORDER = 0.85
"""Least share of the words of a clause that stand in the passage's order."""
_MOST_SENTENCES = 3
"""Most neighbouring sentences of the passage that one of an answer may draw together."""
_LONGEST_MEMBER = 4
"""Most words of a member of a list whose order does not matter."""
_NUMBER_WEIGHT = 1000
"""Numbers are aligned first, whatever words that costs."""


def numbers_in_order(sentence: Tokens, passage: Sequence[Tokens]) -> bool:
    """Return whether the numbers of a sentence stand among its words as in the passage.

    `passage` holds the tokens of each sentence. True where the words are not of the passage:
    that is for others to find.
    """
    words = _words(sentence)
    numbers = sum(isinstance(token, Quantity) for token in sentence)
    if not numbers or not words:
        return True
    runs = list(_runs(words, passage))
    return not runs or any(_aligned(sentence, run) // _NUMBER_WEIGHT >= numbers for run in runs)


def words_in_order(clause: Tokens, passage: Sequence[Tokens]) -> bool:
    """Return whether the words of a clause stand as in a clause of the passage that holds them.

    `passage` holds the tokens of each clause. True where it takes several clauses to hold them.
    """
    words = _words(clause)
    alike = [part for part in map(_words, passage) if _holds(part, words, _LEAST_IN_ORDER)]
    enough = _LEAST_IN_ORDER * len(words)
    readings = (words, *map(_words, _list_turned(clause)))
    return not alike or any(_aligned(r, part) >= enough for part in alike for r in readings)


def _runs(words: Tokens, passage: Sequence[Tokens]) -> Iterator[Tokens]:
    """Yield the shortest runs of neighbouring passage sentences that hold the words."""
    for length in range(1, _MOST_SENTENCES + 1):
        starts = range(len(passage) - length + 1)
        runs = [tuple(t for part in passage[s : s + length] for t in part) for s in starts]
        holding = [run for run in runs if _holds(run, words)]
        if holding:
            yield from holding
            return


def _list_turned(clause: Tokens) -> Iterator[Tokens]:
    """Yield a clause with the members around an "and" in each other's place: that says the same."""
    sizes = range(1, _LONGEST_MEMBER + 1)
    for at in (at for at, token in enumerate(clause) if token == AND):
        for left, right in product(sizes, sizes):
            begin, end = at - left, at + 1 + right
            if begin >= 0 and end <= len(clause):
                members = clause[at + 1 : end] + (AND,) + clause[begin:at]
                yield clause[:begin] + members + clause[end:]


def _words(tokens: Tokens) -> Tokens:
    return tuple(token for token in tokens if isinstance(token, str) and token != AND)


def _holds(part: Tokens, words: Tokens, least: float = _LEAST_HELD) -> bool:
    known = set(part)
    return bool(words) and sum(word in known for word in words) >= least * len(words)


def _aligned(sentence: Tokens, run: Tokens) -> int:
    """Return the weight of the heaviest common subsequence (Wagner and Fischer 1974)."""
    row = [0] * (len(run) + 1)
    for token in sentence:
        weight = 1 if isinstance(token, str) else _NUMBER_WEIGHT
        before = 0
        for at, other in enumerate(run, 1):
            above = row[at]
            if token == other:
                row[at] = max(above, before + weight, row[at - 1])
            else:
                row[at] = max(above, row[at - 1])
            before = above
    return row[-1]
