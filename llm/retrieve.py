"""Finding the vetted entry a question asks for, also when it was misheard.

Three views are fused: sentence vectors (meaning), characters or words (wording), toneless
syllables (sound; Mandarin only). Each is taken of the whole entry, which finds the candidates,
and of its single phrasings, which rewards a question that was foreseen.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llm import SentenceEncoder
from llm.alignment import Alignment
from llm.cache import cached_arrays
from llm.doses import DoseEffects
from llm.everyday import everyday_entries
from llm.index import Read, Reader, Syllables, index_entries, part
from llm.knowledge import LANGUAGES, Entry
from llm.knowledge.vocabulary import Vocabulary
from llm.ngrams import GramIndex, Scores, ranges
from llm.people import Audience
from llm.whitening import whitened
from llm.wording import Wording, clean

Vector = NDArray[np.float32]

_CANDIDATES = 60
"""Entries whose single phrasings are compared."""
_SHORTLIST = 400
"""Entries whose vectors are compared in all dimensions."""
_LEAST = {"phrase_aloud": 0.45}
"""Likeness below which a view tells nothing: any two sentences share some sounds."""
_MOST_LEAD = 4.0
"""Points ahead beyond which a lead tells no more; in a small base everything is far ahead."""
_NUMBER = re.compile(r"\d{5,}")


@dataclass(frozen=True)
class Weights:
    """How the views are fused and turned into a likelihood.

    Fusion: fitted by taking each phrasing of the base out in turn and looking for its entry with
    it, a third of them with homophone errors, and rounded. Likelihood: logistic regression on
    those, also misheard in every third to fifth syllable; on questions of everyday fields and of
    topics left out; and on 385 questions of people, typed, heard clearly and heard at 10 dB.
    """

    entry_vector: float
    phrase_vector: float
    answer_vector: float
    entry_wording: float
    phrase_wording: float
    entry_sound: float
    phrase_sound: float
    phrase_aloud: float
    slope: float
    """Log-odds of being right for each point of fused similarity."""
    lead: float
    """Log-odds for each point ahead of the best entry that rests on other facts."""
    base: float
    """Log-odds at no similarity."""
    heard: float = 0.0
    """Log-odds for hearing the whole sound of a question in an entry: what was misheard sounds
    like the field, what belongs to another field does not."""
    number_missing: float = 8.0
    """Points lost by an entry without the number a question names: 12345 is not 12369."""
    other_audience: float = 8.0
    """Points lost by an entry for other ages than the question names, or for people where it
    names an animal."""
    other_dose: float = 8.0
    """Points lost by an entry on what another dose does than the question names."""


WEIGHTS = {
    "zh": Weights(
        10.0, 5.0, 4.0, 4.0, 3.0, 4.0, 2.0, 8.0, slope=0.083, lead=0.56, base=-2.05, heard=1.35
    ),
    "en": Weights(13.0, 3.0, 4.0, 6.0, 2.0, 0.0, 0.0, 0.0, slope=0.089, lead=0.83, base=-1.72),
}


@dataclass(frozen=True)
class Hit:
    """An entry that may answer the question."""

    entry: Entry
    score: float
    """Likelihood in [0, 1] that this entry answers the question."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Similarity by view, in [0, 1], and their weighted sum `fused`."""
    phrase: str = ""
    """The phrasing that matched best."""


@dataclass(frozen=True)
class Tuning:
    """How entries are weighed; other than the default for measurements."""

    weights: Mapping[str, Weights] = field(default_factory=lambda: WEIGHTS)
    others: Sequence[Entry] | None = None
    """Themes of other fields that entries are weighed against; the shipped ones if None."""


