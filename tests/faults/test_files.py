"""Files that go bad under the running daemon: a disk that fills up or dies, audit, settings."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.faults.lab import ENDED, SCRIPTED, Daemon, Place, daemon

ALARM = 0.3
DISK_KB = 512
"""Room for an audit log of some rows."""


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Put a small file system of its own in the place of a folder."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KB}k", "tmpfs", str(folder)]
    if (done := subprocess.run(words, capture_output=True, text=True, check=False)).returncode:
        pytest.skip(f"no file system of our own, which takes root: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Leave no block free."""
    ballast = folder / "ballast"
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    yield
    ballast.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Mount it so that nothing can be written, as the kernel does when a card dies."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


@pytest.mark.parametrize("fault", [full, read_only])
def test_a_disk_that_fills_up_or_dies_costs_the_rows_not_the_answers(
    place: Place, fault: Callable[[Path], AbstractContextManager[None]]
) -> None:
    with disk(place.state), daemon(place, SCRIPTED) as running:
        running.until_ready()
        ask(place, running)
        with fault(place.state):
            ask(place, running)
            running.wait_for("the audit log ", "err", seconds=30)
        ask(place, running)
        assert running.end(signal.SIGTERM).code in ENDED
        assert place.outcomes() == [("answered", "")] * 2


def test_an_audit_log_that_is_overwritten_costs_the_rows_not_the_answers(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        ask(place, running)
        place.audit.path.write_bytes(os.urandom(20_000))
        ask(place, running)
        assert "is damaged" in running.wait_for("the audit log ", "err")
        assert running.end(signal.SIGTERM).code in ENDED


def test_settings_that_were_damaged_end_it_when_it_begins_anew(place: Place) -> None:
    config = place.root / "hean.toml"
    config.write_text("[tts]\nspeed = 1.0\n")
    with daemon(place, SCRIPTED, "--config", str(config)) as running:
        running.until_ready()
        config.write_text("[tts]\nspe")
        ask(place, running)
        place.orders.write_text("voice hang")
        place.say(ALARM)
        result = running.end()
    assert result.code == 78, result
    told, advice = result.err.splitlines()[-2:]
    assert told.startswith("hean: ")
    assert str(config) in told
    assert advice.startswith("      ")


def ask(place: Place, running: Daemon) -> None:
    """Ask a question; it is answered to its end."""
    answered, idle = (len(running.said(label)) for label in ("answer", "state       idle"))
    place.say(ALARM)
    running.wait_for("answer      先进屋。", count=answered + 1)
    running.wait_for("state       idle", count=idle + 1)
