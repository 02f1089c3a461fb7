"""The real device code with a real sound server; only the sound card is virtual."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from voice.audio.pcm import level_dbfs
from voice.audio.portaudio import PortAudioMicrophone, PortAudioSpeaker, devices, rescan
from voice.audio.virtual_sound import SoundServer, sound_server
from voice.audio.wavfile import read_audio, write_wav
from voice.errors import DeviceError

QUIET_DBFS = -60


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as running:
        rescan()
        yield running
    rescan()


def tone(rate_hz: int, seconds: float) -> np.ndarray:
    at = np.arange(int(rate_hz * seconds)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


def pitch_hz(samples: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


@pytest.mark.usefixtures("server")
def test_devices_are_listed() -> None:
    assert "pulse" in [device["name"] for device in devices()]


def heard_s(wav: Path) -> float:
    audio, _ = read_audio(wav, 24_000)
    return float(np.count_nonzero(np.abs(audio) > 0.01)) / 24_000


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_the_microphone_hears_what_is_played(
    server: SoundServer, tmp_path: Path, rate_hz: int
) -> None:
    wav = tmp_path / "question.wav"
    write_wav(wav, tone(48_000, 1.0), 48_000)
    microphone = PortAudioMicrophone("pulse", rate_hz)
    chunks = microphone.chunks()
    heard = [next(chunks)]  # the device is open for good only when the first block comes
    player = server.play(wav)
    while sum(map(len, heard)) < 3 * rate_hz:
        heard.append(next(chunks))
    microphone.close()
    assert player.wait(10) == 0
    audio = np.concatenate(heard)
    loud = audio[np.abs(audio) > 0.25]
    assert len(loud) > 0.3 * rate_hz
    start = int(np.argmax(np.abs(audio) > 0.25))
    middle = audio[start + rate_hz // 4 : start + rate_hz * 3 // 4]
    assert pitch_hz(middle, rate_hz) == pytest.approx(440, abs=4)
    assert microphone.dropped == 0


def test_the_loudspeaker_plays_all_of_an_answer(server: SoundServer, tmp_path: Path) -> None:
    wav = tmp_path / "answer.wav"
    speaker = PortAudioSpeaker("pulse", 24_000)
    with server.record(wav):
        speaker.play(tone(24_000, 1.0), 24_000, turn=1)
        assert speaker.drain(1, 5.0)
        time.sleep(0.5)  # the server's own buffer
    speaker.close()
    assert heard_s(wav) == pytest.approx(1.0, abs=0.05)


def test_a_flush_silences_the_turn_at_once_and_for_good(
    server: SoundServer, tmp_path: Path
) -> None:
    wav = tmp_path / "answer.wav"
    speaker = PortAudioSpeaker("pulse", 24_000)
    with server.record(wav):
        long_answer = threading.Thread(
            target=speaker.play, args=(tone(24_000, 6.0), 24_000, 1), daemon=True
        )
        long_answer.start()
        while not heard_s(wav):
            time.sleep(0.1)
        speaker.flush(before=2)
        long_answer.join(2.0)
        assert not long_answer.is_alive()
        speaker.play(tone(24_000, 1.0), 24_000, turn=1)
        time.sleep(1.5)
    speaker.close()
    assert 0 < heard_s(wav) < 4  # neither nothing nor the six seconds
    audio, _ = read_audio(wav, 24_000)
    assert level_dbfs(audio[-12_000:]) < QUIET_DBFS


@pytest.mark.usefixtures("server")
def test_a_wrong_name_lists_what_there_is() -> None:
    with pytest.raises(DeviceError, match=r"no microphone named 'banana'; there are: .*pulse"):
        PortAudioMicrophone("banana", 16_000)
    with pytest.raises(DeviceError, match="no loudspeaker named 'banana'"):
        PortAudioSpeaker("banana", 16_000)
