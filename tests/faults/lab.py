"""The running daemon, and what is needed to hurt it: a sound server, a supervisor's ear, its audit.

Two daemons: `REAL` is `hean run` with the starter models; `SCRIPTED` the same process with stages
that understand loudness and fail on order, see `tests.faults.scripted_daemon`.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from asr import RATE_HZ
from tests.commands import Result, environment
from tests.faults.scripted_daemon import ORDERS
from tests.live_process import LiveProcess
from voice.audio import Samples
from voice.audio.earcons import earcon
from voice.audio.virtual_sound import SoundServer
from voice.audio.wavfile import read_audio, write_wav
from voice.audit.log import AuditLog
from voice.config import Config

REAL = (sys.executable, "-m", "voice")
SCRIPTED = (sys.executable, "-m", "tests.faults.scripted_daemon")
COMMON = ("--set", "kiosk.enabled=false", "--set", "tts.cache_mb=0", "--set", "llm.model=none")
NO_CALL = ("--set", "dialog.wake_word=false", "--set", "dialog.echo_cancellation=false",
           "--set", "dialog.follow_up_s=0", "--set", "llm.timeout_s=0.5")  # fmt: skip
HEARD_HZ = 24_000
ENDED = (130, 74)
"""After a signal. 74: a device was not closed within seconds, as on a busy machine."""
WAIT_S = 300.0
"""For anything: a bound for what hangs, far beyond what a busy machine takes."""


class Place:
    """Folders of one device: its state outlives its processes."""

    def __init__(self, root: Path, server: SoundServer) -> None:
        self.root = root
        self.server = server
        self.state = root / "state"
        self.cache = root / "cache"
        self.orders = root / "orders"
        for folder in (self.state, self.cache / "hean"):
            folder.mkdir(parents=True)
        # What was computed of the knowledge base: seconds of work that no test here is about.
        if (vectors := Config().cache / "vectors").is_dir():
            shutil.copytree(vectors, self.cache / "hean" / "vectors")

    @property
    def audit(self) -> AuditLog:
        """Its audit log."""
        return AuditLog(self.state / "hean" / "audit.db")

    def outcomes(self) -> list[tuple[str, str]]:
        """Return outcome and error code of all turns, after the whole log was verified."""
        assert self.audit.verify().faults == ()
        rows = [row.fields for row in self.audit.rows()]
        return [(row["outcome"], row["error_code"]) for row in rows if row["kind"] == "turn"]

    def question(self, level: float) -> Path:
        """Return a recording of what the scripted stages understand by its loudness."""
        wav = self.root / "said.wav"
        said = [np.full(int(0.7 * RATE_HZ), level), np.zeros(RATE_HZ)]
        write_wav(wav, np.concatenate(said).astype(np.float32), RATE_HZ)
        return wav

    def say(self, level: float) -> None:
        """Ask what the scripted stages understand; return when it was said to its end."""
        self.play(self.question(level))

    def play(self, wav: Path) -> None:
        """Let the microphone hear a recording."""
        assert self.server.play(wav).wait(60) == 0

    def variables(self) -> dict[str, str]:
        """Return the environment of its processes."""
        kept = ("XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_SERVER")
        sound = {key: self.server.environment[key] for key in kept}
        own = {"XDG_STATE_HOME": str(self.state), "XDG_CACHE_HOME": str(self.cache)}
        return environment(**sound, **own, **{ORDERS: str(self.orders)})


class Daemon(LiveProcess):
    """A running daemon that tells a supervisor how it is."""

    def __init__(self, process: subprocess.Popen[str], told: socket.socket, began_s: float) -> None:
        super().__init__(process)
        self._told = told
        self._began_s = began_s
        self.ready_s = 0.0
        """From its start until it told that it is ready."""

    def until_ready(self, seconds: float = WAIT_S) -> Daemon:
        """Wait until it listens."""
        end_s = time.monotonic() + seconds
        while not self.ready_s:
            assert time.monotonic() < end_s, (self.said("", "err"), self.said(""))
            assert self.process.poll() is None, (self.process.poll(), self.said("", "err"))
            self._look()
        return self

    def until_ready_again(self, seconds: float = WAIT_S) -> None:
        """Wait until it listens after it began anew."""
        self.ready_s = 0.0
        self.until_ready(seconds)

    def wait_for(
        self, label: str, name: str = "out", count: int = 1, seconds: float = WAIT_S
    ) -> str:
        """Return the line number `count` that begins with a label, as soon as it is there."""
        return super().wait_for(label, name, count, seconds)

    def _look(self) -> None:
        try:
            message = self._told.recv(4096)
        except TimeoutError:
            return
        # A supervisor that is told so would no longer wait for it.
        assert message != b"STOPPING=1"
        if message.startswith(b"READY=1"):
            self.ready_s = time.monotonic() - self._began_s

    def end(self, with_signal: signal.Signals | None = None, seconds: float = WAIT_S) -> Result:
        """Return its output once it has ended, by itself or by a signal."""
        return super().end(with_signal, seconds)


@contextmanager
def daemon(
    place: Place, program: Sequence[str] = REAL, *words: str, prefix: Sequence[str] = ()
) -> Iterator[Daemon]:
    """Run a daemon; it does not outlive the block. `prefix` is a program that runs it."""
    address = place.root / f"notify-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(address))
        told.settimeout(0.2)
        began_s = time.monotonic()
        with subprocess.Popen(
            [*prefix, *program, "run", *COMMON, *(NO_CALL if program is SCRIPTED else ()), *words],
            cwd=place.root,
            env={**place.variables(), "NOTIFY_SOCKET": str(address)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            running = Daemon(process, told, began_s)
            try:
                yield running
            finally:
                process.kill()
                running.end()


def has_earcon(wav: Path, name: str) -> bool:
    """Tell whether a recording of the loudspeaker has an earcon in it."""
    sound = earcon(name, HEARD_HZ)
    audio, _ = read_audio(wav, HEARD_HZ)
    return likeness(audio, sound) > 0.5


def likeness(audio: Samples, sound: Samples) -> float:
    """Return the highest normalised correlation of a sound with any part of audio."""
    product = np.abs(np.correlate(audio, sound, "valid"))
    energy = np.convolve(np.square(audio), np.ones(len(sound)), "valid")
    loud = energy > 0.1 * np.square(sound).sum()
    if not loud.any():
        return 0.0
    return float(np.max(product[loud] / np.sqrt(energy[loud] * np.square(sound).sum())))
