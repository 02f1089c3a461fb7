"""`hean bench compare`: what got better or worse between two results, beyond chance.

Where both runs kept their single values: the bootstrap interval of the ratio of the medians, or of
the means where the figure is a mean (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).
Where a figure is a share of n trials: Fisher's exact test (Agresti, Categorical Data Analysis,
2013, section 3.5). A figure that rests on neither is shown and not judged.

The confidence is 99 % because there are a hundred figures: at 95 % five of them would change by
chance. A change below 3 % is called none: no person notices it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, lgamma
from typing import Any

import numpy as np

from voice.bench import ALL

CONFIDENCE = 0.99
SMALLEST_CHANGE = 0.03
_LEAST_SAMPLES = 5
"""Below this no test of ranks or resampling can be significant."""
_RESAMPLES = 10_000
_SEED = 20_110
_HIGHER_IS_BETTER = re.compile(r"_per_s(\.|$)|^recall_|^right(\.|_|$)|^verify_to_sha256$")
_LOWER_IS_BETTER = re.compile(
    r"_(s|ms|mb|rate|fraction)(\.|$)|^(miss|cer|false_per_hour|rss|search)_"
    r"|^(over_refused|wrong|answered_elsewhere|broken|unsupported|real_time_factor)"
)
_SHARES = re.compile(
    r"^(miss|recall)_|^(near_miss_rate|right|over_refused|wrong|answered_elsewhere|unsupported)"
)
_SAME_MACHINE = ("processor", "cores", "memory_mb")


@dataclass(frozen=True)
class Change:
    """One figure in both results."""

    key: str
    """Benchmark and figure: answer/stage_asr_s."""
    old: float
    new: float
    ratio: float | None
    """new / old; None where old is zero."""
    low: float | None
    high: float | None
    """The interval of the ratio; None where single values are not known."""
    verdict: str
    """better, worse, same, unclear, or - where neither direction is good."""


@dataclass(frozen=True)
class _Measured:
    key: str
    value: float
    count: int
    is_median: bool
    samples: Sequence[float]


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of all figures that both results have, and what makes them doubtful.

    Takes what `hean bench NAME --json` or `hean bench all --json` printed. Raises ValueError.
    """
    before = {measured.key: measured for measured in figures_of(old)}
    after = {measured.key: measured for measured in figures_of(new)}
    changes = [_change(before[key], after[key]) for key in before if key in after]
    if not changes:
        raise ValueError("the two results have no figure in common")
    return {
        "changes": [asdict(change) for change in changes],
        "better": [change.key for change in changes if change.verdict == "better"],
        "worse": [change.key for change in changes if change.verdict == "worse"],
        "only_old": [key for key in before if key not in after],
        "only_new": [key for key in after if key not in before],
        "doubts": list(_doubts(old, new)),
    }


def figures_of(outcome: Mapping[str, Any]) -> Iterator[_Measured]:
    """Yield every figure with its single values. Raises ValueError."""
    try:
        name = outcome["bench"]
        for key, figure in outcome["figures"].items():
            value = figure["p50"] if "p50" in figure else figure["value"]
            samples = outcome.get("samples", {}).get(key, [])
            full = key if name == ALL else f"{name}/{key}"
            yield _Measured(full, float(value), int(figure["n"]), "p50" in figure, samples)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("it is not what `hean bench ... --json` prints") from error


def better_direction(key: str) -> int:
    """Return 1 if more is better, -1 if less is, 0 if neither."""
    name = key.rpartition("/")[2]
    if _HIGHER_IS_BETTER.search(name):
        return 1
    return -1 if _LOWER_IS_BETTER.search(name) else 0


def _change(old: _Measured, new: _Measured) -> Change:
    ratio = new.value / old.value if old.value else None
    interval = _ratio_interval(old, new)
    low, high = interval or (None, None)
    verdict = _verdict(old, new, interval)
    return Change(old.key, old.value, new.value, ratio, low, high, verdict)


def _verdict(old: _Measured, new: _Measured, interval: tuple[float, float] | None) -> str:
    direction = better_direction(old.key)
    if not direction:
        return "-"
    small = abs(new.value - old.value) <= SMALLEST_CHANGE * abs(old.value)
    if small:
        return "same"
    if not _is_significant(old, new, interval):
        return "unclear"
    return "better" if (new.value > old.value) == (direction > 0) else "worse"


def _is_significant(old: _Measured, new: _Measured, interval: tuple[float, float] | None) -> bool:
    if interval:
        return not interval[0] <= 1 <= interval[1]
    is_share = bool(_SHARES.search(old.key.rpartition("/")[2])) and max(old.value, new.value) <= 1
    return is_share and fisher(_hits(old), old.count, _hits(new), new.count) < 1 - CONFIDENCE


def _hits(share: _Measured) -> int:
    return round(share.value * share.count)


def _ratio_interval(old: _Measured, new: _Measured) -> tuple[float, float] | None:
    """Return the interval of new / old; None if there are too few values, or they are zero."""
    if min(len(old.samples), len(new.samples)) < _LEAST_SAMPLES:
        return None
    random = np.random.default_rng(_SEED)
    middles = []
    for samples in (old.samples, new.samples):
        drawn = random.choice(np.asarray(samples, float), (_RESAMPLES, len(samples)))
        middles.append(np.median(drawn, axis=1) if old.is_median else drawn.mean(axis=1))
    if not middles[0].all():
        return None
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(middles[1] / middles[0], [tail, 100 - tail])
    return float(low), float(high)


def fisher(hits: int, of: int, other_hits: int, of_others: int) -> float:
    """Return the two-sided p of Fisher's exact test that two shares are the same."""
    total = hits + other_hits

    def log_choose(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    def log_p(count: int) -> float:
        return log_choose(of, count) + log_choose(of_others, total - count)

    everything = log_choose(of + of_others, total)
    seen = log_p(hits)
    possible = range(max(0, total - of_others), min(of, total) + 1)
    return min(1.0, sum(exp(log_p(n) - everything) for n in possible if log_p(n) <= seen + 1e-9))


def _doubts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = old.get("machine", {}), new.get("machine", {})
    for name in _SAME_MACHINE:
        if before.get(name) != after.get(name):
            yield f"another machine: {name} {before.get(name)} → {after.get(name)}"
    for which, outcome in (("old", old), ("new", new)):
        yield from (f"{which}: {text}" for text in outcome.get("warnings", ()))
