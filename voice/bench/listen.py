"""`hean bench listen`: what listening costs while nobody speaks to the assistant."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from asr import RATE_HZ
from voice.app import load_engines
from voice.audio import Samples
from voice.bench import Figures, Say, single
from voice.bench.room import bench_room
from voice.config import Config

NOISE_DBFS = -40.0
TALK = (
    "今天晚上吃什么？我们去超市买点菜吧，家里的鸡蛋也不多了。",
    "孩子明天几点上学？记得把雨伞放到书包里，天气预报说下午有雨。",
)
"""Said to somebody else."""
_BETWEEN_S = 1.2


def measure(config: Config, seconds: int, say: Say) -> Figures:
    """Listen for `seconds` in silence, in noise and beside a conversation; return the share of
    one core that each takes. Nothing is synthesised ahead meanwhile. Raises DeviceError."""
    engines = load_engines(config)
    rate_hz = engines.voice.rate_hz
    say("synthesising a conversation")
    pause = np.zeros(int(_BETWEEN_S * rate_hz), np.float32)
    parts = [part for text in TALK for part in (*engines.voice.synthesize(text, "zh"), pause)]
    with bench_room(config, engines) as room:
        say(f"silence, {seconds} s")
        silence = core_fraction(lambda: time.sleep(seconds))
        say(f"noise, {seconds} s")
        noise = core_fraction(lambda: room.say(_noise(seconds), RATE_HZ))
        say(f"conversation, {seconds} s")
        talk = np.resize(np.concatenate(parts), seconds * rate_hz)
        conversation = core_fraction(lambda: room.say(talk, rate_hz))
    return {
        "idle_core_fraction": single(silence),
        "idle_core_fraction.noise": single(noise),
        "idle_core_fraction.conversation": single(conversation),
    }


def core_fraction(wait: Callable[[], None]) -> float:
    """Return the share of one core that this process takes while something else goes on."""
    begin_s, used_s = time.monotonic(), time.process_time()
    wait()
    return (time.process_time() - used_s) / (time.monotonic() - begin_s)


def _noise(seconds: int) -> Samples:
    """Return noise with as much power in each octave, as rooms have."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(seconds * RATE_HZ))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)))
    return np.asarray(10 ** (NOISE_DBFS / 20) * noise / np.std(noise), np.float32)
