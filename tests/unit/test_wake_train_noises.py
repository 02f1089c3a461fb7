"""Made noises and rooms: each kind as it should be, and the kinds unlike each other."""

import numpy as np
import pytest

from kws.train.noises import KINDS, make_noise
from kws.train.rooms import convolve, make_room
from kws.train.waves import pulses, scattered

SECONDS = 6
COUNT = 16_000 * SECONDS


def noise(kind, seed=0):
    return make_noise(np.random.default_rng(seed), COUNT, kind)


def tenths(wave):
    """Return the power of each tenth of a second."""
    return np.square(wave.reshape(-1, 1600)).mean(1)


def crest_db(wave):
    return 20 * np.log10(np.abs(wave).max())


def flatness(wave):
    """Return 1 for white noise, and near 0 for tones: geometric over arithmetic mean power."""
    frames = wave[: len(wave) // 512 * 512].reshape(-1, 512) * np.hanning(512)
    power = np.square(np.abs(np.fft.rfft(frames)))[:, 10:230].mean(0) + 1e-9
    return np.exp(np.log(power).mean()) / power.mean()


def median(measure, kind):
    return np.median([measure(noise(kind, seed)) for seed in range(8)])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_as_loud_as_asked_the_same_for_a_seed_and_else_another(kind):
    for seed in range(4):
        wave = noise(kind, seed)
        assert wave.dtype == np.float32 and wave.shape == (COUNT,)
        assert np.isfinite(wave).all()
        assert np.std(wave) == pytest.approx(1, abs=0.01)
    assert np.array_equal(noise(kind, 3), wave)
    assert not np.array_equal(noise(kind, 2), wave)


@pytest.mark.parametrize("count", [1, 400, 16_000])
def test_noise_can_be_short(count):
    for kind in KINDS:
        wave = make_noise(np.random.default_rng(1), count, kind)
        assert wave.shape == (count,) and np.isfinite(wave).all()


def test_what_strikes_bursts_or_calls_comes_and_goes_and_what_runs_does_not():
    def share_of_loudest(wave):
        powers = np.sort(tenths(wave))
        return powers[-6:].sum() / powers.sum()

    for kind in ("knocks", "crackle", "calls", "gasps"):
        assert median(share_of_loudest, kind) > 0.35, kind
    for kind in ("steady", "rain", "engines", "rotors"):
        assert median(share_of_loudest, kind) < 0.3, kind


def test_peaks_are_highest_where_things_are_struck():
    crests = {kind: median(crest_db, kind) for kind in KINDS}
    assert min(crests["knocks"], crests["crackle"]) > 24
    assert max(crests["steady"], crests["engines"], crests["alarms"]) < 20


def test_tones_have_narrow_spectra_and_rain_a_broad_one():
    found = {kind: median(flatness, kind) for kind in KINDS}
    assert max(found["alarms"], found["music"]) < 0.05 < found["rain"]


def test_noise_without_a_kind_is_of_many_colours_and_shapes():
    waves = [make_noise(np.random.default_rng(seed), COUNT) for seed in range(40)]
    power = [np.square(np.abs(np.fft.rfft(wave))) for wave in waves]
    low = [one[: 500 * SECONDS].sum() / one.sum() for one in power]
    assert np.quantile(low, 0.2) < 0.1 and np.quantile(low, 0.8) > 0.5
    crests = [crest_db(wave) for wave in waves]
    assert min(crests) < 16 and max(crests) > 28


def test_a_harmonic_series_has_nothing_between_its_harmonics():
    power = np.square(np.abs(np.fft.rfft(pulses(np.full(16_000, 200.0), 5.0))))
    assert power[200::200].sum() > 0.999 * power.sum()
    assert power[200] > 10 * power[2000] > 0


def test_events_are_as_many_as_asked():
    made = []
    scattered(np.random.default_rng(0), COUNT, 2.0, lambda: made.append(1) or np.ones(3))
    assert len(made) == 2 * SECONDS
    assert scattered(np.random.default_rng(0), COUNT, 0.01, lambda: np.ones(3)).any()


def test_rooms_keep_length_and_begin_with_the_direct_sound():
    for seed in range(20):
        room = make_room(np.random.default_rng(seed))
        assert 0.1 < len(room) / 16_000 < 2
        assert room[0] == 1
        assert np.isfinite(room).all()
    click = np.zeros(16_000, np.float32)
    click[100] = 1
    echoed = convolve(click, room)
    assert len(echoed) == 16_000
    assert np.allclose(echoed[100 : 100 + 1000], room[:1000], atol=1e-4)
    assert np.allclose(echoed[:100], 0, atol=1e-4)


def test_rooms_are_near_and_far_and_die_away():
    rooms = [make_room(np.random.default_rng(seed)) for seed in range(60)]
    direct_db = [-10 * np.log10(np.square(room[1:]).sum()) for room in rooms]
    assert min(direct_db) < -5 and max(direct_db) > 9
    assert np.ptp([len(room) for room in rooms]) > 16_000
    for room in rooms:
        quarter = len(room) // 4
        assert np.square(room[-quarter:]).sum() < 1e-3 * np.square(room[1:]).sum()


def test_high_frequencies_die_away_sooner():
    def high_share(part):
        power = np.square(np.abs(np.fft.rfft(part)))
        return power[len(power) // 2 :].sum() / power.sum()

    fell = []
    for seed in range(30):
        room = make_room(np.random.default_rng(seed))[1:]
        third = len(room) // 3
        fell.append(high_share(room[-third:]) < high_share(room[:third]))
    assert np.mean(fell) > 0.8
