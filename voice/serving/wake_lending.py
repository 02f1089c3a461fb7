"""Wake word detectors for programs, beside that of the conversation."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from asr import Recognizer
from kws import WakeWordDetector
from kws.words import WakeWord
from voice.config import Config
from voice.engines import load_vad
from voice.lending.aside import Busy
from voice.wake import load_detector

MOST_LENT = 4
"""Each keeps its own audio and models; more would take the processor from the conversation."""


class WakeLending:
    """Lends detectors of the engine in use; nothing is loaded before somebody wants one."""

    def __init__(self, config: Config, words: Sequence[WakeWord], recognizer: Recognizer) -> None:
        """`recognizer` may be used at any time."""
        self._config = config
        self._words = words
        self._recognizer = recognizer
        self._places = threading.BoundedSemaphore(MOST_LENT)

    @contextmanager
    def lend(self) -> Iterator[WakeWordDetector]:
        """Lend a detector that has heard nothing yet.

        Raises Busy, WakeWordError, ModelStoreError.
        """
        if not self._places.acquire(blocking=False):
            raise Busy("too many programs listen for wake words already")
        try:
            yield load_detector(self._config, self._words, self._recognizer, load_vad(self._config))
        finally:
            self._places.release()
