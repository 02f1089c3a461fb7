"""Two recognisers as one: a streaming one shows what is being said, one by segment decides.

A streaming recogniser writes each word a moment after it was said, but makes more errors than one
that hears the whole utterance. So its words are shown, and never the final transcript.
"""

from __future__ import annotations

from asr import Recognizer, RecognizerStream, Samples, Transcript
from asr.segment import SegmentRecognizer
from asr.text import clean


class TwoPassRecognizer:
    """A streaming recogniser for partial transcripts, one by segment for the final one."""

    streaming = True

    def __init__(self, live: Recognizer, final: SegmentRecognizer) -> None:
        self._live = live
        self._final = final
        self.decoder = final.decoder

    def stream(self) -> TwoPassStream:
        """Begin an utterance."""
        return TwoPassStream(self._live, self._final)


class TwoPassStream:
    """One utterance, heard by both; by the streaming one only as far as somebody looks at it.

    At a pause the recogniser by segment decodes at once: if the person has ended, that already is
    the final transcript. If not, it stands for what was said so far, and the streaming recogniser
    begins anew behind it: what it would still write about the time before is not shown twice.
    """

    def __init__(self, live: Recognizer, final: SegmentRecognizer) -> None:
        self._recognizer = live
        self._live: RecognizerStream = live.stream()
        self._waiting: list[Samples] = []
        """Audio that the streaming recogniser has not yet heard."""
        self._final = final.stream()
        self._decided = ""
        """What was said up to the last pause."""
        self._pausing = False

    def accept(self, samples: Samples) -> None:
        """Add 16 kHz audio of any length."""
        self._final.accept(samples)
        self._waiting.append(samples)

    def partial(self, paused: bool = False) -> str:
        """Return what was said up to the last pause as it was decided, then what is being said."""
        settled = self._final.settle(paused)
        if settled is None:
            self._pausing = False
        elif not self._pausing:
            self._pausing = True
            self._decided = settled.text or self._shown()
            self._live = self._recognizer.stream()
            self._waiting.clear()
        return self._shown()

    def finish(self) -> Transcript:
        """Return the final transcript, that of the recogniser by segment."""
        return self._final.finish()

    def _shown(self) -> str:
        for samples in self._waiting:
            self._live.accept(samples)
        self._waiting.clear()
        return joined(self._decided, self._live.partial())


def joined(one: str, other: str) -> str:
    """Return two parts of a transcript as one; words in Latin letters are set apart."""
    return clean(f"{one} {other}")
