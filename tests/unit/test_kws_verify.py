"""The second stage that asks another engine to look for the word."""

import numpy as np
import pytest

from kws.detector import WakeEngine
from kws.looks import Nearest
from kws.verify import LookJudge

AUDIO = np.zeros(38_400, np.float32)


class Finder:
    """Finds what it is told to."""

    name = "told"
    own_score = 0.2

    def __init__(self, nearest: Nearest | None) -> None:
        self._nearest = nearest

    def nearest(self, samples):
        assert len(samples) == len(AUDIO)
        return self._nearest


@pytest.mark.parametrize(
    ("nearest", "confirmed"),
    [
        (Nearest("你好核安", 0.9, True, "你好核安"), True),
        (Nearest("你好核安", 0.2, False, "你好何案"), True),  # where it would not wake by itself
        (Nearest("你好核安", 0.19, False, "你好"), False),
        (Nearest("小安小安", 0.9, True, "小安小安"), False),
        (None, False),
    ],
)
def test_a_hit_counts_if_the_same_word_is_known_again(nearest, confirmed):
    verdict = LookJudge(Finder(nearest)).judge("你好核安", AUDIO)
    assert verdict.confirmed == confirmed
    assert verdict.text == (nearest.text if nearest else "")


@pytest.mark.parametrize(("score", "own"), [(0.2, True), (0.1, False)])
def test_played_speech_is_known_again_as_the_finder_knows_it(score, own):
    engine = WakeEngine(judge=LookJudge(Finder(Nearest("你好核安", score, False))))
    assert engine.said_by("你好核安", AUDIO) == own
    assert engine.said_by("你好核安", AUDIO[:0]) is False
