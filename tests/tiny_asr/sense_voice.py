"""A SenseVoice that writes one more character for each 0.24 s of loud audio."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
from onnx import helper

MEL_BANDS = 80
STACKED = 7
TAGS = ["<|zh|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>"]

METADATA = {
    "vocab_size": "",
    "comment": "tiny",
    "lfr_window_size": str(STACKED),
    "lfr_window_shift": "6",
    "normalize_samples": "0",
    "with_itn": "14",
    "without_itn": "15",
    "lang_auto": "0",
    "lang_zh": "3",
    "lang_en": "4",
    "lang_yue": "7",
    "lang_ja": "11",
    "lang_ko": "12",
    "neg_mean": ",".join(["0"] * MEL_BANDS * STACKED),
    "inv_stddev": ",".join(["1"] * MEL_BANDS * STACKED),
}

GRAPH = """
<ir_version: 8, opset_import: ["" : 17]>
sense_voice (float[N, T, 560] x, int32[N] x_length, int32[N] language, int32[N] text_norm)
  => (float[N, T4, V] logits)
{
  level = ReduceMean <axes = [2], keepdims = 0> (x)
  loudness = Constant <value_float = 8.0> ()
  loud = Greater (level, loudness)
  ones = Cast <to = 7> (loud)
  axis = Constant <value_int = 1> ()
  count = CumSum (ones, axis)
  four = Constant <value_int = 4> ()
  three = Constant <value_int = 3> ()
  padded = Add (count, three)
  place = Div (padded, four)
  last = Constant <value_int = LAST> ()
  character = Min (place, last)
  heard = Mul (character, ones)
  tags = Constant <value_ints = [TAGS]> ()
  first = Constant <value_ints = [0]> ()
  tag_row = Unsqueeze (tags, first)
  frames = Concat <axis = 1> (tag_row, heard)
  depth = Constant <value_int = VOCABULARY> ()
  off_on = Constant <value_floats = [0.0, 1.0]> ()
  logits = OneHot <axis = -1> (frames, depth, off_on)
}
"""


def build(folder: Path, heard: str) -> dict[str, Path]:
    tokens = ["<blank>", *heard, *TAGS]
    tags = ", ".join(str(tokens.index(tag)) for tag in TAGS)
    text = GRAPH.replace("[TAGS]", f"[{tags}]").replace("LAST", str(len(heard)))
    model = onnx.parser.parse_model(text.replace("VOCABULARY", str(len(tokens))))
    helper.set_model_props(model, METADATA | {"vocab_size": str(len(tokens))})
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    lines = (f"{token} {number}\n" for number, token in enumerate(tokens))
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    return {"model": folder / "model.onnx", "tokens": folder / "tokens.txt"}
