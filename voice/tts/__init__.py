"""Speech synthesis: from text as written for the eye to pieces of audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono audio in [-1, 1], shape (n,)."""

Files = Mapping[str, Path]
"""The files of one model by role: model, voices, tokens, lexicon_zh, vocoder, ..."""


class SynthesisError(Exception):
    """A voice cannot be loaded or has failed."""


class NoSuchVoice(SynthesisError):
    """The model has no voice of that name."""


@dataclass(frozen=True)
class TtsConfig:
    """Speech synthesis."""

    model: str = ""
    """Model from the catalogue; empty = the one of the profile."""
    voice_zh: str = ""
    """Voice for Mandarin; empty = the model's best. `hean say --voices` lists them."""
    voice_en: str = ""
    """Voice for English; empty = the model's best."""
    speed: float = 1.0
    """1.0 = natural; 0.8 = a fifth slower."""
    threads: int = 2
    """CPU threads of the synthesiser."""
    cache_mb: int = 400
    """Room on disk for answers synthesised ahead, in megabytes; 0 = keep none."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.speed <= 2.0:
            raise ValueError(f"tts.speed is {self.speed}; it must be from 0.5 to 2.0")
        if not 1 <= self.threads <= 64:
            raise ValueError(f"tts.threads is {self.threads}; it must be from 1 to 64")
        if not 0 <= self.cache_mb <= 100_000:
            raise ValueError(f"tts.cache_mb is {self.cache_mb}; it must be from 0 to 100000")


class Synthesizer(Protocol):
    """A voice, loaded once."""

    rate_hz: int
    speed: float
    """1.0 = natural. May be changed between answers."""
    voices: tuple[str, ...]
    """Voices that `TtsConfig.voice_zh` and `voice_en` may name."""

    @property
    def name(self) -> str:
        """Return engine, voices and speed: what a cache key needs to know."""
        ...

    def speaking(self, voice: str, speed: float) -> Synthesizer:
        """Return the same model with one voice for all languages ("" = as it is) and a speed.

        What is loaded is shared; how this one speaks stays. Raises SynthesisError if there is no
        such voice.
        """
        ...

    def synthesize(
        self, text: str, language: str, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Samples]:
        """Yield the speech of `text` piece by piece, the first piece as soon as it is ready.

        `text` is written as for the eye ("100 mSv", "1/2"); reading it out is done inside.
        Raises SynthesisError if nothing in the text can be spoken.
        """
        ...


SynthesizerFactory = Callable[[Files, TtsConfig], Synthesizer]


def pick_voice(wanted: str, voices: tuple[str, ...], default: str) -> str:
    """Return the voice a configuration names, or the default one.

    Raises NoSuchVoice if the model does not have it.
    """
    name = wanted or (default if default in voices else voices[0])
    if name not in voices:
        raise NoSuchVoice(f"there is no voice {name!r}; there are {', '.join(voices)}")
    return name
