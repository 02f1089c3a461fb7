"""Wake words (keyword spotting).

A library: arrays in, small frozen values out. No threads, no files it was not given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono audio in [-1, 1], shape (n,)."""

RATE_HZ = 16_000
"""Every model of this package hears 16 kHz."""

Files = Mapping[str, Path]
"""The files of one model by role: encoder, decoder, joiner, tokens; bpe or lexicon."""

Transcribe = Callable[[Samples], str]
"""Speech recognition, given by the caller: 16 kHz audio in, text out."""

DEFAULT_WORDS = ("你好核安", "小安小安")
"""Words that are listened for until the owner chooses others."""


class WakeWordError(Exception):
    """A wake word, or the file of them, cannot be used."""


class WakeModelError(WakeWordError):
    """A wake word model is missing, damaged or of the wrong kind."""


@dataclass(frozen=True)
class Detection:
    """A wake word was heard."""

    word: str
    """As the owner wrote it, not as the engine spells it."""
    score: float
    """Likeness in [0, 1]. An engine that does not tell it gives the threshold that was passed."""
    at_s: float
    """When it was known: seconds of audio since the detector was made or reset."""
    engine: str
    length_s: float = 0.0
    """How long before `at_s` the word began, a little more rather than less; 0 = not told."""
    sure: bool = True
    """It needs no confirmation."""


@dataclass(frozen=True)
class WakeConfig:
    """Wake words. The words themselves are kept by `hean wake add`, `list` and `remove`."""

    engine: str = ""
    """combined (of the next two), whisper, zipformer or asr-pinyin; empty = the first of them that
    the models allow."""
    model: str = ""
    """Model from the catalogue for combined and zipformer; empty = the one of the profile."""
    second_stage: bool = True
    """Confirm hits of the zipformer that are not sure by speech recognition, so that similar words
    do not wake; false = only those that are sure count."""
    refractory_s: float = 1.5
    """Seconds of audio after a wake word in which none is heard again."""
    likeness: float = 0.87
    """For asr-pinyin: how much the recognised sounds must be like the word; 1.0 = the same."""
    threads: int = 1
    """CPU threads of the zipformer; the others hear with the recogniser."""

    def __post_init__(self) -> None:
        from kws.engines import ENGINES  # which needs what is above

        if self.engine not in ("", *ENGINES):
            names = ", ".join(ENGINES)
            raise ValueError(f"wake.engine is {self.engine!r}; it must be empty or one of {names}")
        for key, low, high in (
            ("refractory_s", 0, 30),
            ("likeness", 0.5, 1),
            ("threads", 1, 64),
        ):
            value = getattr(self, key)
            if not low <= value <= high:
                raise ValueError(f"wake.{key} is {value}; it must be from {low} to {high}")


class WakeWordDetector(Protocol):
    """Listens for several wake words at once."""

    chunk_samples: int

    def process(self, samples: Samples) -> Detection | None:
        """Hear exactly `chunk_samples` more samples; tell whether a word has just been said."""
        ...

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        ...
