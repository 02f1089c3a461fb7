"""A LoRA adapter of peft as a GGUF file that fits one base.

llama.cpp multiplies an adapter by alpha / rank and knows no other scale. peft has more: rank
stabilisation divides by the root of the rank (Kalajdzievski, arXiv 2312.03732), patterns give some
modules a rank or alpha of their own. Converters drop these without a word, and the model is another
one; here whatever scale peft used is folded into the numbers.

llama.cpp also lays an adapter over any base of the same shape. So the base is named in the
file: its SHA-256, and a fingerprint that is quick enough to be compared at every start.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.export import ExportError
from llm.export.files import read_json, sha256_of, writing
from llm.export.huggingface import load, places
from llm.export.names import Array, Layout
from llm.fingerprint import BASE_FINGERPRINT, fingerprint
from llm.gguf import read_gguf

BASE_SHA256 = "hean.base.sha256"
_ALPHA = "adapter.lora.alpha"
_TENSOR = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])(?:\.\w+)?\.weight$")
_FIX = "train again with plain LoRA on linear layers (the default), or merge: --to q8_0"


@dataclass(frozen=True)
class Lora:
    """The low-rank changes of an adapter, by the GGUF name of the weight they are added to."""

    layout: Layout
    pairs: Mapping[str, tuple[Array, Array]]
    """A of shape (rank, inputs) and B of shape (outputs, rank), with the scale folded into B."""

    def merged(self, name: str, values: Array) -> Array:
        """Return a weight with its change added, in fp32."""
        if name not in self.pairs:
            return values
        a, b = self.pairs[name]
        return values + b @ a

    @cached_property
    def rank(self) -> int:
        """Return the largest rank; with alpha equal to the rank llama.cpp's own scale is 1."""
        return max(int(a.shape[0]) for a, _ in self.pairs.values())


def read_adapter(folder: Path, layout: Layout) -> Lora:
    """Read adapter_config.json and adapter_model.safetensors as peft writes them.

    Raises ExportError: missing, damaged, not a number, or something that a GGUF adapter has no
    place for, by its name.
    """
    config = read_json(folder / "adapter_config.json", "name the folder of a run")
    _refuse_unsupported(config)
    halves: dict[str, dict[str, Array]] = {}
    for name, place in places(folder / "adapter_model.safetensors").items():
        match = _TENSOR.match(name)
        if not match:
            raise ExportError(f"{name} has no place in a GGUF adapter", _FIX)
        values = load(place)
        if not np.isfinite(values).all():
            raise ExportError(f"{name} is not a number: the training diverged", "train again")
        halves.setdefault(match["module"], {})[match["side"]] = values
    if not halves:
        raise ExportError(f"{folder} holds no LoRA weights")
    pairs = {}
    for module, sides in halves.items():
        if set(sides) != {"A", "B"}:
            raise ExportError(f"{module} has only one half of its change", "train again")
        name = layout.gguf_name(f"{module}.weight")
        b = sides["B"] * np.float32(_scale(config, module, sides["A"].shape[0]))
        pairs[name] = (sides["A"], layout.rows_laid_out(name, b))
    return Lora(layout, pairs)


def check_fits(lora: Lora, base: Path) -> None:
    """Raise ExportError unless every change has a weight of its shape in the base."""
    header = read_gguf(base)
    if header.architecture != lora.layout.architecture:
        raise ExportError(
            f"the adapter is for a {lora.layout.architecture} model, {base.name} is a "
            f"{header.architecture} model"
        )
    for name, (a, b) in lora.pairs.items():
        shape = header.tensors.get(name)
        if shape is None:
            raise ExportError(f"{base.name} has no {name}, which the adapter changes", _FIX)
        if shape != (a.shape[1], b.shape[0]):
            raise ExportError(
                f"{name} has the shape {shape} in {base.name}, the adapter needs "
                f"{(a.shape[1], b.shape[0])}: it was trained on another base"
            )


def write_adapter(path: Path, lora: Lora, base: Path, facts: Mapping[str, str]) -> None:
    """Write the adapter for this very base file; `facts` are further texts of its header.

    In half precision, which takes half the room and time, and is finer than any quantised base.
    Raises ExportError: it does not fit the base, or cannot be written.
    """
    import gguf

    check_fits(lora, base)
    with writing(path) as partial:
        writer = gguf.GGUFWriter(partial, lora.layout.architecture)
        try:
            writer.add_type("adapter")
            writer.add_string("adapter.type", "lora")
            writer.add_float32(_ALPHA, float(lora.rank))
            writer.add_string(BASE_SHA256, sha256_of(base))
            writer.add_string(BASE_FINGERPRINT, fingerprint(base))
            for key, value in facts.items():
                writer.add_string(key, value)
            for name, (a, b) in lora.pairs.items():
                # llama.cpp divides by the rank of each pair, whatever the largest is.
                share = np.float32(a.shape[0] / lora.rank)
                writer.add_tensor(f"{name}.lora_a", _half(name, a))
                writer.add_tensor(f"{name}.lora_b", _half(name, b * share))
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()


def _half(name: str, values: Array) -> NDArray[np.float16]:
    """Return the numbers in half precision. Raises ExportError: one is beyond its 65,504."""
    if np.abs(values).max() > np.finfo(np.float16).max:
        raise ExportError(
            f"the change of {name} is too large for half precision",
            "train again with a lower --lr, or merge: --to q8_0",
        )
    return np.ascontiguousarray(values, np.float16)


def check_base(adapter: Path, base: Path) -> None:
    """Raise ExportError unless `base` is, byte for byte, the file the adapter was made for."""
    wanted = read_gguf(adapter).metadata.get(BASE_SHA256)
    found = sha256_of(base)
    if wanted and found != wanted:
        raise ExportError(
            f"{adapter.name} was made for another base: it needs SHA-256 {wanted[:16]}…, "
            f"{base.name} has {found[:16]}…",
            "name the base it was trained on, or train and export again",
        )


def _refuse_unsupported(config: Mapping[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        raise ExportError(f"adapters of the type {config.get('peft_type')} cannot be exported")
    for key, name in (
        ("use_dora", "DoRA (use_dora)"),
        ("modules_to_save", "whole layers (modules_to_save)"),
        ("lora_bias", "biases (lora_bias)"),
        ("fan_in_fan_out", "transposed layers (fan_in_fan_out)"),
        ("target_parameters", "single parameters (target_parameters)"),
    ):
        if config.get(key):
            raise ExportError(f"a GGUF adapter cannot hold {name}", _FIX)
    if config.get("bias", "none") != "none":
        raise ExportError(f"a GGUF adapter cannot hold biases (bias={config['bias']})", _FIX)


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    """Return what peft multiplies the change of a module by."""
    alpha = _by_pattern(config.get("alpha_pattern") or {}, module, config["lora_alpha"])
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _by_pattern(patterns: Mapping[str, float], module: str, default: float) -> float:
    """Return the value of the first pattern that fits the end of a module's name, as peft does."""
    for pattern, value in patterns.items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default
