"""The first starts of a new slot: ready in time, or the slot before is back by itself."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from llm.flash import FlashError
from llm.flash.journal import TRIAL, Outcome
from llm.flash.slots import Slots
from voice.active_slot import now, slots_of, without_trial
from voice.config import Config
from voice.errors import HeanError, StageError, translated
from voice.flash.record import record

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")
_DAEMON = "daemon.lock"


def load_on_trial(config: Config, load: Callable[[Config], _T]) -> _T:
    """Load what the slot in use brings, and prove the slot good if it is on trial.

    If it does not load, the slot before is back and loaded instead. If it hangs, the process ends
    after the time that the manifest allows: the next start counts, and the third goes back. On a
    disk that cannot be written no slot is tried, for its starts could not be counted.
    """
    slots = slots_of(config)
    if not config.flash_folder.is_dir():
        return load(config)
    before = slots.status().journal.last
    try:
        slots.begin_start(now())
    except FlashError as error:  # a disk that cannot be written must not keep it from answering
        _LOGGER.error("%s; %s", error, error.fix)
        return load(without_trial(config))
    status = slots.status()
    if status.journal.last != before:  # it went back by itself: no tries left, or damaged
        _tell_failure(config, status.journal.last)
    if status.journal.state != TRIAL or status.current is None:
        return load(config)
    try:
        with _deadline(status.current.manifest.health.ready_s), translated():
            loaded = load(config)
    except HeanError as error:
        _LOGGER.error("the new model is not used: %s", error.message)
        with _told():
            fail(config, slots, error.message)
        return load(without_trial(config))
    with _told():
        prove(config, slots)
    return loaded


@contextmanager
def _told() -> Iterator[None]:
    """Let a disk that cannot be written cost the record, not the answers."""
    try:
        yield
    except FlashError as error:
        _LOGGER.error("%s; %s", error, error.fix)


def prove(config: Config, slots: Slots) -> None:
    """The slot on trial has answered: keep it."""
    slots.mark_good(now())
    record(config, slots.status().journal.last)


def fail(config: Config, slots: Slots, reason: str) -> None:
    """The slot on trial does not work: go back, and say so in log and audit."""
    slots.fail(reason, now())
    _tell_failure(config, slots.status().journal.last)


def _tell_failure(config: Config, outcome: Outcome) -> None:
    _LOGGER.error(
        "%s version %s: %s; the one before is back", outcome.name, outcome.version, outcome.reason
    )
    record(config, outcome)


@contextmanager
def announced(config: Config) -> Iterator[bool]:
    """Let others see that a daemon runs here, which takes new slots by itself.

    Yields False where that cannot be written: then there are no slots to take either.
    """
    with ExitStack() as stack:
        try:
            config.flash_folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((config.flash_folder / _DAEMON).open("w"))
            fcntl.flock(file, fcntl.LOCK_SH)
        except OSError as error:
            _LOGGER.warning("no new models are taken while running: %s", error)
            yield False
            return
        yield True


def daemon_runs(config: Config) -> bool:
    """Tell whether a daemon runs that uses these slots."""
    path: Path = config.flash_folder / _DAEMON
    if not path.exists():
        return False
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """End the process if the block lasts longer: native code cannot be interrupted."""
    timer = threading.Timer(seconds, _end, (seconds,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(seconds: float) -> None:
    _LOGGER.error("the new model was not ready within %g s", seconds)
    os._exit(StageError.exit_code)
