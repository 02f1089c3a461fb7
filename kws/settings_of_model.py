"""Boost and threshold that were measured for a model, for words whose owner chose none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from kws import Files, WakeModelError
from kws.words import WakeWord

TYPED = "*"
"""Stands for all words that the model was not trained for."""


def tuned(words: Sequence[WakeWord], files: Files) -> list[WakeWord]:
    """Return words with the model's own settings, where they have those of a new word.

    A model without a file "operating" changes nothing. Raises WakeModelError if it is damaged.
    """
    if "operating" not in files:
        return list(words)
    path = files["operating"]
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return [_tuned(word, table) for word in words]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WakeModelError(f"{path} does not hold settings of wake words: {error}") from error


def _tuned(word: WakeWord, table: dict[str, dict[str, float]]) -> WakeWord:
    chosen = (word.boost, word.threshold) != (WakeWord.boost, WakeWord.threshold)
    settings = {} if chosen else table.get(word.text) or table.get(TYPED, {})
    return replace(
        word,
        boost=settings.get("boost", word.boost),
        threshold=settings.get("threshold", word.threshold),
    )
