"""Mandarin sounds in writing: how text is read, and how pinyin is spelled."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice, product

from kws import WakeWordError

INITIALS = (
    "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x",
    "r", "z", "c", "s", "y", "w",
)  # fmt: skip
"""Longest first. y and w count, as in the token tables of the keyword spotting models."""

HAN = "\u3400-\u9fff"
"""Range of Chinese characters for a character class of a regular expression."""

_DIGIT = re.compile(r"\d")
_MOST_READINGS = 24
"""A longer list helps nobody to choose."""


def split_syllable(syllable: str) -> tuple[str, ...]:
    """Return initial and final of a syllable, or the syllable if it has no initial.

    >>> split_syllable("hǎo"), split_syllable("ān")
    (('h', 'ǎo'), ('ān',))
    """
    for initial in INITIALS:
        if syllable.startswith(initial) and syllable != initial:
            return initial, syllable[len(initial) :]
    return (syllable,)


def reading(text: str) -> str:
    """Return the likeliest pinyin of Chinese text: syllables with tone marks, spaces between."""
    from pypinyin import Style, lazy_pinyin

    return " ".join(lazy_pinyin(_only_han(text), style=Style.TONE))


def readings(text: str) -> list[str]:
    """Return the ways to read Chinese text, the likeliest first, for a person to choose from."""
    from pypinyin import pinyin

    likeliest = reading(text)
    choices = [
        list(dict.fromkeys([guess, *pinyin(character, heteronym=True)[0]]))
        for character, guess in zip(_only_han(text), likeliest.split(), strict=True)
    ]
    # Reversed, so that the first of the list differ in one syllable alone.
    ways = islice(product(*choices), 4096)
    ranked = sorted(
        ways, key=lambda way: sum(one != best[0] for one, best in zip(way, choices, strict=True))
    )
    return [" ".join(way) for way in ranked[:_MOST_READINGS]]


def parse_pinyin(text: str) -> str:
    """Return pinyin with tone marks, from syllables with tone marks or tone digits.

    >>> parse_pinyin("ni3 hao3 hé an1")
    'nǐ hǎo hé ān'

    Raises WakeWordError that names the syllable at fault.
    """
    from pypinyin.contrib.tone_convert import to_tone

    syllables = text.lower().replace("u:", "ü").replace("v", "ü").split()
    if not syllables:
        raise WakeWordError("the pinyin is empty; write it like this: ni3 hao3 he2 an1")
    return " ".join(_checked(to_tone(syllable), syllable) for syllable in syllables)


def toneless(syllable: str) -> str:
    """Return a syllable without its tone; ü is written v."""
    from pypinyin.contrib.tone_convert import to_normal

    return str(to_normal(syllable))


@cache
def syllables() -> frozenset[str]:
    """Return all syllables of Mandarin, without tones."""
    from pypinyin.constants import PINYIN_DICT

    toned = {one for ways in PINYIN_DICT.values() for one in ways.split(",")}
    return frozenset(map(toneless, toned))


def _checked(toned: str, written: str) -> str:
    if _DIGIT.search(toned) or toneless(toned) not in syllables():
        raise WakeWordError(
            f"{written!r} is not a syllable of pinyin; write each with its tone: ni3 hao3"
        )
    return toned


def _only_han(text: str) -> str:
    return re.sub(f"[^{HAN}]", "", text)
