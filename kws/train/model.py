"""The whole model: a transducer whose acoustic and text scores are added up.

The score of a token at a frame, after what was said before, is the encoder's plus the predictor's.
Without a non-linear joiner the normaliser of every cell of the lattice comes from one product of
matrices (as in the "simple" loss of Kuang et al., "Pruned RNN-T for fast, memory-efficient ASR
training", 2022), and text alone can hardly outvote what is heard.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from kws.train.shape import Shape
from kws.train.zipformer import Encoder

CONTEXT = 2
"""Tokens before the next one that the predictor sees."""
NOTHING = -1
"""Stands for a token before the first one, as in sherpa-onnx."""
BLANK = 0


class Predictor(nn.Module):
    """What comes next, from the last CONTEXT tokens alone (Ghodsi et al., 2020)."""

    def __init__(self, tokens: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, dim)
        self.mix = nn.Linear(CONTEXT * dim, dim)
        self.out = nn.Linear(dim, tokens)

    def forward(self, context: Tensor) -> Tensor:
        """Return scores, shape (..., tokens), after tokens, shape (..., CONTEXT)."""
        known = (context >= 0).unsqueeze(-1)
        vectors = self.embedding(context.clamp(min=0)) * known
        scores: Tensor = self.out(functional.silu(self.mix(vectors.flatten(-2))))
        return scores


class Transducer(nn.Module):
    """Encoder and predictor, and two more heads that are used in training alone."""

    def __init__(self, tokens: int, shape: Shape = Shape(), text_dim: int = 64) -> None:  # noqa: B008
        super().__init__()
        self.tokens = tokens
        self.encoder = Encoder(shape)
        self.hear = nn.Linear(shape.dim, tokens)
        self.predictor = Predictor(tokens, text_dim)
        self.ctc = nn.Linear(shape.dim, tokens)
        self.now = nn.Linear(shape.dim, tokens)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the scores of the transducer, of CTC and of the token that is being said, for
        whole sequences, each (N, CHUNK * n, tokens); features: see Encoder."""
        encoded, _ = self.encoder(features, self.encoder.no_past(features.shape[0]))
        return self.hear(encoded), self.ctc(encoded), self.now(encoded)


def contexts(targets: Tensor) -> Tensor:
    """Return what was said before each token and after the last, shape (N, tokens + 1, CONTEXT)."""
    start = targets.new_tensor([NOTHING] * (CONTEXT - 1) + [BLANK])
    said = torch.cat((start.expand(targets.shape[0], -1), targets), dim=1)
    return said.unfold(1, CONTEXT, 1)


def forget(context: Tensor, share: float) -> Tensor:
    """Put the beginning of a text in place of a share of contexts: keyword spotting forgets what
    was said before a keyword, and a text that is known by heart would be learnt instead of sounds.
    """
    start = context.new_tensor([NOTHING] * (CONTEXT - 1) + [BLANK])
    drawn = torch.rand(context.shape[:2]) < share
    return torch.where(drawn.unsqueeze(-1), start, context)
