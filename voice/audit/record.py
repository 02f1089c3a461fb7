"""What is recorded of a turn, and how much of its text."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from llm.answer import Answer
from llm.masking import mask
from voice import __version__
from voice.config import AuditConfig
from voice.events import Outcome

MAX_TEXT_CHARS = 4000
"""Four times the longest question that is answered; longer texts are cut."""
_DECIMALS = 4
_QUESTION_FIELDS = ("heard", "understood", "reason")
"""What a person said; the reason of a decision quotes it."""
_TEXT_FIELDS = (*_QUESTION_FIELDS, "answer")


def utc_now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(timezone.utc)


def timestamp(time: datetime) -> str:
    """Return a time in UTC, ISO 8601, to the millisecond: such texts sort like the times."""
    utc = time.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


@dataclass(frozen=True)
class Asked:
    """How a question came in."""

    source: Literal["text", "wav", "mic", "run", "api"]
    """`hean ask` with a text, a recording or the microphone, `hean run`, or a program that asks
    the running assistant."""
    heard: str = ""
    """Before repair; for a typed question, the question."""
    started_at: datetime = field(default_factory=utc_now)
    wake_word: str | None = None
    wake_score: float | None = None


@dataclass(frozen=True)
class Versions:
    """What the device was made of when it answered."""

    knowledge: str = ""
    """`KnowledgeBase.content_hash`."""
    model: str = ""
    """Name of the language model; empty if there is none."""
    model_id: str = ""
    """SHA-256 of its file, and after a "+" that of its adapter; empty if nobody here has hashed
    it: a model of a server, or a file of the owner."""
    software: str = __version__


@dataclass(frozen=True)
class TurnRecord:
    """One turn."""

    asked: Asked
    outcome: Outcome
    versions: Versions = Versions()
    understood: str = ""
    """After repair."""
    language: str = ""
    decision: str = ""
    reason: str = ""
    passages: tuple[tuple[str, float], ...] = ()
    """Ids and scores, best first."""
    facts: tuple[str, ...] = ()
    answer: str = ""
    problems: tuple[str, ...] = ()
    """Why a composed text was dropped."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Of each stage."""
    error_code: str = ""
    """`HeanError.code` if the turn failed."""

    def fields(self) -> dict[str, Any]:
        """Return the record as one flat object."""
        asked, versions = self.asked, self.versions
        return {
            "kind": "turn",
            "started_at": timestamp(asked.started_at),
            "source": asked.source,
            "wake_word": asked.wake_word,
            "wake_score": _number(asked.wake_score),
            "heard": asked.heard,
            "understood": self.understood,
            "language": self.language,
            "decision": self.decision,
            "reason": self.reason,
            "passages": [{"id": name, "score": _number(score)} for name, score in self.passages],
            "facts": list(self.facts),
            "answer": self.answer,
            "problems": list(self.problems),
            "model": versions.model,
            "model_id": versions.model_id,
            "knowledge": versions.knowledge,
            "seconds": {stage: _number(value) for stage, value in self.seconds.items()},
            "outcome": self.outcome.value,
            "error_code": self.error_code,
            "software": versions.software,
        }


def record_of(
    answer: Answer,
    asked: Asked,
    versions: Versions,
    seconds: Mapping[str, float] | None = None,
) -> TurnRecord:
    """Return the record of an answer; without `seconds`, those of the answer itself."""
    return TurnRecord(
        asked,
        Outcome.ANSWERED,
        versions,
        answer.question,
        answer.language,
        answer.decision,
        answer.reason,
        tuple((hit.entry.id, hit.score) for hit in answer.hits),
        answer.facts,
        answer.text,
        answer.problems,
        answer.seconds if seconds is None else seconds,
    )


def stored_fields(record: TurnRecord, config: AuditConfig) -> dict[str, Any]:
    """Return what is stored of a record: masked, cut, or only fingerprints of the texts."""
    fields = record.fields()
    if config.mask_personal:
        for name in _QUESTION_FIELDS:
            fields[name] = mask(fields[name])
    keep = _kept if config.text else _fingerprint
    for name in _TEXT_FIELDS:
        fields[name] = keep(fields[name])
    fields["problems"] = [keep(problem) for problem in fields["problems"]]
    return fields


def _kept(text: str) -> str:
    # A command line may hand over bytes that are no UTF-8, as lone surrogates: not storable.
    text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) <= MAX_TEXT_CHARS:
        return text
    return f"{text[:MAX_TEXT_CHARS]}… ({len(text)} characters)"


def _fingerprint(text: str) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return {"chars": len(text), "sha256": digest}


def _number(value: float | None) -> float | None:
    """Round; JSON knows no infinity."""
    return round(value, _DECIMALS) if value is not None and math.isfinite(value) else None
