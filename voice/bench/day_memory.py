"""Whether memory stays flat: samples over the day, their slope and how sure that is."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

from voice.process.memory import give_back, resident_mb

WARM_UP = 0.25
"""Share of the samples that does not count: each engine has been used once by then."""
_LEAST_SAMPLES = 5
_T_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Student's t for 95 % and 1, 2, … degrees of freedom; beyond, 1.96 + 2.4 / degrees is near."""
_SHOWN = 10


class MemoryLog:
    """Samples of the resident memory of this process, by the hour of the day."""

    def __init__(self, trace: bool) -> None:
        """With `trace`, note where Python's memory goes; takes time for each allocation."""
        self._trace = trace
        self._before: tracemalloc.Snapshot | None = None
        self.samples: list[tuple[float, float, float]] = []
        """Hour, resident and proportional megabytes."""

    def sample(self, hour: float) -> None:
        """Take a sample."""
        give_back()
        self.samples.append((hour, resident_mb(), proportional_mb()))

    def begin_trace(self) -> None:
        """Note what is allocated now; once, and only if it was asked for."""
        if self._trace and self._before is None:
            tracemalloc.start()
            self._before = tracemalloc.take_snapshot()

    def growth(self) -> list[str]:
        """Return the places in the source whose memory grew most since `begin_trace`."""
        if self._before is None:
            return []
        differences = tracemalloc.take_snapshot().compare_to(self._before, "lineno")
        tracemalloc.stop()
        return [str(difference) for difference in differences[:_SHOWN]]

    def slope_mb_per_h(self) -> dict[str, Any]:
        """Return the growth of the resident memory after the warm-up, and its 95 % interval."""
        kept = self.samples[int(len(self.samples) * WARM_UP) :]
        if len(kept) < _LEAST_SAMPLES:
            return {"value": 0.0, "n": len(kept)}
        slope, error = _slope([at for at, _, _ in kept], [mb for _, mb, _ in kept])
        return {
            "value": round(slope, 3),
            "low": round(slope - error, 3),
            "high": round(slope + error, 3),
            "n": len(kept),
        }


def _slope(at: list[float], values: list[float]) -> tuple[float, float]:
    """Return the slope of the line of least squares, and half of its 95 % interval."""
    x, y = np.array(at) - np.mean(at), np.array(values) - np.mean(values)
    spread = float(np.dot(x, x))
    slope = float(np.dot(x, y)) / spread
    degrees = len(at) - 2
    error = float(np.sqrt(np.square(y - slope * x).sum() / degrees / spread))
    t = _T_95[degrees - 1] if degrees <= len(_T_95) else 1.96 + 2.4 / degrees
    return slope, t * error


def proportional_mb(rollup: Path = Path("/proc/self/smaps_rollup")) -> float:
    """Return the memory of this process with its part of what it shares; 0 if nobody tells."""
    if not rollup.exists():
        return 0.0
    lines = rollup.read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:"))
