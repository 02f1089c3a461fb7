"""USB sticks that are plugged in, where bundles come by hand.

systemd/70-hean.rules mounts them read-only below /run/hean/media, under the name of the device
(sda1): names of file systems are written by strangers. A desktop mounts them below /media/USER or
/run/media/USER.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

FOLDERS = (Path("/run/hean/media"), Path("/media"), Path("/run/media"))
_DEEPEST = 2
"""A desktop has a folder for each user between."""


def media(folders: Sequence[Path] = FOLDERS) -> list[Path]:
    """Return the folders of the sticks that are mounted now."""
    return [stick for folder in folders for stick in _mounted(folder, _DEEPEST)]


def _mounted(folder: Path, deepest: int) -> list[Path]:
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:  # not there, or pulled out just now
        return []
    found = []
    for path in inside:
        if os.path.ismount(path):
            found.append(path)
        elif deepest > 1:
            found += _mounted(path, deepest - 1)
    return found
