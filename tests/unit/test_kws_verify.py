"""The second stage that asks another engine to look for the word, and a look that is to be borne
out."""

import numpy as np
import pytest

from kws.detector import WakeEngine
from kws.looks import Nearest
from kws.verify import LookJudge, SecondedFinder
from kws.words import make_word
from kws.zipformer import ZipformerDetector
from tests.tiny_kws import build, say

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


HEAN, XIAOAN = ["n", "ǐ", "h", "ǎo", "h", "é", "ān"], ["x", "iǎo", "ān", "x", "iǎo", "ān"]
XIAOAI = ["x", "iǎo", "ài", "x", "iǎo", "ài"]


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> ZipformerDetector:
    words = [make_word("你好核安", threshold=0.5), make_word("小安小安", threshold=0.5)]
    return ZipformerDetector(words, build(tmp_path_factory.mktemp("kws")))


class Repeating:
    """Finds its word in whatever was said."""

    name = "repeating"
    own_score = 0.2

    def __init__(self, word: str, score: float) -> None:
        self._found = Nearest(word, score, score >= 0.25, "小爱小安")

    def nearest(self, samples):
        return self._found


@pytest.mark.parametrize(
    ("word", "score", "said", "woke"),
    [
        ("小安小安", 0.78, XIAOAI, False),  # the recogniser repeats what it was led to write
        ("小安小安", 0.78, XIAOAN[:3], False),
        ("小安小安", 0.78, HEAN, False),  # the detector hears another word
        ("小安小安", 0.3, XIAOAN, True),
        ("小安小安", 0.2, XIAOAN, False),  # too little, whatever the detector says
        ("小安小安", 0.9, XIAOAI, True),  # beyond doubt
        ("你好核安", 0.3, XIAOAI, True),  # says nothing twice
    ],
)
def test_a_word_that_says_the_same_twice_is_to_be_heard_by_both(
    detector: ZipformerDetector, word: str, score: float, said: list[str], woke: bool
) -> None:
    words = [make_word("你好核安"), make_word("小安小安")]
    finder = SecondedFinder(Repeating(word, score), detector, words)
    audio = say(said)
    for _ in range(2):  # it remembers nothing
        nearest = finder.nearest(audio)
        assert nearest is not None
        assert (nearest.word, nearest.score, nearest.woke) == (word, score, woke)
    assert (finder.name, finder.own_score) == ("repeating", 0.2)


def test_where_nothing_is_found_nothing_is_to_be_borne_out(detector: ZipformerDetector) -> None:
    assert SecondedFinder(Finder(None), detector, []).nearest(AUDIO) is None
