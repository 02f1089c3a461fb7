import numpy as np
import pytest

from voice.tts import Samples
from voice.tts.loudness import (
    CLAUSE_PAUSE_S,
    LEAD_S,
    PEAK,
    SENTENCE_PAUSE_S,
    TARGET_RMS,
    polish,
    tail_s,
)

RATE_HZ = 24_000


def _speech(loudness: float, silence_s: float = 0.3) -> Samples:
    silence = np.zeros(int(silence_s * RATE_HZ), np.float32)
    time = np.arange(RATE_HZ) / RATE_HZ
    tone = (loudness * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    return np.concatenate([silence, tone, silence])


@pytest.mark.parametrize("loudness", [0.001, 0.02, 0.3, 0.99])
def test_all_pieces_are_equally_loud(loudness: float) -> None:
    polished = polish(_speech(loudness), RATE_HZ, 0.1)
    voiced = polished[int(0.2 * RATE_HZ) : int(0.8 * RATE_HZ)]
    assert np.sqrt(np.mean(voiced**2)) == pytest.approx(TARGET_RMS, rel=0.02)


def test_a_loud_click_does_not_clip() -> None:
    speech = _speech(0.01)
    speech[RATE_HZ] = 0.9
    assert np.abs(polish(speech, RATE_HZ, 0.1)).max() <= PEAK + 1e-6


@pytest.mark.parametrize("silence_s", [0.0, 0.05, 0.5])
def test_silence_around_the_speech_has_one_length(silence_s: float) -> None:
    polished = polish(_speech(0.3, silence_s), RATE_HZ, tail_s=0.2)
    loud = np.flatnonzero(np.abs(polished) > 0.01)
    assert loud[0] / RATE_HZ == pytest.approx(LEAD_S, abs=0.025)
    assert (polished.size - loud[-1]) / RATE_HZ == pytest.approx(0.2, abs=0.055)


def test_a_soft_first_consonant_is_kept() -> None:
    hiss = np.random.default_rng(0).normal(0, 0.012, RATE_HZ // 10).astype(np.float32)
    speech = np.concatenate([np.zeros(2400, np.float32), hiss, _speech(0.3, 0.0)])
    assert polish(speech, RATE_HZ, 0.0).size >= hiss.size + RATE_HZ


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(10), np.zeros(RATE_HZ)])
def test_silence_becomes_nothing(samples: Samples) -> None:
    assert polish(samples.astype(np.float32), RATE_HZ, 0.1).size == 0


def test_pause_follows_the_mark() -> None:
    assert tail_s("马上进屋，") == CLAUSE_PAUSE_S
    assert tail_s("他说：“进屋。”") == SENTENCE_PAUSE_S
    assert tail_s("Go!") == SENTENCE_PAUSE_S
