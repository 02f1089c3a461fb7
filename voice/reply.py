"""One answered question, as scripts and the screen see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llm.answer import Answer
from llm.knowledge import Source
from voice.audio import Samples
from voice.audio.wavfile import write_wav
from voice.terminal import row
from voice.tts import Synthesizer
from voice.tts.sentences import split_sentences

_DECIMALS = 3


def citation(source: Source) -> str:
    """Return a source in one short line: issuer, title, year."""
    year = f" ({source.year})" if source.year else ""
    return f"{source.issuer}: {source.title}{year}"


@dataclass(frozen=True)
class Reply:
    """What was heard, understood, decided and answered."""

    heard: str
    answer: Answer
    seconds: dict[str, float]
    """Seconds of each stage, in the order in which they ran."""
    spoken: str | None = None
    """Path of the spoken answer."""
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the reply as an object for scripts."""
        answer = self.answer
        return {
            "heard": self.heard,
            "understood": answer.question,
            "language": answer.language,
            "decision": answer.decision,
            "answer": answer.text,
            "facts": list(answer.facts),
            "sources": [_source_as_json(source) for source in answer.sources],
            "passages": [
                {"id": p.entry.id, "score": round(p.score, _DECIMALS), "text": p.entry.passage}
                for p in answer.hits
            ],
            "reason": answer.reason,
            "problems": list(answer.problems),
            "model": answer.model_used,
            "seconds": {stage: round(value, _DECIMALS) for stage, value in self.seconds.items()},
            "spoken": self.spoken,
            "warnings": list(self.warnings),
        }

    def lines(self, name: str = "") -> Iterator[str]:
        """Return the reply as lines for people."""
        rows = [("question", name)] if name else []
        rows += [("heard", self.heard), ("understood", self.answer.question)]
        rows += answer_rows(self.answer)
        rows += [("spoken", self.spoken)] if self.spoken else []
        rows += [("note", text) for text in self.warnings]
        return (row(label, text) for label, text in rows)


def speech(
    text: str,
    language: str,
    voice: Synthesizer,
    cancelled: Callable[[], bool] = lambda: False,
    begun: str = "",
) -> Iterator[Samples]:
    """Yield the speech of an answer, its first clause as soon as that is ready.

    `begun` is how it begins, if that was spoken already.
    """
    for part in spoken_parts(text, begun):
        if cancelled():
            return
        yield from voice.synthesize(part, language, cancelled)


def spoken_parts(text: str, begun: str = "") -> list[str]:
    """Return the first sentence and the rest: what is synthesised, and kept, by itself; of an
    answer that has `begun`, the rest.

    With the first sentences of all answers synthesised ahead, every answer begins at once, and
    the rest is made while they play.
    """
    sentences = split_sentences(text.removeprefix(begun))
    first = 0 if begun else 1
    parts = " ".join(sentences[:first]), " ".join(sentences[first:])
    return [part for part in parts if part]


def speak_to_file(answer: Answer, voice: Synthesizer, path: Path) -> dict[str, float]:
    """Write the spoken answer as WAV; return the seconds to its first sample and to its last."""
    begin = time.perf_counter()
    pieces: list[Samples] = []
    seconds: dict[str, float] = {}
    for samples in speech(answer.text, answer.language, voice):
        seconds.setdefault("first_sound", time.perf_counter() - begin)
        pieces.append(samples)
    write_wav(path, np.concatenate(pieces), voice.rate_hz)
    seconds["speech"] = time.perf_counter() - begin
    return seconds


def answer_rows(answer: Answer) -> list[tuple[str, str]]:
    """Return an answer as labelled lines: decision, text, sources."""
    sources = dict.fromkeys(citation(source) for source in answer.sources)
    return [
        ("decision", answer.decision),
        ("answer", answer.text),
        *(("source", source) for source in sources),
    ]


def _source_as_json(source: Source) -> dict[str, str]:
    return {
        "fact": source.fact,
        "title": source.title,
        "issuer": source.issuer,
        "year": source.year,
        "section": source.section,
        "address": source.address,
    }
