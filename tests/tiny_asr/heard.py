"""A SenseVoice that really hears: the streaming encoder of a wake word model, put into its shape.

SenseVoice takes a whole segment at once, frames stacked to fewer and longer ones, and gives CTC
scores, one for each stack, with four tags before them. Here a loop runs the streaming encoder over
the frames, chunk by chunk; its own scores, without the predictor's, are good enough for CTC's rule:
the best token of each frame, each run of it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from kws.tokens import load_tokens
from tests.tiny_asr.sense_voice import METADATA, STACKED, TAGS

_SHIFT = 4
"""Frames between two stacks, where SenseVoice has 6: as many as the encoder makes one of. The
native library reads no more scores than there are stacks."""
_BANDS = 80
_AS_THE_WAKE_WORD_MODEL = {"normalize_samples": "1", "lfr_window_shift": str(_SHIFT)}


def build(folder: Path, files: dict[str, Path]) -> dict[str, Path]:
    """Write the model into a folder; `files` are those of a streaming Zipformer by role."""
    encoder = onnx.load(files["encoder"])
    tokens = list(load_tokens(files["tokens"]))
    chunk = _metadata(encoder, "decode_chunk_len")
    model = helper.make_model(
        _graph(encoder, chunk, len(tokens)),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=encoder.ir_version,
    )
    told = {"vocab_size": str(len(tokens) + len(TAGS))}
    helper.set_model_props(model, METADATA | _AS_THE_WAKE_WORD_MODEL | told)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    table = "".join(f"{token} {number}\n" for number, token in enumerate([*tokens, *TAGS]))
    (folder / "tokens.txt").write_text(table, encoding="utf-8")
    return {"model": folder / "model.onnx", "tokens": folder / "tokens.txt"}


def _graph(encoder: onnx.ModelProto, chunk: int, tokens: int) -> onnx.GraphProto:
    """Return the whole model: frames, a loop over their chunks, tags, and room for the tags."""
    states = list(encoder.graph.input)[1:]
    needed = encoder.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    tags = np.full((1, len(TAGS), tokens + len(TAGS)), -100, np.float32)
    for place in range(len(TAGS)):
        tags[0, place, tokens + place] = 100
    constants = {
        "one_by_one": [1, -1, _BANDS], "start": [0], "unstacked": [_SHIFT * _BANDS], "last": [2],
        "around": [0, 0, 0, 0, 4 * chunk, 0], "step": chunk, "window": needed,
        "frames_of": [1], "no_tag": [0, 0, 0, 0, 0, len(TAGS)], "two_more": [2],
        "one_after_another": [1, -1, tokens],
    }  # fmt: skip
    initializers = [_whole(name, value) for name, value in constants.items()]
    initializers += [
        numpy_helper.from_array(np.float32(np.log(np.finfo(np.float32).eps)), "silent"),
        numpy_helper.from_array(np.float32(-100), "never"),
        numpy_helper.from_array(np.array(True), "always"),
        numpy_helper.from_array(tags, "tags"),
        *(numpy_helper.from_array(_nothing(state), f"first_{state.name}") for state in states),
    ]
    inputs = [
        helper.make_tensor_value_info("speech", TensorProto.FLOAT, ["N", "T", STACKED * _BANDS]),
        *(
            helper.make_tensor_value_info(name, TensorProto.INT32, ["N"])
            for name in ("x_length", "language", "text_norm")
        ),
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "F", "V"])
    nodes = list(_nodes(encoder, [state.name for state in states]))
    return helper.make_graph(nodes, "heard", inputs, [output], initializers)


def _nodes(encoder: onnx.ModelProto, states: list[str]) -> Iterator[onnx.NodeProto]:
    make = helper.make_node
    yield make("Slice", ["speech", "start", "unstacked", "last"], ["first_ones"])
    yield make("Reshape", ["first_ones", "one_by_one"], ["frames"])
    yield make("Pad", ["frames", "around", "silent"], ["padded"])
    yield make("Shape", ["frames"], ["shape"])
    yield make("Gather", ["shape", "frames_of"], ["count"])
    yield make("Div", ["count", "step"], ["whole_chunks"])
    yield make("Add", ["whole_chunks", "two_more"], ["trips"])
    yield make(
        "Loop",
        ["trips", "always", *(f"first_{name}" for name in states)],
        [*(f"last_{name}" for name in states), "scores"],
        body=_body(encoder, states),
    )
    yield make("Squeeze", ["scores", "frames_of"], ["by_chunk"])  # (trips, chunk, tokens)
    yield make("Reshape", ["by_chunk", "one_after_another"], ["joined"])
    yield make("Pad", ["joined", "no_tag", "never"], ["widened"])
    yield make("Concat", ["tags", "widened"], ["logits"], axis=1)


def _body(encoder: onnx.ModelProto, states: list[str]) -> onnx.GraphProto:
    """Return one turn of the loop: the encoder, on its chunk of the frames."""
    make = helper.make_node
    x = encoder.graph.input[0].name
    cut = [
        make("Mul", ["turn", "step"], ["from_frame"]),
        make("Add", ["from_frame", "window"], ["to_frame"]),
        make("Unsqueeze", ["from_frame", "start"], ["from_frames"]),
        make("Unsqueeze", ["to_frame", "start"], ["to_frames"]),
        make("Slice", ["padded", "from_frames", "to_frames", "frames_of"], [x]),
        make("Identity", ["go_on"], ["still"]),
    ]
    outputs = list(encoder.graph.output)
    declare = helper.make_tensor_value_info
    inputs = [
        declare("turn", TensorProto.INT64, []),
        declare("go_on", TensorProto.BOOL, []),
        *list(encoder.graph.input)[1:],
    ]
    given = [declare("still", TensorProto.BOOL, []), *outputs[1:], outputs[0]]
    return helper.make_graph(
        [*cut, *encoder.graph.node], "chunk", inputs, given, list(encoder.graph.initializer)
    )


def _whole(name: str, value: int | list[int]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(value, np.int64), name)


def _nothing(state: onnx.ValueInfoProto) -> NDArray[np.float32] | NDArray[np.int64]:
    """Return the state before the first frame, for one stream."""
    tensor = state.type.tensor_type
    shape = [dim.dim_value or 1 for dim in tensor.shape.dim]
    whole = tensor.elem_type == TensorProto.INT64
    return np.zeros(shape, np.int64) if whole else np.zeros(shape, np.float32)


def _metadata(model: onnx.ModelProto, key: str) -> int:
    return next(int(entry.value) for entry in model.metadata_props if entry.key == key)
