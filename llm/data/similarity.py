"""Exact and near duplicates, in memory that grows by half a kilobyte a row.

Near duplicates are found by MinHash and banding: A. Broder, On the resemblance and containment of
documents, 1997; J. Leskovec et al., Mining of Massive Datasets, chapter 3. Two rows are near
duplicates if both their questions and their whole texts are alike, so that one passage with
several questions is none.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from llm.compose import passage_and_question
from llm.data import Origin, Problem, Row

Signature = NDArray[np.uint32]
"""The least of each of HASHES hashes of the text's parts, shape (HASHES,)."""

HASHES, BANDS = 64, 16
"""Texts of Jaccard similarity 0.8 meet in one of 16 bands of 4 hashes with probability 0.9998."""
ALIKE = 0.8
"""Share of equal hashes (standard error 0.05) from which texts count as near duplicates."""
MOST_DUPLICATES = 0.2
"""Share of rows that may repeat others; more teaches them by heart and hides the rest."""
_GRAM_CHARS = 3
_CHUNK = 4096
_FEW = 10
_RANDOM = np.random.default_rng(20_261_122)
_FACTORS = _RANDOM.integers(1, 1 << 62, HASHES, np.uint64) | np.uint64(1)
_OFFSETS = _RANDOM.integers(0, 1 << 62, HASHES, np.uint64)
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_HIGH = np.uint64(32)


def normal(text: str) -> str:
    """Return the text without what does not tell texts apart: case, width, blanks, punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum())


def signature(text: str) -> Signature:
    """Return the MinHash of a text's character 3-grams."""
    codes = np.frombuffer(f"\2{normal(text)}\3".encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = np.pad(codes.astype(np.uint64), (0, max(0, _GRAM_CHARS - len(codes))))
    size = len(codes) - _GRAM_CHARS + 1
    grams = sum((codes[n : n + size] * _MIX[n] for n in range(_GRAM_CHARS)), np.uint64(0))
    grams = np.unique(grams ^ (grams >> _HIGH))
    least = np.full(HASHES, np.uint32(0xFFFF_FFFF))
    for start in range(0, len(grams), _CHUNK):
        part = grams[start : start + _CHUNK, None]
        hashes = ((part * _FACTORS + _OFFSETS) >> _HIGH).astype(np.uint32)
        least = np.minimum(least, hashes.min(axis=0))
    return least


def similarity(a: Signature, b: Signature) -> NDArray[np.float64]:
    """Return the estimated Jaccard similarity of signatures, or of rows of them."""
    equal: NDArray[np.float64] = (a == b).mean(axis=-1)
    return equal


def similar_pairs(signatures: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return pairs (i, j), i < j, of alike rows, shape (pairs, 2).

    Of many rows that are all alike not all pairs are returned, but enough to connect them.
    """
    found = [np.zeros((0, 2), np.int64)]
    rows = HASHES // BANDS
    for band in range(BANDS):
        part = np.ascontiguousarray(signatures[:, band * rows : (band + 1) * rows])
        keys = part.view([("", np.uint32)] * rows).ravel()
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        pairs = np.stack([order[same], order[same + 1]], axis=1)
        found.append(pairs[similarity(signatures[pairs[:, 0]], signatures[pairs[:, 1]]) >= ALIKE])
    unique: NDArray[np.int64] = np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
    return unique


def asked(row: Row) -> str:
    """Return what is asked in the end, without the passages that the prompt quotes."""
    return passage_and_question(row.question)[1]


def whole(row: Row) -> str:
    """Return all that is said, apart from the system message."""
    return "\n".join(m.content for m in row.messages if m.role != "system")


def digest(text: str) -> bytes:
    """Return 16 bytes that stand for the text, as `normal` sees it."""
    return hashlib.blake2b(normal(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class DuplicateCheck:
    """Finds rows that repeat others, and questions with two answers."""

    def __init__(self) -> None:
        self._rows = 0
        self._repeated = 0
        self._first: dict[bytes, Origin] = {}
        self._answers: dict[bytes, tuple[bytes, Origin]] = {}
        self._origins: list[Origin] = []
        self._asked: list[Signature] = []
        self._whole: list[Signature] = []

    def see(self, row: Row) -> Iterator[Problem]:
        """Yield that a row is an exact copy, or contradicts another."""
        self._rows += 1
        text = whole(row)
        first = self._first.setdefault(digest(text), row.origin)
        if first is not row.origin:
            self._repeated += 1
            yield _duplicate("exact-duplicate", row.origin, f"is a copy of {first}")
            return
        yield from self._contradiction(row)
        self._origins.append(row.origin)
        self._asked.append(signature(asked(row)))
        self._whole.append(signature(text))

    def _contradiction(self, row: Row) -> Iterator[Problem]:
        prompt = digest("\n".join(m.content for m in row.messages[:-1]))
        answer = digest(row.answer)
        known, first = self._answers.setdefault(prompt, (answer, row.origin))
        if known != answer:
            message = f"asks what {first} asks, and answers otherwise"
            fix = "keep the better answer"
            yield Problem("warning", "two-answers", row.origin, "", message, fix)

    def finish(self) -> Iterator[Problem]:
        """Yield the near duplicates, and that there are too many duplicates of both kinds."""
        if len(self._origins) > 1:
            texts, questions = np.stack(self._whole), np.stack(self._asked)
            pairs = similar_pairs(texts)
            alike = similarity(questions[pairs[:, 0]], questions[pairs[:, 1]]) >= ALIKE
            earlier = {int(j): int(i) for i, j in reversed(pairs[alike])}
            for later, first in sorted(earlier.items()):
                self._repeated += 1
                share = float(similarity(texts[first], texts[later]))
                message = f"is nearly {self._origins[first]} ({share:.0%} alike)"
                yield _duplicate("near-duplicate", self._origins[later], message)
        if self._rows >= _FEW and self._repeated > MOST_DUPLICATES * self._rows:
            origin = next(iter(self._first.values()))
            share = self._repeated / self._rows
            message = f"{self._repeated} of {self._rows} rows ({share:.0%}) repeat others"
            fix = "hean data convert --drop exact-duplicate --drop near-duplicate"
            yield Problem("error", "duplicates", origin, "", message, fix, whole=True)


def _duplicate(code: str, origin: Origin, message: str) -> Problem:
    return Problem("warning", code, origin, "", message, f"take one out (convert --drop {code})")
