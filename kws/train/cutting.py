"""Speech of several phrases, cut apart at the pauses between them.

Where in the speech a phrase ends is not known, but how many sounds it has is: a pause parts two
phrases if about as much of the speech is before it as of the sounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws import RATE_HZ, Samples

SHORTEST_PAUSE_S = 0.13
"""Shorter quiet may be the closure of a plosive."""
FARTHEST_S = 0.25
"""How far from where the sounds tell it a pause may be: less than two syllables."""
EDGE_S = 0.1
"""Quiet that is left before and after a piece."""
QUIET = 0.025
"""Part of the loud level (the 95th percentile) below which there is a pause, -32 dB."""
_FRAME_S = 0.01


@dataclass(frozen=True)
class Piece:
    """Speech of the phrases from `first` up to, not with, `last`."""

    audio: Samples
    end_s: float
    """Where the voice ends."""
    first: int
    last: int


def cut(audio: Samples, lengths: Sequence[int]) -> list[Piece]:
    """Return the speech in pieces: of one phrase each, or of several that have no pause between
    them. Empty if there is no speech at all.

    `lengths` holds how many sounds each phrase has.
    """
    frame = int(_FRAME_S * RATE_HZ)
    frames = audio[: len(audio) // frame * frame].reshape(-1, frame)
    levels = np.sqrt(np.mean(np.square(frames), axis=1)) if len(frames) else np.zeros(0)
    loud = np.quantile(levels, 0.95) if len(levels) else 0.0
    if loud < 1e-4:
        return []
    voiced = np.flatnonzero(levels > QUIET * loud)
    return [
        _piece(audio, int(part[0]), int(part[-1]) + 1, first, last)
        for part, first, last in _parts(voiced, np.asarray(lengths), 0)
    ]


def _parts(
    voiced: NDArray[np.intp], lengths: NDArray[np.intp], first: int
) -> Iterator[tuple[NDArray[np.intp], int, int]]:
    """Yield the voiced frames of each part, with its first phrase and the one after its last."""
    place = _best_cut(voiced, lengths)
    if place is None:
        yield voiced, first, first + len(lengths)
        return
    index, phrase = place
    yield from _parts(voiced[:index], lengths[:phrase], first)
    yield from _parts(voiced[index:], lengths[phrase:], first + phrase)


def _best_cut(voiced: NDArray[np.intp], lengths: NDArray[np.intp]) -> tuple[int, int] | None:
    """Return the longest pause that parts two phrases: the voiced frame and the phrase after it."""
    gaps = np.diff(voiced) - 1
    bounds = np.cumsum(lengths)[:-1] / lengths.sum() * len(voiced)
    for index in np.argsort(-gaps, kind="stable"):
        if not len(bounds) or gaps[index] * _FRAME_S < SHORTEST_PAUSE_S:
            return None
        far = np.abs(bounds - (index + 1))
        if far.min() * _FRAME_S <= FARTHEST_S:
            return int(index) + 1, int(far.argmin()) + 1
    return None


def _piece(audio: Samples, start: int, end: int, first: int, last: int) -> Piece:
    frame, edge = int(_FRAME_S * RATE_HZ), int(EDGE_S * RATE_HZ)
    begin, stop = max(0, start * frame - edge), min(len(audio), end * frame + edge)
    return Piece(audio[begin:stop], (end * frame - begin) / RATE_HZ, first, last)
