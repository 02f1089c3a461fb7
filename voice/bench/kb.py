"""`hean bench kb`: how well, and how quickly, questions find their entry.

Each phrasing of the base is asked while it is left out of the base (five folds), as typed and as
misheard, with homophones in the place of characters. What the base does not hold must be declined:
questions of topics left out, and everyday questions, themselves left out of the themes in turn.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asr.pinyin import syllables
from llm import SentenceEncoder, Vectors
from llm.everyday import TOPIC, everyday_entries
from llm.knowledge import Entry, KnowledgeBase
from llm.knowledge.vocabulary import Vocabulary
from llm.language import is_han
from llm.retrieve import WEIGHTS, Hit, Retriever, Tuning, Weights
from voice.bench import Figures, Say, single
from voice.bench.search import search_times
from voice.config import Config
from voice.engines import knowledge_of, load_retriever

FOLDS = 5
LEFT_OUT_TOPICS = ("animals", "food-water", "masks", "ines", "fire", "alarms-phones")
"""Topics that are left out to see whether their questions are declined."""
SIZES = (100, 1_000, 10_000, 100_000)
THRESHOLDS = (0.1, 0.2, 0.35, 0.45, 0.55, 0.62, 0.75, 0.9)
_NEAR = 3
"""Hits that are looked at for an entry that was found, but not first."""
_CHARACTERS_PER_ERROR = 6
_VIEWS = {
    "vectors": ("entry_vector", "phrase_vector", "answer_vector"),
    "characters": ("entry_wording", "phrase_wording"),
    "sound": ("entry_sound", "phrase_sound", "phrase_aloud"),
}


@dataclass(frozen=True)
class Asked:
    """A question with the facts that answer it; none if it has to be declined."""

    text: str
    language: str
    facts: frozenset[str]
    entry: str = ""
    """Whose phrasing it is."""


class _Remembering:
    """An encoder that encodes no text twice: the folds have most texts in common."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self.name = encoder.name
        self._encoder = encoder
        self._known: dict[str, Vectors] = {}

    def encode(self, texts: list[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._encoder.encode(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def measure(config: Config, say: Say, sizes: Sequence[int] = SIZES) -> Figures:
    """Return recall, with each part left out too, the threshold curve, and time by size."""
    from llm.encode import UniversalSentenceEncoder

    knowledge = knowledge_of(config)
    encoder = UniversalSentenceEncoder()
    figures = _index_times(config, knowledge)
    figures |= _recall(knowledge, _Remembering(encoder), say)
    for size in sizes:
        say(f"searching {size} entries")
        figures |= search_times(knowledge, encoder, size)
    return figures


def _index_times(config: Config, knowledge: KnowledgeBase) -> Figures:
    """Time the shipped way to load the index, which keeps it on disk."""
    begin = time.perf_counter()
    load_retriever(config, knowledge)
    first = time.perf_counter()
    load_retriever(config, knowledge)
    count = len(knowledge.speakable)
    return {
        "index_first_s": single(first - begin, count),
        "index_again_s": single(time.perf_counter() - first, count),
    }


# --- recall and thresholds


def _recall(knowledge: KnowledgeBase, encoder: SentenceEncoder, say: Say) -> Figures:
    typed, heard, declined = [], [], []
    mishear = Mishearing(knowledge, random.Random(1))
    figures: Figures = {}
    for fold in range(FOLDS):
        say(f"asking what is left out, {fold + 1} of {FOLDS}")
        entries, asked = left_out(knowledge.speakable, fold)
        others, everyday = left_out(everyday_entries(), fold)
        search = Retriever(
            entries, encoder, syllables, knowledge.vocabulary, None, Tuning(others=others)
        )
        spoken = [replace(q, text=mishear(q.text)) for q in asked if q.language == "zh"]
        typed += [(q, search.search(q.text, q.language, _NEAR)) for q in asked]
        heard += [(q, search.search(q.text, q.language, _NEAR)) for q in spoken]
        declined += [(q, _first(search, q)) for q in everyday]
        if fold == 0:
            figures = _without_parts(knowledge, entries, others, encoder, asked, spoken)
    declined += _of_left_out_topics(knowledge, encoder)
    spoken_first = [(q, _spoken(hits)) for q, hits in (*typed, *heard)]
    return {
        **_recalls("typed", typed),
        **_recalls("heard", heard),
        **figures,
        **_curve(spoken_first, declined),
    }


def _recalls(key: str, found: Sequence[tuple[Asked, list[Hit]]]) -> Figures:
    """Return how often an entry resting on a fact of the question's own is first (at_1) or among
    the first three (at_3), and how often it is the very entry of the phrasing (strict).
    """
    firsts = [(q, _spoken(hits)) for q, hits in found]
    near = [any(_is_right(q, hit) for hit in hits) for q, hits in found]
    strict = [hit is not None and hit.entry.id == q.entry for q, hit in firsts]
    return {
        f"recall_at_1_{key}": _share([_is_right(q, hit) for q, hit in firsts]),
        f"recall_at_1_{key}.strict": _share(strict),
        f"recall_at_{_NEAR}_{key}": _share(near),
    }


def left_out(entries: Sequence[Entry], fold: int) -> tuple[list[Entry], list[Asked]]:
    """Return the entries without every fifth phrasing, and those phrasings."""
    kept, asked = [], []
    for entry in entries:
        out = [text for n, text in enumerate(entry.ask) if n % FOLDS == fold]
        left = tuple(text for text in entry.ask if text not in out)
        kept.append(replace(entry, ask=left) if left else entry)
        if left and (entry.facts or entry.topic == TOPIC):
            asked += [Asked(t, entry.language, frozenset(entry.facts), entry.id) for t in out]
    return kept, asked


def _of_left_out_topics(
    knowledge: KnowledgeBase, encoder: SentenceEncoder
) -> list[tuple[Asked, Hit | None]]:
    """Ask what the base does not hold: phrasings of topics that are left out."""
    kept = [e for e in knowledge.speakable if e.topic not in LEFT_OUT_TOPICS]
    known = {fact for entry in kept for fact in entry.facts}
    search = Retriever(kept, encoder, syllables, knowledge.vocabulary)
    return [
        (asked, _first(search, asked))
        for entry in knowledge.speakable
        if entry.topic in LEFT_OUT_TOPICS and not known & set(entry.facts)
        for asked in [Asked(entry.ask[0], entry.language, frozenset())]
    ]


def _without_parts(
    knowledge: KnowledgeBase,
    entries: Sequence[Entry],
    others: Sequence[Entry],
    encoder: SentenceEncoder,
    typed: Sequence[Asked],
    heard: Sequence[Asked],
) -> Figures:
    """Return recall on the first fold with all parts, and with each one left out."""
    variants: dict[str, tuple[Vocabulary, Mapping[str, Weights]]] = {
        "all_parts": (knowledge.vocabulary, WEIGHTS),
        "without_synonyms": (Vocabulary(fillers=knowledge.vocabulary.fillers), WEIGHTS),
    }
    for part, views in _VIEWS.items():
        without = {
            language: replace(full, **dict.fromkeys(views, 0.0))
            for language, full in WEIGHTS.items()
        }
        variants[f"without_{part}"] = (knowledge.vocabulary, without)
    figures: Figures = {}
    for name, (words, weights) in variants.items():
        search = Retriever(entries, encoder, syllables, words, None, Tuning(weights, others))
        for key, asked in (("typed", typed), ("heard", heard)):
            found = [_is_right(q, _first(search, q)) for q in asked]
            figures[f"recall_at_1_{key}.{name}"] = _share(found)
    return figures


def _curve(
    known: Sequence[tuple[Asked, Hit | None]], unknown: Sequence[tuple[Asked, Hit | None]]
) -> Figures:
    """Return what happens at each likelihood from which an entry is spoken.

    right, over_refused and wrong are shares of the questions that the base answers,
    answered_elsewhere of those it does not.
    """
    figures: Figures = {}
    for least in THRESHOLDS:
        spoken = [(q, hit) for q, hit in known if hit is not None and hit.score >= least]
        right = sum(_is_right(q, hit) for q, hit in spoken)
        elsewhere = [hit is not None and hit.score >= least for _, hit in unknown]
        figures |= {
            f"right.{least}": single(right / len(known), len(known)),
            f"over_refused.{least}": single(1 - len(spoken) / len(known), len(known)),
            f"wrong.{least}": single((len(spoken) - right) / len(known), len(known)),
            f"answered_elsewhere.{least}": _share(elsewhere),
        }
    return figures


def _first(search: Retriever, asked: Asked) -> Hit | None:
    """Return the entry that would be spoken; None if the question is of another field."""
    return _spoken(search.search(asked.text, asked.language, 1))


def _spoken(hits: Sequence[Hit]) -> Hit | None:
    return hits[0] if hits and hits[0].entry.topic != TOPIC else None


def _is_right(asked: Asked, hit: Hit | None) -> bool:
    return hit is not None and bool(asked.facts & set(hit.entry.facts))


def _share(found: Sequence[bool]) -> Mapping[str, float | int]:
    return single(float(np.mean(found)), len(found))


class Mishearing:
    """Puts characters of the same sound, as the base itself has them, in the place of others."""

    def __init__(self, knowledge: KnowledgeBase, rng: random.Random) -> None:
        self._rng = rng
        self._sounds: dict[str, list[str]] = {}
        text = "".join(e.passage for e in knowledge.entries if e.language == "zh")
        for character in sorted(set(filter(is_han, text))):
            self._sounds.setdefault(syllables(character)[0], []).append(character)

    def __call__(self, text: str) -> str:
        """Return the text with every sixth character misheard, at least one."""
        places = [n for n, character in enumerate(text) if len(self._alike(character)) > 1]
        wrong = min(len(places), max(1, len(text) // _CHARACTERS_PER_ERROR))
        characters = list(text)
        for place in self._rng.sample(places, wrong):
            others = [c for c in self._alike(text[place]) if c != text[place]]
            characters[place] = self._rng.choice(others)
        return "".join(characters)

    def _alike(self, character: str) -> list[str]:
        return self._sounds.get(syllables(character)[0], []) if is_han(character) else []
