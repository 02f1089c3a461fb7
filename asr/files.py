"""Checks model files before a native library sees them.

sherpa-onnx ends the whole process when a file lacks metadata or a token line is malformed, so all
it insists on is looked at here first, cheaply: of an ONNX file only the outermost fields are read.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from asr import Files, RecognitionError

_GRAPH_FIELD, _METADATA_FIELD = 7, 14
"""Of onnx.ModelProto."""
_VARINT, _LENGTH = 0, 2
"""Wire types of protocol buffers."""
_NUMBER = re.compile("[0-9]{1,9}")
"""Of a token, as sherpa-onnx can read it: no other digits that Python knows, nothing too long."""
_FIXED_BYTES = {1: 8, 5: 4}
"""Sizes of those of fixed size."""


def paths_of(engine: str, files: Files, roles: Iterable[str]) -> dict[str, str]:
    """Return the path of each role as text; every file exists, can be read and is not empty.

    Raises RecognitionError.
    """
    return {role: str(_readable(engine, files, role)) for role in roles}


def _readable(engine: str, files: Files, role: str) -> Path:
    if role not in files:
        raise RecognitionError(f"{engine} needs a file for '{role}'; there are: {sorted(files)}")
    path = files[role]
    if not path.is_file():
        raise RecognitionError(f"{engine}: the {role} file {path} does not exist")
    if not os.access(path, os.R_OK):
        raise RecognitionError(f"{engine}: the {role} file {path} may not be read")
    if path.stat().st_size == 0:
        raise RecognitionError(f"{engine}: the {role} file {path} is empty")
    return path


def check_onnx(path: str, keys: Iterable[str] = ()) -> dict[str, str]:
    """Return the metadata of a whole ONNX file that has all `keys`.

    Raises RecognitionError.
    """
    with open(path, "rb") as file:
        try:
            metadata = _metadata(file, os.path.getsize(path))
        except (ValueError, UnicodeDecodeError) as error:
            raise RecognitionError(f"{path} is no whole ONNX model: {error}") from error
    if missing := [key for key in keys if not metadata.get(key)]:
        raise RecognitionError(f"{path} lacks the metadata {', '.join(missing)}")
    return metadata


def check_tokens(path: str, *, encoded: bool = False) -> None:
    """Raise RecognitionError unless every line is a token and its number.

    `encoded` tells that the tokens are in base64. A line of one number stands for the space.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise RecognitionError(f"{path} is not UTF-8 text") from error
    for number, line in enumerate(lines, 1):
        if not _is_token(line, encoded):
            raise RecognitionError(f"{path}, line {number}: not a token and its number: {line!r}")


def _is_token(line: str, encoded: bool) -> bool:
    parts = line.split()
    if not 1 <= len(parts) <= 2 or not _NUMBER.fullmatch(parts[-1]):
        return False
    if not encoded:
        return True
    try:
        return len(parts) == 2 and bool(base64.b64decode(parts[0], validate=True))
    except ValueError:  # no base64, or not even ASCII
        return False


def _metadata(file: BinaryIO, size: int) -> dict[str, str]:
    """Return the metadata of a model.

    Raises ValueError if a field does not end where the file says, or there is no graph.
    """
    metadata, fields = {}, set()
    while file.tell() < size:
        field, wire = divmod(_varint(file), 8)
        fields.add(field)
        end = _end(file, wire)
        if end > size:
            raise ValueError(f"cut short: {size} of at least {end} bytes")
        if field == _METADATA_FIELD:
            key, value = _entry(file.read(end - file.tell()))
            metadata[key] = value
        file.seek(end)
    if _GRAPH_FIELD not in fields:
        raise ValueError("it has no graph")
    return metadata


def _end(file: BinaryIO, wire: int) -> int:
    """Return where the field ends whose content begins here, or behind its length."""
    if wire == _VARINT:
        _varint(file)
        return file.tell()
    if wire == _LENGTH:
        length = _varint(file)
        return file.tell() + length
    if wire in _FIXED_BYTES:
        return file.tell() + _FIXED_BYTES[wire]
    raise ValueError(f"unknown wire type {wire}")


def _entry(message: bytes) -> tuple[str, str]:
    """Read an onnx.StringStringEntryProto: field 1 is the key, field 2 the value."""
    texts = {1: "", 2: ""}
    at = 0
    while at < len(message):
        field = message[at] >> 3
        length, at = _varint_at(message, at + 1)
        texts[field] = message[at : at + length].decode()
        at += length
    return texts[1], texts[2]


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, and where the next field begins."""
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("a number is cut short")
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def _varint(file: BinaryIO) -> int:
    start = file.tell()
    value, used = _varint_at(file.read(10), 0)
    file.seek(start + used)
    return value
