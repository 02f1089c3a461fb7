"""What every benchmark needs: the machine, the versions, distributions, one way to print.

Each benchmark returns figures by key; keys carry their unit and stay the same for years
(`end_to_first_sample_s`), so that runs can be compared.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from voice import __version__

_PACKAGES = ("sherpa-onnx", "onnxruntime", "llama-cpp-python", "numpy")
_DECIMALS = 4


def distribution(values: Sequence[float]) -> dict[str, float | int]:
    """Return median, 95th percentile and count."""
    return {
        "p50": round(float(np.percentile(values, 50)), _DECIMALS),
        "p95": round(float(np.percentile(values, 95)), _DECIMALS),
        "n": len(values),
    }


def single(value: float, count: int = 1) -> dict[str, float | int]:
    """Return one figure that rests on `count` measurements."""
    return {"value": round(value, _DECIMALS), "n": count}


def result(name: str, figures: Mapping[str, Mapping[str, float | int]]) -> dict[str, Any]:
    """Return the object that a benchmark prints."""
    return {
        "bench": name,
        "machine": machine(),
        "versions": versions(),
        "figures": dict(figures),
    }


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
    return {"hean": __version__, **{package: _version(package) for package in _PACKAGES}}


def resident_mb(pid: int | str = "self", field: str = "VmRSS") -> float:
    """Return the resident memory of a process in megabytes, shared and mapped pages included;
    with the field VmHWM the most it ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):  # x86 and Raspberry Pi
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
