"""The converted Whisper holds the source's weights, tensor by tensor, and does what they say."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from models import ModelStoreError
from models.convert.ctranslate2 import read_tensors
from models.convert.whisper import convert
from tests.tiny_asr import whisper as tiny

HEARD = "碘片"


@pytest.fixture
def converted(tmp_path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Sources and results of a model with random weights."""
    rng = np.random.default_rng(3)
    shapes = {name: value.shape for name, value in tiny.weights(HEARD).items()}
    tensors = {name: rng.normal(size=shape).astype(np.float16) for name, shape in shapes.items()}
    tensors["decoder/num_heads"] = np.array(tiny.HEADS, np.float16)
    sources = tiny.write_sources(tmp_path, tensors)
    names = convert(sources, tmp_path, lambda _: None)
    return sources, {role: tmp_path / name for role, name in names.items()}


def constants(path: Path) -> list[NDArray[Any]]:
    return [numpy_helper.to_array(value) for value in onnx.load(path).graph.initializer]


def held(tensor: NDArray[Any], stored: list[NDArray[Any]]) -> bool:
    """Is `tensor` among the constants as it is, or as int8 beside its scales?"""
    wanted = tensor.astype(np.float32)
    for place, value in enumerate(stored):
        if value.shape == wanted.shape and value.dtype == np.float32:
            if np.array_equal(value, wanted):
                return True
        elif value.dtype == np.int8 and value.T.shape == wanted.shape:
            scale = stored[place + 1]
            close = np.abs(value.T * scale[:, np.newaxis] - wanted) <= scale[:, np.newaxis] * 0.501
            if close.all():
                return True
    return False


def test_every_weight_of_the_source_is_in_the_graphs(
    converted: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    sources, files = converted
    stored = constants(files["encoder"]) + constants(files["decoder"])
    tensors = read_tensors(sources["model"])
    weights = {name: value for name, value in tensors.items() if value.ndim}
    assert [name for name, value in weights.items() if not held(value, stored)] == []


def test_the_graphs_pass_the_checker(converted: tuple[dict[str, Path], dict[str, Path]]) -> None:
    _, files = converted
    for role in ("encoder", "decoder"):
        onnx.checker.check_model(onnx.load(files[role]), full_check=True)


def test_tokens_are_the_bytes_of_the_vocabulary(
    converted: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    _, files = converted
    pairs = (line.split() for line in files["tokens"].read_text().splitlines())
    assert {int(number): base64.b64decode(text)[0] for text, number in pairs} == {
        byte: byte for byte in range(256)
    }


class Decoder:
    """Runs a converted decoder step by step, as sherpa-onnx does."""

    def __init__(self, files: dict[str, Path], frames: int = 40) -> None:
        mel = np.random.default_rng(0).normal(size=(1, tiny.MELS, frames)).astype(np.float32)
        encoder = onnxruntime.InferenceSession(files["encoder"])
        self.cross = encoder.run(None, {"mel": mel})
        self._session = onnxruntime.InferenceSession(files["decoder"])
        self._caches = [np.zeros((1, 1, 448, tiny.WIDTH), np.float32)] * 2
        self._offset = 0

    def scores(self, *tokens: int) -> NDArray[np.float32]:
        scores, *self._caches = self._session.run(
            None,
            {
                "tokens": np.array([tokens]),
                "in_n_layer_self_k_cache": self._caches[0],
                "in_n_layer_self_v_cache": self._caches[1],
                "n_layer_cross_k": self.cross[0],
                "n_layer_cross_v": self.cross[1],
                "offset": np.array([self._offset]),
            },
        )
        self._offset += len(tokens)
        assert scores.shape == (1, 1, 256 + len(tiny.SPECIAL))
        return np.asarray(scores[0, 0])


PROMPT = tuple(tiny.IDS[name] for name in ("startoftranscript", "zh", "transcribe", "notimestamps"))


def test_the_encoder_takes_any_length(
    converted: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    _, files = converted
    for frames in (2, 101, 3000):
        keys, values = Decoder(files, frames).cross
        assert keys.shape == values.shape == (1, tiny.HEADS, (frames + 1) // 2, 32)


def test_tokens_one_by_one_and_together_score_alike(
    converted: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    """The cache and the causal mask: what follows must not depend on how the start was fed."""
    _, files = converted
    together = Decoder(files).scores(*PROMPT, 65, 66)
    single = Decoder(files)
    for token in (*PROMPT, 65):
        single.scores(token)
    apart = single.scores(66)
    allowed = together > -1e8
    # Each step quantises its input with a scale of its own.
    assert np.corrcoef(together[allowed], apart[allowed])[0, 1] > 0.99


def test_the_model_writes_its_text_and_ends(tmp_path: Path) -> None:
    files = tiny.build(tmp_path, HEARD)
    decoder = Decoder(files)
    written = [int(decoder.scores(*PROMPT).argmax())]
    while written[-1] != tiny.IDS["endoftext"]:
        written.append(int(decoder.scores(written[-1]).argmax()))
    assert bytes(written[:-1]).decode() == HEARD


def test_where_nobody_speaks_the_text_ends_at_once(tmp_path: Path) -> None:
    sources = tiny.write_sources(tmp_path, tiny.weights(HEARD, speech=False))
    names = convert(sources, tmp_path, lambda _: None)
    files = {role: tmp_path / name for role, name in names.items()}
    assert Decoder(files).scores(*PROMPT).argmax() == tiny.IDS["endoftext"]


def test_only_chinese_and_english_can_be_detected(
    converted: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    _, files = converted
    metadata = {prop.key: prop.value for prop in onnx.load(files["encoder"]).metadata_props}
    assert metadata["all_language_codes"] == "zh,en"
    assert metadata["all_language_tokens"] == f"{tiny.IDS['zh']},{tiny.IDS['en']}"


@pytest.mark.parametrize("name", ["model", "tokenizer", "config"])
def test_damaged_sources_are_named(tmp_path: Path, name: str) -> None:
    sources = tiny.write_sources(tmp_path, tiny.weights(HEARD))
    sources[name].write_bytes(sources[name].read_bytes()[:-9])
    with pytest.raises(ModelStoreError, match=sources[name].name):
        convert(sources, tmp_path, lambda _: None)


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    tensors = tiny.weights(HEARD)
    del tensors["encoder/conv2/bias"]
    with pytest.raises(ModelStoreError, match="encoder/conv2/bias"):
        convert(tiny.write_sources(tmp_path, tensors), tmp_path, lambda _: None)
