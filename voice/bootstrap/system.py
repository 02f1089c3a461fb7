"""System packages: recognised by what they bring, installed with apt."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from voice.bootstrap import Place, SetupError
from voice.bootstrap.process import run


@dataclass(frozen=True)
class Need:
    """Something the system must bring."""

    package: str
    """Debian package that brings it."""
    purpose: str
    present: Callable[[], bool]


def _has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _is_debian() -> bool:
    return platform.freedesktop_os_release().get("ID") in ("debian", "raspbian")


VENV = Need(
    f"python3.{sys.version_info.minor}-venv",
    "virtual environment",
    lambda: importlib.util.find_spec("ensurepip") is not None,
)
OPENMP = Need("libgomp1", "language model", lambda: _has_library("libgomp.so.1"))
PORTAUDIO = Need("libportaudio2", "sound devices", lambda: _has_library("libportaudio.so.2"))
COMPILER = Need("g++", "compiler", lambda: bool(shutil.which("cc") and shutil.which("c++")))
NPM = Need("npm", "fetches the voices", lambda: shutil.which("npm") is not None)

SOUND_TESTS = (
    Need("pulseaudio", "tests: virtual sound card", lambda: bool(shutil.which("pulseaudio"))),
    Need("pulseaudio-utils", "tests: play and record", lambda: bool(shutil.which("paplay"))),
    Need(
        "libasound2-plugins",
        "tests: sound through it",
        lambda: any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")),
    ),
)
"""Sound devices for machines that have none; only `./hean test` and some benchmarks use them."""
BROWSER_TESTS = (
    Need(
        "chromium",
        "tests: the screen",
        # Ubuntu has it as a snap only: there those tests say why they are skipped.
        lambda: bool(shutil.which("chromium")) or not _is_debian(),
    ),
    Need(
        "libatomic1",
        "tests: what steers the browser",
        # The compiler brings it; a machine that found llama.cpp compiled has none.
        lambda: _has_library("libatomic.so.1"),
    ),
    Need(
        "fonts-wqy-microhei",
        "tests: Chinese on the screen",
        lambda: (
            any(Path("/usr/share/fonts").glob("*/*/*CJK*"))
            or any(Path("/usr/share/fonts").glob("*/*/wqy-*"))
        ),
    ),
)
SSH_TESTS = Need(
    "openssh-server",
    "tests: another machine to flash",
    # Where systemd runs, installing it would open the machine to logins: then it is not done
    # unasked, and those tests say why they are skipped.
    lambda: Path("/usr/sbin/sshd").exists() or Path("/run/systemd/system").is_dir(),
)

TESTS = (*SOUND_TESTS, *BROWSER_TESTS, SSH_TESTS)


def ensure(place: Place, needs: Iterable[Need]) -> None:
    """Install the packages of those needs that are not met.

    Raises SetupError with the command for an administrator if it cannot be done from here.
    """
    missing = [need for need in needs if not need.present()]
    if not missing:
        return
    reasons = ", ".join(f"{need.package} ({need.purpose})" for need in missing)
    print(f"hean: system packages needed: {reasons}", file=sys.stderr)
    packages = " ".join(need.package for need in missing)
    install = f"apt-get install -y --no-install-recommends {packages}"
    prefix = _become_root() if shutil.which("apt-get") else None
    if prefix is None:
        raise SetupError(f"they cannot be installed from here; as root: {install}")
    # `dpkg --configure -a` mends what a killed installation left behind.
    script = f"dpkg --configure -a; apt-get update; exec {install} -o DPkg::Lock::Timeout=600"
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", script]
    run(place, "system packages", command, keep_lock=False)
    importlib.invalidate_caches()
    if lacking := ", ".join(need.package for need in missing if not need.present()):
        raise SetupError(f"{lacking}: installed, but of no use to {sys.executable}")


def _become_root() -> list[str] | None:
    """Return what makes a command run as root, asking for a password once; None if nothing."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    asked = subprocess.run(["sudo", "-n", "true"], stderr=subprocess.DEVNULL, check=False)
    if asked.returncode and subprocess.run(["sudo", "-v"], check=False).returncode:
        return None
    return ["sudo", "-n"]
