"""Training examples: clips one after the other with pauses, changed anew each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws import RATE_HZ, Samples
from kws.train import WakeTrainingError
from kws.train.augment import Augmenter
from kws.train.corpus import Clip
from kws.train.features import STEP, log_mel
from kws.train.shape import CHUNK, FRAMES_A_STEP, FRONT_FRAMES
from kws.train.waves import Random

Numbers = NDArray[np.int64]

CHUNK_S = CHUNK * FRAMES_A_STEP / 100
_EXAMPLE_S = (5.0, 10.0)
_EDGE_S, _PAUSE_S = (0.05, 0.6), (0.05, 0.7)
_LAST_S = 0.3
"""Quiet after the last clip: a token is told a little after it was heard."""
_SLOWEST = 1.2
"""A clip may get longer by that."""
_TALKERS = 3


@dataclass(frozen=True)
class Recording:
    """A clip in memory: 16 bits a sample, and its tokens as numbers."""

    samples: NDArray[np.int16]
    tokens: Numbers

    def audio(self) -> Samples:
        """Return the samples in [-1, 1]."""
        return self.samples.astype(np.float32) / np.float32(32768)

    @property
    def seconds(self) -> float:
        """Return its length."""
        return len(self.samples) / RATE_HZ


@dataclass(frozen=True)
class Batch:
    """Examples of one length."""

    features: Tensor
    """(N, frames, bands), as the encoder takes them."""
    targets: Tensor
    """(N, most tokens)."""
    now: Tensor
    """(N, frames of the encoder): what is said in each, if all tokens of a clip are equally long.
    """
    lengths: tuple[Tensor, Tensor]
    """Frames of the encoder and tokens of each example."""
    seconds: float
    """Audio in all."""


class Mixer:
    """Makes the examples of a step; the same step always gives the same ones."""

    def __init__(
        self, recordings: Sequence[Recording], augmenter: Augmenter, seed: int, batch_s: float
    ) -> None:
        self._recordings = recordings
        self._augmenter = augmenter
        self._seed, self._batch_s = seed, batch_s

    def batch(self, step: int) -> Batch:
        """Return the examples of a step: 5 to 10 s each."""
        random = np.random.default_rng((self._seed, step))
        seconds = random.uniform(*_EXAMPLE_S)
        chunks = round(seconds / CHUNK_S)
        count = max(2, round(self._batch_s / seconds))
        made = [self._example(random, chunks) for _ in range(count)]
        features = log_mel(torch.from_numpy(np.stack([wave for wave, _, _ in made])))
        now = torch.from_numpy(np.stack([now for _, now, _ in made]))
        tokens = [torch.from_numpy(said) for _, _, said in made]
        targets = torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True)
        lengths = torch.full((count,), CHUNK * chunks), torch.tensor([len(t) for t in tokens])
        coloured = self._augmenter.colour(features, random)
        return Batch(coloured, targets, now, lengths, count * features.shape[1] / 100)

    def _example(self, random: Random, chunks: int) -> tuple[Samples, Numbers, Numbers]:
        """Return audio, what is said in each frame of the encoder, and all that is said."""
        count = (FRAMES_A_STEP * CHUNK * chunks + FRONT_FRAMES) * STEP
        speech, said = np.zeros(count, np.float32), [np.zeros(0, np.int64)]
        now = np.zeros(CHUNK * chunks, np.int64)
        at = int(random.uniform(*_EDGE_S) * RATE_HZ)
        end = count - int(_LAST_S * RATE_HZ)
        while at < end:
            clip = self._fitting(random, (end - at) / RATE_HZ)
            if clip is None:
                break
            samples = self._augmenter.speed(clip.audio(), random)[: end - at]
            speech[at : at + len(samples)] += samples * random.uniform(0.5, 1.5)
            said.append(clip.tokens)
            _spread(now, clip.tokens, at, at + len(samples))
            at += len(samples) + int(random.uniform(*_PAUSE_S) * RATE_HZ)
        heard = self._augmenter.place(speech, self._babble(random, count), random)
        return heard, now, np.concatenate(said)

    def _fitting(self, random: Random, seconds: float) -> Recording | None:
        for _ in range(4):
            clip = self._recordings[int(random.integers(len(self._recordings)))]
            if clip.seconds * _SLOWEST < seconds:
                return clip
        return None

    def _babble(self, random: Random, count: int) -> Samples:
        """Return several people talking at once."""
        total = np.zeros(count, np.float32)
        for number in random.integers(len(self._recordings), size=_TALKERS).tolist():
            total += np.resize(self._recordings[number].samples, count)
        return total / np.float32(32768)


def _spread(now: Numbers, tokens: Numbers, start: int, end: int) -> None:
    """Write the tokens of a clip evenly into the frames from one sample to another."""
    first, last = (at // (STEP * FRAMES_A_STEP) for at in (start, end))
    frames = now[first:last]
    if len(frames) and len(tokens):
        frames[:] = tokens[np.arange(len(frames)) * len(tokens) // len(frames)]


def read_recordings(folder: Path, clips: Sequence[Clip], tokens: Sequence[str]) -> list[Recording]:
    """Load clips of a corpus; `tokens` is the token table of the model.

    Raises WakeTrainingError that names the clip at fault.
    """
    import soundfile

    numbers = {token: number for number, token in enumerate(tokens)}
    recordings = []
    for clip in clips:
        try:
            samples, rate_hz = soundfile.read(folder / clip.audio, dtype="int16")
            said = np.array([numbers[token] for token in clip.tokens], np.int64)
        except (OSError, soundfile.LibsndfileError) as error:
            raise WakeTrainingError(f"{folder / clip.audio} cannot be read: {error}") from error
        except KeyError as error:
            raise WakeTrainingError(f"{clip.audio}: the token {error} is not known") from error
        if rate_hz != RATE_HZ or samples.ndim != 1:
            raise WakeTrainingError(f"{folder / clip.audio} is not {RATE_HZ} Hz, mono")
        recordings.append(Recording(samples, said))
    return recordings
