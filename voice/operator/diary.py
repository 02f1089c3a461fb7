"""The last turns, with the time of each stage."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from voice.audit.log import AuditLog, Selection
from voice.audit.record import timestamp, utc_now
from voice.errors import AuditError
from voice.events import (
    AnswerReady,
    Event,
    FinalTranscript,
    PlaybackEnded,
    PlaybackStarted,
    SpeechEnded,
    StageFailed,
    TurnEnded,
    WakeWordDetected,
)

MOST = 30
STAGES = ("understood", "answered", "first_sound", "spoken")
"""Each from the one before; the first from the last voiced sample of the question. Their order is
another one where an answer begins to be spoken before it is ready."""


@dataclass
class Turn:
    """What is known of one turn so far."""

    number: int
    at: datetime
    said: dict[str, Any] = field(default_factory=dict)
    marks_s: dict[str, float] = field(default_factory=dict)
    """Monotonic times: `asked`, and when each stage was over."""

    def as_json(self) -> dict[str, Any]:
        """Return what was said, and the seconds of each stage that is over."""
        return {
            "turn": self.number,
            "at": timestamp(self.at),
            "heard": "",
            "understood": "",
            "decision": "",
            "answer": "",
            "outcome": "",
            "failed": "",
            **self.said,
            "stages_s": self._stages_s(),
            "voice_to_voice_s": self._voice_to_voice_s(),
        }

    def _stages_s(self) -> dict[str, float]:
        # A composed answer is ready only after its first sound.
        reached = [name for name in ("asked", *STAGES) if name in self.marks_s]
        reached.sort(key=self.marks_s.__getitem__)
        return {
            name: round(self.marks_s[name] - self.marks_s[before], 3)
            for before, name in zip(reached, reached[1:], strict=False)
        }

    def _voice_to_voice_s(self) -> float | None:
        if not {"asked", "first_sound"} <= self.marks_s.keys():
            return None
        return round(self.marks_s["first_sound"] - self.marks_s["asked"], 3)


class Diary:
    """Follows the events; safe to read from any thread."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._turns: OrderedDict[int, Turn] = OrderedDict()
        self._asked_s: OrderedDict[int, float] = OrderedDict()
        """A sound that ended becomes a turn only when it was understood."""
        self.began = now()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            if isinstance(event, SpeechEnded):
                self._asked_s[event.turn] = event.last_voiced_s
                _forget(self._asked_s)
            elif isinstance(event, FinalTranscript):
                self._begin(event)
            elif event.turn in self._turns:
                self._follow(self._turns[event.turn], event)

    def turns(self) -> list[dict[str, Any]]:
        """Return the turns of this run, newest first."""
        with self._lock:
            return [turn.as_json() for turn in reversed(self._turns.values())]

    def _begin(self, event: FinalTranscript) -> None:
        turn = Turn(event.turn, self._now())
        turn.said = {"heard": event.heard, "understood": event.understood}
        if event.turn in self._asked_s:
            turn.marks_s["asked"] = self._asked_s.pop(event.turn)
        turn.marks_s["understood"] = event.at_s
        self._turns[event.turn] = turn
        _forget(self._turns)

    @staticmethod
    def _follow(turn: Turn, event: Event) -> None:
        if isinstance(event, AnswerReady):
            answer = event.answer
            turn.said |= {"decision": answer.decision, "answer": answer.text}
            turn.marks_s["answered"] = event.at_s
        elif isinstance(event, PlaybackStarted):
            turn.marks_s.setdefault("first_sound", event.at_s)
        elif isinstance(event, PlaybackEnded):
            turn.marks_s["spoken"] = event.at_s
        elif isinstance(event, StageFailed):
            turn.said["failed"] = f"{event.stage}: {event.message}"
        elif isinstance(event, TurnEnded):
            turn.said["outcome"] = event.outcome.value
        elif isinstance(event, WakeWordDetected):
            turn.said["word"] = event.word


def turns_before(log: AuditLog, began: datetime, most: int) -> list[dict[str, Any]]:
    """Return the turns of earlier runs that the audit log holds, newest first.

    It knows the time of each stage of the answer, not that of the sound.
    """
    if most <= 0:
        return []
    try:
        rows = [row.fields for row in log.select(Selection(MOST + most))]
    except AuditError:
        return []  # the self-test says so
    before = [
        row
        for row in reversed(rows)
        if row.get("kind") == "turn" and str(row.get("started_at")) < timestamp(began)
    ]
    return [_recorded(row) for row in before[:most]]


def _recorded(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: _text(row.get(name)) for name in ("heard", "understood", "answer")}
    return {
        "turn": 0,
        "at": row["started_at"],
        **texts,
        "decision": row.get("decision") or "",
        "outcome": row.get("outcome") or "",
        "failed": row.get("error_code") or "",
        "stages_s": row.get("seconds") or {},
        "voice_to_voice_s": None,
    }


def _text(kept: Any) -> str:
    """Return a text of the log; where the owner keeps none, how long it was."""
    return f"({kept.get('chars')} characters)" if isinstance(kept, dict) else str(kept or "")


def _forget(kept: OrderedDict[int, Any]) -> None:
    while len(kept) > MOST:
        kept.popitem(last=False)
