"""Streaming Zipformer transducers through sherpa-onnx."""

from __future__ import annotations

from typing import Any

import numpy as np

from asr import RATE_HZ, AsrConfig, Files, RecognitionError, Samples, Transcript
from asr.digits import with_digits
from asr.files import check_onnx, check_tokens, paths_of
from asr.text import clean, language_of

TAIL_S = 0.66
"""Silence after the last sample, so that the last chunk of the encoder is full."""

_ZIPFORMER_METADATA = (
    "num_encoder_layers", "encoder_dims", "cnn_module_kernels", "left_context_len", "T",
    "decode_chunk_len",
)  # fmt: skip
_ENCODER_METADATA = {
    "zipformer": ("attention_dims", *_ZIPFORMER_METADATA),
    "zipformer2": ("query_head_dims", "value_head_dims", "num_heads", *_ZIPFORMER_METADATA),
}
_DECODER_METADATA = ("vocab_size", "context_size")


class ZipformerRecognizer:
    """A streaming transducer, loaded once.

    Raises RecognitionError if a file is missing or wrong.
    """

    streaming = True
    decoder = None

    def __init__(self, files: Files, config: AsrConfig) -> None:
        paths = paths_of("zipformer", files, ("encoder", "decoder", "joiner", "tokens"))
        kind = check_onnx(paths["encoder"], ["model_type"])["model_type"]
        if kind not in _ENCODER_METADATA:
            raise RecognitionError(f"{paths['encoder']} is of type {kind}, not zipformer")
        check_onnx(paths["encoder"], _ENCODER_METADATA[kind])
        check_onnx(paths["decoder"], _DECODER_METADATA)
        check_onnx(paths["joiner"])
        check_tokens(paths["tokens"])
        self._config = config
        self._native = _load(paths, kind, config.threads)

    def stream(self) -> ZipformerStream:
        """Begin an utterance."""
        return ZipformerStream(self._native, self._config)


class ZipformerStream:
    """One utterance, decoded as it comes."""

    def __init__(self, native: Any, config: AsrConfig) -> None:
        self._native = native
        self._stream = native.create_stream()
        self._language = config.language
        self._room = int(config.max_utterance_s * RATE_HZ)

    def accept(self, samples: Samples) -> None:
        """Add 16 kHz audio of any length; what goes beyond the longest utterance is dropped."""
        samples = np.asarray(samples, np.float32).reshape(-1)[: self._room]
        self._room -= len(samples)
        if len(samples):
            self._stream.accept_waveform(RATE_HZ, np.nan_to_num(samples))
            self._decode()

    def partial(self, paused: bool = False) -> str:
        """Return the transcript so far."""
        return clean(self._native.get_result(self._stream).lower())

    def finish(self) -> Transcript:
        """Return the final transcript."""
        self._stream.accept_waveform(RATE_HZ, np.zeros(int(TAIL_S * RATE_HZ), np.float32))
        self._stream.input_finished()
        self._decode()
        text = with_digits(self.partial())  # it has learnt from texts without figures
        return Transcript(text, language_of(text, self._language))

    def _decode(self) -> None:
        while self._native.is_ready(self._stream):
            self._native.decode_stream(self._stream)


def _load(paths: dict[str, str], kind: str, threads: int) -> Any:
    import sherpa_onnx

    try:
        return sherpa_onnx.OnlineRecognizer.from_transducer(
            **paths, model_type=kind, num_threads=threads
        )
    except RuntimeError as error:
        raise RecognitionError(f"zipformer cannot load {paths['encoder']}: {error}") from error
