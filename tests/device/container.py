"""A machine in a container: the same systemd as on a device, no network, a virtual sound card."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_BOOT_S, _END_S = 600.0, 60.0
_LOOK_AGAIN_S = 0.2
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}


class ContainerError(Exception):
    """A container cannot be had; the message is one line."""


@dataclass(frozen=True)
class Result:
    """What a command inside left behind."""

    code: int
    out: str


class Container:
    """A Debian in a folder that can be booted, and booted again."""

    def __init__(self, root: Path, shown: Mapping[Path, str]) -> None:
        """Take its root, and folders of this machine to be shown inside, read-only."""
        self.root = root
        self._shown = shown
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._first = 0
        """Its first process, as seen from here."""

    @contextmanager
    def booted(self, *options: str) -> Iterator[None]:
        """Let it run while the block does. Raises ContainerError."""
        command = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--boot"]
        command += ["--private-network", "-D", str(self.root), *options]
        command += [f"--bind-ro={source}:{path}" for source, path in self._shown.items()]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        ) as self._nspawn:
            try:
                self._first = until(self._child, _BOOT_S, "the container does not start")
                until(self._is_up, _BOOT_S, "the container does not come up")
                yield
            finally:
                self._end()

    def run(self, *command: str) -> Result:
        """Run a command as root inside."""
        inside = ["nsenter", f"--target={self._first}", "--all", "--", "env", "-i"]
        inside += [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        done = subprocess.run(
            [*inside, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return Result(done.returncode, done.stdout.decode(errors="replace"))

    def said(self, *command: str) -> str:
        """Run a command that must succeed; return what it says. Raises ContainerError."""
        result = self.run(*command)
        if result.code:
            last = result.out.strip().splitlines()[-1:]
            raise ContainerError(f"{' '.join(command)}: {last or result.code}")
        return result.out

    def unit(self, name: str) -> dict[str, str]:
        """Return what systemd says of a unit, by property."""
        out = self.run("systemctl", "show", name).out
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def journal(self, unit: str) -> str:
        """Return what a unit has written since the boot."""
        return self.run("journalctl", "--no-pager", "-b", "-o", "cat", "-u", unit).out

    def _child(self) -> int:
        assert self._nspawn
        pid = self._nspawn.pid
        if self._nspawn.poll() is not None:
            raise ContainerError(f"systemd-nspawn ended with code {self._nspawn.returncode}")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def _is_up(self) -> bool:
        state = self.run("systemctl", "is-system-running").out.strip()
        return state in ("running", "degraded")

    def _end(self) -> None:
        assert self._nspawn
        if self._nspawn.poll() is None:
            self._nspawn.send_signal(signal.SIGTERM)  # an ordered shutdown
            try:
                self._nspawn.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()


def missing() -> str:
    """Return why no container can be had here, "" if one can."""
    if os.geteuid() != 0:
        return "it must run as root"
    tools = [tool for tool in ("systemd-nspawn", "nsenter") if not shutil.which(tool)]
    return f"missing: {', '.join(tools)} (apt-get install systemd-container)" if tools else ""


def until(look: Callable[[], int], within_s: float, problem: str) -> int:
    """Return what `look` finds as soon as it is not nothing. Raises ContainerError."""
    end_s = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > end_s:
            raise ContainerError(f"{problem} within {within_s:.0f} s")
        time.sleep(_LOOK_AGAIN_S)
    return found
