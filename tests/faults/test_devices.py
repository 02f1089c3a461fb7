"""Devices that go, come back, hang and change under the running daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.faults.lab import ENDED, SCRIPTED, WAIT_S, Daemon, Place, daemon

BACK = "note        the devices are back"
ANEW = "listening with"
BUSY = "while True: pass"


@contextmanager
def high_load() -> Iterator[None]:
    """Keep every core busy twice."""
    with ExitStack() as stack:
        for _ in range(2 * (os.cpu_count() or 1)):
            busy = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
            stack.callback(busy.kill)
        yield


@pytest.mark.parametrize("load", ["quiet", "busy"])
def test_devices_are_lost_and_back(place: Place, load: str, rounds: int) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        with high_load() if load == "busy" else ExitStack():
            for _ in range(rounds):
                lose_and_find(place, running)
        asks(place, running)
        result = running.end(signal.SIGTERM)
    assert result.code in ENDED, result


def test_a_sound_server_that_hangs_is_told_and_the_program_begins_anew(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        place.server.freeze()
        running.wait_for("hean: a sound device hangs and cannot be closed; beginning anew", "err")
        place.server.stop()
        place.server.start()
        running.until_ready_again()
        asks(place, running)
        assert running.end(signal.SIGTERM).code in ENDED


def test_devices_that_change_their_rate_are_heard_on(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        for rate_hz in (48_000, 8_000):
            name = f"headset{rate_hz}"
            words = ("module-null-sink", f"sink_name={name}", f"rate={rate_hz}", "channels=2")
            place.server.control("load-module", *words)
            *_, stream = place.server.control("list", "short", "source-outputs").splitlines()
            place.server.control("move-source-output", stream.split("\t")[0], "mic")
        asks(place, running)
        assert running.end(signal.SIGTERM).code in ENDED


def lose_and_find(place: Place, running: Daemon) -> None:
    """Let the sound server go and come; the daemon mends itself, or begins anew."""
    lost = len(running.said("note        the "))
    back = len(running.said(BACK)) + len(running.said(ANEW, "err"))
    place.server.stop()
    running.wait_for("note        the ", count=lost + 1)
    place.server.start()
    running.wait_until(
        lambda: len(running.said(BACK)) + len(running.said(ANEW, "err")) > back, WAIT_S
    )


def asks(place: Place, running: Daemon) -> None:
    """Ask once more: it hears and answers."""
    answered, idle = (len(running.said(label)) for label in ("answer", "state       idle"))
    place.say(0.3)
    running.wait_for("answer      先进屋。", count=answered + 1)
    running.wait_for("state       idle", count=idle + 1)
    assert place.outcomes()[-1] == ("answered", "")
