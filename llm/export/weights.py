"""Weights of a model, one tensor at a time, and the file of 16-bit floats that is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from llm.export import ExportError
from llm.export.files import check_room, writing
from llm.export.names import Adjust, Array, Layout, unchanged
from llm.gguf import read_gguf

F16_LARGEST = 65504.0
_F16_FILE = 1
"""Value of general.file_type for "mostly 16-bit floats"."""
_OWN_KEYS = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")
"""Keys that the writer sets itself, or that described the older file."""


class Weights(Protocol):
    """A model to be written as GGUF."""

    layout: Layout

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Return the shape of each tensor by GGUF name, outermost dimension first."""
        ...

    def load(self, name: str) -> Array:
        """Return one tensor in fp32, laid out as llama.cpp expects it."""
        ...

    def describe(self, writer: Any) -> None:
        """Add everything but the tensors to a GGUFWriter: hyperparameters, tokenizer, template."""
        ...


class GgufWeights:
    """The weights of a GGUF file, dequantised to fp32."""

    def __init__(self, path: Path) -> None:
        """Open a file. Raises GenerationError: damaged; ExportError: not a known family."""
        import gguf

        header = read_gguf(path)  # complete and sane, before a mapped read could run off its end
        if header.is_adapter:
            raise ExportError(f"{path} is a LoRA adapter and not a model")
        self.layout = Layout.from_metadata(header.metadata, header.architecture)
        self.shapes = {name: shape[::-1] for name, shape in header.tensors.items()}
        self._reader = gguf.GGUFReader(path)
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}

    def load(self, name: str) -> Array:
        """Return one tensor in fp32."""
        import gguf

        tensor = self._tensors[name]
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        return np.ascontiguousarray(values.reshape(self.shapes[name]), np.float32)

    def describe(self, writer: Any) -> None:
        """Copy every key: tokenizer, template and hyperparameters stay those of the base."""
        for key, field in self._reader.fields.items():
            if not key.startswith(_OWN_KEYS):
                inner = field.types[-1] if len(field.types) > 1 else None
                writer.add_key_value(key, field.contents(), field.types[0], inner)


def write_f16(path: Path, weights: Weights, adjust: Adjust = unchanged) -> None:
    """Write a GGUF of 16-bit floats (vectors, such as norms and biases, in 32 bits).

    `adjust` changes a tensor in fp32 on its way, for example by merging an adapter into it. One
    tensor is in memory at a time. Raises ExportError: disk full, or values that fp16 cannot hold.
    """
    import gguf

    kinds: Mapping[str, Any] = {
        name: np.dtype(np.float32 if len(shape) == 1 else np.float16)
        for name, shape in weights.shapes.items()
    }
    sizes = {n: int(np.prod(s)) * kinds[n].itemsize for n, s in weights.shapes.items()}
    check_room(path.parent, sum(sizes.values()))
    with writing(path) as partial:
        writer = gguf.GGUFWriter(partial, weights.layout.architecture)
        try:
            weights.describe(writer)
            writer.add_file_type(_F16_FILE)
            for name, shape in weights.shapes.items():
                writer.add_tensor_info(name, shape, kinds[name], sizes[name])
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            for name in weights.shapes:
                values = _finite(name, adjust(name, weights.load(name)))
                writer.write_tensor_data(values.astype(kinds[name]))
        finally:
            writer.close()


def _finite(name: str, values: Array) -> Array:
    largest = float(np.abs(values).max(initial=0.0))
    if not largest <= F16_LARGEST:  # also true of NaN
        raise ExportError(
            f"{name} holds {largest:g}, which a 16-bit float cannot hold: the training diverged",
            "train again with a lower learning rate",
        )
    return values
