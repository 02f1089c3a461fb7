"""Which model is this? Told from a few blocks of its file, quickly enough for every start.

An adapter is laid over any base of the same shape without complaint, and the answers are nonsense.
A model of other weights differs nearly everywhere, so samples tell them apart. What samples cannot
see is a single altered byte: for that there is the SHA-256 of the whole file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from llm import GenerationError

BASE_FINGERPRINT = "hean.base.fingerprint"
"""Key in the header of an adapter: the fingerprint of the base it was trained on."""
_SAMPLES, _SAMPLE_BYTES = 64, 1 << 16


def fingerprint(path: Path) -> str:
    """Return the SHA-256 over the size of a file and 64 evenly spaced blocks of 64 KiB.

    Raises GenerationError: the file cannot be read.
    """
    try:
        size = path.stat().st_size
        digest = hashlib.sha256(f"{size}\n".encode())
        last = max(0, size - _SAMPLE_BYTES)
        with path.open("rb") as file:
            for number in range(_SAMPLES):
                file.seek(last * number // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    except OSError as error:
        raise GenerationError(f"{path} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()
