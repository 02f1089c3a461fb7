"""Answers single questions, typed or recorded, and records that it did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voice.app import endpoint_rules
from voice.audit.record import Asked, TurnRecord, record_of
from voice.config import Config
from voice.engines import knowledge_of, load_answerer, load_ears, load_voice, model_id_of
from voice.errors import HeanError
from voice.events import Outcome
from voice.process.memory import give_back
from voice.recorder import AuditWriter, versions_of
from voice.recording import hear_recording
from voice.reply import Reply, speak_to_file


class Replier:
    """Everything that `hean ask` needs, loaded once."""

    def __init__(self, config: Config, hears: bool, speaks: bool) -> None:
        knowledge = knowledge_of(config)
        self._rules = endpoint_rules(config)
        self._answerer = load_answerer(config, knowledge)
        self._ears = load_ears(config, knowledge) if hears else None
        self._voice = load_voice(config) if speaks else None
        self._versions = versions_of(knowledge, self._answerer.model, model_id_of(config))
        self._audit = AuditWriter(config)

    def close(self) -> None:
        """Free the language model."""
        self._answerer.close()

    def to_text(self, question: str, target: Path) -> Reply:
        """Answer a question in writing; the spoken answer goes to `target`."""
        asked = Asked("text", question)
        reply = Reply(question, self._answerer.answer(question), {})
        return self._finish(asked, reply, target)

    def to_recording(self, recording: Path, target: Path) -> Reply:
        """Answer a recorded question. Raises InputError if nothing is heard in it."""
        assert self._ears is not None
        asked = Asked("wav")
        try:
            heard = hear_recording(recording, self._ears, self._rules)
        except HeanError as error:
            record = TurnRecord(asked, Outcome.NOTHING_HEARD, self._versions, error_code=error.code)
            self._audit.append(record)
            raise
        asked = replace(asked, heard=heard.transcript.text)
        answer = self._answerer.answer(heard.understood, heard.transcript.language)
        reply = Reply(asked.heard, answer, dict(heard.seconds), warnings=heard.warnings)
        return self._finish(asked, reply, target)

    def _finish(self, asked: Asked, reply: Reply, target: Path) -> Reply:
        """Speak and record an answer."""
        seconds = {**reply.seconds, **reply.answer.seconds}
        if self._voice:
            seconds.update(speak_to_file(reply.answer, self._voice, target))
        give_back()
        problem = self._audit.append(record_of(reply.answer, asked, self._versions, seconds))
        return replace(
            reply,
            seconds=seconds,
            spoken=str(target) if self._voice else None,
            warnings=(*reply.warnings, problem) if problem else reply.warnings,
        )
