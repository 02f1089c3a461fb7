"""Whisper step by step, with a tiny one that writes its text whatever it hears; its features."""

import numpy as np
import pytest

from asr import RATE_HZ
from asr.mel import log_mel, with_silence
from asr.whisper_decoder import WhisperDecoder
from tests.tiny_asr import whisper as tiny

SPEECH = np.random.default_rng(1).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32)
TEXT = "so it is"


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return WhisperDecoder(tiny.build(tmp_path_factory.mktemp("whisper"), TEXT))


def written(decoder, state):
    text = b""
    while (token := decoder.likeliest(state)) is not None:
        text += decoder.tokens[token]
        state = decoder.step(state, token)
    return text.decode()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_language_that_is_asked_for_is_heard(decoder, language):
    state = decoder.begin(SPEECH, 1.0, language)
    assert state.language == language
    assert written(decoder, state) == TEXT


def test_otherwise_the_likelier_one_is_heard(decoder):
    state = decoder.begin(SPEECH, 1.0)
    assert state.language == "zh"
    assert written(decoder, state) == TEXT


def test_where_nobody_speaks_nothing_is_written(tmp_path):
    silent = tmp_path / "silent"
    silent.mkdir()
    sources = tiny.write_sources(silent, tiny.weights(TEXT, speech=False))
    names = tiny.convert(sources, silent, lambda _: None)
    decoder = WhisperDecoder({role: silent / name for role, name in names.items()})
    for language in ("", "zh"):
        assert decoder.likeliest(decoder.begin(SPEECH, 1.0, language)) is None


def test_two_transcripts_at_a_time_do_not_mix(decoder):
    one, other = decoder.begin(SPEECH, 1.0, "zh"), decoder.begin(SPEECH[:800], 0.5, "en")
    later = decoder.step(one, decoder.likeliest(one))
    assert written(decoder, other) == TEXT
    assert written(decoder, one) == TEXT
    assert written(decoder, later) == TEXT[1:]


def test_all_probabilities_make_one(decoder):
    state = decoder.begin(SPEECH, 1.0, "zh")
    for may_end in (True, False):
        assert decoder.probabilities(state, may_end).sum() == pytest.approx(1.0, abs=1e-5)


def test_a_tone_is_in_the_band_of_its_frequency():
    seconds = np.arange(RATE_HZ) / RATE_HZ
    for low, high in ((200, 1000), (1000, 4000)):
        tones = [np.sin(2 * np.pi * hz * seconds).astype(np.float32) for hz in (low, high)]
        bands = [int(log_mel(tone, 80)[0].mean(axis=1).argmax()) for tone in tones]
        assert bands[0] < bands[1]
    features = log_mel(tones[0], 80)
    assert features.shape == (1, 80, 100)
    assert features.max() - features.min() == pytest.approx(2.0)  # 8 decades, a quarter of them


def test_silence_that_is_added_is_what_silence_would_be():
    quiet = np.zeros(RATE_HZ, np.float32)
    heard = log_mel(np.concatenate([SPEECH, quiet]), 80)
    added = with_silence(log_mel(SPEECH, 80), 100)
    assert added.shape == heard.shape
    assert added[..., 205:] == pytest.approx(heard[..., 205:])
