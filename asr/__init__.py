"""Speech recognition: voice activity, endpoints, transcripts, text repair.

A library: arrays in, small frozen values out. No threads, no files it was not given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from asr.whisper_decoder import WhisperDecoder

Samples = NDArray[np.float32]
"""Mono audio in [-1, 1], shape (n,)."""

RATE_HZ = 16_000
"""Every model of this package hears 16 kHz."""

Files = Mapping[str, Path]
"""The files of one model by role: encoder, decoder, joiner, model, tokens, ..."""


class RecognitionError(Exception):
    """A recogniser or voice activity detector cannot be loaded or has failed."""


@dataclass(frozen=True)
class Transcript:
    """What was heard."""

    text: str
    language: str = ""
    """"zh" or "en"; empty if nothing was heard."""


@dataclass(frozen=True)
class AsrConfig:
    """Speech recognition."""

    model: str = ""
    """Model from the catalogue; empty = the one of the profile."""
    streaming_model: str = ""
    """Streaming model for the words that are shown while somebody speaks; `model` then decides what
    was said. Empty = `model` does both."""
    language: str = "auto"
    """Language of the questions: auto, zh or en."""
    threads: int = 2
    """CPU threads of the recogniser."""
    partial_every_s: float = 0.6
    """Seconds of new audio before a partial transcript is decoded again."""
    max_utterance_s: float = 28.0
    """Longest question in seconds of audio; what follows is not used and the person is told."""

    def __post_init__(self) -> None:
        if self.language not in ("auto", "zh", "en"):
            raise ValueError(f"asr.language is {self.language!r}; it must be auto, zh or en")
        if not 1 <= self.threads <= 64:
            raise ValueError(f"asr.threads is {self.threads}; it must be from 1 to 64")
        if not 0.1 <= self.partial_every_s <= 10:
            raise ValueError(
                f"asr.partial_every_s is {self.partial_every_s}; it must be from 0.1 to 10"
            )
        if not 2 <= self.max_utterance_s <= 28:
            raise ValueError(
                f"asr.max_utterance_s is {self.max_utterance_s}; it must be from 2 to 28"
            )


class VoiceActivityDetector(Protocol):
    """Tells chunk by chunk whether somebody speaks."""

    chunk_samples: int

    def is_speech(self, samples: Samples) -> bool:
        """Tell whether exactly `chunk_samples` samples are speech, after those heard before."""
        ...

    def reset(self) -> None:
        """Forget all audio heard so far."""
        ...


class RecognizerStream(Protocol):
    """One utterance."""

    def accept(self, samples: Samples) -> None:
        """Add 16 kHz audio of any length."""
        ...

    def partial(self, paused: bool = False) -> str:
        """Return the transcript so far. Cheap if there is no new audio.

        `paused` tells that the person pauses: what was said is worth deciding now.
        """
        ...

    def finish(self) -> Transcript:
        """Return the final transcript. The stream is then used up."""
        ...


class Recognizer(Protocol):
    """A speech recogniser, loaded once and used for many utterances."""

    streaming: bool
    """True if partial transcripts cost no re-decoding."""

    @property
    def decoder(self) -> WhisperDecoder | None:
        """Return its model step by step, for whoever wants to know its doubts; None where they are
        not told."""
        ...

    def stream(self) -> RecognizerStream:
        """Begin an utterance."""
        ...


RecognizerFactory = Callable[[Files, AsrConfig], Recognizer]
