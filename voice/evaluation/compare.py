"""What got better and what got worse between two runs of the same questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm.score import GOOD, OUTCOMES

FIGURES = (*OUTCOMES, "right_strict", "unsupported", "cer_raw", "cer_repaired", "n")
"""Figures that are set side by side."""


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of both runs and the ids of the questions whose answers changed sides.

    Raises ValueError if `before` is no result of `hean eval answers --json`.
    """
    try:
        was = {row["id"]: is_good(row) for row in before["rows"]}
    except (KeyError, TypeError) as error:
        raise ValueError("it is not what `hean eval answers --json` prints") from error
    now = {row["id"]: is_good(row) for row in after["rows"]}
    both = [identity for identity in now if identity in was]
    return {
        "better": [i for i in both if now[i] and not was[i]],
        "worse": [i for i in both if was[i] and not now[i]],
        "same": sum(was[i] == now[i] for i in both),
        "only_before": [i for i in was if i not in now],
        "only_after": [i for i in now if i not in was],
        "figures": {key: [before.get(key), after.get(key)] for key in FIGURES},
    }


def is_good(row: Mapping[str, Any]) -> bool:
    """Return whether there is nothing to mend in a row."""
    return row["outcome"] in GOOD and not row["unsupported"]
