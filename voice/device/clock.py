"""The clock of a machine without battery and network: known to be wrong when it stands in the past.

Two things cannot lie in the future: the files of this software, and the last time that the device
noted while it ran. What runs out on a day (a bundle, a signature) is judged by the latest of these
and the clock: setting the clock back does not bring it back, and a clock at 1970 refuses nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import date, datetime, timezone
from pathlib import Path

from llm.files import write_whole
from voice.config import Config

_FILE = "last-seen"
_LONGEST_PAUSE_S = 3 * 365 * 86_400
"""A clock that has jumped further than this is not noted: once a wrong year was, the right one
would count as past. What runs out has run out by it all the same."""
_SLACK_S = 120.0
_END_S = 4_102_444_800
"""The year 2100: a note beyond is a damaged one."""


def known_s(config: Config) -> float:
    """Return a time that has passed for certain, in seconds since 1970."""
    return max(_built_s(), _noted_s(_file_of(config)))


def problem(config: Config, now_s: float | None = None) -> str:
    """Return why the clock cannot be right, "" if it can."""
    now_s, earliest_s = time.time() if now_s is None else now_s, known_s(config)
    shown = f"the clock shows {_day(now_s)}"
    if now_s < earliest_s - _SLACK_S:
        return f"{shown}, but it was {_day(earliest_s)} already"
    if now_s > earliest_s + _LONGEST_PAUSE_S:
        return f"{shown}, years after this device last ran ({_day(earliest_s)})"
    return ""


def today(config: Config, now_s: float | None = None) -> date:
    """Return the day by which it is judged what has run out."""
    now_s = time.time() if now_s is None else now_s
    return _day(max(known_s(config), now_s))


def note(config: Config, now_s: float | None = None) -> None:
    """Remember the time, if it can be right. A disk that cannot be written costs the note only."""
    now_s = time.time() if now_s is None else now_s
    if not problem(config, now_s):
        accept(config.store.parent, now_s)


def accept(data: Path, now_s: float | None = None) -> None:
    """Remember the time, whatever it is: somebody who sees the clock says that it is right."""
    if data.is_dir():
        with suppress(OSError):
            write_whole(data / _FILE, f"{int(time.time() if now_s is None else now_s)}\n")


def _file_of(config: Config) -> Path:
    return config.store.parent / _FILE


def _noted_s(path: Path) -> float:
    try:
        seconds = int(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0.0
    return float(seconds) if 0 <= seconds < _END_S else 0.0


def _built_s() -> float:
    return Path(__file__).stat().st_mtime


def _day(seconds: float) -> date:
    return datetime.fromtimestamp(seconds, timezone.utc).date()
