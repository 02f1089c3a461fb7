"""Questions said aloud: synthesised, kept on disk by their content, with silence round them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asr import RATE_HZ, Samples
from llm.score import Question
from voice.audio.pcm import resample
from voice.config import Config
from voice.engines import ModelFiles
from voice.evaluation.noise import Noise
from voice.tts.cache import CachedSynthesizer
from voice.tts.engines import create_synthesizer

VOICES = ("zf_xiaobei", "zm_yunjian", "zm_yunxi", "af_heart", "am_michael")
"""Voices to improve the assistant with. For a last measurement name others that were never used."""
_LANGUAGES = {"z": "zh", "a": "en", "b": "en"}
"""First letters of Kokoro's voices: Mandarin, American, British."""
_EDGE_S = 0.5
_CACHE_MB = 500


@dataclass(frozen=True)
class Said:
    """A question said aloud at 16 kHz."""

    question: Question
    audio: Samples
    voice: str
    speech: slice
    """Where in the audio somebody speaks."""

    def with_noise(self, noise: Noise) -> Said:
        """Return the same with noise; the choice depends on the question and the voice."""
        key = f"{self.question.id} {self.voice}"
        return replace(self, audio=noise.mixed(self.audio, self.speech, key))


def deal(questions: Sequence[Question], voices: Sequence[str]) -> dict[str, list[Question]]:
    """Return which voice asks which questions: those of a language take turns.

    A language that none of the voices speaks is asked by the voices of VOICES.
    """
    dealt: dict[str, list[Question]] = {}
    for language in ("zh", "en"):
        speakers = _of(language, voices) or _of(language, VOICES)
        for number, question in enumerate(q for q in questions if q.language == language):
            dealt.setdefault(speakers[number % len(speakers)], []).append(question)
    return dealt


def say(config: Config, voice: str, questions: Sequence[Question]) -> Iterator[Said]:
    """Yield the questions as one voice asks them.

    Raises SynthesisError if the model has no such voice.
    """
    model, files = ModelFiles(config).find("tts", config.tts.model)
    if language_of(voice) == "zh":
        wanted = replace(config.tts, voice_zh=voice)
    else:
        wanted = replace(config.tts, voice_en=voice)
    engine = create_synthesizer(model.engine, files, wanted)
    speaker = CachedSynthesizer(engine, config.cache / "questions", _CACHE_MB)
    edge = np.zeros(int(_EDGE_S * RATE_HZ), np.float32)
    for question in questions:
        for _ in speaker.warm([(question.text, question.language)]):
            pass  # kept on disk from here on
        spoken = np.concatenate(list(speaker.synthesize(question.text, question.language)))
        speech = resample(spoken, speaker.rate_hz, RATE_HZ)
        where = slice(len(edge), len(edge) + len(speech))
        yield Said(question, np.concatenate([edge, speech, edge]), voice, where)


def language_of(voice: str) -> str:
    """Return the language of a voice, by the first letter of its name."""
    return _LANGUAGES.get(voice[:1], "zh")


def _of(language: str, voices: Sequence[str]) -> list[str]:
    return [voice for voice in voices if language_of(voice) == language]
