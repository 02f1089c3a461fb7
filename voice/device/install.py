"""Puts He'an in place on a machine, and takes it away again: each step once, each said."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from models.progress import Progress, silent
from voice.config import Config
from voice.device import Place, clock
from voice.device.parts import (
    Data,
    Files,
    Packages,
    Part,
    Program,
    Settings,
    Users,
    Wish,
)
from voice.device.services import Services
from voice.device.system import check
from voice.errors import StageError

_LOCK = "run/lock/hean-device.lock"
DONE, ALREADY, TO_DO = "done", "already", "to do"


@dataclass(frozen=True)
class Step:
    """What came of one part."""

    part: str
    state: str
    """done, already (nothing was to be done) or to do (only looked at)."""
    text: str


Tell = Callable[[Step], None]


def install(
    config: Config,
    place: Place,
    wish: Wish,
    tell: Tell,
    *,
    dry_run: bool = False,
    progress: Progress = silent,
) -> list[Step]:
    """Put in place what is missing. Safe to be interrupted and started again. Raises HeanError."""
    check(place)
    services = Services(place, wish)
    parts: list[Part] = [
        Packages(place, wish),
        Program(place, wish),
        Files(place, wish),
        Users(place, wish),
        Data(place, wish, config, progress),
        Settings(place, wish, config),
    ]
    steps: list[Step] = []
    with _alone(place):
        for part in parts:
            steps.append(_step(part.name, part.missing(), part.install, dry_run))
            tell(steps[-1])
        changed = any(step.state != ALREADY for step in steps)
        waiting = services.missing() or ("started anew" if changed else "")
        if not dry_run:
            clock.accept(place.data)
        steps.append(_step(services.name, waiting, services.install, dry_run))
        tell(steps[-1])
    return steps


def uninstall(
    config: Config, place: Place, wish: Wish, tell: Tell, *, dry_run: bool = False
) -> list[Step]:
    """Take away what `install` put in place; data only if asked for. Raises HeanError."""
    check(place)
    parts: list[Part] = [
        Services(place, wish),
        Files(place, wish),
        Settings(place, wish, config),
        Data(place, wish, config),
        Users(place, wish),
        Program(place, wish),
    ]
    steps: list[Step] = []
    with _alone(place):
        for part in parts:
            steps.append(_step(part.name, part.present(), part.remove, dry_run))
            tell(steps[-1])
        if not dry_run:
            Services(place, wish).settle()
    return steps


def _step(name: str, waiting: str, act: Callable[[], None], dry_run: bool) -> Step:
    if not waiting:
        return Step(name, ALREADY, "nothing to do")
    if not dry_run:
        act()
    return Step(name, TO_DO if dry_run else DONE, waiting)


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Let one installation at a time change a machine. Raises StageError."""
    path = place.root / _LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageError("another installation is at work here", "wait for its end") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
