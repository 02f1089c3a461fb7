"""A small streaming Zipformer (Yao et al., "Zipformer: A faster and better encoder for automatic
speech recognition", 2023), for a CPU to train within an hour.

From the paper: the layer with one set of attention weights for three uses, non-linear attention,
bypasses, BiasNorm, Swoosh, and stacks at half the frame rate. Different: a cheaper front end with
a frame every 40 ms, convolutions that look back only, and a table of relative positions.

Audio is taken in chunks; a frame attends to its own chunk and to some frames before. Training
computes all chunks of a sequence at once from an empty past, streaming one chunk from the past
that the chunk before has left: by the same code, so both give the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kws.train.attention import AttentionWeights, NonLinearAttention, SelfAttention
from kws.train.features import BANDS
from kws.train.layers import BiasNorm, Bypass, Convolution, Dropout, FeedForward, swoosh_r
from kws.train.shape import Shape

STATES = 6
"""Tensors that a layer remembers: keys, gated values, values twice, convolution twice."""

_FRONT_GAIN = 2.0
"""Swoosh passes on a fifth of a small signal."""
_LOG_MEL_MEAN, _LOG_MEL_SPREAD = -7.0, 4.0
"""Of speech at everyday levels."""

Past = Sequence[Tensor]
"""What the layers remember, batch first: (N, frames, channels) each, STATES for a layer."""


class Encoder(nn.Module):
    """Features in, shape (N, FRAMES_A_STEP * CHUNK * n + FRONT_FRAMES, BANDS); (N, CHUNK * n, dim)
    out, with what is remembered for the frames to come."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.front = _Front(shape.dim)
        self.stacks = nn.ModuleList(_Stack(shape, stack) for stack in range(len(shape.layers)))

    def forward(self, features: Tensor, past: Past) -> tuple[Tensor, list[Tensor]]:
        """Encode; `past` comes from `no_past` or from the chunk before."""
        x = self.front(features)
        remembered: list[Tensor] = []
        for stack in self.stacks:
            count = STATES * len(stack.layers)
            x, new = stack(x, past[len(remembered) : len(remembered) + count])
            remembered += new
        return x, remembered

    def no_past(self, batch: int) -> list[Tensor]:
        """Return what is remembered before the first frame: nothing."""
        shape = self.shape
        attended = (shape.heads * shape.query_dim, shape.gated)
        values = [shape.heads * shape.value_dim] * 2
        return [
            torch.zeros(batch, frames, channels)
            for stack, layers in enumerate(shape.layers)
            for _ in range(layers)
            for frames, channels in (
                *((shape.left(stack), channels) for channels in (*attended, *values)),
                *((shape.kernel - 1, shape.dim),) * 2,
            )
        ]


class _Front(nn.Module):
    """Three convolutions over time and frequency: from a frame every 10 ms to one every 40 ms."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(1, 8, 3, stride=(1, 2), padding=(0, 1))
        self.two = nn.Conv2d(8, 16, 3, stride=(2, 2), padding=(0, 1))
        self.three = nn.Conv2d(16, 32, 3, stride=(2, 2), padding=(0, 1))
        self.out = nn.Linear(32 * BANDS // 8, dim)
        self.norm = BiasNorm(dim)
        with torch.no_grad():
            # As they come, the weights are so small that all frames look alike for 100 steps.
            for layer in (self.one, self.two, self.three, self.out):
                layer.weight.normal_(0, _FRONT_GAIN * layer.weight[0].numel() ** -0.5)
                layer.bias.zero_()

    def forward(self, features: Tensor) -> Tensor:
        x = ((features - _LOG_MEL_MEAN) / _LOG_MEL_SPREAD).unsqueeze(1)
        for convolution in (self.one, self.two, self.three):
            x = swoosh_r(convolution(x))
        normed: Tensor = self.norm(self.out(x.transpose(1, 2).flatten(2)))
        return normed


class _Stack(nn.Module):
    """Layers at one frame rate, and a bypass round them if it is not that of the encoder."""

    def __init__(self, shape: Shape, stack: int) -> None:
        super().__init__()
        self.factor = shape.downsampling[stack]
        sizes = shape.chunk(stack), shape.left(stack)
        self.layers = nn.ModuleList(_Layer(shape, *sizes) for _ in range(shape.layers[stack]))
        self.weights = nn.Parameter(torch.zeros(self.factor))
        self.bypass = Bypass(shape.dim)

    def forward(self, x: Tensor, past: Past) -> tuple[Tensor, list[Tensor]]:
        given = x
        if self.factor > 1:
            grouped = x.reshape(x.shape[0], -1, self.factor, x.shape[2])
            x = (grouped * self.weights.softmax(0)[:, None]).sum(2)
        remembered: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            x, new = layer(x, past[STATES * number : STATES * (number + 1)])
            remembered += new
        if self.factor > 1:
            x = self.bypass(given, x.repeat_interleave(self.factor, dim=1))
        return x, remembered


class _Layer(nn.Module):
    def __init__(self, shape: Shape, chunk: int, left: int) -> None:
        super().__init__()
        dim, wide = shape.dim, shape.feedforward_dim
        self.weigh = AttentionWeights(shape, chunk, left)
        self.feed = nn.ModuleList(
            FeedForward(dim, size) for size in (wide * 3 // 4, wide, wide * 5 // 4)
        )
        self.gated = NonLinearAttention(shape, chunk)
        self.attend = nn.ModuleList(SelfAttention(shape, chunk) for _ in range(2))
        self.convolve = nn.ModuleList(Convolution(dim, shape.kernel) for _ in range(2))
        self.halfway, self.bypass = Bypass(dim), Bypass(dim)
        self.norm = BiasNorm(dim)
        self.dropout = Dropout(shape.dropout)

    def forward(self, x: Tensor, past: Past) -> tuple[Tensor, list[Tensor]]:
        keys, gated, value_1, value_2, conv_1, conv_2 = past
        given = x
        weights, keys = self.weigh(x, keys)
        x = x + self.feed[0](x)
        added, gated = self.gated(x, weights[:, :, 0], gated)
        x = x + added
        added, value_1 = self.attend[0](x, weights, value_1)
        x = x + added
        added, conv_1 = self.convolve[0](x, conv_1)
        x = x + self.dropout(added)
        x = self.halfway(given, x + self.feed[1](x))
        added, value_2 = self.attend[1](x, weights, value_2)
        x = x + added
        added, conv_2 = self.convolve[1](x, conv_2)
        x = x + added
        x = self.norm(x + self.dropout(self.feed[2](x)))
        return self.bypass(given, x), [keys, gated, value_1, value_2, conv_1, conv_2]
