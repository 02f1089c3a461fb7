"""The parts of a layer of our Zipformer that look at no other frames, and its convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Convolution(nn.Module):
    """A gated depthwise convolution over this frame and those before."""

    def __init__(self, dim: int, kernel: int) -> None:
        super().__init__()
        self.enter = nn.Linear(dim, 2 * dim)
        self.over_time = nn.Conv1d(dim, dim, kernel, groups=dim)
        self.leave = last(nn.Linear(dim, dim))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is added to the frames, and what the next chunk needs."""
        value, gate = self.enter(x).chunk(2, dim=2)
        whole = torch.cat((past, value * gate.sigmoid()), dim=1)
        x = self.over_time(whole.transpose(1, 2)).transpose(1, 2)
        return self.leave(swoosh_r(x)), whole[:, -past.shape[1] :]


class FeedForward(nn.Module):
    """Two maps of each frame, with SwooshL between."""

    def __init__(self, dim: int, size: int) -> None:
        super().__init__()
        self.enter = nn.Linear(dim, size)
        self.leave = last(nn.Linear(size, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return what is added to the frames."""
        left: Tensor = self.leave(swoosh_l(self.enter(x)))
        return left


class BiasNorm(nn.Module):
    """Brings each frame to one length, without removing its mean."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Scale each frame."""
        power = (x - self.bias).square().mean(2, keepdim=True)
        return x * ((power + 1e-6).rsqrt() * self.log_scale.exp())


class Bypass(nn.Module):
    """Mixes what came in with what came out, by a share for each channel that is learnt."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.full((dim,), 0.7))

    def forward(self, given: Tensor, x: Tensor) -> Tensor:
        """Mix two values."""
        return given + (x - given) * self.share.clamp(0.2, 1.0)


class Dropout(nn.Module):
    """Drops channels of a whole sequence: drawing one number for each frame takes too long."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Drop some in training; change nothing otherwise."""
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


def last(linear: nn.Linear) -> nn.Linear:
    """Make the last map of a branch small, so that a new layer hardly changes its input."""
    with torch.no_grad():
        linear.weight *= 0.25
        linear.bias.zero_()
    return linear
