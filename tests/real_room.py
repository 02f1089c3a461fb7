"""A room in real time, through the real device code and a sound server; only the sound card is
virtual."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from asr import RATE_HZ
from tests.daemon_lab import PLAYED_HZ, Room, recording
from voice.app import Engines
from voice.audio import Samples
from voice.audio.portaudio import rescan
from voice.audio.virtual_sound import LOUDSPEAKER, MICROPHONE_SINK, SoundServer
from voice.audio.wavfile import read_audio, write_wav
from voice.config import Config
from voice.devices import LiveDevices
from voice.events import Bus


class RealRoom(Room):
    """A room in real time: the real device code, a sound server, a virtual sound card."""

    def __init__(self, server: SoundServer, folder: Path) -> None:
        super().__init__()
        self._server = server
        self._folder = folder
        self._begin_s = time.monotonic()
        self._recorded = folder / "loudspeaker.wav"

    @contextmanager
    def listening(self, config: Config, engines: Engines) -> Iterator[None]:
        """Let an assistant listen here."""
        bus = Bus()
        bus.subscribe(self.note)
        rescan()
        self._devices = LiveDevices(config, engines.voice.rate_hz, bus)
        with (
            self._server.record(self._recorded),
            self._listening(config, engines, self._devices, bus),
        ):
            yield

    def now_s(self) -> float:
        return time.monotonic() - self._begin_s

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def say(self, *names: str) -> None:
        self.begin_to_say(*names).wait()

    def begin_to_say(self, *names: str) -> subprocess.Popen[bytes]:
        """Speak recordings, and do not wait for the end."""
        wav = self._folder / f"{'-'.join(names).replace('/', '.')}.wav"
        write_wav(wav, np.concatenate([recording(name) for name in names]), RATE_HZ)
        return self._server.play(wav)

    def played(self) -> Samples:
        return read_audio(self._recorded, PLAYED_HZ, max_s=600)[0]

    @contextmanager
    def echoing(self, response: Samples) -> Iterator[None]:
        """Let the microphone hear the loudspeaker through a room, as long as this lasts."""
        raw = ["--raw", "--channels=1", "--format=float32le", f"--rate={RATE_HZ}"]
        listen = ["parec", f"--device={LOUDSPEAKER}", "--latency-msec=20", *raw]
        speak = ["pacat", "-p", f"--device={MICROPHONE_SINK}", "--latency-msec=40", *raw]
        with (
            subprocess.Popen(listen, env=self._server.environment, stdout=subprocess.PIPE) as ear,
            subprocess.Popen(speak, env=self._server.environment, stdin=subprocess.PIPE) as mouth,
        ):
            thread = threading.Thread(target=_reverberate, args=(ear, mouth, response))
            thread.start()
            try:
                yield
            finally:
                ear.terminate()
                thread.join()
                mouth.terminate()

    def _pass_until(self, done: Callable[[], bool], within_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(done, within_s)

    def _end(self) -> None:
        self._devices.stop_listening()
        self._devices.speaker.flush(before=2**31)


def _reverberate(
    ear: subprocess.Popen[bytes], mouth: subprocess.Popen[bytes], response: Samples
) -> None:
    """Convolve what one program hears with an impulse response, for another one to play."""
    assert ear.stdout is not None
    assert mouth.stdin is not None
    count = int(0.02 * RATE_HZ)
    sound = np.zeros(len(response) - 1, np.float32)
    while len(block := ear.stdout.read(4 * count)) == 4 * count:
        sound = np.concatenate([sound, np.frombuffer(block, np.float32)])
        mouth.stdin.write(np.convolve(sound, response, "valid").astype(np.float32).tobytes())
        mouth.stdin.flush()
        sound = sound[count:]
