import numpy as np
import pytest

from voice.audio.pcm import (
    SILENCE_DBFS,
    Rechunker,
    Resampler,
    level_dbfs,
    resample,
    to_int16,
    to_mono,
)


def tone(rate_hz: int, seconds: float = 1.0, pitch_hz: float = 440.0) -> np.ndarray:
    at = np.arange(int(rate_hz * seconds)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * pitch_hz * at)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.float32, np.float64])
def test_every_sample_type_comes_out_at_the_same_loudness(dtype: type) -> None:
    wave = tone(16_000)
    full_scale = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    stored = (wave * full_scale).astype(dtype)
    assert np.max(np.abs(to_mono(stored) - wave)) < 0.02


def test_a_dead_channel_does_not_halve_the_level() -> None:
    wave = tone(16_000)
    stereo = np.stack([wave, np.zeros_like(wave)], axis=1)
    assert np.allclose(to_mono(stereo), wave)


def test_live_channels_are_averaged() -> None:
    stereo = np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)
    assert to_mono(stereo).tolist() == [0.5, 0.5]


def test_silence_of_any_layout_stays_silence() -> None:
    assert to_mono(np.zeros((5, 4), np.int16)).tolist() == [0.0] * 5
    assert to_mono(np.zeros((0, 2), np.float32)).shape == (0,)


def test_broken_floats_do_no_harm() -> None:
    audio = to_mono(np.array([np.nan, np.inf, -np.inf, 7.0], np.float32))
    assert audio.tolist() == [0.0, 1.0, -1.0, 1.0]


def test_loud_samples_are_clipped_not_wrapped() -> None:
    assert to_int16(np.array([2.0, -2.0, 0.0], np.float32)).tolist() == [32767, -32767, 0]


@pytest.mark.parametrize("from_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_resampling_keeps_length_and_loudness(from_hz: int) -> None:
    audio = resample(tone(from_hz), from_hz, 16_000)
    assert abs(len(audio) - 16_000) <= 1
    assert level_dbfs(audio) == pytest.approx(level_dbfs(tone(16_000)), abs=0.2)


def test_streamed_resampling_equals_resampling_at_once() -> None:
    wave = tone(48_000)
    stream = Resampler(48_000, 16_000)
    pieces = [stream.process(wave[i : i + 1000]) for i in range(0, len(wave), 1000)]
    pieces.append(stream.process(wave[:0], last=True))
    streamed, whole = np.concatenate(pieces), resample(wave, 48_000, 16_000)
    assert len(streamed) == len(whole)
    assert np.max(np.abs(streamed - whole)) < 1e-3


def test_rechunking_loses_nothing() -> None:
    wave = np.arange(1000, dtype=np.float32)
    rechunker = Rechunker(64)
    chunks = [c for i in range(0, 1000, 37) for c in rechunker.process(wave[i : i + 37])]
    assert {len(chunk) for chunk in chunks} == {64}
    assert np.array_equal(np.concatenate(chunks), wave[: 1000 // 64 * 64])


def test_levels() -> None:
    assert level_dbfs(np.ones(100, np.float32)) == pytest.approx(0.0)
    assert level_dbfs(np.zeros(100, np.float32)) == SILENCE_DBFS
    assert level_dbfs(np.zeros(0, np.float32)) == SILENCE_DBFS
