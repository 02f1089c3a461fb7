"""What the model hears: Kaldi's log mel filter banks, exactly as sherpa-onnx computes them.

Frames of 25 ms every 10 ms with mirrored edges (`snip_edges` false), no dither, pre-emphasis 0.97,
Povey's window, 80 bands from 20 Hz to 400 Hz below Nyquist, natural logarithm. Samples in [-1, 1].
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws import RATE_HZ

BANDS = 80
STEP = 160
"""Samples from one frame to the next."""

_FRAME, _FFT = 400, 512
_PRE_EMPHASIS = 0.97
_LOW_HZ, _HIGH_HZ = 20.0, RATE_HZ / 2 - 400.0
_FLOOR = float(np.finfo(np.float32).eps)


def log_mel(waves: Tensor) -> Tensor:
    """Return the features, shape (N, frames, BANDS), of waves of one length, shape (N, samples)."""
    before = (_FRAME - STEP) // 2
    mirrored = (waves[:, :before].flip(1), waves, waves[:, -_FRAME:].flip(1))
    count = (waves.shape[1] + STEP // 2) // STEP
    frames = torch.cat(mirrored, dim=1).unfold(1, _FRAME, STEP)[:, :count]
    frames = frames - frames.mean(2, keepdim=True)
    previous = torch.cat((frames[..., :1], frames[..., :-1]), dim=2)
    spectrum = torch.fft.rfft((frames - _PRE_EMPHASIS * previous) * _window(), _FFT)
    power = spectrum.real.square() + spectrum.imag.square()
    return (power @ _filters()).clamp(min=_FLOOR).log()


@cache
def _window() -> Tensor:
    return torch.hann_window(_FRAME, periodic=False).pow(0.85)


@cache
def _filters() -> Tensor:
    """Return the weight of each frequency in each band: triangles over the mel scale."""
    low, high = _mel(np.array([_LOW_HZ, _HIGH_HZ]))
    corners = np.linspace(low, high, BANDS + 2)
    mel = _mel(np.fft.rfftfreq(_FFT, 1 / RATE_HZ))[:, None]
    rising = (mel - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - mel) / (corners[2:] - corners[1:-1])
    return torch.from_numpy(np.maximum(0, np.minimum(rising, falling)).astype(np.float32))


def _mel(hz: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log(1 + hz / 700))
