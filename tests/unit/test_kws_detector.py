"""An engine at work: what hears all and what looks now and then, and that a word counts once."""

from __future__ import annotations

import numpy as np
import pytest

from kws import Detection, Samples, WakeConfig
from kws.detector import EngineDetector, WakeEngine
from kws.looks import Nearest
from kws.verify import Verdict

WORD = "你好核安"
CHUNK = 512
CHUNK_S = CHUNK / 16_000


class Spotter:
    """Hears all speech; its hits are as sure as the audio at that time tells."""

    chunk_samples = 160
    SURE, PERHAPS = 0.3, 0.2

    def __init__(self) -> None:
        self.heard_s = 0.0

    def process(self, samples: Samples) -> Detection | None:
        assert samples.shape == (self.chunk_samples,)
        self.heard_s += len(samples) / 16_000
        last = float(samples[-1])
        if not np.isclose(last, (self.SURE, self.PERHAPS)).any():
            return None
        return Detection(WORD, 0.5, self.heard_s, "spotter", 0.8, bool(np.isclose(last, self.SURE)))

    def reset(self) -> None:
        self.heard_s = 0.0


class Finder:
    """Finds the word where it was said clearly."""

    name = "finder"
    own_score = 0.2
    CLEAR = 0.5

    def __init__(self) -> None:
        self.looks = 0

    def nearest(self, samples: Samples) -> Nearest:
        self.looks += 1
        woke = bool(np.isclose(samples, self.CLEAR).any())
        return Nearest(WORD, 0.9 if woke else 0.1, woke)


class Judge:
    """Says what it is told to, and counts what it was asked."""

    own_score = 0.2

    def __init__(self, confirms: bool = True) -> None:
        self.lengths_s: list[float] = []
        self._confirms = confirms

    def judge(self, word: str, samples: Samples) -> Verdict:
        self.lengths_s.append(len(samples) / 16_000)
        return Verdict(self._confirms, 0.4, "")


class Scene:
    """An engine of both kinds, and what it hears."""

    def __init__(self, confirms: bool = True, **settings: float) -> None:
        self.spotter, self.finder, self.judge = Spotter(), Finder(), Judge(confirms)
        wake = WakeEngine(self.spotter, self.finder, self.judge)
        config = WakeConfig(**settings)  # type: ignore[arg-type]
        self.detector = EngineDetector(wake, lambda chunk: bool(chunk.any()), CHUNK, config)

    def hear(self, *parts: tuple[float, float]) -> list[Detection]:
        """Hear parts of a loudness and a length in seconds."""
        chunks = [
            np.full(CHUNK, loudness, np.float32)
            for loudness, length_s in parts
            for _ in range(round(length_s / CHUNK_S))
        ]
        return [hit for chunk in chunks if (hit := self.detector.process(chunk))]


TALK, QUIET = (0.1, 1.0), (0.0, 1.0)


def test_a_hit_that_is_sure_counts_at_once_and_is_not_judged() -> None:
    scene = Scene()
    (hit,) = scene.hear(TALK, (Spotter.SURE, 0.1), QUIET)
    assert (hit.word, hit.engine, hit.sure) == (WORD, "spotter", True)
    assert hit.at_s == pytest.approx(1.0 + CHUNK_S, abs=CHUNK_S)
    assert scene.judge.lengths_s == []


@pytest.mark.parametrize("confirms", [True, False])
def test_a_hit_that_is_not_sure_is_judged(confirms: bool) -> None:
    scene = Scene(confirms)
    found = scene.hear(TALK, (Spotter.PERHAPS, CHUNK_S), QUIET)
    assert [hit.score for hit in found] == [0.4] * confirms
    assert len(scene.judge.lengths_s) >= 1
    assert scene.judge.lengths_s[0] == pytest.approx(1.0, abs=0.1)


def test_what_the_spotter_misses_is_found_by_a_look() -> None:
    (hit,) = Scene().hear((Finder.CLEAR, 0.8), QUIET)
    assert (hit.word, hit.engine, hit.score) == (WORD, "finder", 0.9)


@pytest.mark.parametrize("sure", [Spotter.SURE, Spotter.PERHAPS])
def test_a_word_that_both_find_counts_once(sure: float) -> None:
    scene = Scene()
    assert len(scene.hear((Finder.CLEAR, 0.6), (sure, 0.2), QUIET)) == 1
    assert len(scene.hear(QUIET, (Finder.CLEAR, 0.6), (sure, 0.2), QUIET)) == 1  # the next call


def test_a_look_comes_first_where_the_spotter_is_late() -> None:
    scene = Scene()
    late = ((Finder.CLEAR, 0.6), (0.0, 0.2), (Spotter.SURE, 0.2), (0.0, 1.0))
    (hit,) = scene.hear(*late)
    assert hit.engine == "finder"


def test_in_silence_nothing_works() -> None:
    scene = Scene()
    assert scene.hear(*[QUIET] * 20) == []
    assert (scene.spotter.heard_s, scene.finder.looks) == (0.0, 0)


def test_the_spotter_hears_speech_from_before_its_first_sound_and_until_after_its_last() -> None:
    scene = Scene()
    scene.hear(*[QUIET] * 3, TALK, *[QUIET] * 10)
    assert scene.spotter.heard_s == pytest.approx(0.4 + 1.0 + 0.7, abs=0.1)


@pytest.mark.parametrize(
    ("played", "own", "may_be"),
    [
        ([], True, False),
        ([(0.1, 2.0)], True, False),
        ([(0.1, 2.0), (Spotter.PERHAPS, 0.1), (0.1, 0.5)], True, True),
        ([(Spotter.SURE, 0.1), (0.1, 4.0)], True, False),  # too long ago
        ([(0.1, 2.0)], False, True),  # nothing tells
    ],
)
def test_what_was_played_is_heard_once_more(
    played: list[tuple[float, float]], own: bool, may_be: bool
) -> None:
    wake = WakeEngine(Spotter(), own=Spotter() if own else None)
    parts = [np.full(int(16_000 * length_s), loud, np.float32) for loud, length_s in played]
    audio = np.concatenate([np.zeros(0, np.float32), *parts])
    assert wake.may_be_own(WORD, audio) is may_be
    assert not (own and wake.may_be_own("小安小安", audio))


def test_a_reset_forgets_what_was_heard() -> None:
    scene = Scene(refractory_s=3.0)
    for _ in range(2):
        scene.detector.reset()
        (hit,) = scene.hear(TALK, (Spotter.SURE, 0.1))
        assert hit.at_s < 1.1
