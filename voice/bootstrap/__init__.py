"""What `./hean` does before the program can start: make a fresh machine ready.

Standard library only, for it runs before anything is installed. Each step leaves a stamp when it
is done, so that an interrupted start goes on where it stopped and a later one is quick.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class SetupError(Exception):
    """The machine cannot be made ready; one line that says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where a checkout and all that belongs to it are kept."""

    root: Path
    """The checkout."""
    venv: Path
    """Its virtual environment."""
    cache: Path
    """What outlives checkouts: compiled wheels, the lock, the log."""

    @property
    def python(self) -> list[str]:
        """Return the interpreter; -I keeps PYTHONPATH and the working directory out."""
        return [str(self.venv / "bin" / "python"), "-I"]

    @property
    def read_only(self) -> bool:
        """Return whether nothing can be written beside the launcher."""
        return self.venv.parent != self.root


def find_place(root: Path) -> Place:
    """Return where things are for the checkout `root`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hean"
    venv = root / ".venv"
    if not venv.exists() and not os.access(root, os.W_OK):
        venv = cache / f"venv-{digest(str(root))}"
    return Place(root, venv, cache)


def digest(text: str) -> str:
    """Return a short name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Let one start at a time change anything.

    The lock is inherited by the commands run under it: if the launcher is killed, the next start
    waits for what is still at work.
    """
    place.cache.mkdir(parents=True, exist_ok=True)
    with open(place.cache / "setup.lock", "w", encoding="utf-8") as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("hean: another start is preparing this machine; waiting", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


# Stamps -----------------------------------------------------------------------------------

Stamps = dict[str, Any]


def goal(place: Place, *, dev: bool, models: bool, train: bool = False) -> Stamps:
    """Return the stamps a command needs; equal stamps = nothing to do."""
    project = digest(requirements(place) + (_sources(place) if place.read_only else ""))
    stamps = {"venv": venv_identity(place), "project": project}
    if dev:
        stamps["dev"] = project
    if train:
        stamps["train"] = project
    if models:
        stamps["models"] = digest((place.root / "models" / "catalog.toml").read_text("utf-8"))
    return stamps


def requirements(place: Place) -> str:
    """Return the part of pyproject.toml that says what to install."""
    return (place.root / "pyproject.toml").read_text("utf-8").split("\n[tool.")[0]


def _sources(place: Place) -> str:
    """Return a text that changes with the code; for checkouts that are installed as a copy."""
    files = sorted(place.root.glob("[vkalm]*/**/*.*"))
    return "".join(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}\n" for path in files)


def venv_identity(place: Place) -> str:
    """Return what must not change under an environment: its place and its interpreter."""
    return f"{place.venv} {os.path.realpath(place.python[0])}"


def read_stamps(place: Place) -> Stamps:
    """Return which steps are done; none if the environment is missing or damaged."""
    try:
        stamps = json.loads((place.venv / "hean.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def write_stamps(place: Place, stamps: Stamps) -> None:
    """Record which steps are done; what they made is on the disk before."""
    os.sync()
    temporary = place.venv / "hean.json.new"
    temporary.write_text(json.dumps(stamps, indent=2) + "\n", "utf-8")
    temporary.replace(place.venv / "hean.json")


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Return the instruction sets of this processor."""
    text = cpuinfo.read_text("utf-8", errors="replace")
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return set(found.group(1).split()) if found else set()


def is_ready(place: Place, wanted: Stamps) -> bool:
    """Return whether all steps are done, for this processor."""
    stamps = read_stamps(place)
    done = all(stamps.get(step) == value for step, value in wanted.items())
    return done and set(stamps.get("cpu", ())) <= cpu_flags()
