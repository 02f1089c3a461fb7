"""A Whisper that writes its text whatever it hears, converted by the real converter.

Its layers are empty; the vector of each position points to the token that follows there.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.convert.whisper import convert

WIDTH, HEADS, MELS = 64, 2, 80
SPECIAL = [
    "endoftext", "startoftranscript", "en", "zh", "translate", "transcribe", "startoflm",
    "startofprev", "nospeech", "notimestamps", "0.00",
]  # fmt: skip
IDS = {name: 256 + number for number, name in enumerate(SPECIAL)}
PROMPT_TOKENS = 4

Weights = dict[str, NDArray[np.float16]]


def build(folder: Path, heard: str) -> dict[str, Path]:
    sources = write_sources(folder, weights(heard))
    names = convert(sources, folder, lambda _: None)
    return {role: folder / name for role, name in names.items()}


def weights(heard: str, speech: bool = True) -> Weights:
    """Weights that write `heard`; without `speech`, the model is sure that nobody speaks."""
    rng = np.random.default_rng(0)
    places = np.zeros((WIDTH - 4, WIDTH))
    np.fill_diagonal(places, 20)
    embeddings = np.zeros((256 + len(SPECIAL), WIDTH))
    embeddings[IDS["zh"], 0] = 1
    embeddings[IDS["nospeech"], 0] = 0 if speech else 3
    for place, token in enumerate([*_ids(heard), IDS["endoftext"]], PROMPT_TOKENS - 1):
        embeddings[token, place] = 1
    made = {
        "decoder/embeddings/weight": embeddings,
        "decoder/position_encodings/encodings": places,
        "decoder/num_heads": np.array(HEADS),
        "encoder/position_encodings/encodings": rng.normal(size=(1500, WIDTH)),
        "encoder/conv1/weight": rng.normal(size=(WIDTH, MELS, 3)),
        "encoder/conv1/bias": rng.normal(size=WIDTH),
        "encoder/conv2/weight": rng.normal(size=(WIDTH, WIDTH, 3)),
        "encoder/conv2/bias": rng.normal(size=WIDTH),
    }
    made |= _norm("encoder") | _norm("decoder")
    for part in ("encoder", "decoder"):
        made |= _block(f"{part}/layer_0/self_attention", [3 * WIDTH, WIDTH])
        made |= _block(f"{part}/layer_0/ffn", [4 * WIDTH, WIDTH])
    made |= _block("decoder/layer_0/attention", [WIDTH, 2 * WIDTH, WIDTH])
    return {name: np.asarray(value, np.float16) for name, value in made.items()}


def write_sources(folder: Path, tensors: Weights) -> dict[str, Path]:
    """Write model, tokenizer and config as a registry holds them."""
    paths = {
        "model": folder / "model.bin",
        "tokenizer": folder / "tokenizer.json",
        "config": folder / "config.json",
    }
    write_ctranslate2(paths["model"], tensors)
    added = [{"id": number, "content": f"<|{name}|>"} for name, number in IDS.items()]
    vocabulary = {char: byte for byte, char in enumerate(_gpt2_characters())}
    tokenizer = {"added_tokens": added, "model": {"vocab": vocabulary}}
    paths["tokenizer"].write_text(json.dumps(tokenizer), encoding="utf-8")
    paths["config"].write_text(json.dumps({"suppress_ids": [IDS["startoftranscript"]]}))
    return paths


def write_ctranslate2(path: Path, tensors: Weights) -> None:
    with path.open("wb") as file:
        file.write(struct.pack("<I", 6) + _text("WhisperSpec"))
        file.write(struct.pack("<II", 3, len(tensors)))
        for name, values in tensors.items():
            file.write(_text(name) + struct.pack("<B", values.ndim))
            file.write(struct.pack(f"<{values.ndim}I", *values.shape))
            file.write(struct.pack("<BI", 4, values.nbytes) + values.tobytes())


def _text(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def _ids(text: str) -> bytes:
    """Every token is one byte and has its number."""
    return text.encode()


def _norm(name: str) -> dict[str, NDArray[np.float64]]:
    return {
        f"{name}/layer_norm/gamma": np.ones(WIDTH),
        f"{name}/layer_norm/beta": np.zeros(WIDTH),
    }


def _block(name: str, sizes: list[int]) -> dict[str, NDArray[np.float64]]:
    made, inputs = _norm(name), WIDTH
    for number, outputs in enumerate(sizes):
        inputs = 4 * WIDTH if name.endswith("ffn") and number else WIDTH
        made[f"{name}/linear_{number}/weight"] = np.zeros((outputs, inputs))
        made[f"{name}/linear_{number}/bias"] = np.zeros(outputs)
    return made


def _gpt2_characters() -> list[str]:
    """The character that stands for each byte, as in the vocabulary file of GPT-2."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    table = {byte: chr(byte) for byte in shown}
    table |= {byte: chr(256 + number) for number, byte in enumerate(hidden)}
    return [table[byte] for byte in range(256)]
