"""Streams for recognisers that can only decode whole segments.

Partial transcripts come from decoding the growing segment again and again. When the person
pauses, the segment is decoded thoroughly at once: if nothing but quiet follows, that is already
the final transcript, and finishing costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from os.path import commonprefix
from typing import TYPE_CHECKING, Protocol

import numpy as np

from asr import RATE_HZ, AsrConfig, Samples, Transcript

if TYPE_CHECKING:
    from asr.whisper_decoder import WhisperDecoder

Decode = Callable[[Samples, bool], Transcript]
"""Decodes a segment; if the flag is set thoroughly, otherwise as fast as possible."""

PARTIAL_LIMIT_S = 12.0
"""Partial transcripts of longer segments would cost more time than they save."""
PARTIAL_GROWTH = 0.12
"""Part of the segment that must be new, so that all partial decodings together stay bounded."""
PAUSE_S = 0.25
"""Quiet at the end of a segment that makes it worth a thorough decoding."""
SHORTEST_S = 0.1
"""Nothing shorter is speech."""

_FRAME = RATE_HZ // 50
_QUIET_RATIO = 0.06
"""Loudness of a quiet frame relative to the loudest of the segment: about -24 dB."""
_ROOM_RATIO = 1.8
"""How much louder the frames of a steady noise become than its quietest tenth."""
_LOUDEST_ROOM_RATIO = 0.25
"""-12 dB: beyond, what goes on may be soft speech."""
_SILENCE_RMS = 3e-4
"""Below it (-70 dB) there is no speech, whatever the recogniser would write."""


class SegmentRecognizer(Protocol):
    """A recogniser without streaming."""

    streaming: bool

    @property
    def decoder(self) -> WhisperDecoder | None:
        """Return its model step by step; None where that is not told."""
        ...

    def stream(self) -> SegmentStream:
        """Begin an utterance."""
        ...


class SegmentStream:
    """One utterance of a recogniser without streaming."""

    def __init__(self, decode: Decode, config: AsrConfig) -> None:
        self._decode = decode
        self._every = int(config.partial_every_s * RATE_HZ)
        self._room = int(config.max_utterance_s * RATE_HZ)
        self._parts: list[Samples] = []
        self._decoded = 0
        """Samples at the last partial decoding."""
        self._last = ""
        self._shown = ""
        self._settled: tuple[int, Transcript] | None = None
        """Length and transcript of the segment when it was decoded at a pause."""
        self._early = False
        """It was decoded when the pause had only begun."""

    def accept(self, samples: Samples) -> None:
        """Add 16 kHz audio of any length; what goes beyond the longest utterance is dropped."""
        samples = np.asarray(samples, np.float32).reshape(-1)[: self._room]
        self._room -= len(samples)
        if len(samples):
            self._parts.append(np.nan_to_num(samples))

    def partial(self, paused: bool = False) -> str:
        """Return the beginning on which two successive decodings agreed, all of it at a pause."""
        settled = self.settle(paused)
        if settled is not None:
            self._shown = self._last = settled.text or self._shown
        elif self._is_due():
            heard = self._transcribe(self._audio(), thorough=False).text
            self._shown = steadied(self._shown, commonprefix([self._last, heard]))
            self._last = heard
        return self._shown

    def settle(self, paused: bool = False) -> Transcript | None:
        """Decode thoroughly if the person pauses; None while somebody speaks.

        Loudness tells of a pause, or the caller, who knows it sooner and in noise too. If nothing
        but quiet follows, this is already the final transcript; what was decoded early is decoded
        once more, for Whisper at times leaves out what stands at the very end.
        """
        audio = self._audio()
        pauses = _pauses(audio)
        if self._is_settled(audio) and not (self._early and pauses):
            return self._settled[1] if self._settled else None
        self._settled = None
        if len(audio) > PARTIAL_LIMIT_S * RATE_HZ or not (paused or pauses):
            return None
        self._decoded, self._early = len(audio), not pauses
        self._settled = (len(audio), self._transcribe(audio, thorough=True))
        return self._settled[1]

    def finish(self) -> Transcript:
        """Return the final transcript."""
        audio = self._audio()
        if self._settled is not None and self._is_settled(audio):
            return self._settled[1]
        return self._transcribe(audio, True)

    def _is_due(self) -> bool:
        """Tell whether there is enough new audio for another partial decoding; note that it was."""
        length = len(self._audio())
        if length > PARTIAL_LIMIT_S * RATE_HZ:
            return False
        due = length - self._decoded >= max(self._every, length * PARTIAL_GROWTH)
        if due:
            self._decoded = length
        return due

    def _audio(self) -> Samples:
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0] if self._parts else np.zeros(0, np.float32)

    def _is_settled(self, audio: Samples) -> bool:
        """Tell whether only quiet has followed the pause at which the segment was decoded."""
        if self._settled is None:
            return False
        frames = loudness(audio)
        after = frames[self._settled[0] // _FRAME :]
        return bool(np.all(after < _quiet_level(frames)))

    def _transcribe(self, audio: Samples, thorough: bool) -> Transcript:
        if len(audio) < SHORTEST_S * RATE_HZ or loudness(audio).max() < _SILENCE_RMS:
            return Transcript("")
        return self._decode(audio, thorough)


def steadied(shown: str, agreed: str) -> str:
    """Return what to show after `shown`, once decodings agree on `agreed`.

    Shown text does not flicker: it grows, and is corrected only by what is at least as long.
    """
    return agreed if len(agreed) >= len(shown) else shown


def loudness(audio: Samples) -> Samples:
    """Return the root mean square of each whole frame of 20 ms; of at least one frame."""
    count = max(1, len(audio) // _FRAME)
    frames = np.resize(audio, (count, _FRAME)) if len(audio) else np.zeros((1, _FRAME))
    return np.sqrt(np.mean(np.square(frames, dtype=np.float32), axis=1, dtype=np.float32))


def _quiet_level(frames: Samples) -> float:
    """Return the loudness of a quiet frame: little against the speech, or what the room has."""
    loudest = float(frames.max())
    room = min(float(np.quantile(frames, 0.1)) * _ROOM_RATIO, loudest * _LOUDEST_ROOM_RATIO)
    return max(loudest * _QUIET_RATIO, room, _SILENCE_RMS)


def _pauses(audio: Samples) -> bool:
    frames = loudness(audio)
    tail = int(PAUSE_S * RATE_HZ) // _FRAME
    return len(frames) > tail and bool(np.all(frames[-tail:] < _quiet_level(frames)))