class Retriever:
    """Searches the entries of every language; built once, used by one thread at a time."""

    def __init__(
        self,
        entries: Sequence[Entry],
        encoder: SentenceEncoder,
        syllables: Syllables,
        vocabulary: Vocabulary | None = None,
        cache_folder: Path | None = None,
        tuning: Tuning | None = None,
    ) -> None:
        """Index the entries; the index is kept in `cache_folder`, if one is given."""
        tuning = tuning or Tuning()
        others = everyday_entries() if tuning.others is None else tuning.others
        vocabulary = vocabulary or Vocabulary()
        self._shelves = {
            language: _Shelf(
                [e for e in entries if e.language == language],
                [e for e in others if e.language == language],
                Reader(
                    Wording(vocabulary.synonyms(language), vocabulary.filler_phrases(language)),
                    encoder,
                    syllables if language == "zh" else None,
                    _hash_of(vocabulary),
                ),
                tuning.weights[language],
                cache_folder / language if cache_folder else None,
            )
            for language in LANGUAGES
        }

    def search(self, text: str, language: str, limit: int = 5) -> list[Hit]:
        """Return the likeliest entries of `language`, best first."""
        return self._shelves[language].search(text, limit)


class _Shelf:
    """The entries of one language.

    Rows (phrasings, then sentences of the passage) of an entry lie next to each other.
    """

    def __init__(
        self,
        entries: list[Entry],
        others: Sequence[Entry],
        reader: Reader,
        weights: Weights,
        cache_folder: Path | None,
    ) -> None:
        entries = [*entries, *others] if entries else []
        self._entries = entries
        self._reader = reader
        self._weights = weights
        arrays = cached_arrays(
            cache_folder, reader.key(entries), lambda: index_entries(entries, reader)
        )
        self._vectors, self._centres = arrays["vectors"], arrays["centres"]
        self._whitening = arrays["whitening"]
        self._basis, self._sketch = arrays["basis"], arrays["sketch"]
        self._starts, self._ends = arrays["starts"], arrays["starts"] + arrays["asked"]
        self._wording = GramIndex(part(arrays, "wording"))
        self._sound = GramIndex(part(arrays, "sound"))
        self._aloud = Alignment(part(arrays, "aloud"))
        self._phrase_of = np.cumsum([0, *arrays["asked"]], dtype=np.int64)
        self._audience = Audience(entries)
        self._doses = DoseEffects(entries)

    def search(self, text: str, limit: int) -> list[Hit]:
        if not self._entries or not text.strip():
            return []
        question = whitened(self._reader.vectors([text]), self._whitening)[0]
        read = self._reader.read(text)
        views, coarse, best = self._coarse(text, question, read)
        found = best[np.argsort(-coarse[best], kind="stable")[:_CANDIDATES]]
        fine, phrases = self._fine(found, question, read)
        parts = {name: view[found] for name, view in views.items()} | fine
        fused = coarse[found] + sum(
            getattr(self._weights, name) * np.maximum(values - _LEAST.get(name, 0), 0)
            for name, values in fine.items()
        )
        order = np.argsort(-fused, kind="stable")
        ranked = [(float(fused[at]), int(found[at])) for at in order]
        hits: list[Hit] = []
        for place, at in enumerate(order[:limit].tolist()):
            hit = self._hit(ranked, place, {n: float(v[at]) for n, v in parts.items()}, phrases[at])
            # An entry may be well ahead of its own rivals and yet behind the one before it.
            hits.append(replace(hit, score=min(hit.score, hits[-1].score)) if hits else hit)
        return hits

    def _coarse(
        self, text: str, question: Vector, read: Read
    ) -> tuple[dict[str, Scores], Scores, NDArray[np.int64]]:
        """Compare the question with whole entries.

        Returns the similarity by view, their weighted sum, and the numbers of the best entries.
        The vectors of all are compared in a few dimensions, those of the best in all of them.
        """
        w = self._weights
        views = {
            "entry_vector": np.maximum(self._sketch @ (question @ self._basis), 0),
            "entry_wording": self._wording.scores(read.wording),
            "entry_sound": self._sound.scores(read.sound),
        }
        coarse = sum(getattr(w, name) * view for name, view in views.items())
        coarse = coarse - w.number_missing * self._lacks_number(text)
        cleaned = clean(text)
        coarse -= w.other_audience * self._audience.misses(cleaned)
        coarse -= w.other_dose * self._doses.misses(cleaned)
        if len(coarse) > _SHORTLIST:
            best = np.argpartition(-coarse, _SHORTLIST)[:_SHORTLIST]
        else:
            best = np.arange(len(coarse))
        near = np.maximum(self._centres[best].astype(np.float32) @ question, 0)
        coarse[best] += w.entry_vector * (near - views["entry_vector"][best])
        views["entry_vector"][best] = near
        return views, coarse, np.sort(best)

    def _fine(
        self, found: NDArray[np.int64], question: Vector, read: Read
    ) -> tuple[dict[str, Scores], list[str]]:
        """Compare the question with the single phrasings and sentences of entries.

        Returns the similarity by view, and the phrasing that is most alike, for each entry.
        """
        asked = self._vectors[ranges(self._starts[found], self._ends[found])].astype(np.float32)
        counts = self._ends[found] - self._starts[found]
        begins = np.cumsum(counts) - counts
        near = np.maximum(asked @ question, 0)
        worded = self._wording.cosines(read.wording, found)
        sounded = self._sound.cosines(read.sound, found)
        rows = ranges(self._phrase_of[found], self._phrase_of[found + 1])
        aloud = self._aloud.likeness(read.syllables, rows)
        alike = near + worded + sounded
        best = [int(np.argmax(alike[b : b + n])) for b, n in zip(begins, counts, strict=True)]
        return {
            "phrase_vector": np.maximum.reduceat(near, begins),
            "answer_vector": self._answers(found, question),
            "phrase_wording": np.maximum.reduceat(worded, begins),
            "phrase_sound": np.maximum.reduceat(sounded, begins),
            "phrase_aloud": np.maximum.reduceat(aloud, begins),
        }, [self._entries[n].ask[at] for n, at in zip(found.tolist(), best, strict=True)]

    def _answers(self, found: NDArray[np.int64], question: Vector) -> Scores:
        """Return how near the nearest sentence of each entry's passage is."""
        begins = self._ends[found]
        ends = np.append(self._starts, len(self._vectors))[found + 1]
        near = np.maximum(self._vectors[ranges(begins, ends)].astype(np.float32) @ question, 0)
        counts = ends - begins
        nearest: Scores = np.maximum.reduceat(near, np.cumsum(counts) - counts)
        return nearest

    def _hit(
        self, ranked: list[tuple[float, int]], place: int, parts: dict[str, float], phrase: str
    ) -> Hit:
        w = self._weights
        fused, number = ranked[place]
        odds = w.base + w.slope * fused + w.lead * min(self._lead(ranked, place), _MOST_LEAD)
        odds += w.heard * parts["entry_sound"]
        rounded = {name: round(value, 3) for name, value in parts.items()}
        return Hit(
            self._entries[number],
            round(1 / (1 + math.exp(-odds)), 3),
            {**rounded, "fused": round(fused, 2)},
            phrase,
        )

    def _lead(self, ranked: list[tuple[float, int]], place: int) -> float:
        """Return how far an entry is ahead of the best one that rests on other facts."""
        fused, number = ranked[place]
        facts = set(self._entries[number].facts)
        for rival, other in ranked:
            if other != number and not facts & set(self._entries[other].facts):
                return fused - rival
        return 0.0

    def _lacks_number(self, text: str) -> Scores:
        """Mark the entries without a number of the question that other entries have."""
        lacking = np.zeros(len(self._entries), np.float32)
        for number in _NUMBER.findall(text):
            having = self._wording.having(number)
            if having is not None:
                lacking += 1
                lacking[having] -= 1
        return lacking


def _hash_of(vocabulary: Vocabulary) -> str:
    return hashlib.sha256(repr(vocabulary).encode()).hexdigest()
