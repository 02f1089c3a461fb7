"""Wake words by Whisper's probabilities, with a tiny one that writes its text whatever it hears."""

import numpy as np
import pytest

from asr.whisper_decoder import WhisperDecoder
from kws.whisper import WhisperFinder
from kws.words import make_word
from tests.tiny_asr import whisper as tiny

SPEECH = np.random.default_rng(1).normal(0, 0.1, 2 * 16_000).astype(np.float32)
WORD = "hey hean"


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return WhisperDecoder(tiny.build(tmp_path_factory.mktemp("whisper"), "so hey hean, hi"))


def test_a_word_in_latin_letters_is_found_in_the_transcript(decoder):
    nearest = WhisperFinder([make_word(WORD)], decoder, likeness=0.87).nearest(SPEECH)
    assert (nearest.word, nearest.woke) == (WORD, True)
    assert nearest.text.startswith("so hey")


def test_other_words_are_not_found(decoder):
    finder = WhisperFinder([make_word("okay kiosk"), make_word("你好核安")], decoder, likeness=0.87)
    nearest = finder.nearest(SPEECH)
    assert not nearest.woke


def test_words_that_are_off_are_not_looked_for(decoder):
    finder = WhisperFinder([make_word(WORD, enabled=False)], decoder, likeness=0.87)
    assert not finder.nearest(SPEECH).woke


@pytest.mark.parametrize("length", [1, 160, 512, 16_000])
def test_audio_of_any_length_is_taken(decoder, length):
    finder = WhisperFinder([make_word("你好核安")], decoder, likeness=0.87)
    nearest = finder.nearest(SPEECH[:length])
    assert nearest is None or not nearest.woke
