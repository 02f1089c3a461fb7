"""When engines look for wake words, at how much audio, and what becomes of what they find."""

import numpy as np
import pytest

from kws import WakeConfig
from kws.detector import EngineDetector, WakeEngine
from kws.looks import WINDOW_S, LookSchedule, Nearest, Window
from kws.scores import Scorer

CHUNK = 512
CHUNK_S = CHUNK / 16_000
NOTHING = Nearest("小安小安", 0.2, False, "今天")
FOUND = Nearest("小安小安", 0.9, True, "小安小安")


class Room:
    """Speech as it is put: the voice is loud samples; looks find what is listed, then nothing."""

    name = "listed"
    own_score = 0.5

    def __init__(self, *found: Nearest | None, **settings) -> None:
        self.found = list(found)
        self.lengths_s: list[float] = []
        self.looked_at_s: list[float] = []
        self.heard_s = 0.0
        self.detector = EngineDetector(
            WakeEngine(finder=self), lambda chunk: bool(chunk.any()), CHUNK, WakeConfig(**settings)
        )

    def nearest(self, samples):
        self.lengths_s.append(len(samples) / 16_000)
        self.looked_at_s.append(self.heard_s)
        return self.found.pop(0) if self.found else NOTHING

    def hear(self, *seconds: float):
        """Hear speech and silence in turn, speech first."""
        found = []
        for number, length_s in enumerate(seconds):
            chunk = np.full(CHUNK, 0.0 if number % 2 else 0.1, np.float32)
            for _ in range(round(length_s / CHUNK_S)):
                self.heard_s += CHUNK_S
                if hit := self.detector.process(chunk):
                    found.append(hit)
        return found


def test_a_word_alone_is_known_a_tenth_of_a_second_after_its_end():
    room = Room(FOUND)
    (hit,) = room.hear(0, 2.0, 0.9, 1.0)
    assert (hit.word, hit.score, hit.engine) == ("小安小安", 0.9, "listed")
    assert hit.at_s == pytest.approx(2.9 + 0.1, abs=0.04)
    assert room.lengths_s[0] == pytest.approx(0.4 + 0.9 + 0.1, abs=0.05)  # with the pre-roll


def test_what_was_not_found_is_looked_for_once_more_in_the_same_pause():
    room = Room(NOTHING, FOUND)
    (hit,) = room.hear(0.9, 3.0)
    assert hit.at_s == pytest.approx(0.9 + 0.3, abs=0.04)
    assert len(room.lengths_s) == 2
    room = Room()
    assert room.hear(0.9, 3.0) == []
    assert len(room.lengths_s) == 2


def test_a_call_is_found_in_speech_without_pauses_however_long_it_goes_on():
    room = Room(*[NOTHING] * 9, FOUND)
    (hit,) = room.hear(20.0)
    assert 12 < hit.at_s < 14
    assert max(room.lengths_s) <= WINDOW_S


def test_a_word_is_whole_in_some_window_wherever_it_is_said():
    room = Room()
    room.hear(20.0)
    ends_s = np.array(room.looked_at_s)
    begins_s = ends_s - np.array(room.lengths_s)
    for word_s in np.arange(0.05, 17, 0.05):
        assert np.any((begins_s <= word_s) & (ends_s >= word_s + 1.2)), word_s


def test_speech_without_end_costs_a_bounded_number_of_looks():
    room = Room()
    room.hear(60.0)
    assert len(room.lengths_s) <= 60 / 1.25


def test_silence_and_clicks_are_not_looked_at():
    room = Room()
    room.hear(0, 10.0, 0.15, 1.0, 0.15, 1.0)
    assert room.lengths_s == []


def test_hesitation_within_a_word_is_waited_for():
    room = Room(NOTHING, NOTHING, FOUND)
    assert len(room.hear(0.5, 0.4, 0.5, 1.0)) == 1
    assert room.lengths_s[-1] > 1.4


def test_the_same_word_does_not_wake_twice():
    room = Room(FOUND, FOUND, FOUND, refractory_s=3.0)
    assert len(room.hear(0.8, 0.8, 0.8, 0.8)) == 1
    room = Room(FOUND, FOUND, refractory_s=0.0)
    assert len(room.hear(0.8, 0.8, 0.8, 0.8)) == 2


def test_a_reset_starts_anew():
    room = Room(FOUND)
    room.hear(0.25)
    room.detector.reset()
    (hit,) = room.hear(0.8, 1.0)
    assert hit.at_s == pytest.approx(0.9, abs=0.04)
    assert room.lengths_s == [pytest.approx(0.9, abs=0.04)]


def test_the_schedule_counts_voice_since_the_last_look():
    schedule = LookSchedule(0.1)
    decisions = [True] * 5 + [False, True, False, False, False, False]
    assert [schedule.process(voiced) for voiced in decisions].index(True) == 5
    assert schedule.quiet_s == pytest.approx(0.4)


def test_a_window_keeps_the_last_samples_in_order():
    window = Window(seconds=1.0)
    for number in range(40):
        window.add(np.full(1000, number, np.float32))
    kept = window.samples()
    assert len(kept) == 16_000
    assert kept[0] == 24
    assert kept[-1] == 39
    window.keep(1500)
    assert set(window.samples()) == {38, 39}


def test_scores_are_told_also_where_nothing_wakes():
    room = Room(NOTHING, None, FOUND)
    scorer = Scorer(room.detector)
    loud, quiet = np.full(CHUNK, 0.1, np.float32), np.zeros(CHUNK, np.float32)
    scores = [
        score
        for _ in range(2)
        for chunk in (*[loud] * 25, *[quiet] * 30)
        if (score := scorer.process(chunk))
    ]
    assert [(score.word, score.score, score.woke) for score in scores[:3]] == [
        ("小安小安", 0.2, False),
        ("", 0.0, False),
        ("小安小安", 0.9, True),
    ]
    assert [score.text for score in scores[:3]] == ["今天", "", "小安小安"]
