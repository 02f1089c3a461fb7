"""How a model is trained, with the reason for each number. This module needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How a model is trained."""

    minutes: float = 60.0
    """Of training: the learning rate ends with them, on a busy machine after fewer steps."""
    seed: int = 1
    threads: int = 2
    batch_s: float = 160.0
    """Audio in a step, in seconds."""
    learning_rate: float = 4e-3
    """Of AdamW at its height."""
    weight_decay: float = 0.02
    warmup_share: float = 0.03
    flat_start_share: float = 0.25
    """How long the encoder is led by a crude alignment: without it the predictor learns the texts
    by heart first, and the encoder nothing."""
    ctc_weight: float = 0.3
    forgotten_share: float = 0.25
    """Of the places where the predictor is not told what was said before."""
    clip_norm: float = 5.0
    """Longest gradient, of the loss of a token."""
    average_share: float = 0.1
    """The last part of the run so far over which weights are averaged."""
    checkpoint_minutes: float = 4.0

    def learning_rate_at(self, done: float) -> float:
        """Return the learning rate after a share of the run: a short rise, then half a cosine."""
        if done < self.warmup_share:
            return self.learning_rate * max(done, 0.001) / self.warmup_share
        falling = min(1.0, (done - self.warmup_share) / (1 - self.warmup_share))
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * falling)))

    def flat_start_weight_at(self, done: float) -> float:
        """Return how much the crude alignment counts after a share of the run."""
        return max(0.0, 1 - done / self.flat_start_share)
