"""Wake words by Whisper's probabilities, with a tiny one that writes its text whatever it hears."""

import numpy as np
import pytest

from kws import WakeModelError
from kws.mel import log_mel
from kws.whisper import WhisperFinder
from kws.words import make_word
from tests.tiny_asr import whisper as tiny

SPEECH = np.random.default_rng(1).normal(0, 0.1, 2 * 16_000).astype(np.float32)
WORD = "hey hean"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("whisper"), "so hey hean, hi")


def test_a_word_in_latin_letters_is_found_in_the_transcript(files):
    nearest = WhisperFinder([make_word(WORD)], files, likeness=0.87).nearest(SPEECH)
    assert (nearest.word, nearest.woke) == (WORD, True)
    assert nearest.text.startswith("so hey")


def test_other_words_are_not_found(files):
    finder = WhisperFinder([make_word("okay kiosk"), make_word("你好核安")], files, likeness=0.87)
    nearest = finder.nearest(SPEECH)
    assert not nearest.woke


def test_words_that_are_off_are_not_looked_for(files):
    finder = WhisperFinder([make_word(WORD, enabled=False)], files, likeness=0.87)
    assert not finder.nearest(SPEECH).woke


@pytest.mark.parametrize("length", [1, 160, 512, 16_000])
def test_audio_of_any_length_is_taken(files, length):
    finder = WhisperFinder([make_word("你好核安")], files, likeness=0.87)
    nearest = finder.nearest(SPEECH[:length])
    assert nearest is None or not nearest.woke


@pytest.mark.parametrize("role", ["encoder", "decoder", "tokens"])
def test_a_missing_or_damaged_file_is_named(files, tmp_path, role):
    broken = tmp_path / f"{role}.bin"
    for content in (None, b"", b"\x00not a model\xff"):
        if content is not None:
            broken.write_bytes(content)
        with pytest.raises(WakeModelError, match=str(broken)):
            WhisperFinder([make_word(WORD)], {**files, role: broken}, likeness=0.87)
    with pytest.raises(WakeModelError, match=role):
        WhisperFinder([make_word(WORD)], {k: v for k, v in files.items() if k != role}, 0.87)


def test_a_tone_is_in_the_band_of_its_frequency():
    seconds = np.arange(16_000) / 16_000
    for low, high in ((200, 1000), (1000, 4000)):
        tones = [np.sin(2 * np.pi * hz * seconds).astype(np.float32) for hz in (low, high)]
        bands = [int(log_mel(tone, 80)[0].mean(axis=1).argmax()) for tone in tones]
        assert bands[0] < bands[1]
    features = log_mel(tones[0], 80)
    assert features.shape == (1, 80, 100)
    assert features.max() - features.min() == pytest.approx(2.0)  # 8 decades, a quarter of them
