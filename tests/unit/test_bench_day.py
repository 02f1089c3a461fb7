from __future__ import annotations

import numpy as np
import pytest

from asr import RATE_HZ, Samples
from tests.commands import hean
from voice.audio.pcm import level_dbfs
from voice.bench.day import Calls, Diary, Plan, within_time
from voice.bench.day_audio import Clips, Day, Scene, at_level
from voice.bench.day_memory import MemoryLog
from voice.events import Outcome, SpeechStarted, TurnEnded, WakeWordDetected


def tone(seconds: float, hz: float) -> Samples:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ).astype("f4")


CLIPS = Clips([tone(0.8, 400)], [tone(1.5, 500)], [tone(0.3, 600)], [tone(2.0, 700)])


def test_the_same_seed_gives_the_same_day_and_a_long_day_begins_like_a_short_one() -> None:
    short, long = (list(Day(7, CLIPS).scenes(seconds)) for seconds in (200, 900))
    assert sum(len(scene.audio) for scene in short) >= 200 * RATE_HZ
    for one, other in zip(short, long, strict=False):
        assert (one.kind, one.calls) == (other.kind, other.calls)
        assert np.array_equal(one.audio, other.audio)
    assert [scene.kind for scene in Day(8, CLIPS).scenes(900)] != [scene.kind for scene in long]


def test_a_day_has_all_kinds_of_scenes_and_each_call_where_it_is_said() -> None:
    scenes = list(Day(1, CLIPS).scenes(3000))
    kinds = {scene.kind for scene in scenes}
    assert kinds == {"silence", "noise", "television", "talk", "dialogue"}
    assert all(np.isfinite(scene.audio).all() for scene in scenes)
    calls = [(scene, call) for scene in scenes for call in scene.calls]
    assert {scene.kind for scene, _ in calls} == {"dialogue"}
    for scene, (begin_s, end_s) in calls:
        assert end_s - begin_s == pytest.approx(0.8)
        said = scene.audio[int(begin_s * RATE_HZ) : int(end_s * RATE_HZ)]
        before = scene.audio[int((begin_s - 0.4) * RATE_HZ) : int(begin_s * RATE_HZ)]
        assert level_dbfs(said) > level_dbfs(before) + 20


def test_audio_has_the_level_that_was_asked_for() -> None:
    audio = np.concatenate([tone(1.0, 300), np.zeros(RATE_HZ, np.float32)])
    assert level_dbfs(at_level(audio, -30.0)[:RATE_HZ]) == pytest.approx(-30.0, abs=0.1)


def test_wakes_are_right_within_a_call_and_a_little_later_only() -> None:
    calls = Calls()
    calls.add(Scene("dialogue", tone(9.0, 1), ((1.0, 2.0), (7.0, 8.0))), begin_s=100.0)
    assert calls.judge([101.9]) == (2, 1, 0)
    assert calls.judge([102.8, 108.0]) == (2, 0, 0)
    assert calls.judge([99.0, 106.0]) == (2, 2, 2)


def test_what_is_not_heard_in_time_is_left_and_told() -> None:
    told: list[str] = []
    scenes = Day(1, CLIPS).scenes(3600)
    heard = list(within_time(scenes, Plan(3600, limit_s=0), told.append))
    assert [scene.kind for scene in heard] == ["dialogue"]
    assert told[-1].startswith("no time is left")
    assert len(list(within_time(scenes, Plan(3600), told.append))) > 10


def test_turns_without_an_end_and_with_two_are_found() -> None:
    diary = Diary(lambda: 0.0)
    for event in (
        SpeechStarted(1),
        WakeWordDetected(1, "你好核安", 1.0),  # a call alone: the next turn is what it asks
        SpeechStarted(2),
        TurnEnded(2, Outcome.ANSWERED),
        TurnEnded(2, Outcome.ANSWERED),
        SpeechStarted(3),
    ):
        diary(event)
    assert diary.open_turns() == {3}
    assert diary.closed_twice() == [2]


def slope(per_hour: float, noise: float) -> dict[str, float]:
    log, choice = MemoryLog(trace=False), np.random.default_rng(1)
    for at in range(40):
        megabytes = 900 + per_hour * at / 4 + noise * choice.standard_normal()
        log.samples.append((at / 4, megabytes, megabytes))
    return log.slope_mb_per_h()


def test_growth_of_memory_is_told_with_how_sure_that_is() -> None:
    grows, flat = slope(12.0, 3.0), slope(0.0, 3.0)
    assert 10 < grows["low"] < grows["value"] < grows["high"] < 14
    assert flat["low"] < 0 < flat["high"]
    assert grows["n"] == flat["n"] == 30  # without the warm-up


def test_memory_is_sampled_and_its_growth_traced_if_that_was_asked_for() -> None:
    log = MemoryLog(trace=True)
    log.begin_trace()
    kept = [bytes(1000) for _ in range(1000)]
    log.sample(0.0)
    assert log.samples[0][1] > 10
    assert any("test_bench_day.py" in line for line in log.growth())
    assert len(kept) == 1000
    assert MemoryLog(trace=False).growth() == []


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--hours", "0"), 2), (("--minutes", "0"), 2), (("--recordings", "absent"), 66)],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], code: int) -> None:
    assert hean("bench", "day", *words).code == code
