"""Hear the question in a recording."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asr import RATE_HZ, Samples, Transcript, VoiceActivityDetector
from asr.endpoint import EndpointRules
from voice.audio.wavfile import read_audio
from voice.ears import Ears
from voice.errors import InputError

_SEARCH_S = 120.0
"""How far into a recording speech is looked for."""
AFTER_S = 0.3
"""Audio kept after the last speech."""


@dataclass(frozen=True)
class Heard:
    """A question from a recording."""

    transcript: Transcript
    understood: str
    seconds: dict[str, float]
    """Seconds that finding speech, recognition and repair took."""
    warnings: tuple[str, ...] = ()


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note how long a block took."""
    begin = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = time.perf_counter() - begin


def hear_recording(path: Path, ears: Ears, rules: EndpointRules) -> Heard:
    """Return what is said in a recording.

    Raises InputError if it cannot be read, or if nobody speaks in it.
    """
    audio, length_s = read_audio(path, RATE_HZ, _SEARCH_S)
    return hear_audio(audio, length_s, ears, rules, str(path))


def hear_audio(
    audio: Samples, length_s: float, ears: Ears, rules: EndpointRules, name: str
) -> Heard:
    """Return what is said in audio at 16 kHz, cut from `length_s` seconds; errors call it `name`.

    Raises InputError if nobody speaks in it.
    """
    seconds: dict[str, float] = {}
    with timed(seconds, "vad"):
        question, warnings = find_question(audio, length_s, ears.vad, rules)
    if not len(question):
        found = "; ".join([f"{name}: no speech was found in it", *warnings])
        raise InputError(found, "speak closer to the microphone")
    with timed(seconds, "asr"):
        stream = ears.recognizer.stream()
        stream.accept(question)
        transcript = stream.finish()
    if not transcript.text:
        raise InputError(f"{name}: nothing was understood", "say it again, slowly and clearly")
    with timed(seconds, "repair"):
        understood = ears.repairer.repair(transcript.text, transcript.language)
    return Heard(transcript, understood, seconds, warnings)


def find_question(
    audio: Samples, length_s: float, vad: VoiceActivityDetector, rules: EndpointRules
) -> tuple[Samples, tuple[str, ...]]:
    """Return the audio from the first speech to the last, and what was left out.

    A person who hesitates stays one question: pauses do not end it, only the longest length does,
    and then it ends with the last speech before that.
    """
    voiced = voiced_chunks(audio, vad, rules)
    warnings = []
    if length_s > _SEARCH_S:
        warnings.append(f"only the first {_SEARCH_S:.0f} of {length_s:.0f} seconds were searched")
    if not len(voiced):
        return audio[:0], tuple(warnings)
    size = vad.chunk_samples
    start = max(0, int(voiced[0] * size - rules.pre_roll_s * RATE_HZ))
    limit = start + int(rules.max_utterance_s * RATE_HZ)
    used = voiced[voiced * size <= limit]
    if len(used) < len(voiced):
        warnings.append(
            f"what is said more than {rules.max_utterance_s:.0f} seconds after the beginning "
            "of the question was not used"
        )
    end = int((used[-1] + 1) * size + AFTER_S * RATE_HZ)
    return audio[start : min(end, limit)], tuple(warnings)


def utterances(audio: Samples, vad: VoiceActivityDetector, rules: EndpointRules) -> Iterator[slice]:
    """Yield where in the audio somebody speaks: each utterance ends with a long enough pause, or
    when it has become as long as one may be."""
    size = vad.chunk_samples
    pause = rules.silence_s * RATE_HZ / size
    longest = (rules.max_utterance_s - rules.pre_roll_s - AFTER_S) * RATE_HZ / size
    runs: list[list[int]] = []
    for number in voiced_chunks(audio, vad, rules).tolist():
        if not runs or number - runs[-1][-1] > pause or number - runs[-1][0] >= longest:
            runs.append([])
        runs[-1].append(number)
    end = 0
    for run in runs:
        start = max(end, int(run[0] * size - rules.pre_roll_s * RATE_HZ))
        end = min(len(audio), int((run[-1] + 1) * size + AFTER_S * RATE_HZ))
        yield slice(start, end)


def voiced_chunks(
    audio: Samples, vad: VoiceActivityDetector, rules: EndpointRules
) -> NDArray[np.int64]:
    """Return the numbers of the chunks with speech; clicks are no speech."""
    vad.reset()
    size = vad.chunk_samples
    padded = np.concatenate([audio, np.zeros(-len(audio) % size, np.float32)])
    speech = [vad.is_speech(chunk) for chunk in padded.reshape(-1, size)]
    shortest = max(1, round(rules.min_speech_s * RATE_HZ / size))
    kept: list[int] = []
    run: list[int] = []
    for number, voiced in enumerate([*speech, False]):
        if voiced:
            run.append(number)
        else:
            kept += run if len(run) >= shortest else []
            run = []
    return np.array(kept, np.int64)
