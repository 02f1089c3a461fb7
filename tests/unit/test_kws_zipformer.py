"""The real KeywordSpotter of sherpa-onnx with a model of a few kilobytes."""

import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from kws import WakeConfig, WakeModelError, WakeWordError
from kws.detector import EngineDetector, WakeEngine
from kws.scores import THRESHOLDS, Scorer
from kws.verify import SecondStage
from kws.words import make_word
from kws.zipformer import DOUBT_S, ZipformerDetector
from tests.tiny_kws import build, chunks, say, silence

HEAN, XIAOAN = ["n", "ǐ", "h", "ǎo", "h", "é", "ān"], ["x", "iǎo", "ān", "x", "iǎo", "ān"]
WORDS = [make_word("你好核安"), make_word("小安小安", threshold=0.4)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("kws"))


@pytest.fixture
def detector(files: dict[str, Path]) -> ZipformerDetector:
    return ZipformerDetector(WORDS, files)


def hits(detector, *audio):
    return [
        hit
        for part in audio
        for chunk in chunks(part, detector.chunk_samples)
        if (hit := detector.process(chunk))
    ]


def test_each_word_is_heard_when_it_is_said(detector):
    (first, second) = hits(detector, say(HEAN, after_s=2), say(XIAOAN))
    assert (first.word, first.score, first.engine) == ("你好核安", 0.25, "zipformer")
    assert (second.word, second.score) == ("小安小安", 0.4)
    assert 1.1 < first.at_s < 1.7  # it ends 1.14 s after the beginning
    assert 4.1 < second.at_s < 4.9


@pytest.mark.parametrize(
    "tokens", ["n ǐ h ǎo x iǎo ān", "x iǎo ài x iǎo ài", "h é ān", "x iǎo ān", "ān é h ǎo h ǐ n"]
)
def test_other_words_are_not(detector, tokens):
    assert hits(detector, say(tokens.split()), silence(1)) == []


def test_a_word_is_heard_in_the_middle_of_speech(detector):
    (hit,) = hits(detector, say(["h", "ǎo", *HEAN, "ài"]))
    assert hit.word == "你好核安"


def test_a_word_is_not_heard_twice_within_the_refractory_time(files):
    twice = [*XIAOAN, *XIAOAN]
    assert len(hits(ZipformerDetector(WORDS, files, WakeConfig(refractory_s=1.5)), say(twice))) == 1
    assert len(hits(ZipformerDetector(WORDS, files, WakeConfig(refractory_s=0.0)), say(twice))) == 2


def test_a_reset_forgets_what_was_heard(detector):
    assert hits(detector, say(HEAN[:4], after_s=0)) == []
    detector.reset()
    assert hits(detector, say(HEAN[4:])) == []
    detector.reset()
    (hit,) = hits(detector, say(HEAN))
    assert hit.at_s < 1.7


def test_all_ways_to_say_a_word_are_heard_and_words_that_are_off_are_not(files):
    two_ways = make_word("小爱", ["xiǎo ài", "xiǎo ān"])
    detector = ZipformerDetector([two_ways, make_word("你好核安", enabled=False)], files)
    said = [say(["x", "iǎo", final], after_s=2) for final in ("ài", "ān")]
    assert [hit.word for hit in hits(detector, *said, say(HEAN))] == ["小爱", "小爱"]


def engine(spotter, **parts):
    """Hear all that is not silent."""
    wake = WakeEngine(spotter, **parts)
    return EngineDetector(wake, lambda chunk: bool(chunk.any()), spotter.chunk_samples)


def test_scores_tell_how_near_a_word_came(files):
    spotter = ZipformerDetector([make_word("你好核安", threshold=0.9)], files)
    scorer = Scorer(engine(spotter), [spotter.at(threshold) for threshold in THRESHOLDS])
    (score,) = hits(scorer, say(HEAN))
    assert (score.word, score.score, score.woke) == ("你好核安", 0.95, True)


