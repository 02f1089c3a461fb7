"""Events and answers as JSON, the same for the screen and for other programs."""

from __future__ import annotations

import re
from dataclasses import fields
from enum import Enum
from typing import Any

from llm.answer import Answer
from voice.events import Event
from voice.reply import Reply

Message = dict[str, Any]

_WORD_BEGIN = re.compile(r"(?<!^)(?=[A-Z])")


def message_of(event: Event) -> Message:
    """Return an event as an object: its type in snake case, and its fields."""
    kind = _WORD_BEGIN.sub("_", type(event).__name__).lower()
    return {"type": kind, **{f.name: _plain(getattr(event, f.name)) for f in fields(event)}}


def answer_of(answer: Answer) -> Message:
    """Return an answer with what a screen shows beside its text: details and questions to touch."""
    reply = Reply("", answer, answer.seconds).as_json()
    unsaid = ("heard", "spoken", "warnings")
    entries = [hit.entry for hit in answer.hits]
    details = entries[0].details if entries and entries[0].answer == answer.text else ""
    offered = entries if answer.decision == "ask_back" else []
    return {
        **{key: value for key, value in reply.items() if key not in unsaid},
        "details": details,
        "offers": [entry.ask[0] for entry in offered],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Answer):
        return answer_of(value)
    return value.value if isinstance(value, Enum) else value
