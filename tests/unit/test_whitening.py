"""Vectors in which phrasings of one question lie closer together."""

from __future__ import annotations

import numpy as np
import pytest

from llm import whitening as module
from llm.whitening import whitened, whitened_half, whitening

SIZE, ENTRIES, PHRASINGS = 16, 40, 5


def _phrasings() -> tuple[np.ndarray, np.ndarray]:
    """Return entries that differ in half of the dimensions, asked in ways that differ in one."""
    generator = np.random.default_rng(0)
    entries = np.zeros((ENTRIES, SIZE), np.float32)
    entries[:, : SIZE // 2] = generator.standard_normal((ENTRIES, SIZE // 2))
    owners = np.repeat(np.arange(ENTRIES), PHRASINGS)
    ways = np.zeros((len(owners), SIZE), np.float32)
    ways[:, -1] = 4 * generator.standard_normal(len(owners))
    ways += 0.3 * generator.standard_normal(ways.shape)
    return (entries[owners] + ways).astype(np.float32), owners


def _found(vectors: np.ndarray, owners: np.ndarray) -> float:
    """Return how often the nearest other phrasing asks for the same entry."""
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    return float(np.mean(owners[likeness.argmax(axis=1)] == owners))


def test_the_way_to_ask_counts_less_than_what_is_asked() -> None:
    phrasings, owners = _phrasings()
    before = whitened(phrasings, np.eye(SIZE, dtype=np.float32))
    after = whitened(phrasings, whitening(phrasings, owners))
    assert _found(after, owners) > _found(before, owners) + 0.1


def test_vectors_have_length_one_and_nothing_stays_nothing() -> None:
    phrasings, owners = _phrasings()
    phrasings[0] = 0
    lengths = np.linalg.norm(whitened(phrasings, whitening(phrasings, owners)), axis=1)
    assert lengths[0] == 0
    assert np.allclose(lengths[1:], 1, atol=1e-5)


def test_one_phrasing_each_teaches_nothing() -> None:
    phrasings, _ = _phrasings()
    matrix = whitening(phrasings, np.arange(len(phrasings)))
    assert np.array_equal(matrix, np.eye(SIZE, dtype=np.float32))


def test_an_empty_base_has_a_space_too() -> None:
    matrix = whitening(np.zeros((0, SIZE), np.float32), np.zeros(0, np.int64))
    assert np.array_equal(matrix, np.eye(SIZE, dtype=np.float32))


def test_a_large_base_is_learnt_from_whole_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    phrasings, owners = _phrasings()
    monkeypatch.setattr(module, "_MOST_ROWS", len(owners) // 4)
    after = whitened(phrasings, whitening(phrasings, owners))
    before = whitened(phrasings, np.eye(SIZE, dtype=np.float32))
    assert _found(after, owners) > _found(before, owners) + 0.1


def test_half_precision_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    phrasings, owners = _phrasings()
    matrix = whitening(phrasings, owners)
    monkeypatch.setattr(module, "_BLOCK", 7)
    assert np.allclose(whitened_half(phrasings, matrix), whitened(phrasings, matrix), atol=1e-3)
