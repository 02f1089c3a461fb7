"""A Debian with systemd, kept as a folder: the machine on which installation is rehearsed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.device.image import run_tool

RELEASES = ("bookworm", "trixie")
TOOLS = ("debootstrap", "systemd-nspawn")
_BASE = ("systemd", "systemd-sysv", "dbus", "udev", "kmod")
_PACKAGES = (
    *("python3", "libgomp1", "libportaudio2"),  # what the program needs
    *("pulseaudio", "pulseaudio-utils", "libasound2-plugins"),  # a sound card without one
    *(
        "libpam-systemd",
        "cage",
        "xwayland",
        "chromium",
        "fonts-wqy-microhei",
    ),  # what the screen needs
)
_NOT_KEPT = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man")
_CHROOT = ("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "chroot")


def find_debian(cache: Path, release: str) -> Path | None:
    """Return the folder of a Debian that was made before, None if there is none."""
    folder = cache / "debian" / f"{release}-{_recipe()}"
    return folder if folder.exists() else None


def make_debian(cache: Path, release: str) -> Path:
    """Return the folder of a Debian; made on first use (minutes, as root, from a Debian mirror).

    Raises ImageError.
    """
    if found := find_debian(cache, release):
        return found
    folder = cache / "debian" / f"{release}-{_recipe()}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as work:
        root = Path(work) / "root"
        included = ",".join(_BASE)
        run_tool("debootstrap", "--variant=minbase", f"--include={included}", release, str(root))
        # In two steps, for debootstrap cannot configure all of these; and nothing may be started.
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        apt = [*_CHROOT, str(root), "apt-get", "install", "-y", "--no-install-recommends"]
        apt += ["-o", "Dpkg::Options::=--force-unsafe-io"]  # it is thrown away if it is cut off
        run_tool(*apt, *_PACKAGES)
        policy.unlink()
        for left in _NOT_KEPT:
            shutil.rmtree(root / left)
        root.rename(folder)
    return folder


@contextmanager
def copy_of(debian: Path) -> Iterator[Path]:
    """Yield a folder that begins as this Debian and is thrown away with all that was changed."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory()))
        for name in ("changed", "work", "root"):
            (work / name).mkdir()
        layers = f"lowerdir={debian},upperdir={work / 'changed'},workdir={work / 'work'}"
        root = work / "root"
        run_tool("mount", "-t", "overlay", "overlay", "-o", layers, str(root))
        stack.callback(subprocess.run, ["umount", "--recursive", str(root)], check=True)
        yield root


def _recipe() -> str:
    recipe = "\n".join((*_BASE, *_PACKAGES, *_NOT_KEPT))
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]
