"""What the machine brings: Debian packages and systemd, also of a system in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from voice.device import Place
from voice.errors import StageError, UsageError

SOUND = (("libportaudio2",), ("libgomp1",))
SCREEN = (
    ("cage",),
    ("xwayland",),  # cage of Debian 12 does not start without it
    ("chromium", "chromium-browser"),  # the second is its name on Raspberry Pi OS
    ("libpam-systemd",),
    ("fonts-wqy-microhei", "fonts-noto-cjk", "fonts-wqy-zenhei"),
)
"""Packages that are needed; of each row one, the first if none is there."""
_RUNNING = Path("/run/systemd/system")
_PACKAGES = Path("var/lib/dpkg/status")


def check(place: Place) -> None:
    """Refuse a machine that cannot be made a device. Raises UsageError."""
    if os.geteuid() != 0:
        raise UsageError("only root can do that", "sudo hean device ...")
    if not (place.root / "etc").is_dir():
        raise UsageError(f"{place.root} holds no system", "name the root of a Debian")
    if place.live and not _RUNNING.is_dir():
        raise UsageError(
            "systemd does not run here", "start `hean run` by other means, or use --root DIR"
        )
    if not (place.root / _PACKAGES).exists():
        raise UsageError(
            f"{_name_of(place)} is no Debian", "Debian 12, 13 and Raspberry Pi OS are supported"
        )


def _name_of(place: Place) -> str:
    """Return what the system calls itself."""
    try:
        lines = (place.root / "etc/os-release").read_text("utf-8").splitlines()
    except OSError:
        return "this system"
    named = dict(line.split("=", 1) for line in lines if "=" in line)
    return named.get("PRETTY_NAME", "this system").strip('"')


def description(place: Place) -> str:
    """Return name of the system and its kernel."""
    return f"{_name_of(place)}, Linux {os.uname().release}"


def missing_packages(place: Place, needed: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the Debian packages that have to be installed."""
    have = set(_installed_packages(place))
    return [names[0] for names in needed if not have & {*names}]


def _installed_packages(place: Place) -> list[str]:
    found = []
    for entry in (place.root / _PACKAGES).read_text("utf-8", errors="replace").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line)
        if fields.get("Status", "").endswith(" installed"):
            found.append(fields.get("Package", ""))
    return found


def install_packages(place: Place, names: list[str]) -> None:
    """Install Debian packages. Raises StageError with the command to be tried by hand."""
    inside = () if place.live else ("chroot", str(place.root))
    install = ("apt-get", "install", "-y", "--no-install-recommends", *names)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("apt-get", "update"), install):
        done = subprocess.run(
            [*inside, *command], capture_output=True, text=True, env=environment, check=False
        )
    if done.returncode:
        raise StageError(
            f"packages cannot be installed from here: {', '.join(names)}",
            f"{' '.join((*inside, *install))}   (or --no-kiosk, without a screen)",
        )


def give(place: Place, folder: Path, user: str) -> None:
    """Let a folder and all in it belong to a user of the place."""
    rows = [line.split(":") for line in (place.root / "etc/passwd").read_text("utf-8").splitlines()]
    ids = next((int(row[2]), int(row[3])) for row in rows if row[0] == user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, *ids, follow_symlinks=False)


def systemctl(place: Place, *words: str) -> str:
    """Run systemctl, in a folder as far as it can there; return what it says.

    Raises StageError.
    """
    where = () if place.live else (f"--root={place.root}",)
    return run("systemctl", *where, *words)


def unit_state(name: str) -> dict[str, str]:
    """Return what the running systemd says of a unit, by property; nothing if it does not run."""
    command = ["systemctl", "show", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def run(*command: str) -> str:
    """Run a program of the system; return what it says. Raises StageError."""
    if not shutil.which(command[0]):
        raise StageError(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"code {done.returncode}"]
        raise StageError(f"{' '.join(command)}: {said[-1]}")
    return done.stdout
