"""What this machine is, as bundles ask for it."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

from llm.flash.bundle import Keys, load_keys
from llm.flash.policy import Device
from llm.flash.traits import prompts_sha256
from models.manifest import read_manifest
from models.store import Store
from voice import __version__
from voice.bootstrap import cpu_flags
from voice.config import Config
from voice.device.clock import today

_BOARD = Path("/proc/device-tree/model")


def this_device(config: Config) -> Device:
    """Return what this machine is."""
    return Device(
        tuple(filter(None, (socket.gethostname(), platform.machine(), _board()))),
        __version__,
        frozenset(cpu_flags()),
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6,
        prompts_sha256(),
        today(config).isoformat(),
    )


def trusted(config: Config) -> Keys:
    """Return the keys whose bundles this device takes."""
    return load_keys(config.flash_keys)


def bases(config: Config) -> dict[str, Path]:
    """Return the files of the installed models, which bundles may build on, by SHA-256."""
    store = Store(config.store)
    found: dict[str, Path] = {}
    for model in store.installed():
        folder = store.folder(model.id)
        try:
            kept_files = read_manifest(folder).files.values()
        except (OSError, ValueError):
            continue  # a damaged model is no base; `hean models verify` tells
        found |= {kept.sha256: folder / kept.path for kept in kept_files}
    return found


def _board() -> str:
    try:
        return _BOARD.read_text("utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""
