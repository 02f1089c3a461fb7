"""A small streaming Zipformer (Yao et al., "Zipformer: A faster and better encoder for automatic
speech recognition", 2023), for a CPU to train within an hour.

From the paper: the layer with one set of attention weights for three uses, non-linear attention,
bypasses, BiasNorm, Swoosh, and stacks at half the frame rate. Different: a cheaper front end with
a frame every 40 ms, convolutions that look back only, and a table of relative positions.

Audio is taken in chunks of CHUNK frames; a frame attends to its own chunk and to LEFT_S before it.
Training computes all chunks of a sequence at once from an empty past, streaming one chunk from the
past that the chunk before has left: by the same code, so both give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from kws.train.features import BANDS

FRAMES_A_STEP = 4
"""Frames of features (10 ms) for one of the encoder (40 ms)."""
CHUNK = 8
"""Frames of the encoder that are computed at once: 0.32 s."""
FRONT_FRAMES = 5
"""Frames of features beyond FRAMES_A_STEP * CHUNK that the front end needs for a chunk."""
STATES = 6
"""Tensors that a layer remembers: keys, gated values, values twice, convolution twice."""

_FRONT_GAIN = 2.0
"""Swoosh passes on a fifth of a small signal."""
_LOG_MEL_MEAN, _LOG_MEL_SPREAD = -7.0, 4.0
"""Of speech at everyday levels."""

Past = Sequence[Tensor]
"""What the layers remember, batch first: (N, frames, channels) each, STATES for a layer."""


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

    def chunk(self, stack: int) -> int:
        """Return the frames of a chunk in a stack."""
        return CHUNK // self.downsampling[stack]

    def left(self, stack: int) -> int:
        """Return the frames before a chunk that a stack attends to."""
        return self.left_frames // self.downsampling[stack]


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
        attended = (shape.heads * shape.query_dim, _gated(shape.dim))
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
        self.norm = _BiasNorm(dim)
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
        self.bypass = _Bypass(shape.dim)

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
        self.weigh = _AttentionWeights(shape, chunk, left)
        self.feed = nn.ModuleList(
            _FeedForward(dim, size) for size in (wide * 3 // 4, wide, wide * 5 // 4)
        )
        self.gated = _NonLinearAttention(dim, chunk)
        self.attend = nn.ModuleList(_SelfAttention(shape, chunk) for _ in range(2))
        self.convolve = nn.ModuleList(_Convolution(dim, shape.kernel) for _ in range(2))
        self.halfway, self.bypass = _Bypass(dim), _Bypass(dim)
        self.norm = _BiasNorm(dim)
        self.dropout = _Dropout(shape.dropout)

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


class _AttentionWeights(nn.Module):
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
        query, key, place = self.project(x).split(self.sizes, dim=2)
        windows, past = _windows(key, past, self.chunk)
        batch, chunks = windows.shape[:2]
        split = (batch, chunks, -1, self.heads)
        query = query.reshape(batch, chunks, self.chunk, self.heads, -1).transpose(2, 3)
        place = place.reshape(batch, chunks, self.chunk, self.heads, -1)
        windows = windows.reshape(*split, windows.shape[3] // self.heads).permute(0, 1, 3, 4, 2)
        scores = (query * self.scale) @ windows
        # (N, chunks, frame, heads, dim) and (frame, window, heads, dim)
        where = torch.einsum("bcfhd,fwhd->bchfw", place, self.table[self.row])
        return (scores + where).softmax(-1), past


class _NonLinearAttention(nn.Module):
    def __init__(self, dim: int, chunk: int) -> None:
        super().__init__()
        self.chunk = chunk
        self.enter = nn.Linear(dim, 3 * _gated(dim))
        self.leave = _last(nn.Linear(_gated(dim), dim))

    def forward(self, x: Tensor, weights: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        gate, value, gate_after = self.enter(x).chunk(3, dim=2)
        windows, past = _windows(value * gate.tanh(), past, self.chunk)
        mixed = (weights @ windows).flatten(1, 2)
        return self.leave(mixed * gate_after), past


class _SelfAttention(nn.Module):
    def __init__(self, shape: Shape, chunk: int) -> None:
        super().__init__()
        self.chunk, self.heads, self.size = chunk, shape.heads, shape.value_dim
        self.enter = nn.Linear(shape.dim, shape.heads * shape.value_dim)
        self.leave = _last(nn.Linear(shape.heads * shape.value_dim, shape.dim))

    def forward(self, x: Tensor, weights: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        windows, past = _windows(self.enter(x), past, self.chunk)
        batch, chunks, window = windows.shape[:3]
        values = windows.reshape(batch, chunks, window, self.heads, self.size).transpose(2, 3)
        mixed = (weights @ values).transpose(2, 3).reshape(batch, chunks * self.chunk, -1)
        return self.leave(mixed), past


class _Convolution(nn.Module):
    """A gated depthwise convolution over this frame and those before."""

    def __init__(self, dim: int, kernel: int) -> None:
        super().__init__()
        self.enter = nn.Linear(dim, 2 * dim)
        self.over_time = nn.Conv1d(dim, dim, kernel, groups=dim)
        self.leave = _last(nn.Linear(dim, dim))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        value, gate = self.enter(x).chunk(2, dim=2)
        whole = torch.cat((past, value * gate.sigmoid()), dim=1)
        x = self.over_time(whole.transpose(1, 2)).transpose(1, 2)
        return self.leave(swoosh_r(x)), whole[:, -past.shape[1] :]


class _FeedForward(nn.Module):
    def __init__(self, dim: int, size: int) -> None:
        super().__init__()
        self.enter = nn.Linear(dim, size)
        self.leave = _last(nn.Linear(size, dim))

    def forward(self, x: Tensor) -> Tensor:
        left: Tensor = self.leave(swoosh_l(self.enter(x)))
        return left


class _BiasNorm(nn.Module):
    """Brings each frame to one length, without removing its mean."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        power = (x - self.bias).square().mean(2, keepdim=True)
        return x * ((power + 1e-6).rsqrt() * self.log_scale.exp())


