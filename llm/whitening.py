"""Sentence vectors in which phrasings of one question lie closer together.

An encoder spreads the ways to ask one thing ("in a word", "please tell me", polite or blunt) along
directions of their own. They are learnt from the phrasings of the base and shrunk: within-class
covariance normalisation, Hatch, Kajarekar and Stolcke (2006). Nothing is trained or stored beside
the index: another base has other directions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llm import Vectors

SHRINKAGE = 1.0
"""Share of the mean variance that is added to every direction, so that few phrasings teach little.
Of 0.03 to 1, this found the entries of left-out phrasings best, in both languages."""
_MOST_ROWS = 20_000
"""Phrasings that are looked at, about, in a base of more of them."""
_BLOCK = 8192
"""Vectors that are brought to the other space at a time."""


def whitening(phrasings: Vectors, owners: NDArray[np.int64]) -> Vectors:
    """Return the matrix that brings vectors to the space in which they are compared.

    `owners` is the entry of each phrasing, in ascending order; shape (dimensions, dimensions).
    """
    size = phrasings.shape[1]
    every = 1 + len(owners) // _MOST_ROWS
    kept = owners % every == 0  # whole entries: what one phrasing differs by shows beside others
    phrasings, owners = phrasings[kept].astype(np.float64), owners[kept]
    _, begins, counts = np.unique(owners, return_index=True, return_counts=True)
    if not len(begins):
        return np.eye(size, dtype=np.float32)
    means = np.add.reduceat(phrasings, begins, axis=0) / counts[:, np.newaxis]
    apart = phrasings - np.repeat(means, counts, axis=0)
    within = apart.T @ apart / len(apart)
    variance = float(np.trace(within)) / size
    if variance <= 0:  # one phrasing each: nothing to learn from
        return np.eye(size, dtype=np.float32)
    values, directions = np.linalg.eigh(within / variance + SHRINKAGE * np.eye(size))
    return np.asarray((directions / np.sqrt(values)) @ directions.T, np.float32)


def whitened(vectors: Vectors, matrix: Vectors) -> Vectors:
    """Return unit vectors in the space of the matrix; zero stays zero."""
    turned = vectors @ matrix
    lengths = np.linalg.norm(turned, axis=1, keepdims=True)
    return np.asarray(turned / np.maximum(lengths, 1e-9), np.float32)


def whitened_half(vectors: Vectors, matrix: Vectors) -> NDArray[np.float16]:
    """Return the same in half precision, in memory for the result and little more."""
    half = np.empty(vectors.shape, np.float16)
    for begin in range(0, len(vectors), _BLOCK):
        half[begin : begin + _BLOCK] = whitened(vectors[begin : begin + _BLOCK], matrix)
    return half
