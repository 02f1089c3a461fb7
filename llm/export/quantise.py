"""Quantise a GGUF of 16-bit floats with llama.cpp, and tell what really is in the result.

A name such as Q4_K_M is a wish: rows that are no multiple of 256 get another type. In a 0.5B Qwen
(rows of 896) most tensors of a "Q4_K_M" are Q5_0 and Q8_0; `tensor_mix` tells.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.export import ExportError
from llm.export.child import run_child
from llm.export.files import check_room, writing
from llm.gguf import read_gguf

TYPES = {"q4_k_m": 15, "q5_k_m": 17, "q6_k": 18, "q8_0": 7, "f16": 1}
"""Name -> llama_ftype of llama.h; smallest first."""
Importance = Mapping[str, NDArray[np.float32]]
"""Mean square of the inputs of each weight, by GGUF name: how much an error there matters."""


def quantise(
    source: Path, target: Path, kind: str, threads: int, importance: Importance | None = None
) -> None:
    """Write `target` as one of TYPES. The work is done in a child process, under another name.

    Raises ExportError: unknown type, disk full, llama.cpp fails.
    """
    if kind not in TYPES:
        raise ExportError(f"unknown quantisation {kind!r}", f"use one of {', '.join(TYPES)}")
    read_gguf(source)
    check_room(target.parent, source.stat().st_size)  # no type needs more than 16 bits
    with writing(target) as partial:
        matrix = partial.with_suffix(".npz")
        try:
            if importance:
                np.savez(matrix, allow_pickle=False, **dict(importance))
            task = {
                "source": str(source),
                "target": str(partial),
                "type": TYPES[kind],
                "threads": threads,
                "importance": str(matrix) if importance else "",
            }
            run_child(__name__, task)
        finally:
            matrix.unlink(missing_ok=True)
        read_gguf(partial)  # whole, before it gets its name


def tensor_mix(path: Path) -> dict[str, int]:
    """Return how many weights (numbers, not tensors) a file holds in each type, most first."""
    import gguf

    read_gguf(path)
    counts: Counter[str] = Counter()
    for tensor in gguf.GGUFReader(path).tensors:
        counts[tensor.tensor_type.name] += int(tensor.n_elements)
    return dict(counts.most_common())


def mix_text(mix: Mapping[str, int]) -> str:
    """Return a tensor mix for people: Q5_0 61 %, Q8_0 32 %, ..."""
    total = sum(mix.values())
    return ", ".join(f"{kind} {100 * n / total:.1f} %" for kind, n in mix.items())


def _perform(task: Mapping[str, Any]) -> None:
    """Quantise in this process. Raises ExportError."""
    from llm.llama_native import last_errors, library

    api = library()
    settings = api.llama_model_quantize_default_params()
    settings.ftype = task["type"]
    settings.nthread = task["threads"]
    matrix = _read_importance(task["importance"])
    entries = _entries(api, matrix)
    if matrix:
        settings.imatrix = entries
    code = api.llama_model_quantize(
        os.fsencode(task["source"]), os.fsencode(task["target"]), ctypes.byref(settings)
    )
    if code != 0:
        raise ExportError(f"llama.cpp could not quantise {task['source']}: {last_errors()}")


def _read_importance(path: str) -> dict[str, NDArray[np.float32]]:
    if not path:
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return {name: np.ascontiguousarray(arrays[name], np.float32) for name in arrays.files}


def _entries(api: Any, matrix: Importance) -> Any:
    """Return the array of llama.cpp's entries, ended by one without a name."""
    entries = (api.llama_model_imatrix_data * (len(matrix) + 1))()
    floats = ctypes.POINTER(ctypes.c_float)
    for entry, (name, values) in zip(entries, matrix.items(), strict=False):
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(floats)
        entry.size = values.size
    return entries


if __name__ == "__main__":
    try:
        _perform(json.load(sys.stdin))
    except ExportError as error:
        sys.exit(str(error))
