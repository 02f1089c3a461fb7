"""How much recognised text sounds like a wake word.

Speech recognition rarely writes a name with the right characters (核安 becomes 何案, 喝暗, 河岸),
but mostly with the right sounds. So both are compared syllable by syllable, without tones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from kws.pinyin import HAN, syllables, toneless

FOLDED = {
    "zh": "z", "ch": "c", "sh": "s", "n": "l", "f": "h",
    "ang": "an", "iang": "ian", "uang": "uan", "eng": "en", "ing": "in",
}  # fmt: skip
"""Sounds that many speakers do not tell apart."""

INITIAL_COST, ONSET_COST, FINAL_COST = 0.4, 0.6, 0.6
"""Cost of another initial, of an initial where there is none or the reverse, of another final.

Chosen with Whisper base on synthetic speech, so that 你好河南 and 你好黑暗 stay apart from
你好核安, and 小兰小兰 from 小安小安, while the usual slips do not."""
FIRST_SHARE = 0.5
"""Share of the cost of an initial in the first syllable, which voice detection may cut into."""
SYLLABLE_COST = 1.0
"""Cost of a syllable too many or too few."""
SKIP_COST, MOST_SKIPPED = 0.05, 2
"""Likeness lost for a sound before the word (呃, 嘿, a), and how many there may be."""

_UNIT = re.compile(f"[{HAN}]+|[a-zêü']+|[0-9]", re.IGNORECASE)


@dataclass(frozen=True)
class Sound:
    """A syllable, or a word in Latin letters."""

    initial: str
    final: str
    letters: str
    """Of a word in Latin letters; empty for a syllable."""
    end: int
    """Where it ends in the text."""


@dataclass(frozen=True)
class Place:
    """The part of a text that sounds most like a word."""

    likeness: float
    """1.0 = the same sounds, 0.0 = nothing in common."""
    end: int
    """Where it ends in the text."""


def sounds_of(text: str) -> list[Sound]:
    """Return the sounds of a text; marks have none."""
    return [sound for part in _UNIT.finditer(text) for sound in _sounds(part[0], part.start())]


def sounds_of_word(text: str, pinyin: str) -> list[Sound]:
    """Return the sounds of a text whose Chinese characters are read as `pinyin` tells.

    `pinyin` has a syllable for each of them, with or without tones.
    """
    ways = iter(pinyin.split())
    return [
        _syllable(toneless(next(ways, "")), sound.end) if _is_han(text[sound.end - 1]) else sound
        for sound in sounds_of(text)
    ]


def likeness_at_start(word: Sequence[Sound], heard: Sequence[Sound]) -> Place:
    """Return the likeness of a word to the beginning of what was heard."""
    starts = [index * SKIP_COST * len(word) for index in range(MOST_SKIPPED + 1)]
    return _best(word, heard, starts[: len(heard) + 1])


def likeness_anywhere(word: Sequence[Sound], heard: Sequence[Sound]) -> Place:
    """Return the likeness of a word to the part of what was heard that is most like it."""
    return _best(word, heard, [0.0] * (len(heard) + 1))


def _best(word: Sequence[Sound], heard: Sequence[Sound], starts: list[float]) -> Place:
    """Align the whole word with some part of what was heard; both ends are free (Sellers, 1980).

    `starts` holds what it costs to begin after that many sounds.
    """
    row = starts + [inf] * (len(heard) + 1 - len(starts))
    for index, sound in enumerate(word):
        before, row = row, [row[0] + SYLLABLE_COST]
        for column, other in enumerate(heard):
            replaced = before[column] + _cost(sound, other, first=index == 0)
            row.append(min(replaced, before[column + 1] + SYLLABLE_COST, row[-1] + SYLLABLE_COST))
    cost, column = min((cost, column) for column, cost in enumerate(row))
    likeness = max(0.0, 1 - cost / max(1, len(word)))
    return Place(round(likeness, 3), heard[column - 1].end if column else 0)


def _cost(one: Sound, other: Sound, first: bool) -> float:
    if one.letters or other.letters:
        return edits(one.letters, other.letters) / max(len(one.letters), len(other.letters))
    cost = 0.0 if one.final == other.final else FINAL_COST
    if one.initial != other.initial:
        initial = INITIAL_COST if one.initial and other.initial else ONSET_COST
        cost += initial * (FIRST_SHARE if first else 1.0)
    return min(cost, SYLLABLE_COST)


def edits(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many letters or phones must be changed, added or left out (Levenshtein, 1966)."""
    row = list(range(len(other) + 1))
    for index, symbol in enumerate(one, 1):
        before, row = row, [index]
        for column, against in enumerate(other):
            replaced = before[column] + (symbol != against)
            row.append(min(replaced, before[column + 1] + 1, row[-1] + 1))
    return row[-1]


def _sounds(part: str, start: int) -> Iterator[Sound]:
    if _is_han(part[0]):
        for index, syllable in enumerate(_read(part), start + 1):
            yield _syllable(syllable, index)
        return
    word = part.lower()
    spelled = _as_pinyin(word.replace("'", ""))
    if len(spelled) < 2:  # a short English word (he, me, an) often looks like one syllable
        yield Sound("", "", word, start + len(part))
        return
    for index, syllable in enumerate(spelled, 1):
        done = len("".join(spelled[:index])) if index < len(spelled) else len(part)
        yield _syllable(syllable, start + done)


@lru_cache(maxsize=1024)
def _read(run: str) -> tuple[str, ...]:
    """Return a syllable for each Chinese character."""
    from pypinyin import Style, lazy_pinyin

    found = lazy_pinyin(run, style=Style.NORMAL)
    if len(found) != len(run):  # characters without a reading come joined together
        found = [lazy_pinyin(character, style=Style.NORMAL)[0] for character in run]
    return tuple(found)


def _is_han(character: str) -> bool:
    return bool(re.match(f"[{HAN}]", character))


def _as_pinyin(word: str) -> list[str]:
    """Return the syllables of a word that is nothing but pinyin ("nihao"), otherwise nothing."""
    found: list[str] = []
    while word:
        fits = (word[:size] for size in range(6, 0, -1) if word[:size] in syllables())
        syllable = next(fits, "")
        if not syllable:
            return []
        found.append(syllable)
        word = word[len(syllable) :]
    return found


def _syllable(syllable: str, end: int) -> Sound:
    """Return the sound of a syllable without tone."""
    from pypinyin.contrib.tone_convert import to_finals, to_initials

    initial = to_initials(syllable, strict=True)
    final = to_finals(syllable, strict=True, v_to_u=False)
    return Sound(FOLDED.get(initial, initial), FOLDED.get(final, final) or syllable, "", end)
