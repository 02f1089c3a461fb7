"""What this machine has for training; torch is imported only when asked for."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Flags of processors that multiply bfloat16: x86 two, ARM one."""
_PROBE_SIZE = 768
_PROBES = 3


def calm_threads() -> None:
    """Let waiting threads sleep; call it before torch is imported, libgomp reads it then.

    By default they spin. On 2 cores with other work that made training three times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@dataclass(frozen=True)
class Hardware:
    """Where training runs and how."""

    device: str
    """cpu, or cuda:N."""
    dtype: str
    """Of frozen weights and activations: float32 or bfloat16."""
    attention: str
    """Implementation of transformers."""
    shares_beginnings: bool
    """Whether rows that begin alike are computed together; FlashAttention knows no trees."""
    extras: tuple[str, ...] = ()
    """Installed packages that make it quicker: flash_attn, liger_kernel, bitsandbytes."""


def find_hardware() -> Hardware:
    """Return what training would use here."""
    import torch

    if torch.cuda.is_available():
        extras = tuple(
            name for name in ("flash_attn", "liger_kernel", "bitsandbytes") if find_spec(name)
        )
        dtype = "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
        flash = "flash_attn" in extras and dtype == "bfloat16"
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        attention = "flash_attention_2" if flash else "sdpa"
        return Hardware(device, dtype, attention, not flash, extras)
    from llm.train.attention import GROUPED

    torch.set_num_threads(cores())
    return Hardware("cpu", "bfloat16" if bf16_is_quicker() else "float32", GROUPED, True)


def cores() -> int:
    """Return how many processors this process may use, shared among processes of one run."""
    mine = len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, mine)


def bf16_is_quicker(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the processor multiplies bfloat16 and really gains by it."""
    words = set(cpuinfo.read_text("utf-8", errors="replace").split()) if cpuinfo.exists() else set()
    if not words & _BF16_FLAGS:
        return False
    import torch

    return _matmul_s(torch.bfloat16) < _matmul_s(torch.float32)


def _matmul_s(dtype: object) -> float:
    import torch

    matrix = torch.ones(_PROBE_SIZE, _PROBE_SIZE).to(dtype)
    matrix @ matrix  # the first call prepares
    times = []
    for _ in range(_PROBES):
        begin = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - begin)
    return min(times)
