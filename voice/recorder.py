"""Writes the turns of a run into the audit log."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal

from llm import LanguageModel
from llm.answer import Answer
from llm.knowledge import KnowledgeBase
from voice.audit.log import AuditLog
from voice.audit.record import Asked, TurnRecord, Versions, record_of
from voice.config import Config
from voice.errors import AuditError
from voice.events import (
    AnswerReady,
    Event,
    FinalTranscript,
    Outcome,
    StageFailed,
    TurnEnded,
    WakeWordDetected,
)

_LOGGER = logging.getLogger(__name__)


def versions_of(knowledge: KnowledgeBase, model: LanguageModel | None, model_id: str) -> Versions:
    """Return what answers are made of; `model_id` is that of `voice.engines.model_id_of`."""
    return Versions(knowledge.content_hash, model.name if model else "", model_id)


class AuditWriter:
    """Appends rows; a log that cannot be written costs the row, not the answer."""

    def __init__(self, config: Config, file: Path | None = None) -> None:
        file = file or config.audit_file
        self._log = AuditLog(file, config.audit) if config.audit.enabled else None

    def prune(self) -> None:
        """Delete what is older than the owner keeps; what goes wrong is only logged."""
        if self._log is None:
            return
        try:
            row = self._log.prune(by_itself=True)
        except AuditError as error:
            _LOGGER.error("%s; %s", error.message, error.fix)
            return
        if row is not None:
            _LOGGER.info("audit rows up to %s deleted by retention", row.fields["pruned_through"])

    def append(self, record: TurnRecord) -> str:
        """Write a row; return what went wrong, "" = nothing."""
        if self._log is None:
            return ""
        try:
            self._log.append(record)
        except AuditError as error:
            _LOGGER.error("%s; %s", error.message, error.fix)
            return f"not recorded: {error.message}; {error.fix}"
        return ""


class AuditObserver:
    """Takes events; writes a row for every turn in which a question was understood.

    When a run begins, rows older than `audit.keep_days` are deleted first.
    """

    def __init__(
        self,
        config: Config,
        versions: Versions,
        source: Literal["mic", "run"] = "run",
        file: Path | None = None,
    ) -> None:
        """Write into the audit log of this device, unless another file is given."""
        self._writer = AuditWriter(config, file)
        self._versions = versions
        self._source = source
        self._open: dict[int, TurnRecord] = {}
        self._call: tuple[str | None, float | None] = (None, None)
        if source == "run":
            self._writer.prune()

    def use(self, versions: Versions) -> None:
        """From now on answers are made of something else."""
        self._versions = versions

    def aside(self, answer: Answer, heard: str) -> None:
        """Write a row for what a program was answered; may be called by any thread."""
        self._writer.append(record_of(answer, Asked("api", heard), self._versions))

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, WakeWordDetected):
            self._call = (event.word, event.score)
        elif isinstance(event, FinalTranscript):
            self._begin(event)
        elif event.turn in self._open:
            self._follow(event)

    def _begin(self, event: FinalTranscript) -> None:
        word, score = self._call
        self._call = (None, None)
        asked = Asked(self._source, event.heard, wake_word=word, wake_score=score)
        self._open[event.turn] = TurnRecord(
            asked, Outcome.FAILED, self._versions, event.understood, event.language
        )

    def _follow(self, event: Event) -> None:
        record = self._open[event.turn]
        if isinstance(event, AnswerReady):
            self._open[event.turn] = record_of(event.answer, record.asked, self._versions)
        elif isinstance(event, StageFailed):
            self._open[event.turn] = replace(record, error_code=event.stage)
        elif isinstance(event, TurnEnded):
            del self._open[event.turn]
            self._writer.append(replace(record, outcome=event.outcome))
