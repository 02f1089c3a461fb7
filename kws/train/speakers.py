"""New speakers from the voices of a synthesiser: their style tables, mixed linearly.

A model that learns from four voices learns the voices. Kokoro's styles may be mixed freely and
still speak clearly as long as a voice of the language has the largest part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Styles = NDArray[np.float32]
"""The style vectors of one voice, shape (lengths, width)."""

NATIVE = {"zh": ("zf_", "zm_"), "en": ("af_", "am_", "bf_", "bm_")}
"""How the names of the voices of a language begin."""
FOREIGN_MIX = 0.6
"""Share of the speakers that have a part of voices of other languages."""
MOST_FOREIGN = 0.5
"""Their largest part."""
SPEEDS = (0.8, 1.25)
DEV_EVERY = 4
"""Each fourth voice of other languages is heard in the development set alone."""


@dataclass(frozen=True)
class Speaker:
    """Somebody who speaks once."""

    styles: Styles
    speed: float
    chiefly: str
    """The voice that has the largest part."""


class Mixer:
    """Makes speakers for one language. Raises ValueError if no voice speaks it."""

    def __init__(self, voices: Mapping[str, Styles], language: str) -> None:
        self._voices = voices
        self._native = sorted(name for name in voices if name.startswith(NATIVE[language]))
        if not self._native:
            raise ValueError(f"none of the voices speaks {language}: {', '.join(sorted(voices))}")
        others = sorted(voices.keys() - set(self._native))
        dev = others[::DEV_EVERY]
        self._foreign = {"dev": dev, "train": [name for name in others if name not in dev]}

    def speaker(self, rng: np.random.Generator, split: str) -> Speaker:
        """Return a new speaker for one split."""
        parts = self._shares(rng, self._native, int(rng.integers(1, 4)), 1.0)
        others = self._foreign[split]
        if others and rng.random() < FOREIGN_MIX:
            foreign = float(rng.uniform(0.1, MOST_FOREIGN))
            parts = {name: share * (1 - foreign) for name, share in parts.items()}
            parts |= self._shares(rng, others, int(rng.integers(1, 3)), foreign)
        styles = sum(np.float32(share) * self._voices[name] for name, share in parts.items())
        chiefly = max(parts, key=lambda name: parts[name])
        return Speaker(np.asarray(styles, np.float32), float(rng.uniform(*SPEEDS)), chiefly)

    @staticmethod
    def _shares(
        rng: np.random.Generator, names: Sequence[str], count: int, total: float
    ) -> dict[str, float]:
        chosen = rng.choice(names, min(count, len(names)), replace=False)
        shares = rng.dirichlet(np.ones(len(chosen))) * total
        return {str(name): float(share) for name, share in zip(chosen, shares, strict=True)}
