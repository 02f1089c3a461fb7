"""Losses: the transducer's over its full lattice, and CTC.

The lattice is the one that sherpa-onnx decodes: each frame emits a blank or one token (the
recurrent neural aligner of Sak et al., 2017; "modified" transducer in k2).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_NEVER = -1e9
"""Logarithm of the probability of what cannot be; infinity would make gradients that are none."""


def transducer_loss(
    heard: Tensor, text: Tensor, targets: Tensor, lengths: tuple[Tensor, Tensor]
) -> Tensor:
    """Return -log P(targets) for each sequence.

    heard: scores (N, T, V) of the encoder; text: scores (N, U + 1, V) of the predictor; targets:
    (N, U); lengths: frames and tokens of each sequence, (N,) each. Token 0 is the blank.
    """
    frames, tokens = lengths
    blank, label = _transitions(heard, text, targets)
    past_end = torch.arange(heard.shape[1])[:, None] >= frames[:, None, None]  # (N, T, 1)
    all_said = torch.arange(text.shape[1]) >= tokens[:, None, None]  # (N, 1, U + 1)
    # After its last frame a sequence only waits for the longest one.
    blank = blank.masked_fill(past_end, 0.0)
    label = label.masked_fill(past_end | all_said, _NEVER)
    total: Tensor = _Lattice.apply(blank, label, tokens)
    return -total


def ctc_loss(scores: Tensor, targets: Tensor, lengths: tuple[Tensor, Tensor]) -> Tensor:
    """Return the CTC loss of each sequence; scores: (N, T, V)."""
    likely = scores.log_softmax(2).transpose(0, 1)
    frames, tokens = lengths
    return functional.ctc_loss(
        likely, targets, frames, tokens, reduction="none", zero_infinity=True
    )


def flat_start_loss(scores: Tensor, now: Tensor) -> Tensor:
    """Return the mean cross-entropy of each frame against the token `now`, shape (N, T), that is
    said in it if all tokens of a clip are equally long: a crude alignment that makes the encoder
    useful from the first step on. scores: (N, T, V)."""
    return functional.cross_entropy(scores.transpose(1, 2), now)


def _transitions(heard: Tensor, text: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return log P(blank) and log P(next target) in each cell, (N, T, U + 1) each."""
    heard_most, text_most = heard.amax(2, keepdim=True), text.amax(2, keepdim=True)
    product = (heard - heard_most).exp() @ (text - text_most).exp().transpose(1, 2)
    normaliser = product.clamp(min=1e-30).log() + heard_most + text_most.transpose(1, 2)
    blank = heard[..., :1] + text[..., :1].transpose(1, 2) - normaliser
    following = functional.pad(targets, (0, 1))  # nothing follows the last: masked by the caller
    heard_next = heard.gather(2, following[:, None].expand(-1, heard.shape[1], -1))
    text_next = text.gather(2, following[..., None]).transpose(1, 2)
    return blank, heard_next + text_next - normaliser


class _Lattice(torch.autograd.Function):
    """log of the summed probability of all paths, with the forward-backward gradient.

    By hand: automatic differentiation would keep every step, and take three times as long.
    """

    @staticmethod
    def forward(ctx: Any, blank: Tensor, label: Tensor, tokens: Tensor) -> Tensor:
        batch, frames, states = blank.shape
        before = blank.new_full((frames + 1, batch, states), _NEVER)
        after = before.clone()
        before[0, :, 0] = 0.0
        after[frames] = torch.where(torch.arange(states) == tokens[:, None], 0.0, _NEVER)
        blanks, labels = (part.transpose(0, 1).contiguous() for part in (blank, label))
        for t in range(frames):
            back = frames - 1 - t
            stay, move = before[t] + blanks[t], before[t, :, :-1] + labels[t, :, :-1]
            before[t + 1, :, 0] = stay[:, 0]
            torch.logaddexp(stay[:, 1:], move, out=before[t + 1, :, 1:])
            stay, move = (
                after[back + 1] + blanks[back],
                after[back + 1, :, 1:] + labels[back, :, :-1],
            )
            after[back, :, -1] = stay[:, -1]
            torch.logaddexp(stay[:, :-1], move, out=after[back, :, :-1])
        total = after[0, :, 0].clone()
        middle = before[:-1] - total[:, None]
        stays = (middle + blanks + after[1:]).exp()
        moves = functional.pad(
            (middle[..., :-1] + labels[..., :-1] + after[1:, :, 1:]).exp(), (0, 1)
        )
        ctx.save_for_backward(stays.transpose(0, 1), moves.transpose(0, 1))
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        stays, moves = ctx.saved_tensors
        (gradient,) = gradients
        return stays * gradient[:, None, None], moves * gradient[:, None, None], None
