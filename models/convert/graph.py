"""Writes ONNX graphs node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 17
_IR_VERSION = 8
"""Of ONNX 1.12, the first with opset 17: old runtimes can still read the file."""

_WEIGHT_LEVELS = 63
"""Weights use 7 bits: on CPUs with AVX2 but without VNNI the products of two 8-bit values overflow
(onnxruntime, "Quantize ONNX models", section on U8S8)."""


class Graph:
    """An ONNX graph under construction. Values are known by their names."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, kind: str, shape: Sequence[int | str]) -> str:
        """Declare an input, `kind` as in onnx.TensorProto; text in `shape` is any length."""
        element = onnx.TensorProto.DataType.Value(kind)
        self._inputs.append(helper.make_tensor_value_info(name, element, shape))
        return name

    def output(self, name: str, value: str, shape: Sequence[int | str]) -> None:
        """Declare that float32 `value` leaves the graph as `name`."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        info = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        self._outputs.append(info)

    def constant(self, value: Any, dtype: str = "float32", name: str = "") -> str:
        """Store a constant; the same `name` is stored once."""
        name = name or f"constant_{len(self._constants)}"
        if name not in self._constants:
            array = np.ascontiguousarray(np.asarray(value, dtype))
            self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; return its name."""
        return self.ops(kind, *inputs, outputs=1, **attributes)[0]

    def ops(self, kind: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add a node; return the names of its outputs."""
        names = [f"{kind}_{len(self._nodes)}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def slice(self, value: str, stop: str, axis: int) -> str:
        """Return the first `stop` elements (int64[1]) along `axis`."""
        start = self.constant([0], "int64", "zero")
        return self.op("Slice", value, start, stop, self.constant([axis], "int64", f"axis_{axis}"))

    def matmul_int8(self, x: str, levels: str, scale: str) -> str:
        """Return x @ (levels * scale), `levels` int8 and `scale` one number for each column.

        The input is quantised as it comes: each call its own scale.
        """
        x8, x_scale, x_zero = self.ops("DynamicQuantizeLinear", x, outputs=3)
        product = self.op("MatMulInteger", x8, levels, x_zero)
        floats = self.op("Cast", product, to=onnx.TensorProto.FLOAT)
        return self.op("Mul", floats, self.op("Mul", x_scale, scale))

    def linear(self, x: str, weight: NDArray[Any], bias: NDArray[Any]) -> str:
        """Return x @ weight.T + bias, the weight (outputs, inputs) in int8."""
        levels, scale = quantise(weight)
        product = self.matmul_int8(x, self.constant(levels.T, "int8"), self.constant(scale))
        return self.op("Add", product, self.constant(bias))

    def save(self, path: Path, metadata: Mapping[str, object]) -> None:
        """Write the graph."""
        graph = helper.make_graph(
            self._nodes, path.stem, self._inputs, self._outputs, list(self._constants.values())
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION
        )
        helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
        onnx.save(model, path)


def quantise(weight: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the levels (same shape) and the scale of each row, so that levels * scale ~ weight."""
    weight = weight.astype(np.float32)
    scale = np.maximum(np.abs(weight).max(axis=1), 1e-8) / _WEIGHT_LEVELS
    levels = np.rint(weight / scale[:, np.newaxis]).astype(np.int8)
    return levels, scale.astype(np.float32)
