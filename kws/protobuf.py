"""Reads protocol buffers as far as needed: sentencepiece models, metadata of ONNX models."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
"""Wire types."""
_GRAPH_FIELD, _METADATA_FIELD = 7, 14
"""Of onnx.ModelProto."""
_KEY, _VALUE = 1, 2
"""Of onnx.StringStringEntryProto."""

_FORMATS = {_FIXED64: "<d", _FIXED32: "<f"}


def fields(message: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Yield number and value of each field: varints as int, fixed sizes as floating point
    numbers, all others as bytes.

    Raises ValueError where the message is cut short or is none.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = divmod(key, 8)
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _LENGTH:
            size, at = _varint(message, at)
        elif wire in _FORMATS:
            size = struct.calcsize(_FORMATS[wire])
        else:
            raise ValueError(f"unknown wire type {wire}")
        content, at = message[at : at + size], at + size
        if at > len(message):
            raise ValueError(f"cut short: {len(message)} of at least {at} bytes")
        yield number, content if wire == _LENGTH else struct.unpack(_FORMATS[wire], content)[0]


def onnx_metadata(model: bytes) -> dict[str, str]:
    """Return the metadata of an ONNX model.

    Raises ValueError if it is cut short or none.
    """
    metadata, has_graph = {}, False
    for number, value in fields(model):
        has_graph = has_graph or number == _GRAPH_FIELD
        if number == _METADATA_FIELD and isinstance(value, bytes):
            entry = {key: text.decode() for key, text in fields(value) if isinstance(text, bytes)}
            metadata[entry.get(_KEY, "")] = entry.get(_VALUE, "")
    if not has_graph:
        raise ValueError("it has no graph")
    return metadata


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, and where the next field begins."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
    raise ValueError("a number is cut short")
