"""Devices that are lost, refuse and change: the real device code and a real sound server."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import sounddevice

from asr import RATE_HZ
from voice.audio import Samples
from voice.audio.portaudio import PortAudioMicrophone, PortAudioSpeaker, refusal, rescan
from voice.audio.virtual_sound import SoundServer, sound_server
from voice.config import Config
from voice.devices import LiveDevices
from voice.errors import DeviceError
from voice.events import Bus, DeviceLost, DeviceRestored, Event

CONFIG = replace(Config(), dialog=replace(Config().dialog, echo_cancellation=False))
VOICE_HZ = 24_000
BLOCK_S = 0.032


@pytest.fixture
def server() -> Iterator[SoundServer]:
    with sound_server() as running:
        rescan()
        yield running
    rescan()


class Listening:
    """Live devices that are listened to, what was told of them, and what was heard."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.heard = 0
        bus = Bus()
        bus.subscribe(self._note)
        self.devices = LiveDevices(CONFIG, VOICE_HZ, bus)
        self._thread = threading.Thread(target=self._listen)

    def _note(self, event: Event) -> None:
        if isinstance(event, DeviceLost):
            self.told.append(event.message)
        elif isinstance(event, DeviceRestored):
            self.told.append("restored")

    def _listen(self) -> None:
        for microphone in self.devices.microphones():
            for chunk in microphone.chunks():
                self.heard += len(chunk)

    @contextmanager
    def running(self) -> Iterator[Listening]:
        self._thread.start()
        try:
            wait_for(lambda: self.heard > 0)
            yield self
        finally:
            self.devices.stop_listening()
            self._thread.join()
            self.devices.close()


def wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("sink", "virtspk", "the loudspeaker .* takes no audio"),
        ("source", "mic", "the microphone .* delivers no audio"),
    ],
)
def test_a_device_that_falls_silent_is_lost_until_it_works_again(
    server: SoundServer, kind: str, name: str, message: str
) -> None:
    with Listening().running() as listening:
        server.control(f"suspend-{kind}", name, "1")
        wait_for(lambda: bool(listening.told))
        server.control(f"suspend-{kind}", name, "0")
        wait_for(lambda: len(listening.told) > 1)
        heard = listening.heard
        wait_for(lambda: listening.heard > heard)
        assert listening.devices.speaker.drain(1, 5)
    assert listening.told[1:] == ["restored"]
    assert re.fullmatch(message, listening.told[0])


PROGRAM = """
import sys, threading
from voice.audio.portaudio import PortAudioMicrophone, PortAudioSpeaker, rescan
from voice.errors import DeviceError
microphone, speaker = PortAudioMicrophone("pulse", 16000), PortAudioSpeaker("pulse", 24000)
chunks = microphone.chunks()
next(chunks)
print("open", flush=True)
sys.stdin.readline()
microphone.close()
speaker.close()
print("closed", flush=True)
try:
    rescan()
except DeviceError as error:
    print(error.message, flush=True)
"""


def test_a_sound_server_that_hangs_is_told_and_holds_nobody_up(server: SoundServer) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=server.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        watchdog = threading.Timer(90, program.kill)
        watchdog.start()
        assert program.stdin
        assert program.stdout
        assert program.stdout.readline() == "open\n"
        server.freeze()
        print(file=program.stdin, flush=True)
        assert program.stdout.readline() == "closed\n"
        assert program.stdout.readline() == "a sound device hangs and cannot be closed\n"
        assert program.wait(30) == DeviceError.exit_code
        watchdog.cancel()


def test_a_device_that_refuses_to_be_opened_is_told_in_one_clear_line(server: SoundServer) -> None:
    server.stop()  # PortAudio has listed the device: now it refuses, like one that is in use
    for device in (PortAudioMicrophone, PortAudioSpeaker):
        with pytest.raises(DeviceError) as error:
            device("pulse", RATE_HZ)
        assert error.value.message == "pulse cannot be opened: it or its sound server is gone"
        assert "choose one with --set audio.input=NAME" in error.value.fix


def test_a_device_in_use_is_told_as_that() -> None:
    busy = sounddevice.PortAudioError("Error opening InputStream: Device unavailable", -9985)
    assert refusal(busy) == "is in use by another program alone: end that one"
    assert refusal(sounddevice.PortAudioError("Out of memory", -9992)) == "fails: Out of memory"


def test_devices_may_change_to_others_of_another_rate(server: SoundServer) -> None:
    microphone = PortAudioMicrophone("pulse", RATE_HZ)
    speaker = PortAudioSpeaker("pulse", VOICE_HZ)
    chunks = microphone.chunks()
    next(chunks)
    # As a headset does when it changes from music to telephony: the streams go on elsewhere.
    for rate_hz in (48_000, 8_000):
        name = f"headset{rate_hz}"
        server.control(
            "load-module", "module-null-sink", f"sink_name={name}", f"rate={rate_hz}", "channels=2"
        )
        move(server, "sink-input", name)
        move(server, "source-output", f"{name}.monitor")
        speaker.play(tone(VOICE_HZ, 2.0), VOICE_HZ, turn=1)
        sounds = (chunk for chunk in chunks if np.abs(chunk).max() > 0.25)
        heard = np.concatenate([next(sounds) for _ in range(round(1.0 / BLOCK_S))])
        assert pitch_hz(heard[-RATE_HZ // 2 :]) == pytest.approx(440, abs=4)
        assert speaker.drain(1, 10)
    assert speaker.lost is None
    speaker.close()
    microphone.close()


def move(server: SoundServer, what: str, where: str) -> None:
    """Let the newest stream of a kind go on with another device."""

    def moved() -> bool:
        *_, line = server.control("list", "short", f"{what}s").splitlines()
        try:
            server.control(f"move-{what}", line.split("\t")[0], where)
        except DeviceError:  # one that PortAudio opened only to see whether it can
            return False
        return True

    wait_for(moved)


def tone(rate_hz: int, seconds: float) -> Samples:
    at = np.arange(int(rate_hz * seconds)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


def pitch_hz(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE_HZ / len(samples))
