"""The questions that can be touched, by topic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from llm.knowledge import LANGUAGES, KnowledgeBase

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).with_name("topics.toml")


def topics_of(knowledge: KnowledgeBase) -> dict[str, list[dict[str, Any]]]:
    """Return the topics of each language: id, title and questions.

    What a knowledge base does not know, or keeps as a draft, is left out.
    """
    tables: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    spoken = {entry.id: entry for entry in knowledge.speakable}
    return {
        language: [
            {"id": topic, "title": table[language], "questions": questions}
            for topic, table in tables.items()
            if (
                questions := [
                    spoken[name].ask[0]
                    for name in (f"{language}.{entry}" for entry in table["entries"])
                    if name in spoken
                ]
            )
        ]
        for language in LANGUAGES
    }
