"""What all wake word engines have in common, with native libraries and tiny models that hear the
word in its tones, and where an engine cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asr.whisper_decoder import WhisperDecoder
from kws import Files, WakeConfig, WakeWordError
from kws.detector import EngineDetector
from kws.engines import ENGINES, Means, create_engine
from kws.settings_of_model import alone, sure_thresholds, tuned
from kws.words import make_word
from tests.tiny_asr import whisper
from tests.tiny_kws import build, chunks, say, silence

WORD, ENGLISH = "你好核安", "hey hean"
"""The first is heard in tones by a tiny model, the second by a Whisper that writes nothing else."""
HEAN = ["n", "ǐ", "h", "ǎo", "h", "é", "ān"]
CHUNK = 512
SAID = {"combined": WORD, "whisper": ENGLISH, "zipformer": WORD, "asr-pinyin": WORD}
"""The word that each engine hears in the tones."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("kws")
    operating = folder / "operating.json"
    operating.write_text(json.dumps({WORD: {"boost": 1.5, "threshold": 0.25, "sure": 0.5}}))
    return {**build(folder), "operating": operating}


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> WhisperDecoder:
    return WhisperDecoder(whisper.build(tmp_path_factory.mktemp("whisper"), ENGLISH))


@pytest.fixture
def means(model: Files, decoder: WhisperDecoder) -> Means:
    return Means([make_word(WORD)], WakeConfig(), lambda: model, lambda _: WORD, decoder)


def heard(name: str, means: Means, *audio: np.ndarray) -> list[str]:
    engine = create_engine(name, means)
    detector = EngineDetector(engine, lambda chunk: bool(chunk.any()), CHUNK, means.config)
    parts = chunks(np.concatenate(audio), CHUNK)
    return [hit.word for part in parts if (hit := detector.process(part))]


@pytest.mark.parametrize(("name", "word"), SAID.items())
def test_a_word_is_heard_once_and_again_when_it_is_said_again(
    name: str, word: str, means: Means
) -> None:
    listening = replace(means, words=[make_word(word)])
    assert heard(name, listening, say(HEAN, after_s=2)) == [word]
    assert heard(name, listening, say(HEAN, after_s=2), say(HEAN)) == [word] * 2


@pytest.mark.parametrize(("name", "word"), SAID.items())
def test_silence_and_clicks_are_no_word(name: str, word: str, means: Means) -> None:
    listening = replace(means, words=[make_word(word)])
    assert heard(name, listening, silence(3), say(["h"]), silence(1)) == []


@pytest.mark.parametrize(("name", "word"), SAID.items())
def test_words_that_are_off_are_not_heard(name: str, word: str, means: Means) -> None:
    words = [make_word(word, enabled=False), make_word("小安小安")]
    assert heard(name, replace(means, words=words), say(HEAN)) == []


def test_all_engines_are_tried() -> None:
    assert SAID.keys() == ENGINES.keys()


def test_the_best_engine_hears_with_both(means: Means) -> None:
    both = replace(means, words=[make_word(WORD), make_word(ENGLISH)])
    assert heard("combined", both, say(HEAN, after_s=2)) == [WORD]  # once, and it was sooner
    other = say(["x", "iǎo", "ài", "x", "iǎo"], after_s=2)
    assert heard("combined", both, other) == [ENGLISH]  # which the spotter cannot spell


def no_files() -> Files:
    raise WakeWordError("no model was to be asked for")


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_needs_what_it_says(name: str, means: Means) -> None:
    poor = replace(means, files=no_files, decoder=None)
    engine = ENGINES[name]
    if engine.needs_whisper:
        with pytest.raises(WakeWordError, match=f"{name} needs Whisper"):
            create_engine(name, poor)
    elif engine.needs_model:
        with pytest.raises(WakeWordError, match="no model was to be asked for"):
            create_engine(name, poor)
    else:
        assert heard(name, poor, say(HEAN)) == [WORD]


def test_an_engine_that_there_is_not_is_told_with_those_that_there_are(means: Means) -> None:
    with pytest.raises(WakeWordError, match="'dragon': combined, whisper"):
        create_engine("dragon", means)
    with pytest.raises(ValueError, match="must be empty or one of combined"):
        WakeConfig(engine="dragon")


def test_where_the_spotter_can_spell_no_word_there_is_none(means: Means) -> None:
    """Where nothing else listens, that is an error: `tests.unit.test_kws_zipformer`."""
    engine = create_engine("combined", replace(means, words=[make_word(ENGLISH)]))
    assert engine.detector is None and engine.finder is not None


@pytest.fixture
def operated(means: Means, tmp_path: Path) -> Callable[[object], Files]:
    """Write the settings of a model beside its files."""

    def write(table: object) -> Files:
        path = tmp_path / "operating.json"
        path.write_text(json.dumps(table), encoding="utf-8")
        return {**means.files(), "operating": path}

    return write


def test_settings_of_a_model_may_have_one_threshold_or_two(operated: Callable) -> None:
    words = [make_word(WORD), make_word("小安小安"), make_word("小核小核", threshold=0.9)]
    one = {"boost": 0.4, "threshold": 0.7}
    files = operated({WORD: one, "*": {"boost": 1.2, "threshold": 0.5, "sure": 0.8}})
    listened = tuned(words, files)
    sure = sure_thresholds(listened, files)
    assert [(word.boost, word.threshold) for word in listened] == [
        (0.4, 0.7),
        (1.2, 0.5),
        (1.5, 0.9),
    ]
    assert sure == {"小安小安": 0.8, "小核小核": 0.9}  # what its owner chose is the least
    assert [word.threshold for word in alone(listened, sure)] == [0.7, 0.8, 0.9]
    assert tuned(words, {}) == words and sure_thresholds(words, {}) == {}


@pytest.mark.parametrize("confirms", [True, False])
@pytest.mark.parametrize(("sure", "asked"), [({}, True), ({"sure": 0.3}, False)])
def test_only_hits_that_are_not_sure_are_confirmed(
    means: Means, operated: Callable, confirms: bool, sure: dict, asked: bool
) -> None:
    files = operated({WORD: {"boost": 1.5, "threshold": 0.25, **sure}})
    refusing = replace(
        means,
        config=WakeConfig(second_stage=confirms),
        files=lambda: files,
        transcribe=lambda _: "今天",
        decoder=None,
    )
    vetoed = confirms and asked
    assert heard("zipformer", refusing, say(HEAN)) == ([] if vetoed else [WORD])


@pytest.mark.parametrize(
    "table", [[], {WORD: 1}, {WORD: {"boost": "much"}}, {WORD: {"sure": None}}]
)
def test_damaged_settings_are_told(operated: Callable, table: object) -> None:
    with pytest.raises(WakeWordError, match="does not hold settings of wake words"):
        sure_thresholds([make_word(WORD)], operated(table))
