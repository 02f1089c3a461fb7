"""What a run will take, told before it begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from llm import GenerationError
from llm.gguf import read_gguf
from llm.train import UnusableBase
from llm.train.base import read_json
from llm.train.settings import Settings

_LIBRARIES_MB = 450
"""torch, transformers and peft in memory."""
_WIDTHS_KEPT, _INNER_KEPT = 14, 5
"""Activations of a layer that going backwards needs, in hidden sizes and in feed-forward sizes."""
_LOGIT_BYTES = 12
"""For each word of the vocabulary and each target in memory: bfloat16 and two times float32."""
_TARGETS = 256
_TRAINED_BYTES = 16
"""For each trained weight: itself, its gradient and two moments, in float32."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a model."""

    parameters: int
    layers: int
    hidden: int
    inner: int
    """Size of the feed-forward layers."""
    words: int
    """Size of the vocabulary."""


def shape_of(base: Path) -> Shape:
    """Return the sizes of a base from its headers alone. Raises UnusableBase."""
    return _of_file(base) if base.is_file() else _of_folder(base)


def _of_file(base: Path) -> Shape:
    try:
        gguf = read_gguf(base)
    except GenerationError as error:
        raise UnusableBase(str(error)) from error
    keys = ("block_count", "embedding_length", "feed_forward_length")
    layers, hidden, inner = (gguf.metadata.get(f"{gguf.architecture}.{key}", 0) for key in keys)
    words = len(gguf.metadata.get("tokenizer.ggml.tokens", ()))
    return Shape(sum(map(prod, gguf.tensors.values())), layers, hidden, inner, words)


def _of_folder(base: Path) -> Shape:
    from safetensors import SafetensorError, safe_open

    config = read_json(base / "config.json")
    keys = ("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size")
    layers, hidden, inner, words = (int(config.get(key, 0)) for key in keys)
    parameters = 0
    for file in base.glob("*.safetensors"):
        try:
            with safe_open(file, "numpy") as weights:
                parameters += sum(prod(weights.get_slice(n).get_shape()) for n in weights.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise UnusableBase(f"{file} cannot be read: {error}") from error
    if not parameters:
        raise UnusableBase(f"{base} has no weights (*.safetensors)", "name the folder of a model")
    return Shape(parameters, layers, hidden, inner, words)


def needed_mb(shape: Shape, settings: Settings) -> float:
    """Return about how much memory training takes at its peak, in megabytes."""
    size = 2 if settings.dtype == "bfloat16" else 4
    frozen = size if settings.trains_adapter else 0
    kept = shape.layers * (_WIDTHS_KEPT * shape.hidden + _INNER_KEPT * shape.inner) * size
    logits = min(_TARGETS, settings.pack_tokens) * shape.words * _LOGIT_BYTES
    weights = shape.parameters * frozen + trained(shape, settings) * _TRAINED_BYTES
    return _LIBRARIES_MB + (weights + kept * settings.pack_tokens + logits) / 1e6


def trained(shape: Shape, settings: Settings) -> int:
    """Return how many weights are trained, about."""
    if settings.trains_adapter:
        # Four square-ish and three feed-forward matrices a layer, each with two thin ones.
        return shape.layers * settings.rank * (8 * shape.hidden + 3 * (shape.hidden + shape.inner))
    return shape.parameters


def available_mb(meminfo: Path = Path("/proc/meminfo")) -> float:
    """Return how much memory is free for a new process; infinite where the system does not say."""
    if not meminfo.is_file():
        return float("inf")
    fields: Mapping[str, Any] = dict(
        line.split(":", 1) for line in meminfo.read_text("utf-8").splitlines() if ":" in line
    )
    return int(fields["MemAvailable"].split()[0]) * 1024 / 1e6 if "MemAvailable" in fields else 0.0


def peak_mb() -> float:
    """Return the most memory that this process ever had, in megabytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1024 if os.uname().sysname == "Linux" else 1) / 1e6
