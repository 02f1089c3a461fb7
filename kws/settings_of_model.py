"""Boost and thresholds that were measured for a model, for words whose owner chose none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kws import Files, WakeModelError
from kws.words import WakeWord

TYPED = "*"
"""Stands for all words that the model was not trained for."""


def tuned(words: Sequence[WakeWord], files: Files) -> list[WakeWord]:
    """Return words with the model's own boost and threshold, where they have those of a new word.

    A model without a file "operating" changes nothing. Raises WakeModelError if it is damaged.
    """
    table = _table(files)
    return [_tuned(word, _point(word, table)) for word in words]


def sure_thresholds(words: Sequence[WakeWord], files: Files) -> dict[str, float]:
    """Return the threshold from which a hit is sure, by word: in tests, hardly anything else came
    so near. A word for which the model tells none is not in it; what its owner chose is the least.

    Raises WakeModelError if the file "operating" is damaged.
    """
    table = _table(files)
    points = {word: _point(word, table) for word in words}
    return {
        word.text: max(word.threshold, point["sure"])
        for word, point in points.items()
        if "sure" in point
    }


def alone(words: Sequence[WakeWord], sure: Mapping[str, float]) -> list[WakeWord]:
    """Return words as they are listened for where nothing confirms a hit: only if it is sure."""
    return [replace(word, threshold=sure.get(word.text, word.threshold)) for word in words]


def _table(files: Files) -> dict[str, dict[str, float]]:
    if "operating" not in files:
        return {}
    path = files["operating"]
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return {
            word: {key: float(value) for key, value in point.items()}
            for word, point in table.items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WakeModelError(f"{path} does not hold settings of wake words: {error}") from error


def _point(word: WakeWord, table: Mapping[str, dict[str, float]]) -> dict[str, float]:
    return table.get(word.text) or table.get(TYPED, {})


def _tuned(word: WakeWord, point: Mapping[str, float]) -> WakeWord:
    if (word.boost, word.threshold) != (WakeWord.boost, WakeWord.threshold):
        return word
    return replace(
        word,
        boost=point.get("boost", word.boost),
        threshold=point.get("threshold", word.threshold),
    )
