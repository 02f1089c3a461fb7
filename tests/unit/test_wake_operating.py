"""The operating point of a wake word model, on the tiny model that hears tones."""

import json
from pathlib import Path

import numpy as np
import pytest

from kws import WakeModelError
from kws.settings_of_model import tuned
from kws.train.operating import THRESHOLDS, Heard, Sound, by_voice, choose, curve, hear
from kws.words import make_word
from kws.zipformer import ZipformerDetector
from tests.tiny_kws import build, say, silence
from voice.wake_training.choice import TYPED, measure
from voice.wake_training.page import page

HEAN, XIAOAN = ["n", "ǐ", "h", "ǎo", "h", "é", "ān"], ["x", "iǎo", "ān", "x", "iǎo", "ān"]
WORDS = [make_word("你好核安"), make_word("小安小安")]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("kws"))


@pytest.fixture
def one_boost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice.wake_training.choice.BOOSTS", (0.5,))


def sound(audio, word="", near=False, condition="clean", voice="zf_a") -> Sound:
    return Sound(np.asarray(audio, np.float32), word, near, condition, voice)


SOUNDS = [
    sound(say(HEAN), "你好核安"),
    sound(say(HEAN), "你好核安", condition="10db", voice="zm_b"),
    sound(silence(2), "你好核安", condition="10db", voice="zm_b"),  # nothing can be heard in it
    sound(say(XIAOAN), "小安小安"),
    sound(say(["x", "iǎo", "ài", "x", "iǎo", "ài"]), near=True),
    sound(say(["h", "é", "ān", "n", "ǐ"])),
    sound(silence(4)),
]


def test_each_sound_gets_as_far_as_the_engine_lets_it(files):
    told: list[float] = []
    by_boost = hear(
        WORDS, lambda words: ZipformerDetector(words, files), SOUNDS, [0.1, 0.5], told.append
    )
    found = by_boost[0.5]
    assert [dict(one.passed).keys() for one in found] == [
        {"你好核安"}, {"你好核安"}, set(), {"小安小安"}, set(), set(), set(),
    ]  # fmt: skip
    assert found[0].passed["你好核安"] in THRESHOLDS
    assert by_boost[0.1][0].passed.keys() == {"你好核安"} and by_boost[0.1][2].passed == {}
    assert told == sorted(told) and 0.9 < told[-1] < 1


def heard(**passed: float) -> Heard:
    return Heard(sound(silence(36)), passed)


def test_a_curve_counts_misses_near_misses_and_false_wakes():
    found = [
        Heard(sound(silence(1), "w"), {"w": 0.7}),
        Heard(sound(silence(1), "w", condition="10db", voice="zm_b"), {"w": 0.5}),
        Heard(sound(silence(1), near=True), {"w": 0.5}),
        Heard(sound(silence(1), near=True), {}),
        *(heard() for _ in range(98)),
        heard(w=0.25),
        heard(other=0.8),
    ]
    points = {one.threshold: one for one in curve("w", 0.4, found)}
    assert points[0.25].false_per_hour == pytest.approx(1.0)  # of one hour in 100 parts
    assert points[0.35].false_per_hour == 0
    assert points[0.5].miss == {"clean": 0, "10db": 0} and points[0.5].near == 0.5
    assert points[0.6].miss == {"clean": 0, "10db": 1} and points[0.6].near == 0
    assert points[0.8].miss == {"clean": 1, "10db": 1}
    assert by_voice(points[0.6], found) == {"zf_a": (0, 1), "zm_b": (1, 1)}
    # 0.35 to 0.5 miss nothing; half of the near-misses that wake weigh less than a missed word,
    # since another engine hears them again.
    first, sure = choose(list(points.values()))
    assert first.threshold == 0.5
    assert sure is not None and sure.threshold == 0.55  # no near-miss and nothing else gets there


def test_no_hit_is_sure_where_near_misses_pass_everywhere():
    always = {"w": THRESHOLDS[-1]}
    found = [
        Heard(sound(silence(1), "w"), always),
        *(Heard(sound(silence(1), near=True), always) for _ in range(20)),
    ]
    assert choose(curve("w", 0.4, found))[1] is None


def test_the_boost_is_taken_at_which_sure_hits_miss_least():
    def heard_by(far: float) -> list[Heard]:
        near = [Heard(sound(silence(1), near=True), {"w": 0.5}) for _ in range(20)]
        return [Heard(sound(silence(1), "w"), {"w": far}), *near]

    first, sure = choose([*curve("w", 0.0, heard_by(0.5)), *curve("w", 0.8, heard_by(0.6))])
    assert first.boost == sure.boost == 0.8
    assert first.threshold == sure.threshold == 0.6


def test_words_are_measured_each_with_the_point_of_its_own(files, one_boost):
    told: list[float] = []
    choice = measure(WORDS, files, SOUNDS, told.append)
    assert choice.points.keys() == {"你好核安", "小安小安"}
    point = choice.points["你好核安"]
    assert point.miss == {"clean": 0, "10db": 0.5} and point.near == point.false_per_hour == 0
    assert choice.voices["你好核安"] == {"zf_a": (0, 1), "zm_b": (0.5, 2)}
    assert choice.counts["near"] == 1 and choice.counts["other_s"] > 5
    assert told == sorted(told) and len(told) == len(SOUNDS)


def test_words_that_were_not_trained_for_are_measured_together(files, one_boost, monkeypatch):
    monkeypatch.setattr("voice.wake_training.choice.OTHERS", ("小爱小爱", "小安小爱"))
    more = [
        sound(say(["x", "iǎo", "ài", "x", "iǎo", "ài"]), "小爱小爱"),
        sound(silence(2), "小安小爱"),
    ]
    choice = measure(WORDS, files, [*SOUNDS, *more], lambda _: None)
    assert choice.points[TYPED].miss == {"clean": 0.5}
    assert choice.settings[TYPED].keys() == {"boost", "threshold"}  # near-misses pass everywhere


def test_the_page_tells_all_of_it(files, one_boost):
    choice = measure(WORDS, files, SOUNDS, lambda _: None)
    report = {
        "made": "2026-01-31", "command": 'hean wake train "你好核安" <b>', "doubts": ["a < b"],
        "corpus": {"hours": 1.5, "clips": {"train wake": 3}},
        "training": {"steps": 9, "minutes": 2.0, "bytes": 2_500_000},
        **choice.as_json(),
    }  # fmt: skip
    html = page(json.loads(json.dumps(report)))
    assert "50.0%" in html and "2.5 MB" in html and html.count("<svg") == 2
    assert "a &lt; b" in html and "<b>" not in html


def test_words_take_the_settings_of_the_model_unless_the_owner_chose(tmp_path):
    path = tmp_path / "operating.json"
    path.write_text('{"你好核安": {"boost": 0.4, "threshold": 0.6}, "*": {"threshold": 0.5}}')
    words = [*WORDS, make_word("你好核安", threshold=0.3)]
    found = tuned(words, {"operating": path})
    assert [(word.boost, word.threshold) for word in found] == [(0.4, 0.6), (1.5, 0.5), (1.5, 0.3)]
    assert tuned(words, {}) == words


@pytest.mark.parametrize("content", ["", "[]", '{"你好核安": 3}'])
def test_damaged_settings_of_a_model_are_told(tmp_path, content):
    path = tmp_path / "operating.json"
    path.write_text(content)
    with pytest.raises(WakeModelError, match=r"operating\.json"):
        tuned(WORDS, {"operating": path})
