"""Is a difference more than chance? Paired bootstrap over the same questions.

Efron & Tibshirani, An Introduction to the Bootstrap, 1993; for paired system comparison Koehn,
Statistical Significance Tests for Machine Translation Evaluation, EMNLP 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
_CONFIDENCE = 0.95
_SEED = 20_110  # fixed: the same answers always get the same verdict


@dataclass(frozen=True)
class Change:
    """A mean difference (after minus before) with the interval that holds it in 95 % of cases."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def is_rise(self) -> bool:
        """Return whether it is a rise beyond chance."""
        return self.n > 0 and self.low > 0

    @property
    def is_fall(self) -> bool:
        """Return whether it is a fall beyond chance."""
        return self.n > 0 and self.high < 0

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ({self.low:+.3f} to {self.high:+.3f}, n = {self.n})"


def paired_change(before: Sequence[float], after: Sequence[float]) -> Change:
    """Return the change of paired values. Raises ValueError: the sides differ in length."""
    if len(before) != len(after):
        raise ValueError(f"{len(before)} values before, {len(after)} after")
    if not len(before):
        return Change(0.0, 0.0, 0.0, 0)
    differences = np.asarray(after, float) - np.asarray(before, float)
    random = np.random.default_rng(_SEED)
    drawn = random.integers(0, len(differences), (RESAMPLES, len(differences)))
    means = differences[drawn].mean(axis=1)
    tail = 100 * (1 - _CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return Change(float(differences.mean()), float(low), float(high), len(differences))
