"""Wake words by speech recognition: when it looks, and what it makes of the transcript."""

import numpy as np
import pytest

from kws import WakeConfig
from kws.asr_pinyin import HEAD_S, AsrPinyinDetector, PinyinMatcher
from kws.scores import AsrPinyinScorer
from kws.verify import SecondStage
from kws.words import make_word

WORDS = [make_word("你好核安"), make_word("小安小安"), make_word("hey hean")]
CHUNK = 512
CHUNKS_PER_S = 16_000 / CHUNK


class Room:
    """Speech as it is put: the voice is loud samples, the transcripts come in order."""

    def __init__(self, *texts: str, **settings) -> None:
        self.texts = list(texts)
        self.lengths_s: list[float] = []
        self.detector = AsrPinyinDetector(
            WORDS, self.transcribe, lambda chunk: bool(chunk.any()), CHUNK, WakeConfig(**settings)
        )

    def transcribe(self, samples):
        self.lengths_s.append(len(samples) / 16_000)
        return self.texts.pop(0)

    def hear(self, *seconds: float):
        """Hear speech and silence in turn, speech first."""
        found = []
        for number, length_s in enumerate(seconds):
            chunk = np.full(CHUNK, 0.0 if number % 2 else 0.1, np.float32)
            for _ in range(round(length_s * CHUNKS_PER_S)):
                if hit := self.detector.process(chunk):
                    found.append(hit)
        return found


@pytest.mark.parametrize(
    ("text", "word", "rest"),
    [
        ("你好何案。", "你好核安", ""),
        ("你好喝暗，碘片什么时候吃？", "你好核安", "碘片什么时候吃？"),
        ("笑安小暗听到警报要不要撤离", "小安小安", "听到警报要不要撤离"),
        ("Hey Hean, what is iodine?", "hey hean", "what is iodine?"),
        ("呃，你好，河岸。 核电站", "你好核安", "核电站"),
    ],
)
def test_the_rest_of_the_breath_is_the_question(text, word, rest):
    match = PinyinMatcher(WORDS).match(text)
    assert (match.word, match.rest) == (word, rest)
    assert match.score >= 0.87


@pytest.mark.parametrize(
    "text", ["", "。", "你好", "你好小安", "小爱小爱", "你好黑暗", "碘片什么时候吃", "hey he"]
)
def test_nothing_else_is_a_wake_word(text):
    assert PinyinMatcher(WORDS).match(text) is None


def test_without_words_nothing_wakes():
    assert PinyinMatcher([make_word("小安小安", enabled=False)]).nearest("小安小安") is None


def test_a_word_alone_is_known_after_a_short_pause():
    room = Room("你好何案")
    (hit,) = room.hear(0, 2.0, 0.9, 1.0)
    assert (hit.word, hit.score, hit.engine) == ("你好核安", 1.0, "asr-pinyin")
    assert 3.1 < hit.at_s < 3.3
    assert room.lengths_s == [pytest.approx(0.4 + 0.9 + 0.27, abs=0.05)]  # with the pre-roll


def test_speech_that_goes_on_is_looked_at_once():
    room = Room("你好何案，碘片什么")
    (hit,) = room.hear(10.0, 2.0)
    assert hit.at_s == pytest.approx(HEAD_S, abs=0.05)
    room = Room("今天天气不错我们去")
    assert room.hear(10.0, 2.0) == []


def test_hesitation_within_a_word_is_waited_for():
    room = Room("小安", "小安小安")
    (hit,) = room.hear(0.5, 0.4, 0.5, 1.0)
    assert hit.word == "小安小安"
    assert room.lengths_s[1] > 1.5


def test_each_stretch_of_speech_has_its_chance():
    room = Room("今天天气不错", "小安小安")
    (hit,) = room.hear(4.0, 0.8, 0.8, 1.0)
    assert hit.word == "小安小安"


def test_a_click_is_not_looked_at():
    assert Room().hear(0.2, 1.0, 0.2, 1.0) == []


def test_the_same_word_does_not_wake_twice_at_once():
    assert len(Room("小安小安", "小安小安", refractory_s=3.0).hear(0.8, 0.8, 0.8, 1.0)) == 1
    assert len(Room("小安小安", "小安小安", refractory_s=0.0).hear(0.8, 0.8, 0.8, 1.0)) == 2


def test_the_wanted_likeness_counts():
    assert len(Room("你好黑暗", likeness=0.8).hear(0.8, 1.0)) == 1
    assert Room("你好何案啊", likeness=1.0).hear(0.8, 1.0) != []


def test_a_reset_starts_anew():
    room = Room("小安小安")
    room.hear(0.3)
    room.detector.reset()
    (hit,) = room.hear(0.8, 1.0)
    assert hit.at_s == pytest.approx(1.07, abs=0.05)
    assert room.lengths_s == [pytest.approx(1.07, abs=0.05)]


def test_scores_are_told_also_where_nothing_wakes():
    room = Room("你好黑暗", "", "小安小安")
    scorer = AsrPinyinScorer(room.detector)
    loud, quiet = np.full(CHUNK, 0.1, np.float32), np.zeros(CHUNK, np.float32)
    scores = [
        score
        for _ in range(3)
        for chunk in (*[loud] * 25, *[quiet] * 30)
        if (score := scorer.process(chunk))
    ]
    assert [(score.word, score.score, score.woke) for score in scores] == [
        ("你好核安", 0.85, False),
        ("", 0.0, False),
        ("小安小安", 1.0, True),
    ]
    assert [score.text for score in scores] == ["你好黑暗", "", "小安小安"]


@pytest.mark.parametrize(
    ("text", "confirmed"),
    [
        ("我说你好何案", True),
        ("你好回岸", True),
        ("你好小安", False),
        ("小爱小爱", False),
        ("", False),
    ],
)
def test_the_second_stage_finds_the_word_anywhere(text, confirmed):
    verdict = SecondStage(WORDS, lambda _: text).judge("你好核安", np.zeros(16_000, np.float32))
    assert verdict.confirmed is confirmed
    assert verdict.text == text
