"""How alike do two Mandarin sentences sound? Edit distance over syllables, with shades.

N-grams see a syllable that was misheard in one sound (shi tou for shi hou) as another syllable.
Here it costs part of one, so that a sentence of which every third syllable is a little wrong still
sounds like itself. Weighted edit distance after Wagner and Fischer (1974), of one sentence to many
at a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.ngrams import fold_syllable

_SPELLING = re.compile(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw]?)(.*)")

SAME_FOLDED = 0.1
"""Cost of syllables that many speakers do not tell apart."""
SAME_FINAL = 0.4
SAME_INITIAL = 0.5
OTHER = 1.0
GAP = 0.8
"""Cost of a syllable that is there in one sentence only."""

Matrix = NDArray[np.float32]

_MOST_KEPT = 4096
"""Syllables, Latin words and numbers of questions whose costs are kept."""


class Alignment:
    """Sentences that others are compared with."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take the arrays of `index_syllables`."""
        self._known = arrays["known"].tobytes().decode().split()
        self._lengths, self._numbers = arrays["lengths"], arrays["numbers"]
        self._costs: dict[str, Matrix] = {}

    def likeness(self, syllables: Sequence[str], rows: NDArray[np.int64]) -> Matrix:
        """Return how alike each of the sentences `rows` sounds, in [0, 1], shape (len(rows),)."""
        lengths = self._lengths[rows]
        if not syllables or not len(rows):
            return np.zeros(len(rows), np.float32)
        numbers = self._numbers[rows, : int(lengths.max())]
        gaps = GAP * np.arange(numbers.shape[1] + 1, dtype=np.float32)
        distances = np.repeat(gaps[np.newaxis], len(rows), axis=0)
        for syllable in syllables:
            costs = self._costs_of(syllable)[numbers]
            kept = np.minimum(distances[:, 1:] + GAP, distances[:, :-1] + costs)
            distances = np.concatenate([distances[:, :1] + GAP, kept], axis=1)
            # A run of insertions costs GAP a step: the least of all beginnings, by one sweep.
            distances = np.minimum.accumulate(distances - gaps, axis=1) + gaps
        ends = distances[np.arange(len(rows)), lengths]
        longer = np.maximum(lengths, len(syllables))
        return np.asarray(np.maximum(0, 1 - ends / longer), np.float32)

    def _costs_of(self, syllable: str) -> Matrix:
        """Return what it costs to hear each known syllable as `syllable`."""
        if syllable not in self._costs:
            if len(self._costs) >= _MOST_KEPT:
                self._costs.clear()
            row = [cost(syllable, known) for known in self._known] or [OTHER]
            self._costs[syllable] = np.array(row, np.float32)
        return self._costs[syllable]


def index_syllables(sentences: Sequence[Sequence[str]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of an `Alignment` with sentences, given by their syllables.

    known (the syllables), numbers (of the syllables of each sentence) and lengths.
    """
    known = sorted({syllable for sentence in sentences for syllable in sentence})
    number = {syllable: n for n, syllable in enumerate(known)}
    lengths = np.array([len(sentence) for sentence in sentences], np.int32)
    numbers = np.zeros((len(sentences), int(lengths.max(initial=0))), np.int32)
    for row, sentence in enumerate(sentences):
        numbers[row, : len(sentence)] = [number[syllable] for syllable in sentence]
    spelled = np.frombuffer(" ".join(known).encode(), np.uint8)
    return {"known": spelled, "numbers": numbers, "lengths": lengths}


def cost(one: str, other: str) -> float:
    """Return how far two toneless syllables are apart, in [0, 1]."""
    if one == other:
        return 0.0
    one, other = fold_syllable(one), fold_syllable(other)
    if one == other:
        return SAME_FOLDED
    (initial, final), (other_initial, other_final) = _parts(one), _parts(other)
    if final == other_final:
        return SAME_FINAL
    return SAME_INITIAL if initial and initial == other_initial else OTHER


def _parts(syllable: str) -> tuple[str, str]:
    match = _SPELLING.fullmatch(syllable)
    return (match[1], match[2]) if match else ("", syllable)
