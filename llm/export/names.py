"""Names and layouts: what Hugging Face calls a tensor, and what llama.cpp expects in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.export import ExportError

Array = NDArray[np.float32]
ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma3")
"""Families that can be exported."""
HF_CLASSES = {
    "LlamaForCausalLM": "llama",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
    "Gemma3ForCausalLM": "gemma3",
}


@dataclass(frozen=True)
class Layout:
    """How the tensors of one model are named and laid out in GGUF."""

    architecture: str
    blocks: int
    heads: int
    kv_heads: int

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any], architecture: str) -> Layout:
        """Take it from the header of a GGUF file. Raises ExportError: not a known family."""
        if architecture not in ARCHITECTURES:
            raise ExportError(
                f"the architecture {architecture or 'of the file'} cannot be exported",
                f"choose a base of one of these: {', '.join(ARCHITECTURES)}",
            )
        heads = int(metadata[f"{architecture}.attention.head_count"])
        kv_heads = int(metadata.get(f"{architecture}.attention.head_count_kv", heads))
        return cls(architecture, int(metadata[f"{architecture}.block_count"]), heads, kv_heads)

    def gguf_name(self, hf_name: str) -> str:
        """Return the name in GGUF, for example blk.0.attn_q.weight. Raises ExportError."""
        found: str | None = self._map.get_name(hf_name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise ExportError(f"{hf_name} has no place in a GGUF of the family {self.architecture}")
        return found

    def laid_out(self, name: str, values: Array) -> Array:
        """Return the values of a whole tensor as llama.cpp expects them under this name."""
        if name.endswith("norm.weight") and self.architecture == "gemma3":
            # Gemma multiplies by 1 + weight; llama.cpp multiplies by what is in the file.
            return values + np.float32(1)
        return self.rows_laid_out(name, values)

    def rows_laid_out(self, name: str, values: Array) -> Array:
        """Return the values with their rows in the order of llama.cpp; so too for LoRA's B.

        The llama family rotates neighbouring pairs in llama.cpp, and halves in Hugging Face.
        """
        heads = self._rotated(name)
        if not heads:
            return values
        half = values.shape[0] // heads // 2
        pairs = values.reshape(heads, 2, half, *values.shape[1:]).swapaxes(1, 2)
        return np.ascontiguousarray(pairs.reshape(values.shape))

    def _rotated(self, name: str) -> int:
        if self.architecture != "llama":
            return 0
        if ".attn_q." in name:
            return self.heads
        return self.kv_heads if ".attn_k." in name else 0

    @cached_property
    def _map(self) -> Any:
        import gguf

        numbers: Mapping[str, Any] = {n: a for a, n in gguf.MODEL_ARCH_NAMES.items()}
        return gguf.get_tensor_name_map(numbers[self.architecture], self.blocks)


Adjust = Callable[[str, Array], Array]
"""Changes the values of a tensor on their way into a file; by its GGUF name."""


def unchanged(_name: str, values: Array) -> Array:
    """Leave a tensor as it is."""
    return values
