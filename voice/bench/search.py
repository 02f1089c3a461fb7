"""How quickly questions find their entry in bases of any size, and in how much memory."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from asr.pinyin import syllables
from llm import SentenceEncoder, Vectors
from llm.knowledge import Entry, KnowledgeBase
from llm.retrieve import Retriever
from voice.bench import Figures, distribution, single
from voice.process.memory import resident_mb

_PHRASINGS = 4
_SEARCHES = 100


class _Dice:
    """An encoder of generated texts: as costly to search as a real one, but not to index."""

    def __init__(self, encoder: SentenceEncoder, generator: np.random.Generator) -> None:
        self.name = "dice"
        self._encoder = encoder
        self._generator = generator

    def encode(self, texts: list[str]) -> Vectors:
        if len(texts) == 1:
            return self._encoder.encode(texts)
        vectors = self._generator.standard_normal((len(texts), 512), np.float32)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def search_times(knowledge: KnowledgeBase, encoder: SentenceEncoder, size: int) -> Figures:
    """Return milliseconds of a search, and memory, with so many generated Chinese entries."""
    rng = random.Random(size)
    before_mb = resident_mb()
    questions = [e.ask[0] for e in knowledge.speakable if e.language == "zh"][:_SEARCHES]
    entries = list(_generated(knowledge, size, rng))
    dice = _Dice(encoder, np.random.default_rng(size))
    search = Retriever(entries, dice, _sound_by_clause, knowledge.vocabulary)
    times_ms = []
    for question in questions:
        begin = time.perf_counter()
        search.search(question, "zh")
        times_ms.append((time.perf_counter() - begin) * 1000)
    name = f"1e{len(str(size)) - 1}"
    return {
        f"search_ms.{name}": distribution(times_ms),
        f"search_mb.{name}": single(max(0.0, resident_mb() - before_mb)),
    }


def _generated(knowledge: KnowledgeBase, size: int, rng: random.Random) -> Iterator[Entry]:
    """Yield Chinese entries that are put together from pieces of the shipped ones."""
    clauses = [text for e in knowledge.speakable if e.language == "zh" for text in e.ask]
    for number in range(size):
        texts = ["，".join(rng.sample(clauses, 2)) for _ in range(_PHRASINGS + 1)]
        ask, answer = tuple(texts[:-1]), f"{texts[-1]}。"
        yield Entry(f"zh.generated.{number}", "zh", "generated", ask, answer, (str(number),))


def _sound_by_clause(text: str) -> tuple[str, ...]:
    return tuple(sound for clause in text.split("，") for sound in _sounds(clause))


@lru_cache(maxsize=100_000)
def _sounds(clause: str) -> tuple[str, ...]:
    return syllables(clause)
