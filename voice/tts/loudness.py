"""Making pieces of speech equally loud and giving them clean edges."""

from __future__ import annotations

import numpy as np

from voice.tts import Samples

TARGET_RMS = 0.1
"""Loudness of the voiced parts, -20 dBFS: leaves 12 dB and more for the peaks of speech."""
PEAK = 0.95
FRAME_S = 0.01
_SILENT = 0.02
"""Part of the loudest frame's level below which a frame counts as silence (-34 dB)."""


LEAD_S = 0.01
"""Enough for the fade: the loudspeaker is open all the time, and a person waits for it."""
CLAUSE_PAUSE_S = 0.12
SENTENCE_PAUSE_S = 0.35


def tail_s(piece: str) -> float:
    """Return the pause in seconds that belongs after a piece of text."""
    return (
        SENTENCE_PAUSE_S
        if piece.rstrip("”’\"')）」』】》")[-1:] in "。.！!？?…"
        else CLAUSE_PAUSE_S
    )


def polish(samples: Samples, rate_hz: int, tail_s: float) -> Samples:
    """Return the speech at `TARGET_RMS`, never above `PEAK`, with `LEAD_S` of silence before it
    and `tail_s` after it.

    Empty if there is nothing but silence.
    """
    frame = int(FRAME_S * rate_hz)
    levels = _levels(samples, frame)
    if not levels.size or levels.max() < 1e-4:
        return np.zeros(0, np.float32)
    voiced = np.flatnonzero(levels > levels.max() * _SILENT)
    # Two frames on each side keep the soft beginnings of s, f and h, which are below the limit.
    start = max(0, (int(voiced[0]) - 2) * frame)
    end = min(samples.size, (int(voiced[-1]) + 4) * frame)
    speech = samples[start:end] * _gain(samples, levels)
    _fade(speech, frame)
    lead, tail = (np.zeros(int(rate_hz * seconds), np.float32) for seconds in (LEAD_S, tail_s))
    return np.concatenate([lead, speech.astype(np.float32), tail])


def _levels(samples: Samples, frame: int) -> Samples:
    """Return the RMS of each whole frame."""
    frames = samples[: samples.size // frame * frame].reshape(-1, frame)
    return np.asarray(np.sqrt(np.mean(frames**2, axis=1)), np.float32)


def _gain(samples: Samples, levels: Samples) -> float:
    loud = levels[levels > levels.max() * 0.1]
    rms = float(np.sqrt(np.mean(loud**2)))
    peak = float(np.abs(samples).max())
    return min(TARGET_RMS / rms, PEAK / peak)


def _fade(speech: Samples, length: int) -> None:
    """Fade in and out over one frame, so that the cut makes no click."""
    ramp = np.linspace(0.0, 1.0, min(length, speech.size), dtype=np.float32)
    speech[: ramp.size] *= ramp
    speech[speech.size - ramp.size :] *= ramp[::-1]
