"""What every benchmark needs: figures by key, one shape of results, a second try when it is noisy.

Each benchmark returns figures by key; keys carry their unit and stay the same for years
(`end_to_first_sample_s`), so that runs can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np

from voice.errors import HeanError, translated
from voice.process.machine import Watch, machine, versions

ALL = "all"
"""Name of the results of all benchmarks together; there each key begins with that of its own."""
_DECIMALS = 4
_SAMPLES = "samples"
_STEADY = 0.1
"""Spread of the same work from which it is done again: (most - least) / median."""
_LEAST_TIMES, _MOST_TIMES = 3, 7

Figure = Mapping[str, Any]
Figures = dict[str, Figure]
Say = Callable[[str], None]


def distribution(values: Sequence[float]) -> dict[str, Any]:
    """Return median, 95th percentile and count, and the values themselves for comparisons."""
    return {
        "p50": round(float(np.percentile(values, 50)), _DECIMALS),
        "p95": round(float(np.percentile(values, 95)), _DECIMALS),
        "n": len(values),
        _SAMPLES: _rounded(values),
    }


def single(value: float, count: int = 1, samples: Sequence[float] = ()) -> dict[str, Any]:
    """Return one figure that rests on `count` measurements, and these if they are known."""
    figure: dict[str, Any] = {"value": round(value, _DECIMALS), "n": count}
    return {**figure, _SAMPLES: _rounded(samples)} if samples else figure


def measured(name: str, measure: Callable[[], Figures], say: Say, tries: int = 1) -> dict[str, Any]:
    """Return the object of a benchmark, measured up to `tries` times until the machine is calm.

    Of several tries the one is kept during which other programs took the least.
    """
    best: dict[str, Any] = {}
    for number in range(1, tries + 1):
        watch = Watch()
        try:
            with translated():
                figures = measure()
        except HeanError as error:
            if not best:
                raise
            say(f"the {number}. try failed, the one before counts: {error.message}")
            break
        outcome = result(name, figures, watch)
        taken = outcome["noise"]["cores_taken_by_others"]
        if not best or taken < best["noise"]["cores_taken_by_others"]:
            best = outcome
        if not watch.warnings():
            break
        say(f"{watch.warnings()[0]} ({number} of {tries})")
    return best


def result(name: str, figures: Figures, watch: Watch | None = None) -> dict[str, Any]:
    """Return the object that a benchmark prints; single values stand apart, under "samples"."""
    watch = watch or Watch()
    outcome = {
        "bench": name,
        "machine": machine(),
        "versions": versions(),
        "figures": {
            key: {part: value for part, value in figure.items() if part != _SAMPLES}
            for key, figure in figures.items()
        },
        _SAMPLES: {key: figure[_SAMPLES] for key, figure in figures.items() if _SAMPLES in figure},
        "noise": watch.seen(),
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    warnings = watch.warnings()
    return {**outcome, "warnings": warnings} if warnings else outcome


def steady(measure: Callable[[], float]) -> list[float]:
    """Measure the same work until the best three results are within 10 %, at most seven times.

    Returns these three, or all seven if the machine never came to rest.
    """
    values: list[float] = []
    while len(values) < _MOST_TIMES:
        values.append(measure())
        best = sorted(values)[:_LEAST_TIMES]
        if len(best) == _LEAST_TIMES and best[-1] - best[0] <= _STEADY * best[1]:
            return best
    return values


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(float(value), _DECIMALS) for value in values]
