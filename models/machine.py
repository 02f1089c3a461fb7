"""What this machine has: cores, instruction sets, memory, disk, graphics cards; and its speed."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FEATURES = ("amx_bf16", "avx512_bf16", "avx512f", "avx2", "bf16", "i8mm", "asimddp")
"""Instruction sets that matter for models, as /proc/cpuinfo names them."""
_BF16 = {"amx_bf16", "avx512_bf16", "bf16"}
_GPU_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
_GPU_TIMEOUT_S = 10
_COPIED_BYTES, _REPEATS = 1 << 26, 6
_PRODUCTS, _SIZE = 2000, 64
"""Products of small matrices: linear algebra takes a single core for them."""


@dataclass(frozen=True)
class Gpu:
    """A graphics card with CUDA."""

    name: str
    memory_mb: int


@dataclass(frozen=True)
class Machine:
    """What there is to compute with."""

    architecture: str
    """x86_64 or aarch64."""
    cores: int
    """Those that this process may use."""
    features: tuple[str, ...]
    memory_mb: int
    """0 = the system does not tell."""
    free_disk_mb: int
    gpus: tuple[Gpu, ...] = ()

    @property
    def has_bf16(self) -> bool:
        """Return whether the processor multiplies bfloat16."""
        return bool(_BF16 & set(self.features))


@dataclass(frozen=True)
class Speed:
    """What one core was measured to do."""

    gflops: float
    """Thousand millions of float32 operations per second in a product of matrices."""
    copy_gb_per_s: float
    """Thousand millions of bytes read and written per second."""


def this_machine(
    folder: Path, cpuinfo: Path = Path("/proc/cpuinfo"), meminfo: Path = Path("/proc/meminfo")
) -> Machine:
    """Look at this machine; models are kept in `folder`, which need not exist yet."""
    nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return Machine(
        architecture=platform.machine(),
        cores=_cores(),
        features=_features(cpuinfo),
        memory_mb=_memory_mb(meminfo),
        free_disk_mb=shutil.disk_usage(nearest).free // 1_000_000,
        gpus=_gpus(),
    )


def measure() -> Speed:
    """Measure one core in about a second: the best of several tries, because others work too."""
    values = np.random.default_rng(0).random((_PRODUCTS, _SIZE, _SIZE), np.float32)
    source, target = np.ones(_COPIED_BYTES, np.uint8), np.empty(_COPIED_BYTES, np.uint8)
    products, copies = [], []
    for _ in range(_REPEATS):
        # Time of the processor and not of the clock: others may be working too.
        begin = time.process_time()
        values @ values
        middle = time.process_time()
        target[:] = source
        products.append(middle - begin)
        copies.append(time.process_time() - middle)
    return Speed(
        2 * _PRODUCTS * _SIZE**3 / min(products) / 1e9, 2 * _COPIED_BYTES / min(copies) / 1e9
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _features(cpuinfo: Path) -> tuple[str, ...]:
    try:
        text = cpuinfo.read_text("utf-8", errors="replace")
    except OSError:
        return ()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    return tuple(name for name in FEATURES if name in flags)


def _memory_mb(meminfo: Path) -> int:
    try:
        text = meminfo.read_text("utf-8")
    except OSError:
        return 0
    found = re.search(r"^MemTotal:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 // 1_000_000 if found else 0


def _gpus() -> tuple[Gpu, ...]:
    if not shutil.which(_GPU_QUERY[0]):
        return ()
    try:
        done = subprocess.run(
            _GPU_QUERY, capture_output=True, text=True, timeout=_GPU_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()  # the tool is there, a working driver is not
    return tuple(gpus_of(done.stdout))


def gpus_of(listing: str) -> list[Gpu]:
    """Return the cards that `nvidia-smi` lists, a line each: name, MiB."""
    rows = (line.rpartition(",") for line in listing.splitlines())
    return [Gpu(name.strip(), int(size)) for name, _, size in rows if size.strip().isdigit()]
