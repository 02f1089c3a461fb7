"""Reviewing entries of the knowledge base, by command and on the operator's page."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm.knowledge import Entry, KnowledgeBase, load_knowledge
from llm.knowledge.review import Change, apply_review, obstacles
from llm.knowledge.suspicion import suspicions
from voice.config import Config
from voice.engines import knowledge_folder, own_folder


def review(config: Config, ids: Sequence[str], change: Change) -> list[Path]:
    """Set status, reviewer and day of entries; return the files that were written.

    What a flashed slot brings is never changed: its files are bound by their hashes, and the slot
    would count as damaged. Raises KnowledgeError.
    """
    knowledge = load_knowledge(knowledge_folder(config), own_folder(config))
    return apply_review(knowledge, ids, change, _folders(config))


def shown(knowledge: KnowledgeBase, entry: Entry) -> dict[str, Any]:
    """Return an entry beside its sources, what to look at, and why it may not be vetted."""
    vetted = dataclasses.replace(
        entry, status="vetted", reviewer=entry.reviewer or "-", reviewed=entry.reviewed or "-"
    )
    return {
        "entry": dataclasses.asdict(entry),
        "sources": [dataclasses.asdict(source) for source in knowledge.sources_of(entry)],
        "look": [f"{found.reason}: {found.text}" for found in suspicions(entry.passage)],
        "obstacles": obstacles(knowledge, [vetted]),
    }


def _folders(config: Config) -> list[Path]:
    folder, own = knowledge_folder(config), own_folder(config)
    return [own] if config.flash_folder in folder.parents else [folder, own]
