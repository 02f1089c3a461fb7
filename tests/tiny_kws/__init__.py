"""A keyword spotting model of a few kilobytes with the inputs, outputs and metadata of the real
ones, and the speech that it understands: each token is a pure tone of its own.

The real native library loads and runs it, so that a test knows exactly which word must be heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from tests import tiny_transducer

RATE_HZ = 16_000
TOKENS = ("<blk>", "<sos/eos>", "<unk>", "n", "ǐ", "h", "ǎo", "é", "ān", "x", "iǎo", "ài")
TRAINING_TOKENS = ("#0", "#1", "#2")
"""In the table, as in the official ones, but unknown to the model."""
TONE_S = 0.12

_FIRST_BAND, _BANDS_APART, _BANDS = 12, 7, 80

# A token's energy is the one of its mel band.
_HEARING = "encoder_out = MatMul (half, bands)"

# The token before is barred, so that a long tone is one token and not many: what is left is blank.
_DECODER = """
<ir_version: 8, opset_import: ["" : 17]>
decoder (int64[N, 2] y) => (float[N, V] decoder_out)
{
  last_place = Constant <value_int = 1> ()
  last = Gather <axis = 1> (y, last_place)
  depth = Constant <value_int = VOCABULARY> ()
  off_on = Constant <value_floats = [0.0, -1000.0]> ()
  decoder_out = OneHot <axis = -1> (last, depth, off_on)
}
"""

_JOINER = """
<ir_version: 8, opset_import: ["" : 17]>
joiner (float[N, V] encoder_out, float[N, V] decoder_out) => (float[N, V] logit)
{
  first_place = Constant <value_ints = [0]> ()
  depth = Constant <value_int = VOCABULARY> ()
  off_on = Constant <value_floats = [-1000.0, 20.0]> ()
  blank = OneHot <axis = -1> (first_place, depth, off_on)
  both = Add (encoder_out, decoder_out)
  logit = Max (both, blank)
}
"""


def build(folder: Path) -> dict[str, Path]:
    """Write the model; return its files by role."""
    bands = np.zeros((_BANDS, len(TOKENS)), np.float32)
    for number in range(_FIRST_TONE, len(TOKENS)):
        bands[_band(number), number] = 10.0  # sure of itself: probabilities of nearly 0 or 1
    encoder = tiny_transducer.encoder(_HEARING, len(TOKENS))
    encoder.graph.initializer.append(numpy_helper.from_array(bands, "bands"))
    return tiny_transducer.save(
        folder, encoder, _DECODER, _JOINER, TOKENS, len(TOKENS), unknown=TRAINING_TOKENS
    )


def say(tokens: Sequence[str], before_s: float = 0.3, after_s: float = 1.0) -> NDArray[np.float32]:
    """Return the tones of tokens, with silence around them."""
    tones = [_tone(TOKENS.index(token)) for token in tokens]
    return np.concatenate([silence(before_s), *tones, silence(after_s)])


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def chunks(audio: NDArray[np.float32], size: int) -> Iterable[NDArray[np.float32]]:
    """Cut audio into whole chunks; what is left is dropped."""
    return (audio[at : at + size] for at in range(0, len(audio) - size + 1, size))


_FIRST_TONE = TOKENS.index("n")


def _tone(number: int) -> NDArray[np.float32]:
    seconds = np.arange(int(TONE_S * RATE_HZ)) / RATE_HZ
    fade = np.minimum(1, np.minimum(seconds, seconds[::-1]) / 0.01)
    wave = 0.3 * fade * np.sin(2 * np.pi * _frequency_hz(_band(number)) * seconds)
    return wave.astype(np.float32)


def _band(number: int) -> int:
    return _FIRST_BAND + _BANDS_APART * (number - _FIRST_TONE)


def _frequency_hz(band: int) -> float:
    """Return the middle of a mel band, as sherpa-onnx divides 20 to 7600 Hz into 80 of them."""
    low, high = (1127 * np.log(1 + hz / 700) for hz in (20, 7600))
    return float(700 * (np.exp((low + (high - low) * (band + 1) / (_BANDS + 1)) / 1127) - 1))
