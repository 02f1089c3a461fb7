"""Wake word detectors for programs, beside that of the conversation."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from asr import Recognizer
from kws import Samples, WakeWordDetector
from kws.looks import Finder, LookingDetector, Nearest
from kws.words import WakeWord
from voice.config import Config
from voice.engines import load_vad
from voice.lending.aside import Busy
from voice.wake import engine_of, load_finder, load_zipformer

MOST_LENT = 4
"""Each keeps its own audio and models; more would take the processor from the conversation."""


class _SharedFinder:
    """A finder for several detectors, used by one at a time."""

    def __init__(self, finder: Finder) -> None:
        self.name = finder.name
        self.own_score = finder.own_score
        self._finder = finder
        self._lock = threading.Lock()

    def nearest(self, samples: Samples) -> Nearest | None:
        """Return the word that anything in the audio comes nearest to; None if to none."""
        with self._lock:
            return self._finder.nearest(samples)


class WakeLending:
    """Lends detectors of the engine in use; nothing is loaded before somebody wants one."""

    def __init__(self, config: Config, words: Sequence[WakeWord], recognizer: Recognizer) -> None:
        """`recognizer` may be used at any time."""
        self._config = config
        self._words = words
        self._recognizer = recognizer
        self._places = threading.BoundedSemaphore(MOST_LENT)
        self._loading = threading.Lock()
        self._finder: Finder | None = None

    @contextmanager
    def lend(self) -> Iterator[WakeWordDetector]:
        """Lend a detector that has heard nothing yet. Raises Busy, WakeWordError."""
        if not self._places.acquire(blocking=False):
            raise Busy("too many programs listen for wake words already")
        try:
            yield self._new()
        finally:
            self._places.release()

    def _new(self) -> WakeWordDetector:
        if engine_of(self._config) == "zipformer":
            return load_zipformer(self._config, self._words)
        with self._loading:
            if self._finder is None:
                finder = load_finder(self._config, self._words, self._recognizer)
                self._finder = _SharedFinder(finder)
        vad = load_vad(self._config)
        return LookingDetector(self._finder, vad.is_speech, vad.chunk_samples, self._config.wake)
