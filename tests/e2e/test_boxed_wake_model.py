"""The wake word model that comes with the program, in the engine that uses it, on speech."""

import json
from pathlib import Path

import numpy as np
import pytest

from kws import RATE_HZ, WakeWordError
from kws.detector import WakeEngine
from kws.engines import OWN_THRESHOLD
from kws.keywords import Tokenizer
from kws.settings_of_model import tuned
from kws.words import make_word
from kws.zipformer import ZipformerDetector
from models.importing import install_made
from models.store import Store
from tests.commands import hean
from tests.spoken import QUIET_S, TEXTS, quiet, spoken
from voice.wake import OWN_MODEL

WORDS = ("你好核安", "小安小安", "hello heron")
SAYING_S = {"wake/wake": 0.9, "wake/breath": 0.9, "wake/xiaoan": 1.2, "wake/heron": 0.9}
"""How long the wake word takes with which a recording begins."""
SAID = {
    "wake/wake": "你好核安", "wake/breath": "你好核安", "wake/xiaoan": "小安小安",
    "wake/heron": "hello heron",
}  # fmt: skip
OTHERS = sorted(TEXTS.keys() - SAID.keys())


@pytest.fixture(scope="module")
def detector(boxed_model: dict[str, Path]) -> ZipformerDetector:
    words = [make_word(text) for text in WORDS]
    return ZipformerDetector(tuned(words, boxed_model), boxed_model)


def hits(detector, *audio, chunk=0):
    """Return word and time of each hit; `chunk` samples are given at once."""
    detector.reset()
    heard = np.concatenate([*audio, quiet(0.5)])
    size = chunk or detector.chunk_samples
    parts = (heard[at : at + size] for at in range(0, len(heard), size))
    return [(hit.word, hit.at_s) for part in parts if (hit := detector.process(part))]


@pytest.mark.parametrize("name", SAID)
def test_the_word_is_found_where_it_was_said(detector, name):
    ((word, at_s),) = hits(detector, spoken(name))
    assert word == SAID[name]
    assert QUIET_S + 0.6 * SAYING_S[name] < at_s < QUIET_S + SAYING_S[name] + 0.6


@pytest.mark.parametrize("name", SAID)
def test_where_the_word_began_is_told(detector, name):
    talk = spoken("wake/talk")
    detector.reset()
    parts = np.array_split(np.concatenate([talk, spoken(name)]), 200)
    (hit,) = [hit for part in parts if (hit := detector.process(part))]
    began_s = hit.at_s - hit.length_s - len(talk) / RATE_HZ
    assert QUIET_S - 0.7 < began_s < QUIET_S + 0.1


@pytest.mark.parametrize(("name", "own"), [*((name, True) for name in SAID), ("wake/talk", False)])
def test_its_word_is_known_in_what_was_played(detector, name, own):
    engine = WakeEngine(detector, own=detector.at(OWN_THRESHOLD))
    played = spoken(name)[: int(2.5 * RATE_HZ)]
    assert engine.may_be_own(SAID.get(name, "你好核安"), played) is own


def test_a_word_with_which_all_audio_begins_is_found(detector):
    audio = spoken("wake/breath")
    assert [word for word, _ in hits(detector, audio[np.flatnonzero(np.abs(audio) > 0.02)[0] :])]


@pytest.mark.parametrize("name", OTHERS)
def test_other_speech_does_not_wake(detector, name):
    assert hits(detector, spoken(name)) == []


def test_words_between_other_speech_are_found_in_their_order(detector):
    talk = spoken("wake/talk")
    found = hits(detector, talk, spoken("wake/wake"), talk, spoken("wake/heron"), talk)
    assert [word for word, _ in found] == ["你好核安", "hello heron"]
    begins_s = len(talk) / RATE_HZ + QUIET_S
    assert begins_s < found[0][1] < begins_s + SAYING_S["wake/wake"] + 0.6


def test_the_size_of_chunks_changes_nothing(detector):
    audio = (spoken("wake/breath"), spoken("wake/talk"), spoken("wake/xiaoan"))
    expected = hits(detector, *audio)
    assert [word for word, _ in expected] == ["你好核安", "小安小安"]
    for chunk in (160, 1111, 5000):
        found = hits(detector, *audio, chunk=chunk)
        assert [word for word, _ in found] == ["你好核安", "小安小安"]
        for (_, at_s), (_, expected_s) in zip(found, expected, strict=True):
            # It is known at the end of one chunk and told at the end of another.
            assert abs(at_s - expected_s) <= 2 * max(chunk, detector.chunk_samples) / RATE_HZ


def test_a_reset_in_the_middle_of_a_word_forgets_it(detector):
    audio = spoken("wake/wake")
    half = int((QUIET_S + 0.45) * RATE_HZ)
    assert hits(detector, audio[:half]) == []
    assert hits(detector, audio[half:]) == []  # which begins with a reset


def test_silence_and_noise_are_no_word(detector):
    noise = np.random.default_rng(1).normal(0, 0.03, 5 * RATE_HZ).astype(np.float32)
    assert hits(detector, quiet(3), noise) == []


def test_a_word_that_was_typed_and_not_trained_for_is_found(boxed_model):
    """It is in what is said: no recording of a wake word of its own is needed."""
    typed = make_word("自来水", threshold=0.3)
    detector = ZipformerDetector([typed], boxed_model)
    ((word, at_s),) = hits(detector, spoken("wake/water"))
    assert word == "自来水" and at_s < QUIET_S + 1.8
    assert hits(detector, spoken("wake/talk"), spoken("wake/breath")) == []


@pytest.fixture
def own(boxed_model, tmp_path):
    """Settings with which it is the model of the owner."""
    store = tmp_path / "models"
    install_made(Store(store), OWN_MODEL, boxed_model)
    return "--set", f"models.store={store}"


def test_an_english_word_is_added_as_a_person_types_it(own):
    added = hean("wake", "add", "hello  heron", *own)
    assert added.code == 0 and "added: hello heron  English" in added.out
    listed = json.loads(hean("wake", "list", "--json", *own).out)
    assert (listed["engine"], listed["words"][-1]["text"]) == ("combined", "hello heron")


def test_an_english_word_that_it_cannot_say_is_told_in_a_line(own):
    refused = hean("wake", "add", "hello xylobando", *own, "--set", "wake.engine=zipformer")
    assert refused.code == 78
    assert refused.err.splitlines() == [
        "hean: the wake word model does not know how 'xylobando' is said",
        '      another word, or a model that learns it: hean wake train "hello xylobando"',
    ]
    assert "xylobando" not in hean("wake", "list", *own).out


def test_an_english_word_that_it_cannot_say_is_left_to_whisper(own, boxed_model):
    added = hean("wake", "add", "hello xylobando", *own)
    assert added.code == 0
    assert "Whisper alone will find it" in added.out
    words = [make_word("hello xylobando"), make_word("hello heron"), make_word("你好核安")]
    assert Tokenizer(boxed_model).hearable(words) == words[1:]


def test_english_words_are_written_in_phones(boxed_model):
    (line,) = Tokenizer(boxed_model).lines([make_word("hello heron")])
    assert line.startswith("HH ") and line.endswith("@hello_heron")
    with pytest.raises(WakeWordError, match="does not know how 'xylobando' is said"):
        Tokenizer(boxed_model).lines([make_word("hello xylobando")])
