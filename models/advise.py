"""Which models of the catalogue this machine can run and train, how, and how long it takes.

Estimates, and marked as such: figures measured on a machine with 2 x86-64 cores (AVX-512 with
bfloat16), scaled by cores and instruction sets, or by a measurement on this machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from models.catalog import Catalog, Model
from models.machine import Machine, Speed

_SIZE = re.compile(r"(\d+(?:\.\d+)?)(b|m)(?![a-z])")
_RESERVE_MB = 700
"""For the system and the rest of the assistant."""

# Measured on one core: Qwen2.5 0.5B, Q4_K_M, 491 MB, read 82 tokens per second and wrote 12.7.
_READ_GFLOPS = 82 * 2 * 0.494
"""Two operations for each weight and token of a prompt."""
_WRITE_GB_PER_S = 12.7 * 0.491
"""Each new token reads all weights once."""
_REFERENCE = Speed(gflops=90.0, copy_gb_per_s=37.0)
"""What `measure` finds on a core of that machine."""

# Training, on two such cores.
_TRAIN_GFLOPS = {"bf16": 150.0, "float32": 40.0}
"""Per core. In bfloat16 LoRA of the 0.5B model with 270 rows, 3 epochs, 170 tokens a row took 13.7
minutes with other work on the cores (168 by this count); float32 took four times as long."""
_OPERATIONS = 4
"""For each weight and token of LoRA: forward 2, backward 2; the weights themselves do not learn."""
_LIBRARIES_MB = 450
_LOGITS_MB = 470
_KEPT = 0.9
"""Activations of 512 tokens in bytes for each byte of the weights (Qwen2.5 0.5B)."""
_ADAPTER_MB_PER_M = 0.3
_RUN_MB_PER_M = 1.2
"""Disk of a run: the adapter, its checkpoints with their moments, the exported adapter."""
_QUANTISED_BYTES = 0.6
ROW_TOKENS = 170
"""Mean length of the rows that the knowledge base exports, in tokens of Qwen2.5."""
_QUESTION_TOKENS, _ANSWER_TOKENS = 300, 40
_EMULATION = {"x86_64": 0.5, "aarch64": 0.3}
"""Speed of a core without AVX-512 against the measured one, by architecture: a guess."""


@dataclass(frozen=True)
class Running:
    """A model that answers."""

    model: str
    languages: tuple[str, ...]
    quantisation: str
    memory_mb: int
    disk_mb: int
    fits: bool
    why: str
    """Why it does not fit; empty if it does."""
    tokens_per_s: float
    answer_s: float
    """Seconds for a question of 300 tokens with its passages and an answer of 40."""


@dataclass(frozen=True)
class Training:
    """A model that is trained in one phase."""

    model: str
    method: str
    weights: str
    """bf16, float32, or 4-bit."""
    memory_mb: int
    minutes: float | None
    """None where no figure was ever measured: on graphics cards."""
    disk_mb: int
    fits: bool
    why: str


@dataclass(frozen=True)
class Phase:
    """One of the three steps from a first try to what is put on devices."""

    name: str
    aim: str
    rows: int
    epochs: int
    result: str
    """What comes out: the file and its quantisation."""
    minutes: int
    """Longest that this phase should take."""
    choices: tuple[Training, ...] = ()

    @property
    def choice(self) -> Training | None:
        """Return the largest model that fits in memory and time, if any."""
        good = [t for t in self.choices if t.fits and (t.minutes or 0) <= self.minutes]
        return good[-1] if good else None


@dataclass(frozen=True)
class Advice:
    """All tables."""

    machine: Machine
    basis: str
    """What the estimates rest on."""
    running: tuple[Running, ...]
    phases: tuple[Phase, ...]


_PHASES = (
    Phase(
        "try", "does the whole chain work, and is the data fit?", 50, 1,
        "adapter beside the quantised model", 15,
    ),
    Phase(
        "improve", "is it better on held-out questions?", 300, 3,
        "adapter beside the quantised model", 90,
    ),
    Phase(
        "produce", "all rows, and the file that goes onto devices", 5000, 3,
        "adapter beside Q4_K_M; merged Q8_0 only if it still refuses", 24 * 60,
    ),
)  # fmt: skip


def advise(machine: Machine, catalog: Catalog, speed: Speed | None = None) -> Advice:
    """Return what can be run and trained; with `speed` estimates rest on this machine's own."""
    models = sorted((m for m in catalog if m.stage == "llm"), key=parameters_m)
    basis = "this machine, measured" if speed else "a measured machine, scaled by cores and type"
    compute, copy = _factors(machine, speed)
    running = tuple(_running(model, machine, compute, copy) for model in models)
    phases = tuple(
        replace(phase, choices=tuple(_training(model, machine, compute, phase) for model in models))
        for phase in _PHASES
    )
    return Advice(machine, f"estimates from {basis}", running, phases)


