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
"""Silence after the segment. Whisper learnt on windows of 30 s and repeats itself where the end
is near. 72 synthetic questions, errors in syllables and processor time on one core: 10 s 5.1 %,
0.20 s; 6 s 5.1 %, 0.15 s; 4 s 7.3 %; 2 s 10.5 %. In English 10 s is better than 6 s."""
QUICK_PADDING_S = 4.0
"""For partial transcripts, 0.13 s; loops are cut off."""

_SAMPLED_PADDING_S = 1.0
_SAMPLED_PADDING_RATIO = 0.2
"""Part of the silence that is samples; the rest is empty features, which cost nothing. sherpa-onnx
allows six tokens for each second of samples, and quick speakers need more."""
_FRAMES_PER_S = 100

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
    """Whisper, loaded once. Not for several threads at a time.

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
        self._language = "" if config.language == "auto" else config.language
        self._native = self._load()

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
        """Return the text and the language of one segment followed by silence."""
        audio = audio[: int(WINDOW_S * RATE_HZ)]
        padding_s = min(padding_s, WINDOW_S - len(audio) / RATE_HZ)
        sampled_s = _SAMPLED_PADDING_S + _SAMPLED_PADDING_RATIO * len(audio) / RATE_HZ
        sampled = np.zeros(int(min(sampled_s, padding_s) * RATE_HZ), np.float32)
        self._configure(language, max(0.0, padding_s - sampled_s))
        stream = self._native.create_stream()
        stream.accept_waveform(RATE_HZ, np.concatenate([audio, sampled]))
        self._native.decode_stream(stream)
        return stream.result.text, stream.result.lang

    def _configure(self, language: str, tail_s: float) -> None:
        config = self._native.config
        config.model_config.whisper.language = language
        # 0 and less would mean the default of 10 s.
        config.model_config.whisper.tail_paddings = max(1, int(tail_s * _FRAMES_PER_S))
        self._native.recognizer.set_config(config)

    def _load(self) -> Any:
        import sherpa_onnx

        try:
            return sherpa_onnx.OfflineRecognizer.from_whisper(
                **self._paths, language=self._language, num_threads=self._config.threads
            )
        except RuntimeError as error:
            raise RecognitionError(
                f"whisper cannot load {self._paths['encoder']}: {error}"
            ) from error
