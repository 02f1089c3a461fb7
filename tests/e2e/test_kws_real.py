"""The engines that hear with Whisper on real speech: synthesised by Kokoro, heard by Whisper base
and the model in the box."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from kws import DEFAULT_WORDS, RATE_HZ, WakeConfig
from kws.words import make_word
from tests.spoken import TEXTS, spoken
from voice.audio.pcm import Rechunker, resample
from voice.audio.wavfile import read_audio, write_wav
from voice.cli import main
from voice.config import Config
from voice.engines import ModelFiles
from voice.tts.engines import create_synthesizer
from voice.wake import load_detector, load_wake_ears, load_wake_engine

pytestmark = pytest.mark.models

RECORDINGS = Path(__file__).parents[3] / "shared" / "audio"
WORDS = [make_word(text) for text in DEFAULT_WORDS]


@pytest.fixture(scope="module")
def ears():
    return load_wake_ears(Config())


@pytest.fixture(scope="module", params=["combined", "whisper", "asr-pinyin"])
def detector(request, ears):
    return load_detector(Config(wake=WakeConfig(engine=request.param)), WORDS, *ears)


@pytest.fixture(scope="module")
def say():
    config = Config()
    model, files = ModelFiles(config).find("tts")
    voice = create_synthesizer(model.engine, files, replace(config.tts, voice_zh="zm_yunjian"))

    @cache
    def speech(text):
        spoken = np.concatenate(list(voice.synthesize(text, "zh")))
        return resample(spoken, voice.rate_hz, RATE_HZ)

    return speech


def hear(detector, *audio):
    detector.reset()
    quiet = np.zeros(RATE_HZ, np.float32)
    chunks = Rechunker(detector.chunk_samples).process(np.concatenate([quiet, *audio, quiet]))
    return [hit for chunk in chunks if (hit := detector.process(chunk))]


@pytest.mark.parametrize("text", DEFAULT_WORDS)
def test_a_wake_word_wakes(detector, say, text):
    (hit,) = hear(detector, say(text))
    assert hit.word == text


@pytest.mark.parametrize("name", ["wake/wake", "wake/breath", "wake/xiaoan"])
def test_a_recorded_call_wakes_once(detector, name):
    """Whoever finds it first: what hears all, or what looks at the pause."""
    (hit,) = hear(detector, spoken(name))
    assert TEXTS[name].startswith(hit.word)


def test_its_own_voice_is_known_before_anything_is_looked_at(ears, say):
    engine = load_wake_engine(Config(wake=WakeConfig(engine="combined")), WORDS, ears[0])
    for word in DEFAULT_WORDS:
        assert engine.may_be_own(word, say(f"请先说{word}，再问问题。"))
    assert not engine.may_be_own(DEFAULT_WORDS[0], say("先关好门窗，再打开收音机。"))


def test_wake_word_and_question_in_one_breath(detector, say):
    (hit,) = hear(detector, say("小安小安，听到警报要不要马上撤离？"))
    assert hit.word == "小安小安"


@pytest.mark.parametrize("text", DEFAULT_WORDS)
def test_a_wake_word_in_the_middle_of_speech_wakes(detector, say, text):
    talk = "明天下午有雨记得把雨伞放到书包里"
    (hit,) = hear(detector, say(talk), say(talk), say(f"{text}，碘片什么时候吃"))
    assert hit.word == text


@pytest.mark.parametrize("text", ["你好小安", "小爱小爱", "国家核安全局", "碘片什么时候吃？"])
def test_near_misses_do_not_wake(detector, say, text):
    assert hear(detector, say(text)) == []
    assert detector.looked is not None  # the test would pass if nothing was heard


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings of people beside the project")
def test_people_who_talk_do_not_wake_it(detector):
    recordings = sorted((RECORDINGS / "zh" / "aishell3").glob("*.flac"))[:5]
    assert len(recordings) == 5
    for path in recordings:
        assert hear(detector, read_audio(path, RATE_HZ)[0]) == []


def test_scores_of_a_recording(say, tmp_path, capsys):
    path = tmp_path / "said.wav"
    write_wav(path, say("小安小安"), RATE_HZ)
    assert main(["wake", "test", "--json", str(path)]) == 0
    said = json.loads(capsys.readouterr().out)
    (score,) = (score for score in said["recordings"][0]["scores"] if score["woke"])
    assert (said["engine"], score["word"]) == ("combined", "小安小安")
    assert main(["wake", "test", str(path)]) == 0
    assert "→ wakes" in capsys.readouterr().out
