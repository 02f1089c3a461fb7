"""Spoken commands that need no language model: stop, repeat, slower, louder, more, continue.

They hold before the answer policy, so a question must never be taken for one: the whole utterance
must consist of a known phrase and words of courtesy. The phrases are in `spoken_commands.toml`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from asr.pinyin import folded, syllables
from asr.text import HAN, clean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAMES = ("stop", "repeat", "slower", "faster", "louder", "softer", "more", "continue")

_FILE = Path(__file__).with_name("spoken_commands.toml")
_LONGEST = 14
"""Syllables or words of an utterance that may be a command; the longest phrase has eight."""
_TOKEN = re.compile(rf"[{HAN}]|[a-z]+|\d+")

Tokens = Callable[[str], tuple[str, ...]]


class SpokenCommands:
    """Finds spoken commands, in Mandarin and English."""

    def __init__(self) -> None:
        tables: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
        self._patterns = {
            language: {name: _patterns(table, name) for name in NAMES}
            for language, table in tables.items()
        }

    def name_of(self, text: str, language: str = "") -> str | None:
        """Return the command that a transcript is, one of NAMES; None if it is something else.

        `language` is that of the transcript, "zh" or "en"; "" = not known yet.
        """
        cleaned = clean(text).lower().replace("’", "'")
        views: tuple[Tokens, ...] = (_sounds, _letters)
        forms = {tokens: _joined(tokens(cleaned)) for tokens in views}
        if len(forms[_letters].split()) > _LONGEST:
            return None
        for known in [language] if language else self._patterns:
            for name, patterns in self._patterns[known].items():
                if any(pattern.fullmatch(forms[tokens]) for tokens, pattern in patterns):
                    return name
        return None


def _sounds(text: str) -> tuple[str, ...]:
    return folded(syllables(text))


def _letters(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text.lower()))


def _joined(tokens: Iterable[str]) -> str:
    """Return tokens as a text in which each is followed by a space: no match ends inside one."""
    return "".join(f"{token} " for token in tokens)


def _patterns(table: dict[str, Any], name: str) -> list[tuple[Tokens, re.Pattern[str]]]:
    """Return what a command looks like, in sounds and in letters."""
    command = table[name]
    before, after = table["before"], table["after"]
    if command.get("may_be_asked"):
        before, after = before + table["asked_before"], after + table["asked_after"]
    return [
        (_sounds, _pattern(_sounds, command["phrases"], before, after)),
        (_letters, _pattern(_letters, command.get("written", []), before, after)),
        (_sounds, _pattern(_sounds, command.get("alone", []), [], [])),
    ]


def _pattern(
    tokens: Tokens, phrases: list[str], before: list[str], after: list[str]
) -> re.Pattern[str]:
    """Return the pattern of phrases, one or more, each with courtesy around it."""

    def one_of(texts: list[str]) -> str:
        # An empty list must match nothing rather than everything.
        return "|".join(re.escape(_joined(tokens(text))) for text in texts) or r"(?!)"

    return re.compile(f"(?:(?:{one_of(before)})*(?:{one_of(phrases)})(?:{one_of(after)})*)+")
