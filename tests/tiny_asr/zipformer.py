"""A streaming Zipformer transducer that writes one more character for each loud frame of 40 ms."""

from __future__ import annotations

from pathlib import Path

from tests import tiny_transducer

HEARING = """
  level = ReduceMean <axes = [2], keepdims = 1> (half)
  loudness = Constant <value_float = -5.0> ()
  loud = Greater (level, loudness)
  encoder_out = Cast <to = 1> (loud)
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
    blank = ", ".join(["0.5", *["0.0"] * len(heard)])
    joiner = JOINER.replace("BLANK", blank)
    return tiny_transducer.save(
        folder, tiny_transducer.encoder(HEARING, 1), DECODER, joiner, tokens, 1
    )
