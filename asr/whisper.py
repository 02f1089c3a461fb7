"""Whisper, by segment."""

from __future__ import annotations

import re

import numpy as np

from asr import RATE_HZ, AsrConfig, Files, Samples, Transcript
from asr.segment import SegmentStream
from asr.text import clean, language_of, without_loop
from asr.whisper_decoder import WhisperDecoder

WINDOW_S = 29.0
"""Longest input; the model itself takes 30 s."""
THOROUGH_PADDING_S = 10.0
"""Silence after the segment. Whisper learnt on windows of 30 s and repeats itself where the end
is near. 72 synthetic questions, errors in syllables and processor time on one core: 10 s 5.1 %,
0.20 s; 6 s 5.1 %, 0.15 s; 4 s 7.3 %; 2 s 10.5 %. In English 10 s is better than 6 s."""
QUICK_PADDING_S = 4.0
"""For partial transcripts, 0.13 s; loops are cut off."""

_QUIET = np.zeros(RATE_HZ // 2, np.float32)
"""What makes Whisper hear a segment that it first took for no speech at all: it does so with some
beginnings, as of a word cut in two. 4 of 5 such questions were heard after it."""

_TOKENS_PER_S = 7
_TOKENS_MORE = 6
"""Of a segment: nobody speaks faster, what is more is repetition."""

_INVENTED = re.compile(
    r"字幕(?:由|by|製作|制作|提供|志愿者)|中文字幕|谢谢(?:大家)?(?:的)?(?:观看|收看)|感谢(?:您的)?(?:观看|收看)"
    r"|请不吝点赞|订阅|打赏|点赞|明镜与点点|下期(?:再见|视频)|优优独播|本期视频"
    r"|thank(?:s| you)(?: so much| very much)? for (?:watching|listening)|subscribe|amara\.org"
    r"|subtitles by|see you (?:in the )?next (?:time|video)",
    re.IGNORECASE,
)
"""What Whisper writes where nobody speaks: its training text was largely subtitles."""


class WhisperRecognizer:
    """Whisper, loaded once. Raises RecognitionError if a file is missing or wrong."""

    streaming = False

    def __init__(self, files: Files, config: AsrConfig) -> None:
        self.decoder = WhisperDecoder(files, config.threads)
        self._config = config
        self._language = "" if config.language == "auto" else config.language

    def stream(self) -> SegmentStream:
        """Begin an utterance."""
        return SegmentStream(self._transcribe, self._config)

    def _transcribe(self, audio: Samples, thorough: bool) -> Transcript:
        padding_s = THOROUGH_PADDING_S if thorough else QUICK_PADDING_S
        text, language = self._decode(audio, padding_s)
        if not text:
            text, language = self._decode(np.concatenate([_QUIET, audio]), padding_s)
        if thorough and without_loop(text) != text:
            text, language = self._decode(audio, WINDOW_S)
        text = clean(without_loop(text))
        if _INVENTED.search(text):
            return Transcript("")
        return Transcript(text, language_of(text, language))

    def _decode(self, audio: Samples, padding_s: float) -> tuple[str, str]:
        """Return the text and the language of one segment followed by silence."""
        audio = audio[: int(WINDOW_S * RATE_HZ)]
        length_s = len(audio) / RATE_HZ
        state = self.decoder.begin(audio, min(padding_s, WINDOW_S - length_s), self._language)
        written = b""
        for _ in range(int(_TOKENS_PER_S * length_s) + _TOKENS_MORE):
            token = self.decoder.likeliest(state)
            if token is None:
                break
            written += self.decoder.tokens[token]
            state = self.decoder.step(state, token)
        return written.decode("utf-8", "replace"), state.language
