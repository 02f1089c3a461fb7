"""A room in memory: what is played comes back late and reverberated, with a person and a hiss."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import voice
from voice.audio import Samples
from voice.audio.echo import EchoCanceller
from voice.audio.pcm import level_dbfs, resample
from voice.errors import DeviceError

RATE_HZ = 16_000
BLOCK_S = 0.032
RECORDING = Path(voice.__file__).parent / "data/question.flac"


def speech(seconds: float, pitches: tuple[float, ...]) -> Samples:
    """The shipped recording again and again, spoken by voices of other pitches, at -26 dBFS.

    Such speech differs from syllable to syllable; a pitch below 0 speaks backwards.
    """
    recording, rate_hz = soundfile.read(RECORDING, dtype="float32")
    takes = []
    for pitch in pitches:
        take = resample(recording, int(rate_hz * abs(pitch)), RATE_HZ)
        takes.append(take[::-1] if pitch < 0 else take)
    sound = np.resize(np.concatenate(takes), int(seconds * RATE_HZ))
    return np.asarray(0.05 * sound / np.std(sound), np.float32)


def made_room(decay_s: float, direct: float) -> Samples:
    """An impulse response that has decayed by 60 dB after `decay_s`, after a direct sound."""
    at = np.arange(int(decay_s * RATE_HZ)) / RATE_HZ
    response = np.random.default_rng(5).normal(size=len(at)) * 10 ** (-3 * at / decay_s)
    response[0] = direct
    return (response / np.sqrt(np.sum(response**2))).astype(np.float32)


ROOMS = {"near": made_room(0.4, 8), "far": made_room(0.6, 8)}
"""Far from the loudspeaker, reverberation is much louder than what comes directly."""
LEAST_DB = {"near": 20.0, "far": 15.0}


def echo_of(played: Samples, delay_s: float, room: str = "near") -> Samples:
    """What comes back of `played`, as loud as it was played."""
    sound = np.convolve(played, ROOMS[room])
    late = np.concatenate([np.zeros(int(delay_s * RATE_HZ)), sound])[: len(played)]
    hiss = 3e-4 * np.random.default_rng(6).normal(size=len(played))
    return np.asarray(late + hiss, np.float32)


def converse(canceller: EchoCanceller, heard: Samples, played: Samples, rate_hz: int) -> Samples:
    """Play and listen block by block; `played` is at `rate_hz`."""
    cleaned = []
    for i in range(int(len(heard) / RATE_HZ / BLOCK_S)):
        begin_s, end_s = i * BLOCK_S, (i + 1) * BLOCK_S
        canceller.played(played[round(begin_s * rate_hz) : round(end_s * rate_hz)], rate_hz)
        cleaned.append(canceller.clean(heard[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)]))
    return np.concatenate(cleaned)


def reduction_db(heard: Samples, cleaned: Samples, start_s: float, end_s: float) -> float:
    part = slice(int(start_s * RATE_HZ), int(end_s * RATE_HZ))
    return level_dbfs(heard[part]) - level_dbfs(cleaned[part])


@pytest.fixture(scope="module")
def own() -> Samples:
    return speech(20, (1.0, 1.15, 0.9, 1.07, 0.95))


@pytest.fixture(scope="module")
def person() -> Samples:
    return speech(20, (-0.8, -1.05, -0.9))


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(
    ("delay_s", "rate_hz"),
    [(0.02, 16_000), (0.06, 24_000), (0.1, 48_000), (0.2, 44_100), (0.3, 22_050)],
)
def test_own_voice_is_reduced(own: Samples, room: str, delay_s: float, rate_hz: int) -> None:
    heard = echo_of(own, delay_s, room)
    cleaned = converse(EchoCanceller(), heard, resample(own, RATE_HZ, rate_hz), rate_hz)
    assert reduction_db(heard, cleaned, 12, 20) > LEAST_DB[room]


LEAST_SNR_DB = {-6: 1, 0: 3, 6: 6}
"""Of a person who is louder than the echo by so many dB; that is the ratio before, too."""


@pytest.mark.parametrize("person_db", LEAST_SNR_DB)
def test_a_person_who_speaks_at_the_same_time_stays(
    own: Samples, person: Samples, person_db: float
) -> None:
    talk = person * 10 ** (person_db / 20)
    talk[: 12 * RATE_HZ] = 0
    heard = echo_of(own, 0.08) + talk
    cleaned = converse(EchoCanceller(), heard, own, RATE_HZ)
    alone = converse(EchoCanceller(), talk, np.full_like(own, 1e-6), RATE_HZ)
    part = slice(12 * RATE_HZ, len(alone))
    assert reduction_db(alone, cleaned, 12, 20) == pytest.approx(0, abs=3)
    scale = np.dot(cleaned[part], alone[part]) / np.dot(alone[part], alone[part])
    left = cleaned[part] - scale * alone[part]
    snr_db = level_dbfs(scale * alone[part]) - level_dbfs(left)
    assert snr_db > LEAST_SNR_DB[person_db]


def test_little_is_reduced_only_while_a_person_speaks(own: Samples, person: Samples) -> None:
    talk = person.copy()
    talk[: 12 * RATE_HZ] = 0
    heard = echo_of(own, 0.08) + talk
    canceller, block = EchoCanceller(), int(BLOCK_S * RATE_HZ)
    little = []
    for start in range(0, len(own) - block, block):
        canceller.played(own[start : start + block], RATE_HZ)
        level = level_dbfs(heard[start : start + block])
        left = level_dbfs(canceller.clean(heard[start : start + block]))
        little.append(level > -45 and level - left < 6)
    assert np.mean(little[int(4 / BLOCK_S) : int(12 / BLOCK_S)]) < 0.02
    assert np.mean(little[int(12 / BLOCK_S) :]) > 0.3


def test_a_changed_volume_is_followed(own: Samples) -> None:
    volume = np.where(np.arange(len(own)) < 10 * RATE_HZ, 0.2, 1.0).astype(np.float32)
    heard = echo_of(own * volume, 0.1)
    cleaned = converse(EchoCanceller(), heard, own * volume, RATE_HZ)
    assert reduction_db(heard, cleaned, 10.5, 20) > 20


def test_a_room_that_changes_is_followed(own: Samples) -> None:
    half = 10 * RATE_HZ
    heard = np.concatenate([echo_of(own, 0.06)[:half], 0.7 * echo_of(own, 0.16)[half:]])
    cleaned = converse(EchoCanceller(), heard, own, RATE_HZ)
    assert reduction_db(heard, cleaned, 13, 20) > 15


def test_the_second_answer_is_reduced_from_its_first_syllable(own: Samples) -> None:
    pause = np.zeros(3 * RATE_HZ, np.float32)
    played = np.concatenate([own, pause, own])
    heard = echo_of(played, 0.1)
    cleaned = converse(EchoCanceller(), heard, played, RATE_HZ)
    assert reduction_db(heard, cleaned, 23.1, 25) > 15


def test_a_loudspeaker_that_began_long_before_the_microphone_is_aligned(own: Samples) -> None:
    canceller = EchoCanceller()
    canceller.played(np.zeros(2 * RATE_HZ, np.float32), RATE_HZ)
    pause = np.zeros(3 * RATE_HZ, np.float32)
    played = np.concatenate([pause, own])
    heard = echo_of(played, 0.08)
    cleaned = converse(canceller, heard, played, RATE_HZ)
    assert reduction_db(heard, cleaned, 15, 23) > 20


def test_a_late_listener_loses_no_alignment(own: Samples) -> None:
    pause = np.zeros(RATE_HZ, np.float32)
    played = np.concatenate([own, pause, own])
    heard = echo_of(played, 0.08)
    canceller, block = EchoCanceller(), int(BLOCK_S * RATE_HZ)
    starts = range(0, len(heard) - block, block)
    late = 25  # blocks: 0.8 s
    cleaned = []
    for i, start in enumerate(starts):
        canceller.played(played[start : start + block], RATE_HZ)
        if i % late == late - 1:
            for begin in starts[i - late + 1 : i + 1]:
                cleaned.append(canceller.clean(heard[begin : begin + block]))
    assert reduction_db(heard, np.concatenate(cleaned), 22, 40) > 20


def test_pauses_need_not_be_told(own: Samples) -> None:
    canceller, block = EchoCanceller(), int(BLOCK_S * RATE_HZ)
    played = np.concatenate([own, np.zeros(3 * RATE_HZ, np.float32), own])
    heard = echo_of(played, 0.1)
    cleaned = []
    for start in range(0, len(heard) - block, block):
        if played[start : start + block].any():
            canceller.played(played[start : start + block], RATE_HZ)
        cleaned.append(canceller.clean(heard[start : start + block]))
    assert reduction_db(heard, np.concatenate(cleaned), 24, 43) > 20


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_without_an_echo_a_person_is_heard_over_the_first_answer(
    own: Samples, person: Samples, noise: float
) -> None:
    talk = person.copy()
    talk[: 4 * RATE_HZ] = 0
    heard = talk + noise * np.random.default_rng(7).standard_normal(len(talk)).astype(np.float32)
    played = own.copy()
    played[: 2 * RATE_HZ] = 0
    cleaned = converse(EchoCanceller(), heard, played, RATE_HZ)
    assert reduction_db(heard, cleaned, 4, 8) < 1


def test_an_echo_is_audible_also_after_a_person_spoke_loudly(own: Samples, person: Samples) -> None:
    played = own.copy()
    played[: 3 * RATE_HZ] = 0
    heard = echo_of(played, 0.1)
    heard[: 3 * RATE_HZ] += 3 * person[: 3 * RATE_HZ]
    cleaned = converse(EchoCanceller(), heard, played, RATE_HZ)
    assert reduction_db(heard, cleaned, 6, 20) > 15


def test_an_echo_that_begins_later_is_taken_out(own: Samples) -> None:
    heard = echo_of(own, 0.08)
    heard[: 5 * RATE_HZ] = 0
    cleaned = converse(EchoCanceller(), heard, own, RATE_HZ)
    assert reduction_db(heard, cleaned, 12, 20) > 15


def test_what_is_heard_passes_untouched_while_nothing_is_played(person: Samples) -> None:
    cleaned = converse(EchoCanceller(), person, np.zeros_like(person), RATE_HZ)
    assert np.array_equal(cleaned, person[: len(cleaned)])


@pytest.mark.parametrize("size", [1, 37, 160, 512, 5000])
def test_chunks_of_any_size_lose_nothing(person: Samples, size: int) -> None:
    wave, canceller = person[:16_000], EchoCanceller()
    chunks = [canceller.clean(wave[i : i + size]) for i in range(0, len(wave), size)]
    cleaned = np.concatenate(chunks)
    assert len(wave) - 160 < len(cleaned) <= len(wave)
    assert np.array_equal(cleaned, wave[: len(cleaned)])


def test_chunk_sizes_make_no_difference(own: Samples) -> None:
    own = own[: 5 * RATE_HZ]
    heard = echo_of(own, 0.05)
    outputs = []
    for size in (160, 800):
        canceller = EchoCanceller()
        canceller.played(own, RATE_HZ)
        chunks = [canceller.clean(heard[i : i + size]) for i in range(0, len(heard), size)]
        outputs.append(np.concatenate(chunks))
    assert np.array_equal(*outputs)


def test_the_echo_is_known_after_some_speech(own: Samples) -> None:
    canceller = EchoCanceller()
    assert not canceller.adapted
    converse(canceller, echo_of(own, 0.1), own, RATE_HZ)
    assert canceller.adapted


def test_one_broken_chunk_does_no_lasting_harm(own: Samples) -> None:
    heard = echo_of(own, 0.1)
    heard[2 * RATE_HZ : 2 * RATE_HZ + 100] = np.nan
    canceller = EchoCanceller()
    cleaned = converse(canceller, heard, own, RATE_HZ)
    assert not canceller.bypassed
    assert reduction_db(heard, cleaned, 12, 20) > 15


def test_after_repeated_failures_audio_passes_unchanged(own: Samples) -> None:
    canceller, broken = EchoCanceller(), np.full(320, np.nan, np.float32)
    for _ in range(10):
        canceller.played(own[:320] + 0.1, RATE_HZ)
        canceller.clean(broken)
    assert canceller.bypassed
    assert not canceller.adapted
    canceller.played(own[:320] + 0.1, RATE_HZ)
    assert np.array_equal(canceller.clean(own[:320]), own[:320])


def test_what_nobody_takes_is_dropped(own: Samples) -> None:
    canceller = EchoCanceller()
    for _ in range(5000):
        canceller.played(own[:512], RATE_HZ)
    canceller.clean(np.zeros(12 * RATE_HZ, np.float32))
    assert np.array_equal(canceller.clean(own[160:320]), own[160:320])


def test_a_missing_library_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(DeviceError, match="not installed") as caught:
        EchoCanceller()
    assert "pip install" in caught.value.fix
