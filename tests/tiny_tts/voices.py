"""Tiny voices with the inputs, outputs and metadata that the native engines ask for.

Each hums one tone for every token, so that the length of the audio tells how much was spoken:
real loaders, real file formats, milliseconds, no download.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
MEL_BINS = 80
FRAMES_PER_TOKEN = 8
SAMPLES_PER_TOKEN = 1600

HANZI = {
    "一": "yi1", "百": "bai3", "毫": "hao2", "希": "xi1", "沃": "wo4", "特": "te4", "二": "er4",
    "三": "san1", "四": "si4", "五": "wu3", "幺": "yao1", "级": "ji2", "请": "qing3", "打": "da3",
    "马": "ma3", "上": "shang4", "进": "jin4", "屋": "wu1", "关": "guan1", "窗": "chuang1",
    "诶": "ei1", "必": "bi4", "西": "xi1", "地": "di4", "衣": "yi1", "艾": "ai4", "付": "fu4",
    "记": "ji4", "吃": "chi1", "爱": "ai4", "杰": "jie2", "开": "kai1", "勒": "le4", "姆": "mu3",
    "恩": "en1", "欧": "ou1", "批": "pi1", "酷": "ku4", "啊": "a5", "斯": "si1", "替": "ti4",
    "优": "you1", "微": "wei1", "达": "da2", "不": "bu4", "溜": "liu1", "克": "ke4", "外": "wai4",
    "贼": "zei2", "到": "dao4", "点": "dian3", "骗": "pian4",
}  # fmt: skip


def write_lexicon(folder: Path) -> dict[str, Path]:
    """Write tokens.txt and lexicon.txt: one token for each syllable, and a word of two."""
    folder.mkdir(parents=True, exist_ok=True)
    syllables = sorted({*HANZI.values(), "dian3", "pian4"})
    tokens = ["_", " ", ",", ".", "?", "!", "sil", "eos", *syllables]
    lexicon = [*(f"{hanzi} {token}" for hanzi, token in HANZI.items()), "碘片 dian3 pian4"]
    paths = {"tokens": folder / "tokens.txt", "lexicon": folder / "lexicon.txt"}
    paths["tokens"].write_text(
        "".join(f"{token} {number}\n" for number, token in enumerate(tokens)), encoding="utf-8"
    )
    paths["lexicon"].write_text("\n".join(lexicon) + "\n", encoding="utf-8")
    return paths


def write_vits(folder: Path) -> dict[str, Path]:
    """Write a voice like vits-icefall-zh-aishell3: 174 speakers, 8 kHz."""
    paths = write_lexicon(folder) | {"model": folder / "model.onnx"}
    hum = np.sin(np.arange(SAMPLES_PER_TOKEN) * 2 * np.pi * 200 / 8000) * 0.3
    graph = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["tokens", "two"], ["columns"]),
            helper.make_node("Cast", ["columns"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["numbers", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "hum"], ["hums"]),
            helper.make_node("Reshape", ["hums", "flat"], ["audio"]),
        ],
        "vits",
        [
            _int64("tokens", [1, "n"]),
            _int64("tokens_lens", [1]),
            *(_float(name, [1]) for name in ("noise_scale", "length_scale", "noise_scale_dur")),
            _int64("speaker", [1]),
        ],
        [_float("audio", [1, "samples"])],
        [
            numpy_helper.from_array(np.array([2], np.int64), "two"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(hum.astype(np.float32).reshape(1, 1, -1), "hum"),
            numpy_helper.from_array(np.array([1, -1], np.int64), "flat"),
        ],
    )
    _save(graph, paths["model"], {
        "model_type": "vits", "comment": "icefall", "language": "Chinese", "n_speakers": "174",
        "sample_rate": "8000", "add_blank": "0", "punctuation": ", .",
    })  # fmt: skip
    return paths


def write_matcha(folder: Path) -> dict[str, Path]:
    """Write a voice like matcha-icefall-zh-en with a vocos vocoder, 16 kHz."""
    paths = write_lexicon(folder)
    paths |= {"acoustic_model": folder / "model.onnx", "vocoder": folder / "vocos-16khz.onnx"}
    _write_acoustic_model(paths["acoustic_model"])
    _write_vocoder(paths["vocoder"])
    return paths


def _write_acoustic_model(path: Path) -> None:
    """A mel spectrogram of `FRAMES_PER_TOKEN` constant frames for each token."""
    graph = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["x", "two"], ["columns"]),
            helper.make_node("Cast", ["columns"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["numbers", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "frames"], ["padded"]),
            helper.make_node("Reshape", ["padded", "row"], ["one_bin"]),
            helper.make_node("Expand", ["one_bin", "bins"], ["mel"]),
        ],
        "matcha",
        [
            _int64("x", [1, "n"]),
            _int64("x_length", [1]),
            _float("noise_scale", [1]),
            _float("length_scale", [1]),
        ],
        [_float("mel", [1, MEL_BINS, "frames_out"])],
        [
            numpy_helper.from_array(np.array([2], np.int64), "two"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(np.ones((1, 1, FRAMES_PER_TOKEN), np.float32), "frames"),
            numpy_helper.from_array(np.array([1, 1, -1], np.int64), "row"),
            numpy_helper.from_array(np.array([1, MEL_BINS, 1], np.int64), "bins"),
        ],
    )
    _save(graph, path, {
        "model_type": "matcha-tts", "language": "Chinese + English", "voice": "zh en-us",
        "is_zh_en": "1", "jieba": "1", "has_espeak": "0", "n_speakers": "1", "version": "1",
        "sample_rate": "16000", "pad_id": "0", "use_eos_bos": "0", "use_icefall": "1",
        "num_ode_steps": "3",
    })  # fmt: skip


def _write_vocoder(path: Path) -> None:
    """Magnitude, cosine and sine of every frame: one loud frequency."""
    bins = 513
    magnitude = np.zeros((1, bins, 1), np.float32)
    magnitude[0, 20, 0] = 60.0
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["mels"], ["row"], axes=[1], keepdims=1),
            helper.make_node("Mul", ["row", "magnitude"], ["mag"]),
            helper.make_node("Add", ["mag", "zero"], ["same"]),
            helper.make_node("Mul", ["same", "zero"], ["y"]),
            helper.make_node("Add", ["y", "one"], ["x"]),
        ],
        "vocos",
        [_float("mels", [1, MEL_BINS, "frames"])],
        [_float(name, [1, bins, "frames"]) for name in ("mag", "x", "y")],
        [
            numpy_helper.from_array(magnitude, "magnitude"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(np.array(1, np.float32), "one"),
        ],
    )
    _save(graph, path, {
        "model_type": "vocos", "n_fft": "1024", "hop_length": "256", "win_length": "1024",
        "sample_rate": "16000", "center": "1", "normalized": "0", "window_type": "hann",
        "pad_mode": "reflect",
    })  # fmt: skip


def write_kokoro(folder: Path) -> dict[str, Path]:
    """Write a voice like Kokoro: its symbols, two voices, a small lexicon and word list."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        "model": "model.onnx", "voices": "voices.npz", "tokens": "tokens.txt",
        "lexicon_en": "lexicon-en.tsv", "words_zh": "words-zh.tsv",
    }  # fmt: skip
    paths = {role: folder / name for role, name in names.items()}
    symbols = " ;:,.!?…ˈˌabdefhijklmnoprstuvwxyzæðŋɑɐɔəɚɛɜɡɪɹɾʃʊʌʒʤʧθᵊᵻAIOWYʰʦʨꭧʂɕɻɨɤɥ→↗↓↘"
    _write_table(paths["tokens"], {symbol: number for number, symbol in enumerate(symbols, 1)})
    letters = {letter: "ˈi" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    words = {"take": "tˈAk", "one": "wˈʌn", "hundred": "hˈʌndɹəd", "the": "ði", "now": "nˈW"}
    _write_table(paths["lexicon_en"], letters | words)
    _write_table(paths["words_zh"], {"马上": 300, "我们": 900, "的": 5000, "碘片": 40})
    np.savez(paths["voices"], **{name: _styles() for name in ("zf_tiny", "af_tiny")})
    _write_kokoro_model(paths["model"])
    return paths


def _styles() -> np.ndarray:
    return np.zeros((510, 256), np.float32)


def _write_table(path: Path, table: Mapping[str, object]) -> None:
    lines = "".join(f"{key}\t{value}\n" for key, value in table.items())
    path.write_text(lines, encoding="utf-8")


def _write_kokoro_model(path: Path) -> None:
    hum = np.sin(np.arange(SAMPLES_PER_TOKEN) * 2 * np.pi * 200 / 24000) * 0.3
    graph = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["tokens", "two"], ["columns"]),
            helper.make_node("Cast", ["columns"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["numbers", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "hum"], ["hums"]),
            helper.make_node("Reshape", ["hums", "flat"], ["line"]),
            helper.make_node("ReduceMean", ["style"], ["colour"], keepdims=0),
            helper.make_node("Add", ["line", "colour"], ["coloured"]),
            helper.make_node("Div", ["coloured", "speed"], ["audio"]),
        ],
        "kokoro",
        [_int64("tokens", [1, "n"]), _float("style", [1, 256]), _float("speed", [1])],
        [_float("audio", ["samples"])],
        [
            numpy_helper.from_array(np.array([2], np.int64), "two"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(hum.astype(np.float32).reshape(1, 1, -1), "hum"),
            numpy_helper.from_array(np.array([-1], np.int64), "flat"),
        ],
    )
    _save(graph, path, {})


def _int64(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def _float(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _save(graph: onnx.GraphProto, path: Path, metadata: Mapping[str, str]) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
