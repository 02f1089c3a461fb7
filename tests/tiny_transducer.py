"""What the tiny streaming Zipformer transducers of the tests have in common.

The native library insists on the inputs, outputs and metadata of the real encoder; all state is
passed on as it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import onnx.parser
from onnx import helper

_CONTEXT = 2

_ENCODER_METADATA = {
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

_ENCODER = """
<ir_version: 8, opset_import: ["" : 17]>
encoder (
  float[N, 45, 80] x, float[2, N, 1] key, float[1, N, 2, 3] nonlin, float[2, N, 1] value_1,
  float[2, N, 1] value_2, float[N, 4, 1] conv_1, float[N, 4, 1] conv_2,
  float[N, 128, 3, 19] embed, int64[N] frames
) => (
  float[N, 16, WIDTH] encoder_out, float[2, N, 1] new_key, float[1, N, 2, 3] new_nonlin,
  float[2, N, 1] new_value_1, float[2, N, 1] new_value_2, float[N, 4, 1] new_conv_1,
  float[N, 4, 1] new_conv_2, float[N, 128, 3, 19] new_embed, int64[N] new_frames
) {
  zero = Constant <value_ints = [0]> ()
  chunk = Constant <value_ints = [32]> ()
  one = Constant <value_ints = [1]> ()
  two = Constant <value_ints = [2]> ()
  half = Slice (x, zero, chunk, one, two)
  HEARING
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


def encoder(hearing: str, width: int | str) -> onnx.ModelProto:
    """Return an encoder. `hearing` makes `encoder_out`, shape (N, 16, width), of `half`: every
    second of 32 frames of 80 mel bands, natural logarithm."""
    text = _ENCODER.replace("HEARING", hearing).replace("WIDTH", str(width))
    return onnx.parser.parse_model(text)


def save(
    folder: Path,
    hears: onnx.ModelProto,
    decoder: str,
    joiner: str,
    tokens: Sequence[str],
    joiner_dim: int,
    *,
    unknown: Sequence[str] = (),
) -> dict[str, Path]:
    """Write a model and its table of tokens; return its files by role.

    VOCABULARY in the texts of decoder and joiner stands for the number of tokens. `unknown` ones
    are in the table and not in the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = str(len(tokens))
    decodes, joins = (
        onnx.parser.parse_model(text.replace("VOCABULARY", size)) for text in (decoder, joiner)
    )
    table = folder / "tokens.txt"
    lines = (f"{token} {number}\n" for number, token in enumerate((*tokens, *unknown)))
    table.write_text("".join(lines), encoding="utf-8")
    return {
        "encoder": _save(folder, hears, _ENCODER_METADATA),
        "decoder": _save(folder, decodes, {"vocab_size": size, "context_size": str(_CONTEXT)}),
        "joiner": _save(folder, joins, {"joiner_dim": str(joiner_dim)}),
        "tokens": table,
    }


def _save(folder: Path, model: onnx.ModelProto, metadata: dict[str, str]) -> Path:
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    path = folder / f"{model.graph.name}.onnx"
    onnx.save(model, path)
    return path
