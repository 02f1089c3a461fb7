from __future__ import annotations

import numpy as np

from asr import RATE_HZ, AsrConfig, Samples, Transcript
from asr.segment import PARTIAL_LIMIT_S, SegmentStream

BLOCK = 1600
"""0.1 s."""


def voice(seconds: float) -> Samples:
    return np.random.default_rng(1).normal(0, 0.1, int(seconds * RATE_HZ)).astype(np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


class Decoder:
    """Writes one letter for each 0.5 s and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, bool]] = []

    def __call__(self, audio: Samples, thorough: bool) -> Transcript:
        seconds = len(audio) / RATE_HZ
        self.asked.append((seconds, thorough))
        text = "abcdefghijklmnopqrstuvwxyz"[: int(seconds * 2)]
        return Transcript(text if thorough else text[:-1] + "?", "en")


def feed(stream: SegmentStream, audio: Samples) -> list[str]:
    shown = []
    for start in range(0, len(audio), BLOCK):
        stream.accept(audio[start : start + BLOCK])
        shown.append(stream.partial())
    return shown


def test_partial_transcripts_show_only_what_two_decodings_agree_on() -> None:
    decode = Decoder()
    shown = feed(SegmentStream(decode, AsrConfig(partial_every_s=0.5)), voice(3))
    assert "?" not in "".join(shown)
    assert shown[-1] == "abcd"


def test_what_is_shown_does_not_flicker() -> None:
    heard = iter(
        ["我家", "我家里", "我假离核", "我假离河电站", "我家离核电站八", "我家离核电站八公里"]
    )
    stream = SegmentStream(lambda audio, thorough: Transcript(next(heard), "zh"), AsrConfig())
    shown = []
    for second in (1, 1, 1, 1, 1, 1):
        stream.accept(voice(second))
        shown.append(stream.partial())
    assert shown == ["", "我家", "我家", "我假离", "我假离", "我家离核电站八"]


def test_decodings_keep_their_distance() -> None:
    decode = Decoder()
    feed(SegmentStream(decode, AsrConfig(partial_every_s=0.5)), voice(8))
    times = [seconds for seconds, _ in decode.asked]
    gaps = np.diff(times)
    assert min(gaps) > 0.45
    assert gaps[-1] > 0.8  # longer segments are decoded less often


def test_long_segments_are_no_longer_decoded_again() -> None:
    decode = Decoder()
    feed(SegmentStream(decode, AsrConfig()), voice(20))
    assert max(seconds for seconds, _ in decode.asked) <= PARTIAL_LIMIT_S


def test_a_pause_is_decoded_thoroughly_and_is_then_the_end() -> None:
    decode = Decoder()
    stream = SegmentStream(decode, AsrConfig())
    shown = feed(stream, np.concatenate([voice(2), quiet(1)]))
    asked = list(decode.asked)
    assert asked[-1] == (2.3, True) or asked[-1][1]
    assert stream.finish().text == shown[-1]
    assert decode.asked == asked


def test_speech_after_a_pause_is_not_lost() -> None:
    decode = Decoder()
    stream = SegmentStream(decode, AsrConfig())
    feed(stream, np.concatenate([voice(2), quiet(0.5), voice(1)]))
    assert stream.finish().text == "abcdefg"
    assert decode.asked[-1] == (3.5, True)


def test_audio_beyond_the_longest_utterance_is_dropped() -> None:
    decode = Decoder()
    stream = SegmentStream(decode, AsrConfig(max_utterance_s=2))
    for _ in range(5):
        stream.accept(voice(0.7))
    assert stream.finish().text == "abcd"
    assert decode.asked == [(2.0, True)]


def test_silence_is_never_decoded() -> None:
    decode = Decoder()
    stream = SegmentStream(decode, AsrConfig())
    feed(stream, quiet(5) + np.float32(1e-5))
    assert stream.finish() == Transcript("")
    assert decode.asked == []


def test_a_pause_that_the_caller_knows_of_is_decided_in_noise_too() -> None:
    decode = Decoder()
    stream = SegmentStream(decode, AsrConfig())
    noise = voice(3) * 0.1
    stream.accept(noise[: RATE_HZ // 2])
    stream.accept(voice(1.5) + noise[: int(1.5 * RATE_HZ)])
    stream.accept(noise[: RATE_HZ // 20])
    text = stream.partial(paused=True)
    assert decode.asked[-1][1]
    assert text == "abcd"
    stream.accept(noise[: RATE_HZ // 2])  # nothing but the room: that was already the end
    asked = len(decode.asked)
    assert stream.finish().text == text
    assert len(decode.asked) == asked


def test_speech_after_a_pause_is_decoded_again() -> None:
    decode = Decoder()
    stream = SegmentStream(decode, AsrConfig())
    stream.accept(voice(1.5))
    stream.partial(paused=True)
    stream.accept(voice(1))
    assert stream.finish().text == "abcde"


def test_what_was_decided_early_is_decided_again_when_the_pause_is_certain() -> None:
    decode = Decoder()
    stream = SegmentStream(decode, AsrConfig())
    stream.accept(voice(1.5))
    stream.partial(paused=True)
    stream.accept(quiet(0.3))
    stream.partial()
    stream.partial()
    stream.accept(quiet(0.3))
    stream.finish()
    assert decode.asked == [(1.5, True), (1.8, True)]