class _Bypass(nn.Module):
    """Mixes what came in with what came out, by a share for each channel that is learnt."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.full((dim,), 0.7))

    def forward(self, given: Tensor, x: Tensor) -> Tensor:
        return given + (x - given) * self.share.clamp(0.2, 1.0)


class _Dropout(nn.Module):
    """Drops channels of a whole sequence: drawing one number for each frame takes too long."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        kept = torch.rand(x.shape[0], 1, x.shape[2]) >= self.share
        return x * (kept / (1 - self.share))


def swoosh_l(x: Tensor) -> Tensor:
    """SwooshL of the paper."""
    return functional.softplus(x - 4) - 0.08 * x - 0.035


def swoosh_r(x: Tensor) -> Tensor:
    """SwooshR of the paper: zero at zero."""
    return functional.softplus(x - 1) - 0.08 * x - 0.313261687


def _windows(x: Tensor, past: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Return what each chunk can see, shape (N, chunks, left + chunk, channels), and the end of
    it, which the next chunk sees."""
    left = past.shape[1]
    whole = torch.cat((past, x), dim=1)
    if x.shape[1] == chunk:  # streaming; also keeps `unfold` out of the exported graph
        return whole.unsqueeze(1), whole[:, -left:]
    return whole.unfold(1, left + chunk, chunk).transpose(2, 3), whole[:, -left:]


def _gated(dim: int) -> int:
    """Return the channels of non-linear attention; sherpa-onnx computes the same."""
    return 3 * dim // 4


def _last(linear: nn.Linear) -> nn.Linear:
    """Make the last map of a branch small, so that a new layer hardly changes its input."""
    with torch.no_grad():
        linear.weight *= 0.25
        linear.bias.zero_()
    return linear
