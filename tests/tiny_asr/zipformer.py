"""A streaming Zipformer transducer that writes one more character for each loud frame of 40 ms."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
from onnx import helper

CONTEXT = 2

ENCODER_METADATA = {
    "model_type": "zipformer2",
    "encoder_dims": "4",
    "query_head_dims": "1",
    "value_head_dims": "1",
    "num_heads": "1",
    "num_encoder_layers": "1",
    "cnn_module_kernels": "3",
    "left_context_len": "2",
    "T": "45",
    "decode_chunk_len": "32",
}

ENCODER = """
<ir_version: 8, opset_import: ["" : 17]>
encoder (
  float[N, 45, 80] x, float[2, N, 1] key, float[1, N, 2, 3] nonlin, float[2, N, 1] value_1,
  float[2, N, 1] value_2, float[N, 4, 1] conv_1, float[N, 4, 1] conv_2,
  float[N, 128, 3, 19] embed, int64[N] frames
) => (
  float[N, 16, 1] encoder_out, float[2, N, 1] new_key, float[1, N, 2, 3] new_nonlin,
  float[2, N, 1] new_value_1, float[2, N, 1] new_value_2, float[N, 4, 1] new_conv_1,
  float[N, 4, 1] new_conv_2, float[N, 128, 3, 19] new_embed, int64[N] new_frames
) {
  level = ReduceMean <axes = [2], keepdims = 1> (x)
  zero = Constant <value_ints = [0]> ()
  chunk = Constant <value_ints = [32]> ()
  time = Constant <value_ints = [1]> ()
  two = Constant <value_ints = [2]> ()
  half = Slice (level, zero, chunk, time, two)
  loudness = Constant <value_float = -5.0> ()
  loud = Greater (half, loudness)
  encoder_out = Cast <to = 1> (loud)
  new_key = Identity (key)
  new_nonlin = Identity (nonlin)
  new_value_1 = Identity (value_1)
  new_value_2 = Identity (value_2)
  new_conv_1 = Identity (conv_1)
  new_conv_2 = Identity (conv_2)
  new_embed = Identity (embed)
  new_frames = Add (frames, chunk)
}
"""

DECODER = """
<ir_version: 8, opset_import: ["" : 17]>
decoder (int64[N, 2] y) => (float[N, V] decoder_out)
{
  last_place = Constant <value_int = 1> ()
  last = Gather <axis = 1> (y, last_place)
  next = Add (last, last_place)
  depth = Constant <value_int = VOCABULARY> ()
  off_on = Constant <value_floats = [0.0, 1.0]> ()
  decoder_out = OneHot <axis = -1> (next, depth, off_on)
}
"""

JOINER = """
<ir_version: 8, opset_import: ["" : 17]>
joiner (float[N, 1] encoder_out, float[N, V] decoder_out) => (float[N, V] logit)
{
  both = Mul (encoder_out, decoder_out)
  blank = Constant <value_floats = [BLANK]> ()
  logit = Add (both, blank)
}
"""


def build(folder: Path, heard: str) -> dict[str, Path]:
    tokens = ["<blk>", *heard]
    size = str(len(tokens))
    blank = ", ".join(["0.5", *["0.0"] * len(heard)])
    decoder = {"vocab_size": size, "context_size": str(CONTEXT)}
    files = {
        "encoder": _save(folder, ENCODER, ENCODER_METADATA),
        "decoder": _save(folder, DECODER.replace("VOCABULARY", size), decoder),
        "joiner": _save(folder, JOINER.replace("BLANK", blank), {"joiner_dim": "1"}),
        "tokens": folder / "tokens.txt",
    }
    lines = (f"{token} {number}\n" for number, token in enumerate(tokens))
    files["tokens"].write_text("".join(lines), encoding="utf-8")
    return files


def _save(folder: Path, text: str, metadata: dict[str, str]) -> Path:
    model = onnx.parser.parse_model(text)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    path = folder / f"{model.graph.name}.onnx"
    onnx.save(model, path)
    return path
