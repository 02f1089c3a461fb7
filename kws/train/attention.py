"""Attention of a streaming encoder: each frame to its own chunk and to some frames before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kws.train.layers import last
from kws.train.shape import Shape


class AttentionWeights(nn.Module):
    """The attention of each frame to its chunk and those before: (N, chunks, heads, chunk, window).

    What is before the first frame has keys and values of zero, in training and in streaming.
    """

    def __init__(self, shape: Shape, chunk: int, left: int) -> None:
        super().__init__()
        self.chunk, self.heads = chunk, shape.heads
        self.sizes = [
            shape.heads * size for size in (shape.query_dim, shape.query_dim, shape.position_dim)
        ]
        self.project = nn.Linear(shape.dim, sum(self.sizes))
        with torch.no_grad():
            self.project.weight[: self.sizes[0]] *= shape.query_dim**-0.25
        self.scale = shape.query_dim**-0.5
        window = left + chunk
        # The distance from a frame of the chunk to one of the window, as a row of the table.
        self.table = nn.Parameter(
            torch.randn(window + chunk - 1, shape.heads, shape.position_dim) * 0.1
        )
        row = torch.arange(window)[None] + (chunk - 1 - torch.arange(chunk))[:, None]
        self.register_buffer("row", row, persistent=False)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights, and what the next chunk needs."""
        query, key, place = self.project(x).split(self.sizes, dim=2)
        keys, past = windows(key, past, self.chunk)
        batch, chunks = keys.shape[:2]
        split = (batch, chunks, -1, self.heads)
        query = query.reshape(batch, chunks, self.chunk, self.heads, -1).transpose(2, 3)
        place = place.reshape(batch, chunks, self.chunk, self.heads, -1)
        keys = keys.reshape(*split, keys.shape[3] // self.heads).permute(0, 1, 3, 4, 2)
        scores = (query * self.scale) @ keys
        # (N, chunks, frame, heads, dim) and (frame, window, heads, dim)
        where = torch.einsum("bcfhd,fwhd->bchfw", place, self.table[self.row])
        return (scores + where).softmax(-1), past


class NonLinearAttention(nn.Module):
    """Values gated before and after they are mixed by the weights of the first head."""

    def __init__(self, shape: Shape, chunk: int) -> None:
        super().__init__()
        self.chunk = chunk
        self.enter = nn.Linear(shape.dim, 3 * shape.gated)
        self.leave = last(nn.Linear(shape.gated, shape.dim))

    def forward(self, x: Tensor, weights: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is added to the frames, and what the next chunk needs."""
        gate, value, gate_after = self.enter(x).chunk(3, dim=2)
        mixed_in, past = windows(value * gate.tanh(), past, self.chunk)
        mixed = (weights @ mixed_in).flatten(1, 2)
        return self.leave(mixed * gate_after), past


class SelfAttention(nn.Module):
    """Values mixed by the weights of all heads."""

    def __init__(self, shape: Shape, chunk: int) -> None:
        super().__init__()
        self.chunk, self.heads, self.size = chunk, shape.heads, shape.value_dim
        self.enter = nn.Linear(shape.dim, shape.heads * shape.value_dim)
        self.leave = last(nn.Linear(shape.heads * shape.value_dim, shape.dim))

    def forward(self, x: Tensor, weights: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is added to the frames, and what the next chunk needs."""
        values, past = windows(self.enter(x), past, self.chunk)
        batch, chunks, window = values.shape[:3]
        values = values.reshape(batch, chunks, window, self.heads, self.size).transpose(2, 3)
        mixed = (weights @ values).transpose(2, 3).reshape(batch, chunks * self.chunk, -1)
        return self.leave(mixed), past


def windows(x: Tensor, past: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Return what each chunk can see, shape (N, chunks, left + chunk, channels), and the end of
    it, which the next chunk sees."""
    left = past.shape[1]
    whole = torch.cat((past, x), dim=1)
    if x.shape[1] == chunk:  # streaming; also keeps `unfold` out of the exported graph
        return whole.unsqueeze(1), whole[:, -left:]
    return whole.unfold(1, left + chunk, chunk).transpose(2, 3), whole[:, -left:]
