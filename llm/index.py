"""The index of the entries of one language: vectors and n-grams in flat arrays."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llm import SentenceEncoder, Vectors
from llm.alignment import index_syllables
from llm.cache import Arrays
from llm.knowledge import Entry
from llm.ngrams import GramIndexer, character_grams, ranges, sound_grams
from llm.whitening import whitened_half, whitening
from llm.wording import Wording, sentences

Syllables = Callable[[str], Sequence[str]]
"""Returns the toneless pinyin syllables of a Chinese text."""

_SKETCH_DIMENSIONS = 32
"""Dimensions in which the vectors of all entries are compared."""
_SAMPLE = 4096
"""Entries by which those dimensions are chosen, and that are summed up at a time."""
_PROBES = 20
_FORMAT = 5
"""Of the index on disk; another one is another index."""


class Read(NamedTuple):
    """A text brought to what is compared."""

    wording: Counter[str]
    """N-grams of characters or words."""
    sound: Counter[str]
    """N-grams of syllables."""
    syllables: tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """Brings texts of one language to what is compared."""

    wording: Wording
    encoder: SentenceEncoder
    syllables: Syllables | None
    words: str
    """Hash of the words that are exchanged or left out."""

    def vectors(self, texts: list[str]) -> Vectors:
        """Return what texts mean, with synonyms replaced."""
        return self.encoder.encode([self.wording.canonical(text) for text in texts])

    def read(self, text: str) -> Read:
        """Return wording and sound of a text, with what is only said around it left out."""
        core = self.wording.core(text)
        syllables = tuple(self.syllables(core)) if self.syllables else ()
        return Read(character_grams(core), sound_grams(syllables), syllables)

    def key(self, entries: Sequence[Entry]) -> str:
        """Return a hash of all that an index depends on."""
        digest = hashlib.sha256(f"{_FORMAT} {self.encoder.name} {self.words}".encode())
        for entry in entries:
            digest.update("\0".join((str(len(entry.ask)), *rows_of(entry))).encode())
        for entry in entries[:_PROBES]:  # another pinyin library is another index
            digest.update(repr(self.syllables and self.syllables(entry.answer)).encode())
        return digest.hexdigest()[:24]


def index_entries(entries: Sequence[Entry], reader: Reader) -> Arrays:
    """Return the arrays to search entries by.

    vectors     float16, shape (rows, d): phrasings, then sentences of the passage, of each entry,
                in the space to which `whitening` leads
    starts      shape (entries,): first row of each entry; `asked`: how many of its phrasings follow
    centres     float16, shape (entries, d): mean direction of the phrasings
    sketch      the centres in the few dimensions of `basis`
    wording.*   and sound.*: n-grams, by `llm.ngrams.GramIndexer`
    aloud.*     syllables of the phrasings, by `llm.alignment.index_syllables`
    """
    rows = [rows_of(entry) for entry in entries]
    starts = np.cumsum([0, *(len(texts) for texts in rows)], dtype=np.int64)[:-1]
    asked = np.array([len(entry.ask) for entry in entries], np.int64)
    encoded = reader.vectors([text for texts in rows for text in texts])
    owners = np.repeat(np.arange(len(entries)), asked)
    matrix = whitening(encoded[ranges(starts, starts + asked)], owners)
    vectors = whitened_half(encoded, matrix)
    centres = _centres(vectors, starts, asked)
    basis = _basis(centres)
    wording, sound, aloud = GramIndexer(), GramIndexer(), []
    for texts, entry in zip(rows, entries, strict=True):
        read = [reader.read(text) for text in texts]
        wording.add([text.wording for text in read], len(entry.ask))
        sound.add([text.sound for text in read], len(entry.ask))
        aloud += [text.syllables for text in read[: len(entry.ask)]]
    return {
        "vectors": vectors,
        "whitening": matrix,
        "centres": centres.astype(np.float16),
        "basis": basis,
        "sketch": centres @ basis,
        "starts": starts,
        "asked": asked,
        **_named("wording", wording.arrays()),
        **_named("sound", sound.arrays()),
        **_named("aloud", index_syllables(aloud)),
    }


def _named(view: str, arrays: Arrays) -> Arrays:
    return {f"{view}.{name}": values for name, values in arrays.items()}


def part(arrays: Arrays, view: str) -> Arrays:
    """Return the arrays of one view: wording, sound or aloud."""
    return {k.partition(".")[2]: v for k, v in arrays.items() if k.partition(".")[0] == view}


def rows_of(entry: Entry) -> list[str]:
    """Return the texts an entry is found by: phrasings, then sentences of the passage."""
    return [*entry.ask, *sentences(entry.passage)]


def _centres(
    vectors: NDArray[np.float16], starts: NDArray[np.int64], asked: NDArray[np.int64]
) -> Vectors:
    """Return the mean direction of the phrasings of each entry."""
    if not len(starts):
        return np.zeros((0, 1), np.float32)
    sums = np.zeros((len(starts), vectors.shape[1]), np.float32)
    for begin in range(0, len(starts), _SAMPLE):
        block = slice(begin, begin + _SAMPLE)
        phrasings = vectors[ranges(starts[block], starts[block] + asked[block])]
        firsts = np.cumsum(asked[block]) - asked[block]
        sums[block] = np.add.reduceat(phrasings.astype(np.float32), firsts, axis=0)
    lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    centres: Vectors = sums / lengths
    return centres


def _basis(centres: Vectors) -> Vectors:
    """Return the few directions in which the centres differ most (principal components)."""
    sample = centres[:: max(1, len(centres) // _SAMPLE)]
    _, directions = np.linalg.eigh(sample.T @ sample)
    basis: Vectors = np.ascontiguousarray(directions[:, -_SKETCH_DIMENSIONS:], np.float32)
    return basis
