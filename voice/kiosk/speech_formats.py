"""Speech and transcripts in the formats that programs ask for."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from asr.text import clean
from voice.audio import Samples
from voice.audio.pcm import to_int16
from voice.lending.aside import Utterance

MEDIA_TYPES = {"wav": "audio/wav", "flac": "audio/flac", "pcm": "audio/pcm"}
"""Formats of speech: PCM is 16-bit, little-endian, mono, without a header."""
TRANSCRIPT_FORMATS = ("json", "text", "verbose_json", "srt", "vtt")
_LANGUAGES = {"zh": "chinese", "en": "english"}
_UNKNOWN_LENGTH = 0xFFFF_FFFF
"""Stands in headers of WAV streams whose end is not known when they begin."""


def wav_header(rate_hz: int) -> bytes:
    """Return the header of a 16-bit mono WAV stream of unknown length."""
    layout = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    sizes = [struct.pack("<I", size) for size in (_UNKNOWN_LENGTH, len(layout), _UNKNOWN_LENGTH)]
    return b"RIFF" + sizes[0] + b"WAVEfmt " + sizes[1] + layout + b"data" + sizes[2]


def pcm(samples: Samples) -> bytes:
    """Return samples as 16-bit little-endian PCM."""
    return to_int16(samples).astype("<i2").tobytes()


def sound_file(pieces: Sequence[Samples], rate_hz: int, name: str) -> bytes:
    """Return pieces of speech as one file, "wav" or "flac"."""
    import soundfile

    file = io.BytesIO()
    samples = np.concatenate([np.zeros(0, np.float32), *pieces])
    soundfile.write(file, to_int16(samples), rate_hz, "PCM_16", format=name.upper())
    return file.getvalue()


def whole_text(utterances: Sequence[Utterance]) -> str:
    """Return all that was said as one text; words in Latin letters are set apart."""
    return clean(" ".join(utterance.text for utterance in utterances))


def verbose(utterances: Sequence[Utterance], duration_s: float) -> dict[str, Any]:
    """Return a transcript with the times of its utterances, as OpenAI's interface has it.

    What this recogniser does not know (tokens, probabilities) is left out.
    """
    languages = [utterance.language for utterance in utterances]
    language = max(languages, key=languages.count, default="")
    return {
        "task": "transcribe",
        "language": _LANGUAGES.get(language, language),
        "duration": round(duration_s, 3),
        "text": whole_text(utterances),
        "segments": [
            {"id": number, "start": round(one.start_s, 3), "end": round(one.end_s, 3)}
            | {"text": one.text, "heard": one.heard}
            for number, one in enumerate(utterances)
        ],
    }


def srt(utterances: Sequence[Utterance]) -> str:
    """Return a transcript as SubRip subtitles."""
    return "\n".join(
        f"{number}\n{_clock(one.start_s, ',')} --> {_clock(one.end_s, ',')}\n{one.text}\n"
        for number, one in enumerate(utterances, 1)
    )


def vtt(utterances: Sequence[Utterance]) -> str:
    """Return a transcript as WebVTT subtitles."""
    cues = (
        f"{_clock(one.start_s, '.')} --> {_clock(one.end_s, '.')}\n{one.text}\n"
        for one in utterances
    )
    return "\n".join(["WEBVTT\n", *cues])


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
