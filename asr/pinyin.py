"""How Chinese sounds: toneless pinyin, by which words survive being misheard."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PIECE = re.compile(r"(?P<han>[\u3400-\u9fff]+)|[a-z]+|\d+(?:\.\d+)?")
_CONFUSABLE = (
    (re.compile(r"^([zcs])h"), r"\1"),
    (re.compile(r"^n(?=[aeiouv])"), "l"),
    (re.compile(r"^hu(?=[aeio])|^h(?=u$)"), "f"),
    (re.compile(r"(?<=[aei])ng$"), "n"),
)
"""What speakers of many regions, and recognisers, do not tell apart: zh/z, ch/c, sh/s, n/l, hu/f,
ang/an, eng/en, ing/in."""


def syllables(text: str) -> tuple[str, ...]:
    """Return the toneless syllables of `text`; Latin words and numbers stay as they are, in lower
    case; marks and spaces vanish. "碘片 KI 5" is ("dian", "pian", "ki", "5").
    """
    from pypinyin import lazy_pinyin

    sounds: list[str] = []
    for piece in _PIECE.finditer(text.lower()):
        sounds += lazy_pinyin(piece[0], errors="ignore") if piece["han"] else [piece[0]]
    return tuple(sounds)


def folded(sounds: Iterable[str]) -> tuple[str, ...]:
    """Return the syllables with all that is easily confused written the same way."""
    return tuple(_fold(sound) for sound in sounds)


def _fold(sound: str) -> str:
    for pattern, replacement in _CONFUSABLE:
        sound = pattern.sub(replacement, sound)
    return sound
