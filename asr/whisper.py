"""Whisper through sherpa-onnx, by segment."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from asr import RATE_HZ, AsrConfig, Files, RecognitionError, Samples, Transcript
from asr.files import check_onnx, check_tokens, paths_of
from asr.segment import SegmentStream
from asr.text import clean, language_of, without_loop

WINDOW_S = 29.0
"""Longest input: sherpa-onnx drops what goes beyond 29.5 s."""
THOROUGH_PADDING_S = 10.0
"""Silence after the segment. Whisper learnt on windows of 30 s; with less than 8 s of silence it
misses the end and repeats itself (character errors 17 % at 8 s and above, 24 to 36 % below; 64
sentences of 16 speakers). Samples of zero, since sherpa-onnx's own padding is not silence to the
model (19 %)."""
QUICK_PADDING_S = 2.0
"""For partial transcripts: half the time of a thorough decoding; loops are cut off."""

_ENCODER_METADATA = (
    "n_mels", "n_text_layer", "n_text_ctx", "n_text_state", "n_vocab", "sot", "eot", "blank_id",
    "translate", "transcribe", "is_multilingual", "no_timestamps", "no_speech", "sot_sequence",
    "all_language_tokens", "all_language_codes",
)  # fmt: skip

_INVENTED = re.compile(
    r"字幕(?:由|by|製作|制作|提供|志愿者)|中文字幕|谢谢(?:大家)?(?:的)?(?:观看|收看)|感谢(?:您的)?(?:观看|收看)"
    r"|请不吝点赞|订阅|打赏|点赞|明镜与点点|下期(?:再见|视频)|优优独播|本期视频"
    r"|thank(?:s| you)(?: so much| very much)? for (?:watching|listening)|subscribe|amara\.org"
    r"|subtitles by|see you (?:in the )?next (?:time|video)",
    re.IGNORECASE,
)
"""What Whisper writes where nobody speaks: its training text was largely subtitles."""


class WhisperRecognizer:
    """Whisper, loaded once.

    Raises RecognitionError if a file is missing or wrong.
    """

    streaming = False

    def __init__(self, files: Files, config: AsrConfig) -> None:
        self._paths = paths_of("whisper", files, ("encoder", "decoder", "tokens"))
        metadata = check_onnx(self._paths["encoder"], _ENCODER_METADATA)
        check_onnx(self._paths["decoder"])
        check_tokens(self._paths["tokens"], encoded=True)
        if missing := {"zh", "en"} - set(metadata["all_language_codes"].split(",")):
            raise RecognitionError(f"{self._paths['encoder']} does not know {sorted(missing)}")
        self._config = config
        language = "" if config.language == "auto" else config.language
        self._native = {language: self._load(language)}
        self._language = language

    def stream(self) -> SegmentStream:
        """Begin an utterance."""
        return SegmentStream(self._transcribe, self._config)

    def _transcribe(self, audio: Samples, thorough: bool) -> Transcript:
        padding_s = THOROUGH_PADDING_S if thorough else QUICK_PADDING_S
        text, language = self._decode(audio, padding_s)
        if thorough and without_loop(text) != text:
            text, language = self._decode(audio, WINDOW_S)
        text = clean(without_loop(text))
        if _INVENTED.search(text):
            return Transcript("")
        return Transcript(text, language_of(text, language))

    def _decode(self, audio: Samples, padding_s: float) -> tuple[str, str]:
        text, language = self._run(self._language, audio, padding_s)
        if language in ("zh", "en"):
            return text, language
        # A model that knows more languages heard one that nobody here speaks.
        return self._run("zh", audio, padding_s)

    def _run(self, language: str, audio: Samples, padding_s: float) -> tuple[str, str]:
        if language not in self._native:
            self._native[language] = self._load(language)
        native = self._native[language]
        length = int(WINDOW_S * RATE_HZ)
        padded = np.zeros(min(length, len(audio) + int(padding_s * RATE_HZ)), np.float32)
        padded[: len(audio)] = audio[: len(padded)]
        stream = native.create_stream()
        stream.accept_waveform(RATE_HZ, padded)
        native.decode_stream(stream)
        return stream.result.text, stream.result.lang

    def _load(self, language: str) -> Any:
        import sherpa_onnx

        try:
            return sherpa_onnx.OfflineRecognizer.from_whisper(
                **self._paths,
                language=language,
                num_threads=self._config.threads,
                tail_paddings=1,  # 0 and less mean the default of 10 s; our own padding is better
            )
        except RuntimeError as error:
            raise RecognitionError(
                f"whisper cannot load {self._paths['encoder']}: {error}"
            ) from error
