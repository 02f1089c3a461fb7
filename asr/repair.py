"""Puts misheard words of the field right, by how they sound.

Recognisers write the common word for a sound: 点片 for 碘片, 战物 for 沾污. A stretch of text
becomes a term of the field if it sounds the same without tones, or nearly so, unless it is a word
itself, or cuts through the words beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from asr.misheard import ENGLISH, TERMS, WORDING, joined_telephone
from asr.pinyin import folded, syllables
from asr.text import HAN, clean

_HAN_RUN = re.compile(f"[{HAN}]+")
_SHORT = 2
"""Terms of so few characters sound like many things: their surroundings are looked at too."""
_BREATH = dict(zip("bdgjzpktqc", "ptkqcbgdjz", strict=True))
"""Initials that differ only by a breath of air."""

_PARTICLES = frozenset("的了是在有不会要能吗呢吧我你他她它们就也都和跟还这那")
"""Characters that mostly stand alone: a short term is not looked for in them."""


class Repairer:
    """Repairs transcripts with the terms it was given."""

    def __init__(self, terms: Iterable[str]) -> None:
        """Take the terms; those that are not two or more Chinese characters play no part."""
        self._terms = {
            term: syllables(term)
            for term in sorted(set(terms))
            if len(term) >= _SHORT and _HAN_RUN.fullmatch(term)
        }
        self._in_context = [
            (heard, word) for heard, word in TERMS if any(word in term for term in self._terms)
        ]
        self._by_sound = {folded(sound): term for term, sound in self._terms.items()}
        for term, sound in self._terms.items():
            for near in _nearly(folded(sound)):
                self._by_sound.setdefault(near, term)
        self._longest = max(map(len, self._terms), default=0)

    def repair(self, text: str, language: str) -> str:
        """Return `text` cleaned; with misheard words put right."""
        text = clean(text)
        if language != "zh":
            for heard, words in ENGLISH:
                text = heard.sub(words, text)
            return text
        for heard, words in WORDING:
            text = heard.sub(words, text)
        for heard, word in self._in_context:
            text = heard.sub(word, text)
        return _HAN_RUN.sub(lambda run: self._repair_run(run[0]), joined_telephone(text))

    def _repair_run(self, run: str) -> str:
        sounds = syllables(run)
        if len(sounds) != len(run):  # a character without a known sound
            return run
        at, repaired = 0, ""
        while at < len(run):
            size = self._known(run, at)
            text = run[at : at + size]
            if not size:
                size, text = self._misheard(run, sounds, at)
            repaired += text
            at += size
        return repaired

    def _known(self, run: str, at: int) -> int:
        """Return the length of the term that stands at `at`, or 0."""
        return next((n for n in self._sizes(run, at) if run[at : at + n] in self._terms), 0)

    def _misheard(self, run: str, sounds: tuple[str, ...], at: int) -> tuple[int, str]:
        """Return how many characters at `at` are to be replaced, and by what."""
        for size in self._sizes(run, at):
            heard = sounds[at : at + size]
            term = self._by_sound.get(folded(heard), "")
            if term and self._fits(run, at, heard, term):
                return size, term
        return 1, run[at]

    def _fits(self, run: str, at: int, heard: tuple[str, ...], term: str) -> bool:
        """Tell whether `term` was said where `heard` was written."""
        size = len(term)
        if any(self._known(run, place) for place in range(at + 1, at + size)):
            return False
        differing = sum(a != b for a, b in zip(heard, self._terms[term], strict=True))
        if size == _SHORT and (differing > 1 or _PARTICLES & set(run[at : at + size])):
            return False
        return not _is_wording(run, at, term)

    def _sizes(self, run: str, at: int) -> range:
        return range(min(self._longest, len(run) - at), _SHORT - 1, -1)


def _nearly(sounds: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the sounds with one initial that differs by a breath."""
    for place, sound in enumerate(sounds):
        if sound[0] in _BREATH:
            yield (*sounds[:place], _BREATH[sound[0]] + sound[1:], *sounds[place + 1 :])


def _is_wording(run: str, at: int, term: str) -> bool:
    """Tell whether what stands in place of `term` makes sense as it is.

    It does if it is a word; if it is two characters that make words with their neighbours; if it
    is longer, and its beginning differs from the term's and ends another word; if it is three that
    begin otherwise and hold a word, but none of the term's.
    """
    words, size = _words(), len(term)
    if run[at : at + size] in words:
        return True
    before = any(run[at - n : at + 1] in words for n in (1, 2) if at >= n)
    if size == _SHORT:
        return before or run[at + 1 : at + 3] in words
    if before and run[at] != term[0]:
        return True
    if size != _SHORT + 1 or run[at] == term[0]:
        return False
    pairs = [run[place : place + 2] for place in range(at, at + size - 1)]
    return not words.isdisjoint(pairs) and all(p not in term for p in pairs)


@cache
def _words() -> frozenset[str]:
    """Return the words that are left as they are.

    pypinyin knows those whose pronunciation is no matter of course; `words.txt` adds, from the
    frequency list of jieba (MIT), the common ones that sound like terms of the shipped knowledge
    base, or that end or begin with a syllable that begins or ends one.
    """
    from pypinyin.constants import PHRASES_DICT

    ours = Path(__file__).with_name("words.txt").read_text(encoding="utf-8")
    return frozenset(PHRASES_DICT).union(ours.split())
