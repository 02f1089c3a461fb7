"""SenseVoice through sherpa-onnx, by segment."""

from __future__ import annotations

from typing import Any

import numpy as np

from asr import RATE_HZ, AsrConfig, Files, RecognitionError, Samples, Transcript
from asr.files import check_onnx, check_tokens, paths_of
from asr.segment import SegmentStream
from asr.text import clean, language_of, without_loop

SHORTEST_S = 0.5
"""Shorter segments are padded: the model stacks frames of 70 ms."""

_METADATA = (
    "vocab_size", "lfr_window_size", "lfr_window_shift", "normalize_samples", "with_itn",
    "without_itn", "lang_auto", "lang_zh", "lang_en", "lang_ja", "lang_ko", "lang_yue", "neg_mean",
    "inv_stddev",
)  # fmt: skip
_CHINESE_OR_ENGLISH = ("zh", "yue", "en", "")
_NO_SPEECH = "nospeech"


class SenseVoiceRecognizer:
    """SenseVoice, loaded once.

    Raises RecognitionError if a file is missing or wrong.
    """

    streaming = False
    decoder = None

    def __init__(self, files: Files, config: AsrConfig) -> None:
        self._paths = paths_of("sense-voice", files, ("model", "tokens"))
        check_onnx(self._paths["model"], _METADATA)
        check_tokens(self._paths["tokens"])
        self._config = config
        self._language = config.language
        self._native = {config.language: self._load(config.language)}

    def stream(self) -> SegmentStream:
        """Begin an utterance."""
        return SegmentStream(self._transcribe, self._config)

    def _transcribe(self, audio: Samples, thorough: bool) -> Transcript:
        del thorough  # one pass is both the fastest and the best
        text, language = self._run(self._language, audio)
        if language == _NO_SPEECH:
            return Transcript("")
        if language not in _CHINESE_OR_ENGLISH:
            text, language = self._run("zh", audio)
        text = clean(without_loop(text))
        return Transcript(text, language_of(text, language))

    def _run(self, language: str, audio: Samples) -> tuple[str, str]:
        if language not in self._native:
            self._native[language] = self._load(language)
        native = self._native[language]
        padded = np.zeros(max(len(audio), int(SHORTEST_S * RATE_HZ)), np.float32)
        padded[: len(audio)] = audio
        stream = native.create_stream()
        stream.accept_waveform(RATE_HZ, padded)
        native.decode_stream(stream)
        return stream.result.text, stream.result.lang.strip("<|>")

    def _load(self, language: str) -> Any:
        import sherpa_onnx

        try:
            return sherpa_onnx.OfflineRecognizer.from_sense_voice(
                **self._paths,
                language=language,
                use_itn=True,
                num_threads=self._config.threads,
            )
        except RuntimeError as error:
            raise RecognitionError(
                f"sense-voice cannot load {self._paths['model']}: {error}"
            ) from error
