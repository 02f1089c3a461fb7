"""Sizes of the encoder. This module needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

FRAMES_A_STEP = 4
"""Frames of features (10 ms) for one of the encoder (40 ms)."""
CHUNK = 8
"""Frames of the encoder that are computed at once: 0.32 s."""
FRONT_FRAMES = 5
"""Frames of features beyond FRAMES_A_STEP * CHUNK that the front end needs for a chunk."""


@dataclass(frozen=True)
class Shape:
    """Sizes of an encoder. Tuples have an entry for each stack."""

    dim: int = 112
    layers: tuple[int, ...] = (1, 2, 1)
    downsampling: tuple[int, ...] = (1, 2, 1)
    left_frames: int = 32
    """Of the encoder, before a chunk: 1.28 s."""
    heads: int = 4
    query_dim: int = 16
    position_dim: int = 4
    value_dim: int = 12
    feedforward_dim: int = 192
    kernel: int = 8
    dropout: float = 0.1

    @property
    def gated(self) -> int:
        """Return the channels of non-linear attention; sherpa-onnx computes the same."""
        return 3 * self.dim // 4

    def chunk(self, stack: int) -> int:
        """Return the frames of a chunk in a stack."""
        return CHUNK // self.downsampling[stack]

    def left(self, stack: int) -> int:
        """Return the frames before a chunk that a stack attends to."""
        return self.left_frames // self.downsampling[stack]
