"""A small knowledge base and everything that answers from it, loaded once for all tests."""

from __future__ import annotations

from functools import lru_cache

from asr.pinyin import syllables
from llm import LanguageModel
from llm.answer import Answerer
from llm.encode import UniversalSentenceEncoder
from llm.knowledge import Entry, KnowledgeBase, load_knowledge
from llm.retrieve import Retriever


@lru_cache
def shipped() -> KnowledgeBase:
    return load_knowledge()


@lru_cache
def encoder() -> UniversalSentenceEncoder:
    return UniversalSentenceEncoder()


@lru_cache
def retriever() -> Retriever:
    return Retriever(shipped().speakable, encoder(), syllables, shipped().vocabulary)


def answerer(model: LanguageModel | None = None) -> Answerer:
    return Answerer(shipped(), retriever(), syllables, model)


def base_of(*entries: Entry) -> KnowledgeBase:
    """Return a knowledge base of these entries with the shipped sources and vocabulary."""
    return KnowledgeBase(tuple(entries), shipped().sources, shipped().vocabulary)


def small_answerer(entries: list[Entry], model: LanguageModel | None = None) -> Answerer:
    """Return an answerer that knows these entries alone."""
    knowledge = base_of(*entries)
    search = Retriever(knowledge.speakable, encoder(), syllables, knowledge.vocabulary)
    return Answerer(knowledge, search, syllables, model)