def parameters_m(model: Model) -> float:
    """Return the size of a language model in millions of weights, from its id or its file."""
    found = _SIZE.search(model.id)
    if found:
        return float(found[1]) * (1000 if found[2] == "b" else 1)
    return model.memory_mb / _QUANTISED_BYTES


def _factors(machine: Machine, speed: Speed | None) -> tuple[float, float]:
    """Return how quick a core computes and copies, against the measured one."""
    if speed:
        return speed.gflops / _REFERENCE.gflops, speed.copy_gb_per_s / _REFERENCE.copy_gb_per_s
    if "avx512f" in machine.features:
        return 1.0, 1.0
    guess = _EMULATION.get(machine.architecture, min(_EMULATION.values()))
    return guess, max(guess, 0.5)


def _running(model: Model, machine: Machine, compute: float, copy: float) -> Running:
    size_gb = sum(file.bytes for file in model.files.values()) / 1e9 or model.memory_mb / 1e3
    weights_g = parameters_m(model) / 1e3
    # Reading a prompt takes all cores, writing is bound by the memory that they share.
    read_s = _QUESTION_TOKENS / (_READ_GFLOPS * compute * machine.cores / (2 * weights_g))
    per_s = _WRITE_GB_PER_S * copy / size_gb
    why = _lack(machine, model.memory_mb, size_gb * 1e3)
    return Running(
        model=model.id,
        languages=model.languages,
        quantisation=_quantisation(model),
        memory_mb=model.memory_mb,
        disk_mb=round(size_gb * 1e3),
        fits=not why,
        why=why,
        tokens_per_s=round(per_s, 1),
        answer_s=round(read_s + _ANSWER_TOKENS / per_s, 1),
    )


def _quantisation(model: Model) -> str:
    names = " ".join(file.path for file in model.files.values()).upper()
    found = re.search(r"Q\d_(?:K_[MS]|K|\d)|F16|BF16", names)
    return found[0] if found else ""


def _training(model: Model, machine: Machine, compute: float, phase: Phase) -> Training:
    millions = parameters_m(model)
    disk = millions * _RUN_MB_PER_M
    card = max((gpu.memory_mb for gpu in machine.gpus), default=0)
    for method, weights, size in (("lora", "bf16", 2.0), ("qlora", "4-bit", _QUANTISED_BYTES)):
        memory = _memory_mb(millions, size, 2.0)
        if card >= memory:
            why = _lack(machine, 0, disk)
            where = f"{weights}, graphics card"
            return Training(model.id, method, where, round(memory), None, round(disk), not why, why)
    weights, size = ("bf16", 2.0) if machine.has_bf16 else ("float32", 4.0)
    memory = _memory_mb(millions, size, size)
    tokens = phase.rows * phase.epochs * ROW_TOKENS
    gflops = _TRAIN_GFLOPS[weights] * compute * machine.cores
    minutes = tokens * _OPERATIONS * millions / 1e3 / gflops / 60
    why = _lack(machine, memory, disk)
    rounded = round(memory), round(minutes, 1), round(disk)
    return Training(model.id, "lora", weights, *rounded, not why, why)


def _memory_mb(millions: float, weight_bytes: float, work_bytes: float) -> float:
    adapter = millions * _ADAPTER_MB_PER_M
    kept = millions * work_bytes * _KEPT
    return _LIBRARIES_MB + _LOGITS_MB + millions * weight_bytes + kept + adapter


def _lack(machine: Machine, memory_mb: float, disk_mb: float) -> str:
    """Return what the machine has too little of; empty if nothing."""
    if machine.memory_mb and memory_mb + _RESERVE_MB > machine.memory_mb:
        return f"needs {memory_mb + _RESERVE_MB:,.0f} MB of memory, there are {machine.memory_mb:,}"
    if disk_mb > machine.free_disk_mb:
        return f"needs {disk_mb:,.0f} MB on the disk, {machine.free_disk_mb:,} are free"
    return ""
