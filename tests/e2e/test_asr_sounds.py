"""The engines `zipformer`, `sense-voice` and `two-pass` on speech that they really recognise.

A small model over sounds serves both: that of the wake words. What it writes is pinyin.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr import RATE_HZ, AsrConfig, Recognizer
from asr.engines import create_recognizer, two_pass_files
from asr.error_rate import edit_distance
from kws.pinyin import toneless
from tests.spoken import QUIET_S, TEXTS, Samples, quiet, sounds, spoken
from tests.tiny_asr import heard

MOST_ERRORS = 0.15
"""Share of the letters and tone marks; the model of step 2633 has 0.05 and 0.07."""
STREAMED = ("encoder", "decoder", "joiner", "tokens")
CHUNK = 1600


@pytest.fixture(scope="module")
def streaming_files(boxed_model: dict[str, Path]) -> dict[str, Path]:
    return {role: boxed_model[role] for role in STREAMED}


@pytest.fixture(scope="module")
def segment_files(
    boxed_model: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    return heard.build(tmp_path_factory.mktemp("heard"), boxed_model)


@pytest.fixture(scope="module")
def streaming(streaming_files: dict[str, Path]) -> Recognizer:
    return create_recognizer("zipformer", streaming_files, AsrConfig(threads=1))


@pytest.fixture(scope="module")
def by_segment(segment_files: dict[str, Path]) -> Recognizer:
    return create_recognizer("sense-voice", segment_files, AsrConfig(threads=1))


@pytest.fixture(params=["zipformer", "sense-voice"])
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    name = {"zipformer": "streaming", "sense-voice": "by_segment"}[request.param]
    found: Recognizer = request.getfixturevalue(name)
    return found


def transcribe(recognizer: Recognizer, audio: Samples, chunk: int = CHUNK) -> str:
    stream = recognizer.stream()
    for start in range(0, len(audio), chunk):
        stream.accept(audio[start : start + chunk])
    return stream.finish().text


def partials(recognizer: Recognizer, audio: Samples) -> tuple[list[str], str]:
    """Return what was shown after each tenth of a second, and what was decided."""
    stream = recognizer.stream()
    shown = []
    for start in range(0, len(audio), CHUNK):
        stream.accept(audio[start : start + CHUNK])
        shown.append(stream.partial())
    return shown, stream.finish().text


def errors(pairs: list[tuple[str, str]]) -> float:
    """Return wrong letters per letter of what was said."""
    wrong = sum(edit_distance(said, found.lower()) for said, found in pairs)
    return wrong / sum(len(said) for said, _ in pairs)


def test_what_was_said_is_written(recognizer: Recognizer) -> None:
    found = [(sounds(text), transcribe(recognizer, spoken(name))) for name, text in TEXTS.items()]
    assert errors(found) < MOST_ERRORS, found


def test_the_size_of_chunks_changes_nothing(recognizer: Recognizer) -> None:
    audio = spoken("zh-salt")
    texts = {transcribe(recognizer, audio, chunk) for chunk in (160, 512, 3999, len(audio))}
    assert len(texts) == 1 and "fúshè" in texts.pop()


def test_two_streams_at_once_do_not_mix(recognizer: Recognizer) -> None:
    names = ("zh-iodine", "wake/water")
    apart = [transcribe(recognizer, spoken(name)) for name in names]
    one, other = (recognizer.stream() for _ in names)
    audio, more = map(spoken, names)
    for start in range(0, max(len(audio), len(more)), CHUNK):
        one.accept(audio[start : start + CHUNK])
        other.accept(more[start : start + CHUNK])
    assert [one.finish().text, other.finish().text] == apart


def test_silence_is_nothing(recognizer: Recognizer) -> None:
    assert transcribe(recognizer, quiet(3)) == ""


def test_quiet_speech_is_understood(recognizer: Recognizer) -> None:
    name = "zh-live"
    softly = transcribe(recognizer, spoken(name) * np.float32(0.1))
    assert errors([(sounds(TEXTS[name]), softly)]) < 0.25, softly


def test_each_word_is_shown_soon_after_it_was_said(streaming: Recognizer) -> None:
    shown, final = partials(streaming, spoken("wake/breath"))
    assert all(later.startswith(earlier) for earlier, later in zip(shown, shown[1:], strict=False))
    assert final.startswith(shown[-1]) and len(set(shown)) > 4
    word_over = int((QUIET_S + 0.9) * RATE_HZ / CHUNK)
    assert shown[int(QUIET_S * RATE_HZ / CHUNK)] == ""
    assert "héān" in shown[word_over + 6] and "shénme" not in shown[word_over]


def test_it_goes_on_after_a_pause(streaming: Recognizer) -> None:
    text = transcribe(
        streaming, np.concatenate([spoken("wake/wake"), quiet(2), spoken("zh-water")])
    )
    assert text.startswith("nǐhǎohéān") and "zìláishuǐ" in text


def test_a_segment_is_heard_to_its_end(by_segment: Recognizer) -> None:
    """Audio that ends with the last word: what the model still looks ahead for is there."""
    audio = spoken("zh-shelter")
    heard = transcribe(by_segment, audio[: -int((QUIET_S - 0.3) * RATE_HZ)])
    assert toneless(heard.partition("zěnme")[2]).startswith("zu")  # zuò


def test_one_is_shown_and_the_other_decides(
    streaming_files: dict[str, Path], segment_files: dict[str, Path], by_segment: Recognizer
) -> None:
    files = two_pass_files({"zipformer": streaming_files, "sense-voice": segment_files})
    both = create_recognizer("two-pass", files, AsrConfig(threads=1))
    audio = spoken("wake/talk")
    shown, final = partials(both, audio)
    assert "wǎnshàng" in shown[len(shown) // 2]
    assert final == transcribe(by_segment, audio)
