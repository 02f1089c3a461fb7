"""Which dose a text is about: what 300 mSv do is not told by what is said of less than 100."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from llm.knowledge import Entry
from llm.numbers import Quantity, pieces
from llm.wording import clean, first_sentence

Span = tuple[float, float]
"""From and to, in mSv; a gray counts as a sievert, as in the texts on whole-body doses."""

EFFECTS_TOPIC = "health-effects"
"""Topic of the entries that tell what a dose does."""

_MSV_PER = {"mSv": 1.0, "mGy": 1.0, "µSv": 0.001, "Sv": 1000.0, "Gy": 1000.0}
_ROUGHLY = 0.25
"""Share by which a dose may differ that is told as about so much."""
_UP_TO = re.compile(r"(?:小于|低于|不到|不足|below|under|less than)\s*$")
_FROM = re.compile(r"(?:超过|大于|高于|over|above|more than)\s*$")
_ABOUT = re.compile(r"(?:大约|约|about|around)\s*$|^\s*左右")
_DEADLY = re.compile(r"致死|fatal|deadly|\bkill")
_RATE = re.compile(
    r"每(?:个)?(?:小时|天|月|年)|一年|/\s*h|\b(?:per|an|a|each|every) (?:hour|day|year)\b"
)


class DoseEffects:
    """The doses whose effects the entries tell."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        found = [
            (number, *span)
            for number, entry in enumerate(entries)
            if entry.topic == EFFECTS_TOPIC
            for span in _told(clean(first_sentence(entry.answer)))
        ]
        table = np.array(found, np.float64).reshape(-1, 3)
        self._entry = table[:, 0].astype(np.int64)
        self._from, self._to = table[:, 1], table[:, 2]
        self._count = len(entries)

    def misses(self, question: str) -> NDArray[np.float32]:
        """Mark the entries that begin with other doses than the question (lower case) names."""
        missing = np.zeros(self._count, np.float32)
        asked = asked_doses(question)
        if asked:
            fits = np.zeros(len(self._from), bool)
            for low, high in asked:
                fits |= (self._from <= high) & (low <= self._to)
            missing[self._entry] = 1
            missing[self._entry[fits]] = 0
        return missing


def asked_doses(question: str) -> tuple[Span, ...]:
    """Return the doses a question (lower case) names; none if it asks for a dose rate."""
    if _RATE.search(question):
        return ()
    return tuple(_span(part) for part in pieces(question) if _is_dose(part))


def _told(sentence: str) -> Iterator[Span]:
    parts = list(pieces(sentence))
    for before, part, after in zip(parts, parts[1:], [*parts[2:], ""], strict=False):
        if _is_dose(part):
            low, high = _span(part)
            before, after = str(before), str(after)
            if _ABOUT.search(before) or _ABOUT.search(after):
                low, high = low * (1 - _ROUGHLY), high * (1 + _ROUGHLY)
            if _UP_TO.search(before):
                low = 0.0
            if _FROM.search(before) or _DEADLY.search(sentence):
                high = math.inf
            yield low, high


def _is_dose(part: str | Quantity) -> TypeGuard[Quantity]:
    return isinstance(part, Quantity) and part.unit in _MSV_PER


def _span(part: Quantity) -> Span:
    return part.low * _MSV_PER[part.unit], part.high * _MSV_PER[part.unit]
