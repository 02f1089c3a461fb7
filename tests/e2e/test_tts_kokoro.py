"""The real Kokoro model: everything is spoken, at one loudness, and the first sound comes first."""

from itertools import pairwise

import numpy as np
import pytest

from models.store import Store
from voice.config import Config
from voice.tts import Synthesizer, TtsConfig
from voice.tts.engines import create_synthesizer

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def voice() -> Synthesizer:
    files = Store(Config().store).resolve("kokoro")
    return create_synthesizer("kokoro", files, TtsConfig())


@pytest.mark.parametrize(
    ("language", "items"),
    [
        ("zh", ["剂量率", "100 mSv/h", "KI", "INES", "请打12345"]),
        ("en", ["take", "KI", "at 100 mSv", "call 911"]),
    ],
)
def test_each_item_of_mixed_text_is_spoken(
    voice: Synthesizer, language: str, items: list[str]
) -> None:
    lengths_s = []
    for count in range(1, len(items) + 1):
        pieces = list(voice.synthesize(" ".join(items[:count]), language))
        lengths_s.append(sum(piece.size for piece in pieces) / voice.rate_hz)
    assert all(longer > shorter + 0.2 for shorter, longer in pairwise(lengths_s))


def test_pieces_are_equally_loud_and_begin_quietly(voice: Synthesizer) -> None:
    for piece in voice.synthesize("马上进屋，关好门窗。听官方广播。", "zh"):
        frames = piece[: piece.size // 240 * 240].reshape(-1, 240)
        levels = np.sqrt(np.mean(frames**2, axis=1))
        assert np.sqrt(np.mean(levels[levels > levels.max() * 0.1] ** 2)) == pytest.approx(
            0.1, rel=0.25
        )
        assert np.abs(piece[: voice.rate_hz // 50]).max() < 0.001
        assert np.abs(piece).max() <= 0.96


def test_the_first_piece_is_short(voice: Synthesizer) -> None:
    text = "马上进入最近的坚固建筑，关好门窗，关掉空调和风扇，听广播等通知。"
    first, *rest = voice.synthesize(text, "zh")
    assert first.size / voice.rate_hz < 3.5
    assert rest


def test_same_text_same_sound(voice: Synthesizer) -> None:
    first, second = (
        np.concatenate(list(voice.synthesize("碘片要听通知才吃。", "zh"))) for _ in range(2)
    )
    assert abs(first.size - second.size) < voice.rate_hz // 10
