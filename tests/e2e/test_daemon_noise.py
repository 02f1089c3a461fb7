"""Scenes with the whole daemon in memory, in noise and beside a television."""

from __future__ import annotations

import numpy as np
import pytest

from asr import RATE_HZ
from tests.commands import ROOT
from tests.daemon_lab import SPOKEN, pink_noise, recording
from tests.e2e.test_daemon_virtual import scene
from voice.app import Engines
from voice.audio import Samples
from voice.audio.pcm import level_dbfs
from voice.audio.wavfile import read_audio
from voice.events import PlaybackStarted, WakeWordDetected
from voice.state import State

pytestmark = pytest.mark.models

NOISES = ("speech_commands_bg/doing_the_dishes", "esc10/rain_1-17367-A")
"""Recordings that are not shipped."""


def test_a_call_is_heard_after_ten_seconds_of_speech_without_a_pause(household: Engines) -> None:
    with scene(household) as room:
        room.say(*["wake/talk"] * 4, "wake/breath")
        talk_s = 4 * len(recording("wake/talk")) / RATE_HZ
        assert talk_s > 10
        room.until(PlaybackStarted, within_s=3.0)
        assert room.entries() == ["zh.iodine.when"]
        assert len(room.since(0, WakeWordDetected)) == 1


def at_snr(noise: Samples, snr_db: float) -> Samples:
    """Noise as loud as it may be beside a person who speaks as the recordings do."""
    gain_db = level_dbfs(recording("wake/breath")) - level_dbfs(noise) - snr_db
    return np.asarray(noise * 10 ** (gain_db / 20), np.float32)


@pytest.mark.parametrize("snr_db", [20, 10])
def test_in_noise_it_answers(household: Engines, snr_db: int) -> None:
    with scene(household, noise=at_snr(pink_noise(20), snr_db)) as room:
        room.say("wake/breath")
        room.until(PlaybackStarted)
        assert room.entries() == ["zh.iodine.when"]


@pytest.mark.parametrize("name", NOISES)
def test_in_a_kitchen_and_in_rain_it_answers(household: Engines, name: str) -> None:
    path = ROOT.parent / "shared/audio/noise" / f"{name}.flac"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    with scene(household, noise=at_snr(read_audio(path, RATE_HZ)[0], 20)) as room:
        room.say("wake/breath")
        room.until(PlaybackStarted)
        assert room.entries() == ["zh.iodine.when"]


def test_in_loud_noise_it_answers_right_or_not_at_all(household: Engines) -> None:
    with scene(household, noise=at_snr(pink_noise(20), 5)) as room:
        for name in ("breath", "wake", "water"):
            room.say(f"wake/{name}")
            room.wait(3.0)
        wrong = {*SPOKEN} - {"zh.iodine.when", "zh.food-water.tap-water"}
        assert not wrong.intersection(room.entries())
        assert room.assistant.conversation.state is State.IDLE or room.entries()
