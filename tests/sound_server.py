"""A sound server without a sound card: PulseAudio with a virtual microphone and loudspeaker.

What is played into the sink `virtmic` is heard by the default microphone; what the program plays
to the default loudspeaker can be recorded from `virtspk.monitor`. The program under test uses its
real PortAudio code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("pulseaudio", "paplay", "parec", "pactl")
_SETUP = """\
load-module module-native-protocol-unix auth-anonymous=1
load-module module-null-sink sink_name=virtmic rate=16000 channels=1 format=s16le
load-module module-null-sink sink_name=virtspk rate=24000 channels=1 format=s16le
load-module module-remap-source source_name=mic master=virtmic.monitor
set-default-source mic
set-default-sink virtspk
"""


class SoundServer:
    """A running PulseAudio daemon of our own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def play(self, wav: Path) -> subprocess.Popen[bytes]:
        """Speak a recording into the virtual microphone, in real time."""
        return subprocess.Popen(["paplay", "--device=virtmic", str(wav)], env=self.environment)

    @contextmanager
    def record(self, wav: Path) -> Iterator[None]:
        """Record what the virtual loudspeaker plays, 24 kHz mono."""
        command = ["parec", "--device=virtspk.monitor", "--file-format=wav", "--rate=24000",
                   "--channels=1", "--format=s16le", str(wav)]  # fmt: skip
        recorder = subprocess.Popen(command, env=self.environment)
        _wait_for(lambda: wav.exists() and wav.stat().st_size > 0)
        try:
            yield
        finally:
            recorder.terminate()
            recorder.wait(10)


@contextmanager
def sound_server() -> Iterator[SoundServer]:
    """Run a sound server; its variables are set in this process while it runs."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} missing; `./hean test` installs what it needs")
    with tempfile.TemporaryDirectory(prefix="hean-sound-") as name:
        folder = Path(name)
        folder.chmod(0o700)
        variables = {
            "XDG_RUNTIME_DIR": name,
            "PULSE_RUNTIME_PATH": f"{name}/pulse",
            "PULSE_SERVER": f"unix:{name}/pulse/native",
        }
        (folder / "setup.pa").write_text(_SETUP)
        environment = {**os.environ, **variables}
        daemon = subprocess.Popen(
            ["pulseaudio", "-n", "-F", f"{name}/setup.pa", "--exit-idle-time=-1", "--realtime=no",
             "--high-priority=no", "--daemonize=no", "--use-pid-file=no", "--log-level=error"],
            env=environment,
        )  # fmt: skip
        saved = {key: os.environ.get(key) for key in variables}
        try:
            _wait_for(lambda: subprocess.run(
                ["pactl", "info"], env=environment, capture_output=True, check=False
            ).returncode == 0)  # fmt: skip
            os.environ.update(variables)
            yield SoundServer(environment)
        finally:
            for key, value in saved.items():
                os.environ.pop(key, None) if value is None else os.environ.update({key: value})
            daemon.terminate()
            daemon.wait(10)


def _wait_for(ready: object, timeout_s: float = 20.0) -> None:
    assert callable(ready)
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError("the virtual sound server did not start")
        time.sleep(0.05)
