"""What `hean bench wake` counts, and the places in which it lets words be said."""

from pathlib import Path

import numpy as np
import pytest

from asr import Samples
from kws.detector import EngineDetector, WakeEngine
from kws.looks import Nearest
from voice.audio.pcm import level_dbfs
from voice.bench.wake import count_false_wakes, in_noise, in_room, unmeasured
from voice.config import Config, ModelsConfig

WORD = "你好核安"
TALK = np.concatenate([np.full(16_000, 0.1, np.float32), np.zeros(16_000, np.float32)])
COUNT = 90
"""Recordings of two seconds: three minutes."""


class LoudFinder:
    """Takes the loud recordings for the wake word."""

    name = "loud"
    own_score = 0.5

    def nearest(self, samples: Samples) -> Nearest:
        woke = float(np.abs(samples).max()) > 0.15
        return Nearest(WORD, float(woke), woke)


def recordings(loud: int) -> list[tuple[Path, Samples]]:
    return [(Path(f"{i}.flac"), TALK * (2 if i < loud else 1)) for i in range(COUNT)]


@pytest.mark.parametrize("loud", [0, 3])
def test_false_wakes_are_counted_by_the_hour(loud: int) -> None:
    engine = WakeEngine(finder=LoudFinder())
    detector = EngineDetector(engine, lambda chunk: bool(chunk.any()), 512)
    told: list[str] = []
    figures = count_false_wakes(detector, recordings(loud), told.append)
    assert figures["false_per_hour"] == {"value": loud * 20.0, "n": 3}
    assert figures["core_fraction"]["value"] > 0
    assert len(told) == loud


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_noise_is_as_loud_as_the_ratio_tells(snr_db: int) -> None:
    rng = np.random.default_rng(1)
    speech, noise = (rng.normal(0, power, 16_000).astype(np.float32) for power in (0.1, 0.3))
    mixed = in_noise(speech, [noise], snr_db, 0)
    assert level_dbfs(speech) - level_dbfs(mixed - speech) == pytest.approx(snr_db, abs=0.2)


def test_a_room_adds_its_echo_and_leaves_the_loudness() -> None:
    click = np.zeros(16_000, np.float32)
    click[100] = 0.5
    room = np.zeros(400, np.float32)
    room[[0, 300]] = 1.0, 0.5
    heard = in_room(click, [room], 7)
    assert np.flatnonzero(np.abs(heard) > 0.01).tolist() == [100, 400]
    assert heard[400] / heard[100] == pytest.approx(0.5, abs=1e-4)
    assert level_dbfs(heard) == pytest.approx(level_dbfs(click), abs=0.01)
    assert in_room(click, [], 7) is click


def test_engines_without_a_model_are_named(tmp_path: Path) -> None:
    missing = unmeasured(Config(models=ModelsConfig(store=str(tmp_path))))
    assert set(missing) == {"combined", "zipformer"}
    assert "no model" in missing["zipformer"]
