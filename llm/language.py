"""The language of a text, told from its script."""

from __future__ import annotations

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")


def detect_language(text: str, default: str = "zh") -> str:
    """Return "zh" or "en"; `default` if the text has neither Chinese characters nor words.

    Chinese speakers mix Latin abbreviations in ("INES 七级"), English speakers hardly ever mix
    Chinese characters in; so one character weighs as much as one word.
    """
    characters = len(_HAN.findall(text))
    words = len(_LATIN_WORD.findall(text))
    if not characters and not words:
        return default
    return "zh" if characters >= words else "en"


def is_han(character: str) -> bool:
    """Return whether a single character is a Chinese one."""
    return bool(_HAN.match(character))
