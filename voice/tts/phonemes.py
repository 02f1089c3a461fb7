"""Mixed Mandarin and English text to Kokoro's phonemes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from re import Match

from voice.tts.phonemes_en import English
from voice.tts.phonemes_zh import Segmenter, run_phonemes
from voice.tts.reading_en import read_en
from voice.tts.reading_zh import read_zh

READERS: Mapping[str, Callable[[str], str]] = {"zh": read_zh, "en": read_en}
"""How numbers and symbols are read out, by language."""

_MARKS = {
    "，": ",", "、": ",", "。": ".", "．": ".", "！": "!", "？": "?", "：": ":", "；": ";",
    "（": ",", "）": ",", "(": ",", ")": ",", "…": "…", "—": ",", "–": ",", "\n": ".",
    **{mark: mark for mark in ",.!?:;"},
}  # fmt: skip
"""Marks that are heard as a pause or in the melody, as Kokoro writes them."""
_QUIET = frozenset("《》〈〉「」『』【】«»“”\"'-·")
"""Marks that are not heard."""
_RUN = re.compile(r"([㐀-鿿〇]+)|([A-Za-z][A-Za-z']*)|([^\S\n]+)|(.)", re.DOTALL)
_REPEATED = re.compile(r" *[,.!?:;…][ ,.!?:;…]*")
_STRONGEST_FIRST = "?!.…;:,"


@dataclass(frozen=True)
class Phonemes:
    """What a text sounds like."""

    text: str
    """Kokoro's phoneme symbols."""
    unknown: tuple[str, ...] = ()
    """Characters of the text that have no sound here."""


class Phonemizer:
    """Turns text into phonemes; Latin words inside Chinese text are spoken as English."""

    def __init__(self, english: English, segmenter: Segmenter) -> None:
        self._english = english
        self._segmenter = segmenter

    def __call__(self, text: str, language: str) -> Phonemes:
        """Return the phonemes of a text as written for the eye."""
        spoken: list[str] = []
        unknown: list[str] = []
        words: list[str] = []
        for hanzi, word, space, mark in [*_RUN.findall(READERS[language](text)), ("", "", "", "")]:
            if word:
                words.append(word)
            elif not space and words:  # English words are read together: "the" needs the next one
                spoken.append(self._english.words_phonemes(words))
                words = []
            if hanzi:
                sounds, silent = run_phonemes(self._segmenter.words(hanzi))
                spoken.append(sounds)
                unknown += silent
            elif mark in _MARKS:
                spoken.append(_MARKS[mark])
            elif mark and mark not in _QUIET:
                unknown.append(mark)
        return Phonemes(_join(spoken), tuple(unknown))


def _join(spoken: list[str]) -> str:
    joined = _REPEATED.sub(_strongest, " ".join(filter(None, spoken))).strip()
    return joined.lstrip(" ,.;:…!?")


def _strongest(marks: Match[str]) -> str:
    return next(mark for mark in _STRONGEST_FIRST if mark in marks[0]) + " "
