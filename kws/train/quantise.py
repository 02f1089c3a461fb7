"""Matrices of an ONNX model in 8 bits, each column with a scale of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_LEVELS = 63
"""Weights use 7 bits: on CPUs with AVX2 but without VNNI the sums of products of two 8-bit values
overflow (onnxruntime, "Quantize ONNX models", section on U8S8)."""
_FEWEST = 2048
"""A smaller matrix saves nothing."""


def quantise(source: Path, target: Path) -> None:
    """Write a model whose constant matrices are int8; what they are multiplied with is quantised
    as it comes."""
    model = onnx.load(source)
    graph = model.graph
    constants = {each.name: each for each in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    inputs: dict[str, list[str]] = {}
    for node in graph.node:
        matrix = constants.get(node.input[1]) if node.op_type == "MatMul" else None
        if matrix is None or len(matrix.dims) != 2 or np.prod(matrix.dims) < _FEWEST:
            nodes.append(node)
            continue
        if node.input[0] not in inputs:  # several matrices may read one value
            nodes.append(_quantise_input(node.input[0]))
            inputs[node.input[0]] = list(nodes[-1].output)
        weights = f"{matrix.name}_int8", f"{matrix.name}_scale"
        for name, array in zip(weights, levels(numpy_helper.to_array(matrix)), strict=True):
            if name not in constants:
                constants[name] = numpy_helper.from_array(array, name)
        nodes += _product(node, inputs[node.input[0]], weights)
    used = {name for node in nodes for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(each for name, each in constants.items() if name in used)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def levels(matrix: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the levels (same shape) and the scale of each column: levels * scale ~ matrix."""
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-8) / _LEVELS
    return np.rint(matrix / scale).astype(np.int8), scale.astype(np.float32)


def _quantise_input(name: str) -> onnx.NodeProto:
    outputs = [f"{name}_{part}" for part in ("uint8", "step", "zero")]
    return helper.make_node("DynamicQuantizeLinear", [name], outputs)


def _product(
    node: onnx.NodeProto, quantised: list[str], weights: tuple[str, str]
) -> Iterator[onnx.NodeProto]:
    value, step, zero = quantised
    matrix, scale = weights
    result = node.output[0]
    whole, real, both = f"{result}_whole", f"{result}_real", f"{result}_scale"
    yield helper.make_node("MatMulInteger", [value, matrix, zero], [whole])
    yield helper.make_node("Cast", [whole], [real], to=onnx.TensorProto.FLOAT)
    yield helper.make_node("Mul", [step, scale], [both])
    yield helper.make_node("Mul", [real, both], [result])
