"""What a trained wake word model is measured with: words in noise and echo, and all else."""

from pathlib import Path

import numpy as np
import pytest

from kws.train.corpus import Clip, append_clips, write_audio
from voice.wake_training.choice import CONDITIONS, sounds_of

RATE_HZ = 16_000


def tone(seconds: float, hz: float = 400.0) -> np.ndarray:
    wave = np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)
    return (0.2 * wave).astype(np.float32)


def clip(name: str, kind: str, word: str = "", split: str = "dev") -> Clip:
    return Clip(f"clips/{name}.flac", "x", ("x",), kind, word, "zf_a-00001", split, 1.0)


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[Path, list[Clip]]:
    clips = [
        clip("said", "wake", "你好核安"),
        clip("near", "near"),
        clip("other", "sentence"),
        clip("taught", "wake", "你好核安", "train"),
    ]
    (tmp_path / "clips").mkdir()
    for one in clips:
        write_audio(tmp_path / one.audio, tone(1.0))
    append_clips(tmp_path, clips)
    return tmp_path, clips


def test_words_are_heard_in_each_condition_and_near_misses_clean_and_in_noise(corpus):
    sounds = sounds_of(*corpus, [])
    said = [one.condition for one in sounds if one.word]
    assert said == list(CONDITIONS)  # once: what was trained on is left out
    assert [one.condition for one in sounds if one.near] == ["clean", "10db"]
    other = [one.condition for one in sounds if not one.word and not one.near]
    assert other[:2] == ["clean", "10db_room"] and set(other[2:]) == {"noise"}
    assert all(np.isfinite(one.audio).all() and np.abs(one.audio).max() <= 1 for one in sounds)


def test_noise_is_as_far_below_as_the_condition_says(corpus):
    sounds = {one.condition: one.audio for one in sounds_of(*corpus, []) if one.word}
    clean = sounds["clean"]
    for name, below_db in (("10db", 10), ("5db", 5)):
        heard = sounds[name]
        said = clean * (heard @ clean) / (clean @ clean)
        found_db = 10 * np.log10(np.square(said).sum() / np.square(heard - said).sum())
        assert found_db == pytest.approx(below_db, abs=1.5)


def test_recorded_noise_is_used_besides_what_is_made(corpus):
    folder, clips = corpus
    hum = tone(3.0, 50.0)
    sounds = sounds_of(folder, clips * 10, [hum])
    noisy = [one.audio for one in sounds if one.condition == "5db"]
    power = [np.square(np.abs(np.fft.rfft(one))) for one in noisy]
    humming = [one[45:56].sum() > 0.2 * one.sum() for one in power]  # 5 dB below: 0.24 of all
    assert len(humming) == 10 and any(humming) and not all(humming)
