"""Read and check the header of a GGUF file, before the native library sees the file.

llama.cpp ends the process on some damaged files. Here a damaged file is a GenerationError, and the
header also tells what the rest of the package wants to know: architecture, chat template, markers.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm import GenerationError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32

_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""Kind of a value -> its code in `struct`."""
_STRING, _ARRAY = 8, 9
_UNUSED = "tokenizer.ggml.merges"
"""Half of the header's text, and nobody here asks for it; read as an empty list."""

# Type of a tensor -> (values in a block, bytes of a block), from ggml's type traits.
# fmt: off
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2),
    2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 20: (32, 18), 39: (32, 17),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 29: (256, 56), 34: (256, 54), 35: (256, 66), 40: (64, 36), 41: (128, 18),
}
# fmt: on
_SMALLEST_BLOCK = (128, 18)


@dataclass(frozen=True)
class Gguf:
    """What the header of a GGUF file says."""

    path: Path
    metadata: dict[str, Any]
    """Scalars, strings and lists by key, for example general.architecture."""
    tensors: dict[str, tuple[int, ...]]
    """Shape of each tensor by name, innermost dimension first, as the file has it."""

    @property
    def architecture(self) -> str:
        """Return the family of the model, for example llama or qwen2."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def is_adapter(self) -> bool:
        """Return whether the file is a LoRA adapter and not a model."""
        return (
            self.metadata.get("general.type") == "adapter"
            and self.metadata.get("adapter.type") == "lora"
        )


def read_gguf(path: Path) -> Gguf:
    """Read the header and check that all tensors it names are inside the file.

    Raises GenerationError: missing, not GGUF, damaged or cut short.
    """
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            if content[:4] != MAGIC:
                raise GenerationError(f"{path} is not a GGUF model file")
            return _read(path, _Cursor(content))
    except OSError as error:
        raise GenerationError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # mmap of a file of 0 bytes
        raise GenerationError(f"{path} is empty") from error
    except (struct.error, KeyError, OverflowError, MemoryError) as error:
        raise GenerationError(
            f"{path} is damaged or cut short: its header makes no sense"
        ) from error


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self.offset = len(MAGIC)

    def __len__(self) -> int:
        return len(self._content)

    def scalars(self, code: str, count: int = 1) -> tuple[Any, ...]:
        layout = struct.Struct(f"<{count}{code}")
        values = layout.unpack_from(self._content, self.offset)
        self.offset += layout.size
        return values

    def number(self, code: str) -> int:
        return int(self.scalars(code)[0])

    def strings(self, count: int = 1, keep: bool = True) -> list[str]:
        # A vocabulary has 150,000 of these: local names halve the time of every start.
        content, offset, length = self._content, self.offset, struct.Struct("<Q").unpack_from
        texts: list[str] = []
        for _ in range(count):
            start = offset + 8
            offset = start + length(content, offset)[0]
            if keep:
                texts.append(content[start:offset].decode("utf-8", errors="replace"))
        if offset > len(content):
            raise struct.error("a string ends outside the file")
        self.offset = offset
        return texts

    def value(self, kind: int, keep: bool) -> Any:
        if kind == _STRING:
            return self.strings()[0]
        if kind == _ARRAY:
            item, count = self.number("I"), self.number("Q")
            if item == _STRING:
                return self.strings(count, keep)
            return list(self.scalars(_SCALARS[item], count))  # no known key holds lists of lists
        return self.scalars(_SCALARS[kind])[0]


def _read(path: Path, cursor: _Cursor) -> Gguf:
    version = cursor.number("I")
    if version not in VERSIONS:
        raise GenerationError(f"{path} is GGUF version {version}; versions 2 and 3 can be used")
    tensor_count, pair_count = cursor.number("Q"), cursor.number("Q")
    metadata = {}
    for _ in range(pair_count):
        key = cursor.strings()[0]
        metadata[key] = cursor.value(cursor.number("I"), keep=key != _UNUSED)
    tensors = {}
    end = 0
    for _ in range(tensor_count):
        name = cursor.strings()[0]
        shape = cursor.scalars("Q", cursor.number("I"))
        kind, offset = cursor.number("I"), cursor.number("Q")
        tensors[name] = shape
        end = max(end, offset + _tensor_bytes(shape, kind))
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1:
        raise struct.error("the alignment is not a positive number")
    needed = -(-cursor.offset // alignment) * alignment + end
    if needed > len(cursor):
        raise GenerationError(
            f"{path} is cut short: it has {len(cursor):,} bytes of {needed:,}; fetch it again"
        )
    return Gguf(path, metadata, tensors)


def _tensor_bytes(shape: tuple[int, ...], kind: int) -> int:
    """Return the size of a tensor; of a type not in the table, the least it can be."""
    values, size = _BLOCKS.get(kind, _SMALLEST_BLOCK)
    count = 1
    for dimension in shape:
        count *= dimension
    return count // values * size
