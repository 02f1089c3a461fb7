"""Voice activity by Silero through sherpa-onnx."""

from __future__ import annotations

from typing import Any

import numpy as np

from asr import RATE_HZ, Files, RecognitionError, Samples
from asr.files import check_onnx, paths_of

CHUNK_SAMPLES = 512
"""What Silero hears at once, 32 ms."""


class SileroVad:
    """Tells chunk by chunk whether somebody speaks.

    sherpa-onnx keeps the model's probability to itself and gives only the decision: speech begins
    at the second chunk above `threshold` and ends below `threshold` - 0.15.

    Raises RecognitionError if the file `model` is missing or wrong.
    """

    chunk_samples = CHUNK_SAMPLES

    def __init__(self, files: Files, threshold: float = 0.5) -> None:
        path = paths_of("silero", files, ["model"])["model"]
        check_onnx(path)
        self._native = _load(path, threshold)
        # Newer models also want the last samples of the chunk before; a wrong length would end
        # the process.
        self._overlap: Samples = np.zeros(self._native.window_size() - CHUNK_SAMPLES, np.float32)

    def is_speech(self, samples: Samples) -> bool:
        """Tell whether exactly `chunk_samples` samples are speech, after those heard before."""
        if len(samples) != CHUNK_SAMPLES:
            raise ValueError(f"{len(samples)} samples; it must be {CHUNK_SAMPLES}")
        window = np.concatenate([self._overlap, samples])
        self._overlap = window[CHUNK_SAMPLES:]
        return bool(self._native.is_speech(window.tolist()))

    def reset(self) -> None:
        """Forget all audio heard so far."""
        self._native.reset()
        self._overlap = np.zeros_like(self._overlap)


def _load(path: str, threshold: float) -> Any:
    import sherpa_onnx

    config = sherpa_onnx.VadModelConfig(
        silero_vad=sherpa_onnx.SileroVadModelConfig(
            model=path,
            threshold=threshold,
            min_silence_duration=0,
            min_speech_duration=0,
            window_size=CHUNK_SAMPLES,
        ),
        sample_rate=RATE_HZ,
        num_threads=1,
    )
    try:
        return sherpa_onnx.VadModel.create(config)
    except RuntimeError as error:
        raise RecognitionError(f"silero cannot load {path}: {error}") from error
