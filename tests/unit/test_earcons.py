import numpy as np
import pytest

from voice.audio.earcons import LONGEST_S, NAMES, PEAK, earcon
from voice.audio.pcm import level_dbfs

RATES_HZ = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("name", NAMES)
def test_an_earcon_is_short_soft_and_without_clicks(name: str, rate_hz: int) -> None:
    sound = earcon(name, rate_hz)
    assert sound.dtype == np.float32
    assert 0.07 <= len(sound) / rate_hz <= LONGEST_S
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-6)
    assert -32 < level_dbfs(sound) < -18
    ends = int(0.001 * rate_hz)
    assert abs(sound[0]) == abs(sound[-1]) == 0
    assert np.abs(sound[:ends]).max() < 0.25 * PEAK
    assert np.abs(sound[-ends:]).max() < 0.01 * PEAK


@pytest.mark.parametrize("name", NAMES)
def test_no_step_is_steeper_than_the_highest_overtone_allows(name: str) -> None:
    sound = earcon(name, 48_000)
    steepest = 2 * np.pi * 4 * 1175 / 48_000 * PEAK
    assert np.abs(np.diff(sound)).max() < steepest


def test_earcons_are_told_apart_by_their_melody() -> None:
    def pitches_hz(name: str) -> tuple[int, int]:
        sound = earcon(name, 48_000)
        begin, end = sound[:2400], sound[-3600:]
        return tuple(
            int(np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)), 48_000))))
            for part in (begin, end)
        )

    melodies = {name: pitches_hz(name) for name in NAMES}
    assert len(set(melodies.values())) == len(NAMES)
    first, last = melodies["listening"]
    assert last > 1.2 * first
    first, last = melodies["cancelled"]
    assert last < first / 1.2
    assert max(melodies["error"]) < min(min(melodies[name]) for name in NAMES if name != "error")


def test_an_unknown_earcon_is_refused() -> None:
    with pytest.raises(ValueError, match="there are listening"):
        earcon("fanfare", 16_000)
