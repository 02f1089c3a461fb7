"""Routes: read entries of the knowledge base beside their sources, and vet them or not."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from llm import KnowledgeError
from llm.knowledge import Entry, KnowledgeBase
from llm.knowledge.review import Change, due, entry_of
from llm.knowledge.sign import SignedKnowledge
from voice.config import Config
from voice.engines import knowledge_of, signed_knowledge_of
from voice.operator.guard import refusing
from voice.reviewing import review, shown

MOST_LISTED = 50
_MOST_NAMES = 8


class Review(BaseModel):
    """A decision on an entry, in the name of who has compared it with its sources."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["vetted", "draft"]
    reviewer: Annotated[str, Field(min_length=2, max_length=80, pattern=r"\S")]


def knowledge_routes(config: Config) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/knowledge")

    @router.get("")
    def entries(
        show: Literal["due", "all"] = "due",
        find: Annotated[str, Query(max_length=200)] = "",
        skip: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> dict[str, Any]:
        """List entries that wait for a review, or all; `find` looks in ids, questions, answers."""
        with refusing():
            signed = signed_knowledge_of(config)
        return _listed(signed, show == "all", find, skip)

    @router.get("/{name}")
    def entry(name: str) -> dict[str, Any]:
        """Return one entry beside its facts and sources, and what speaks against vetting it."""
        with refusing():
            knowledge = knowledge_of(config)
        return shown(knowledge, _entry(knowledge, name))

    @router.post("/{name}")
    def decide(name: str, wanted: Review) -> dict[str, Any]:
        """Vet an entry, or make a draft of it; it is spoken, or no longer, after a restart."""
        reviewer = " ".join(wanted.reviewer.split())
        day = date.today().isoformat() if wanted.verdict == "vetted" else ""
        with refusing():
            _entry(knowledge_of(config), name)
            review(config, [name], Change(wanted.verdict, reviewer, day))
            signed = signed_knowledge_of(config)
        changed = entry_of(signed.knowledge, name)
        return {"entry": _row(changed, {}), "approval": signed.approval.text}

    return router


def _listed(signed: SignedKnowledge, everything: bool, find: str, skip: int) -> dict[str, Any]:
    reasons = {item.entry.id: item.reason for item in due(signed.knowledge, date.today())}
    found = [
        entry
        for entry in signed.knowledge.entries
        if (everything or entry.id in reasons) and _has(entry, find)
    ]
    return {
        "due": len(reasons),
        "found": len(found),
        "approval": signed.approval.text,
        "reviewers": _reviewers(signed.knowledge),
        "device": platform.node(),
        "entries": [_row(e, reasons) for e in found[skip : skip + MOST_LISTED]],
    }


def _entry(knowledge: KnowledgeBase, name: str) -> Entry:
    try:
        return entry_of(knowledge, name)
    except KnowledgeError as error:
        raise HTTPException(404, str(error)) from error


def _reviewers(knowledge: KnowledgeBase) -> list[str]:
    """Return who has reviewed entries, the last one first: on a screen names are touched."""
    by_day = sorted(knowledge.entries, key=lambda entry: entry.reviewed, reverse=True)
    return list(dict.fromkeys(entry.reviewer for entry in by_day if entry.reviewer))[:_MOST_NAMES]


def _has(entry: Entry, words: str) -> bool:
    """Tell whether an entry has all words, anywhere in what a person may read of it."""
    texts = "\n".join((entry.id, *entry.ask, entry.answer, entry.details, *_people(entry)))
    return all(word in texts.casefold() for word in words.casefold().split())


def _people(entry: Entry) -> Iterator[str]:
    if entry.reviewer:
        yield entry.reviewer


def _row(entry: Entry, reasons: dict[str, str]) -> dict[str, Any]:
    shown_fields = ("id", "language", "decision", "status", "answer", "reviewer", "reviewed")
    row = {name: getattr(entry, name) for name in shown_fields}
    return {**row, "ask": entry.ask[0] if entry.ask else "", "due": reasons.get(entry.id, "")}
