"""What must not be forgotten: general sentences and questions (`probes.toml`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llm.language import detect_language

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).with_name("probes.toml")


@dataclass(frozen=True)
class GeneralQuestion:
    """A question of everyday knowledge with the words of which one must be in the answer."""

    asked: str
    accepted: tuple[str, ...]

    @property
    def language(self) -> str:
        """Return zh or en."""
        return detect_language(self.asked)

    def is_answered(self, text: str) -> bool:
        """Return whether a text holds one of the accepted words."""
        return any(word in text.lower() for word in self.accepted)


@cache
def sentences() -> tuple[str, ...]:
    """Return general sentences, Chinese and English."""
    return tuple(_read()[0])


@cache
def questions() -> tuple[GeneralQuestion, ...]:
    """Return general questions, Chinese and English."""
    return tuple(_read()[1])


def _read() -> tuple[list[str], Sequence[GeneralQuestion]]:
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    rows = [GeneralQuestion(row["asked"], tuple(row["accepted"])) for row in table["question"]]
    return table["sentences"], rows
