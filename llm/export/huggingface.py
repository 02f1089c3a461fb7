"""The weights of a Hugging Face folder: config.json, *.safetensors and its tokenizer.

Read without torch: the format is a JSON header and raw numbers, and bf16 is the upper half of fp32.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from llm.export import ExportError
from llm.export.files import read_json
from llm.export.names import HF_CLASSES, Array, Layout
from llm.export.vocabulary import read_vocabulary

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class _Place:
    """Where a tensor lies in its file."""

    path: Path
    kind: str
    shape: tuple[int, ...]
    offset: int


class HfWeights:
    """A folder as `save_pretrained` writes it."""

    def __init__(self, folder: Path) -> None:
        """Open a folder. Raises ExportError: missing files, a family or a setting not supported."""
        self._folder = folder
        self._config = read_json(folder / "config.json", "name a model's folder")
        _check(self._config)
        config = self._config
        heads = config["num_attention_heads"]
        self.layout = Layout(
            HF_CLASSES[config["architectures"][0]],
            config["num_hidden_layers"],
            heads,
            config.get("num_key_value_heads") or heads,
        )
        self._places = {
            self.layout.gguf_name(name): place
            for path in sorted(folder.glob("*.safetensors"))
            for name, place in places(path).items()
            if not (name == "lm_head.weight" and config.get("tie_word_embeddings"))
        }
        if "token_embd.weight" not in self._places:
            raise ExportError(f"{folder} has no *.safetensors with the weights of a model")
        self.shapes: Mapping[str, tuple[int, ...]] = {n: p.shape for n, p in self._places.items()}

    def load(self, name: str) -> Array:
        """Return one tensor in fp32, laid out as llama.cpp expects it."""
        return self.layout.laid_out(name, load(self._places[name]))

    def describe(self, writer: Any) -> None:
        """Add hyperparameters, tokenizer and template to a GGUFWriter."""
        writer.add_name(self._config.get("_name_or_path") or self._folder.name)
        _hyperparameters(writer, self._config, self.layout)
        self._vocabulary.describe(writer)

    @cached_property
    def _vocabulary(self) -> Any:
        rows = self.shapes["token_embd.weight"][0]
        return read_vocabulary(self._folder, rows, self._config)


def places(path: Path) -> dict[str, _Place]:
    """Return where each tensor of a safetensors file lies. Raises ExportError: damaged."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, _LONGEST_HEADER):
                raise ValueError("its header is longer than the file")
            header: dict[str, Any] = json.loads(file.read(length))
        found = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            if 8 + length + end > size:
                raise ValueError(f"it is cut short inside {name}")
            shape = tuple(entry["shape"])
            found[name] = _Place(path, entry["dtype"], shape, 8 + length + begin)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise ExportError(f"{path} is damaged: {error}", "train or fetch it again") from error
    return found


def load(place: _Place) -> Array:
    """Return one tensor of a safetensors file in fp32. Raises ExportError: an unknown type."""
    if place.kind not in _TYPES:
        raise ExportError(f"{place.path} holds numbers of the type {place.kind}")
    count = int(np.prod(place.shape))
    raw = np.fromfile(place.path, np.dtype(_TYPES[place.kind]), count, offset=place.offset)
    if place.kind == "BF16":
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32).reshape(place.shape)


def _check(config: Mapping[str, Any]) -> None:
    """Refuse what llama.cpp would compute in another way without saying so. Raises ExportError."""
    names = config.get("architectures") or ["a model without a name"]
    if names[0] not in HF_CLASSES:
        raise ExportError(
            f"{names[0]} cannot be exported", f"families that can: {', '.join(HF_CLASSES)}"
        )
    rope = _rope(config)
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise ExportError(f"stretched rotary positions ({rope}) cannot be exported")
    if config.get("use_sliding_window"):
        raise ExportError("a sliding attention window of this family cannot be exported")
    if names[0] == "Gemma3ForCausalLM":
        _check_gemma(config)


def _check_gemma(config: Mapping[str, Any]) -> None:
    """Refuse what a GGUF of Gemma 3 does not store: its reader assumes it."""
    if config.get("query_pre_attn_scalar", config["head_dim"]) != config["head_dim"]:
        raise ExportError("a query_pre_attn_scalar other than head_dim cannot be exported")
    layers: list[str] = config.get("layer_types") or []
    usual = ["full_attention" if n % 6 == 5 else "sliding_attention" for n in range(len(layers))]
    if layers != usual:
        raise ExportError("layer_types other than five sliding, one full cannot be exported")


def _rope(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of rotary positions; transformers 5 keeps them apart by kind of layer."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return rope.get("full_attention", rope) or {}


def _hyperparameters(writer: Any, config: Mapping[str, Any], layout: Layout) -> None:
    head = config.get("head_dim") or config["hidden_size"] // layout.heads
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(layout.blocks)
    writer.add_head_count(layout.heads)
    writer.add_head_count_kv(layout.kv_heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    default = 1_000_000.0 if layout.architecture == "gemma3" else 10_000.0
    writer.add_rope_freq_base(_rope(config).get("rope_theta") or config.get("rope_theta", default))
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_vocab_size(config["vocab_size"])
    further = _FURTHER.get(layout.architecture)
    if further:
        further(writer, config, head)


def _llama(writer: Any, _config: Mapping[str, Any], head: int) -> None:
    writer.add_rope_dimension_count(head)


def _gemma3(writer: Any, config: Mapping[str, Any], _head: int) -> None:
    writer.add_sliding_window(config["sliding_window"])


_FURTHER: Mapping[str, Callable[[Any, Mapping[str, Any], int], None]] = {
    "llama": _llama,
    "gemma3": _gemma3,
}
