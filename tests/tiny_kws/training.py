"""A wake word model that is trained within seconds: tokens are pure tones, as in `tiny_kws`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from kws.train.batches import Recording
from kws.train.checkpoint import Checkpoint
from kws.train.loop import Loop, Material, Progress
from kws.train.settings import Settings
from kws.train.shape import Shape
from tests import tiny_kws

SHAPE = Shape(
    dim=32, layers=(1, 1), downsampling=(1, 2), left_frames=16, heads=2, feedforward_dim=48,
    dropout=0.0,
)  # fmt: skip
QUICK = Settings(minutes=0.1, threads=1, batch_s=30, checkpoint_minutes=0.05, flat_start_share=1.0)
"""With a clock that counts steps as seconds: 6 steps, a checkpoint each 3."""


def material(clips: int = 40, seed: int = 0) -> Material:
    """Return clips of two to eight tones."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(clips):
        numbers = random.integers(3, len(tiny_kws.TOKENS), random.integers(2, 9))
        tones = tiny_kws.say([tiny_kws.TOKENS[n] for n in numbers], 0.1, 0.1)
        made.append(Recording((tones * 32767).astype(np.int16), numbers))
    return Material(made[: -clips // 4], made[-clips // 4 :], tiny_kws.TOKENS)


def train(
    run: Path, show: Callable[[Progress], None] = lambda _: None, **changes: Any
) -> Checkpoint:
    """Train in a folder, from its last checkpoint on; each step takes one second."""
    settings = replace(QUICK, **changes)
    return Loop(material(), run, settings, SHAPE, clock=count().__next__).train(show)
