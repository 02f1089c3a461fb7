"""A sound server without a sound card: PulseAudio with a virtual microphone and loudspeaker.

What is played into the sink `virtmic` is heard by the default microphone; what the program plays
to the default loudspeaker can be recorded from `virtspk.monitor`. Programs use their real device
code: benchmarks and tests measure what a person would hear.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from voice.errors import DeviceError

MICROPHONE_SINK = "virtmic"
LOUDSPEAKER = "virtspk.monitor"
LOUDSPEAKER_HZ = 24_000

_PROGRAMS = ("pulseaudio", "paplay", "parec", "pactl")
_INSTALL = "apt-get install pulseaudio pulseaudio-utils libasound2-plugins"
_START_S = 20.0
_END_S = 10.0
_LATE_S = 0.3
_SAMPLE_BYTES = 2
_SETUP = f"""\
load-module module-native-protocol-unix auth-anonymous=1
load-module module-null-sink sink_name={MICROPHONE_SINK} rate=16000 channels=1 format=s16le
load-module module-null-sink sink_name=virtspk rate={LOUDSPEAKER_HZ} channels=1 format=s16le
load-module module-remap-source source_name=mic master={MICROPHONE_SINK}.monitor
set-default-source mic
set-default-sink virtspk
"""


class SoundServer:
    """A running PulseAudio daemon of our own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.environment = environment
        """With it, programs use this server."""
        self._folder = folder
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, also again after `stop`. Raises DeviceError."""
        setup = self._folder / "setup.pa"
        setup.write_text(_SETUP)
        self._daemon = subprocess.Popen(
            ["pulseaudio", "-n", "-F", str(setup), "--exit-idle-time=-1", "--realtime=no",
             "--high-priority=no", "--daemonize=no", "--use-pid-file=no", "--log-level=error"],
            env=self.environment,
        )  # fmt: skip
        _wait_for(self._answers)

    def stop(self) -> None:
        """End it, as a crash or an unplugged sound card would: all its devices are gone."""
        if self._daemon:
            self._daemon.terminate()
            self._daemon.send_signal(signal.SIGCONT)
            self._daemon.wait(_END_S)
            self._daemon = None

    def freeze(self) -> None:
        """Let it hang, until it is stopped."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGSTOP)

    def play(self, recording: Path) -> subprocess.Popen[bytes]:
        """Speak a recording into the virtual microphone, in real time."""
        return subprocess.Popen(
            ["paplay", f"--device={MICROPHONE_SINK}", "--latency-msec=30", str(recording)],
            env=self.environment,
        )

    @contextmanager
    def record(self, wav: Path) -> Iterator[None]:
        """Record what the virtual loudspeaker plays, 24 kHz mono."""
        command = ["parec", f"--device={LOUDSPEAKER}", "--file-format=wav", "--channels=1",
                   f"--rate={LOUDSPEAKER_HZ}", "--format=s16le", "--latency-msec=30",
                   str(wav)]  # fmt: skip
        recorder = subprocess.Popen(command, env=self.environment)
        try:
            _wait_for(lambda: wav.exists() and wav.stat().st_size > 0)
            yield
            _wait_for_more(wav, recorder)
        finally:
            recorder.terminate()
            recorder.wait(_END_S)

    def control(self, *words: str) -> str:
        """Return what `pactl` says to a command. Raises DeviceError if it refuses."""
        done = self._pactl(*words)
        if done.returncode:
            raise DeviceError(f"pactl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _answers(self) -> bool:
        return self._pactl("info").returncode == 0

    def _pactl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pactl", *words], env=self.environment, capture_output=True, text=True, check=False
        )


@contextmanager
def sound_server() -> Iterator[SoundServer]:
    """Run a sound server; its variables are set in this process while it runs.

    Raises DeviceError if it is not installed or does not start.
    """
    if missing := [program for program in _PROGRAMS if not shutil.which(program)]:
        raise DeviceError(f"no virtual sound card: {', '.join(missing)} missing", _INSTALL)
    with tempfile.TemporaryDirectory(prefix="hean-sound-") as name:
        variables = {
            "XDG_RUNTIME_DIR": name,
            "PULSE_RUNTIME_PATH": f"{name}/pulse",
            "PULSE_SERVER": f"unix:{name}/pulse/native",
        }
        server = SoundServer(Path(name), {**os.environ, **variables})
        with _variables(variables):
            try:
                server.start()
                yield server
            finally:
                server.stop()


@contextmanager
def _variables(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables of this process for a while."""
    saved = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in saved.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value


def _wait_for(ready: Callable[[], bool]) -> None:
    end_s = time.monotonic() + _START_S
    while not ready():
        if time.monotonic() > end_s:
            raise DeviceError("the virtual sound server did not start", _INSTALL)
        time.sleep(0.05)


def _wait_for_more(wav: Path, recorder: subprocess.Popen[bytes]) -> None:
    """Wait until what was played just now is recorded: on a busy machine it comes late."""
    end_s = time.monotonic() + _END_S
    enough = wav.stat().st_size + int(_LATE_S * LOUDSPEAKER_HZ) * _SAMPLE_BYTES
    while wav.stat().st_size < enough and recorder.poll() is None and time.monotonic() < end_s:
        time.sleep(0.05)
