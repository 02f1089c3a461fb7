"""The machine that is measured, and what else kept it busy meanwhile."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from voice import __version__

_PACKAGES = ("sherpa-onnx", "onnxruntime", "llama-cpp-python", "numpy")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_BUSY = (0, 1, 2, 5, 6, 7)
"""Columns of /proc/stat (proc(5)) in which a processor works: user, nice, system, irq, softirq,
steal. Steal is time that a host gave to another guest, and disturbs as much."""
_NOISY_SHARE = 0.1
"""Part of all cores from which work of other programs is called noise."""


def machine() -> dict[str, Any]:
    """Return what figures depend on: processor, cores, memory, load when measured."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
    }


def versions() -> dict[str, str]:
    """Return the versions of this program and of the packages that do the work."""
    return {"hean": __version__, **{package: version_of(package) for package in _PACKAGES}}


def version_of(package: str) -> str:
    """Return the version of a package; empty if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


class Watch:
    """Tells what other programs took of the processor since it was made.

    The load alone does not: it counts what is measured, too.
    """

    def __init__(self) -> None:
        self._load = os.getloadavg()[0]
        self._begin_s = time.monotonic()
        self._others_s = _others_s()

    def seen(self) -> dict[str, float]:
        """Return the load average before and now, and how many cores others took on average."""
        passed_s = max(time.monotonic() - self._begin_s, 1 / _TICKS_PER_S)
        return {
            "load_before": round(self._load, 2),
            "load_after": round(os.getloadavg()[0], 2),
            "cores_taken_by_others": round(max(0.0, (_others_s() - self._others_s) / passed_s), 2),
            "seconds": round(passed_s, 1),
        }

    def warnings(self) -> list[str]:
        """Return what a reader of the figures has to know; nothing if the machine was calm."""
        taken, cores = self.seen()["cores_taken_by_others"], len(os.sched_getaffinity(0))
        if taken <= _NOISY_SHARE * cores:
            return []
        return [f"noisy: other programs took {taken:g} of {cores} cores meanwhile"]


def _others_s() -> float:
    """Return the seconds that the cores which this process may use have worked for others."""
    allowed = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *columns = line.split()
        if name in allowed:
            ticks += sum(int(columns[place]) for place in _BUSY if place < len(columns))
    own = os.times()
    mine_s = own.user + own.system + own.children_user + own.children_system
    return ticks / _TICKS_PER_S - mine_s


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):  # x86 and Raspberry Pi
            return line.partition(":")[2].strip()
    return platform.machine()
