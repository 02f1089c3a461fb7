"""Reads CTranslate2's `model.bin`: named tensors, one after the other.

Layout, little endian: version u32, spec name, revision u32, count u32, then for each tensor its
name, rank u8, dimensions u32 each, type u8, bytes u32, data; a string is its length u16, counting
the final zero byte, and its bytes. Source: `ModelSpec.serialize` of CTranslate2 4.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import ModelStoreError

Tensors = Mapping[str, NDArray[Any]]
"""Tensors by name; fp16 weights as they are stored."""

_SUPPORTED_VERSION = 6
_TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return all tensors of a CTranslate2 model, sharing one buffer.

    Raises ModelStoreError if the file is not such a model or is cut short.
    """
    try:
        return _parse(path.read_bytes())
    except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise ModelStoreError(f"{path.name} is not a whole CTranslate2 model: {error}") from error
    except OSError as error:
        raise ModelStoreError(f"{path} cannot be read: {error.strerror}") from error


def _parse(data: bytes) -> dict[str, NDArray[Any]]:
    reader = _Reader(data)
    version = reader.number("I")
    if version != _SUPPORTED_VERSION:
        raise ValueError(f"version {version}, not {_SUPPORTED_VERSION}")
    reader.text()  # name of the specification
    reader.number("I")  # its revision
    return dict(reader.tensor() for _ in range(reader.number("I")))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, kind: str) -> int:
        (value,) = struct.unpack_from(f"<{kind}", self._data, self._at)
        self._at += struct.calcsize(kind)
        return int(value)

    def text(self) -> str:
        size = self.number("H")
        self._at += size
        return self._data[self._at - size : self._at - 1].decode()

    def tensor(self) -> tuple[str, NDArray[Any]]:
        name = self.text()
        shape = [self.number("I") for _ in range(self.number("B"))]
        dtype = np.dtype(_TYPES[self.number("B")])
        size = self.number("I")
        start, self._at = self._at, self._at + size
        values = np.frombuffer(self._data, dtype, size // dtype.itemsize, start)
        return name, values.reshape(shape)