@pytest.mark.parametrize(("heard", "count"), [("你好何案", 1), ("小爱小爱", 0), ("", 0)])
def test_the_second_stage_may_veto(files, heard, count):
    given = []

    def transcribe(samples):
        given.append(len(samples) / 16_000)
        return heard

    detector = engine(ZipformerDetector(WORDS, files), judge=SecondStage(WORDS, transcribe))
    assert len(hits(detector, silence(5), say(HEAN))) == count
    assert detector.vetoed == 1 - count
    assert given == [pytest.approx(1.7, abs=0.3)]  # the word, and a little before and after it


@pytest.mark.parametrize(
    ("sure", "expected"),
    [
        ({"你好核安": 0.5, "小安小安": 0.5}, [("你好核安", 0.5, True), ("小安小安", 0.5, True)]),
        ({"你好核安": 0.5}, [("你好核安", 0.5, True), ("小安小安", 0.4, False)]),
        ({"你好核安": 1.0, "小安小安": 0.4}, [("你好核安", 0.25, False), ("小安小安", 0.4, True)]),
        ({"你好核安": 0.25, "小安小安": 0.4}, [("你好核安", 0.25, True), ("小安小安", 0.4, True)]),
        ({}, [("你好核安", 0.25, False), ("小安小安", 0.4, False)]),
    ],
)
def test_a_hit_is_sure_from_a_threshold_of_its_own(files, sure, expected):
    detector = ZipformerDetector(WORDS, files, sure=sure)
    said = [say(HEAN, after_s=2), say(XIAOAN)]
    found = {hit.at_s: (hit.word, hit.score, hit.sure) for hit in hits(detector, *said)}
    assert list(found.values()) == expected


def test_a_hit_that_is_not_sure_is_told_when_the_word_is_over(files):
    perhaps, certain = (
        ZipformerDetector(WORDS, files, sure=sure) for sure in ({}, {"你好核安": 0.25})
    )
    ((late,), (soon,)) = hits(perhaps, say(HEAN)), hits(certain, say(HEAN))
    assert (late.sure, soon.sure) == (False, True)
    assert late.at_s - soon.at_s == pytest.approx(DOUBT_S, abs=0.032)
    assert late.at_s - late.length_s == pytest.approx(soon.at_s - soon.length_s, abs=1e-6)


def test_a_word_that_the_model_cannot_hear_is_refused(files):
    with pytest.raises(WakeWordError, match=r"line 1: .*重庆.*'ch'"):
        ZipformerDetector([make_word("重庆")], files)
    with pytest.raises(WakeWordError, match="no wake word"):
        ZipformerDetector([], files)


@pytest.mark.parametrize("role", ["encoder", "decoder", "joiner", "tokens"])
@pytest.mark.parametrize("damage", ["none", "missing", "empty", "short", "garbage"])
def test_damaged_files_are_refused(tmp_path, role, damage):
    files = build(tmp_path)
    content = files[role].read_bytes()
    if damage == "none":
        del files[role]
    elif damage == "missing":
        files[role].unlink()
    else:
        cut = {"empty": b"", "short": content[: len(content) // 2 - 1], "garbage": b"\xff" * 99}
        files[role].write_bytes(cut[damage])
    with pytest.raises(WakeModelError, match=role):
        ZipformerDetector(WORDS, files)


@pytest.mark.parametrize(
    ("role", "key"),
    [("encoder", "T"), ("encoder", "model_type"), ("decoder", "vocab_size")],
)
def test_missing_metadata_is_told(tmp_path, role, key):
    files = build(tmp_path)
    model = onnx.load(files[role])
    kept = [entry for entry in model.metadata_props if entry.key != key]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, files[role])
    with pytest.raises(WakeModelError, match=f"lacks the metadata {key}"):
        ZipformerDetector(WORDS, files)


def test_the_checks_are_needed(tmp_path):
    """Without them the native library would end the process."""
    files = build(tmp_path)
    (tmp_path / "keywords.txt").write_text("n ǐ q :1.0 #0.25 @坏\n", encoding="utf-8")
    paths = {role: str(path) for role, path in files.items()}
    program = f"""
import sherpa_onnx
try:
    sherpa_onnx.KeywordSpotter(keywords_file={str(tmp_path / "keywords.txt")!r}, **{paths!r})
except Exception:
    pass
print("still alive")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "still alive" not in ended.stdout
    assert ended.returncode != 0
