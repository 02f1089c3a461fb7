"""Ask the questions of a file, in writing or aloud, and explain each miss by the stage at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from asr import RATE_HZ
from asr.error_rate import error_rate, units
from llm.score import OUTCOMES, Question, Row, Scorer, as_json, summary
from voice.app import endpoint_rules
from voice.audio.wavfile import read_audio
from voice.config import Config
from voice.ears import Ears
from voice.engines import knowledge_of, load_answerer, load_ears
from voice.errors import InputError
from voice.evaluation.noise import Noise
from voice.evaluation.speech import VOICES, Said, deal, say
from voice.process.machine import machine, versions
from voice.recording import Heard, hear_audio

_SUFFIXES = (".flac", ".wav", ".mp3", ".ogg")
_LONGEST_S = 120.0
RECORDED = "recording"
"""Stands in place of a voice for questions that are recordings."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """How the questions are asked."""

    folder: Path = Path()
    """Names of recordings are relative to it."""
    spoken: bool = False
    """Say the questions aloud; recordings are always heard."""
    voices: tuple[str, ...] = VOICES
    noise: Noise | None = None


@dataclass(frozen=True)
class Trial:
    """A question as it was asked once, and what came of it."""

    row: Row
    voice: str = ""
    """Who said it; empty = it was asked in writing."""
    heard: str = ""
    """The transcript as the recogniser wrote it."""

    def as_json(self) -> dict[str, Any]:
        """Return what scripts see."""
        return {**as_json(self.row), "voice": self.voice, "heard": self.heard}


class Evaluation:
    """Loads what the plan needs and asks."""

    def __init__(self, config: Config, plan: Plan) -> None:
        self._config = config
        self._plan = plan
        self._knowledge = knowledge_of(config)
        self._answerer = load_answerer(config, self._knowledge)
        self._scorer = Scorer(self._answerer, self._knowledge)

    def run(self, questions: Sequence[Question], progress: Progress) -> dict[str, Any]:
        """Return the figures and rows, those in the order of the questions.

        Raises InputError if a recording is missing, SynthesisError if a voice is.
        """
        place = {question.id: number for number, question in enumerate(questions)}
        trials = []
        for trial in self._trials(questions):
            trials.append(trial)
            progress(len(trials), len(questions))
        trials.sort(key=lambda trial: place[trial.row.question.id])
        return {
            **summary([trial.row for trial in trials]),
            **_hearing(trials),
            "run": self._about(),
            "rows": [trial.as_json() for trial in trials],
        }

    def _trials(self, questions: Sequence[Question]) -> Iterator[Trial]:
        for said in self._recordings([q for q in questions if is_recording(q)]):
            yield self._ask_aloud(said)
        written = [question for question in questions if not is_recording(question)]
        if not self._plan.spoken:
            yield from (Trial(self._scorer.score(question)) for question in written)
            return
        for voice, own in deal(written, self._plan.voices).items():
            for said in say(self._config, voice, own):
                yield self._ask_aloud(said)

    def _recordings(self, questions: Sequence[Question]) -> list[Said]:
        """Read all recordings first, so that a missing one is told before anything is asked."""
        read = []
        for question in questions:
            audio, _ = read_audio(self._plan.folder / question.text, RATE_HZ, _LONGEST_S)
            read.append(Said(question, audio, RECORDED, slice(len(audio))))
        return read

    def _ask_aloud(self, said: Said) -> Trial:
        if self._plan.noise:
            said = said.with_noise(self._plan.noise)
        question, heard = said.question, self._hear(said)
        if heard is None:
            row, transcript = self._scorer.score(question, ""), ""
        else:
            transcript = heard.transcript.text
            row = self._scorer.score(question, heard.understood, heard.transcript.language)
        if not row.good and self._is_misheard(row):
            row = replace(row, fault="hear")
        return Trial(row, said.voice, transcript)

    def _hear(self, said: Said) -> Heard | None:
        """Return what is heard; None if nothing is."""
        length_s = len(said.audio) / RATE_HZ
        rules = endpoint_rules(self._config)
        try:
            return hear_audio(said.audio, length_s, self._ears, rules, said.question.id)
        except InputError:
            return None

    def _is_misheard(self, row: Row) -> bool:
        """Return whether a miss comes from what was heard: in writing there would be none."""
        words = said_words(row.question)
        if not words:
            return not row.answer.question
        if units(words) == units(row.answer.question):
            return False
        return self._scorer.score(replace(row.question, text=words)).good

    @cached_property
    def _ears(self) -> Ears:
        return load_ears(self._config, self._knowledge)

    def _about(self) -> dict[str, Any]:
        """Return what the figures depend on."""
        plan, model = self._plan, self._answerer.model
        return {
            "machine": machine(),
            "versions": versions(),
            "knowledge": self._knowledge.content_hash,
            "llm": model.name if model else "",
            "profile": self._config.models.profile,
            "spoken": plan.spoken,
            "voices": list(plan.voices) if plan.spoken else [],
            "noise_db": plan.noise.snr_db if plan.noise else None,
            "noise": plan.noise.source if plan.noise else "",
        }


def is_recording(question: Question) -> bool:
    """Return whether a question is given as the name of a recording."""
    return question.text.lower().endswith(_SUFFIXES)


def said_words(question: Question) -> str:
    """Return what is said, in writing; empty for a recording of which nobody wrote it down."""
    return question.words if is_recording(question) else question.text


def _hearing(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return error rates of the transcripts and the counts of each voice."""
    aloud = [trial for trial in trials if trial.voice]
    known = [(words, trial) for trial in aloud if (words := said_words(trial.row.question))]
    if not aloud:
        return {}
    by_voice: dict[str, dict[str, int]] = {}
    for trial in aloud:
        counts = by_voice.setdefault(trial.voice, dict.fromkeys(("n", *OUTCOMES), 0))
        counts["n"] += 1
        counts[trial.row.outcome] += 1
    rates = {}
    if known:
        raw = error_rate((words, trial.heard) for words, trial in known)
        repaired = error_rate((words, trial.row.answer.question) for words, trial in known)
        rates = {"cer_raw": round(raw, 4), "cer_repaired": round(repaired, 4)}
    return {**rates, "by_voice": by_voice}
