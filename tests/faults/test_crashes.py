"""Native crashes, a killed process and too little memory: the real daemon, started again."""

from __future__ import annotations

import contextlib
import resource
import signal
import subprocess

import pytest

from tests.commands import DATA
from tests.faults.lab import ENDED, REAL, SCRIPTED, Place, daemon
from voice.events import Outcome

NO_CALL = ("--set", "dialog.wake_word=false", "--set", "dialog.follow_up_s=0")
IDLE = "state       idle"
MEANWHILE_S = 20.0
"""How long it has too little memory."""
ROOM_MB = 40
"""Too little for recognition and synthesis, which take some hundred megabytes."""


@pytest.mark.models
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_after_a_crash_while_it_speaks_the_next_start_has_all_turns(
    place: Place, number: signal.Signals
) -> None:
    with daemon(place, REAL, *NO_CALL) as running:
        running.until_ready()
        resource.prlimit(running.process.pid, resource.RLIMIT_CORE, (0, 0))
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE)
        place.play(DATA / "zh-water.flac")
        running.wait_for("answer", count=2)
        assert running.end(number).code == -number
    assert place.outcomes() == [("answered", "")]
    with daemon(place, REAL, *NO_CALL) as running:
        running.until_ready()
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE)
        assert running.end(signal.SIGTERM).code in ENDED
    assert place.outcomes() == [("answered", "")] * 2


@pytest.mark.parametrize("stage", ["ears", "voice"])
def test_a_native_crash_in_a_stage_is_one_exit_code_for_the_supervisor(
    place: Place, stage: str
) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        place.orders.write_text(f"{stage} segv")
        place.say(0.3)
        assert running.end().code == -signal.SIGSEGV
    assert place.outcomes() == []
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        place.say(0.3)
        running.wait_for(IDLE)
        assert running.end(signal.SIGTERM).code in ENDED
    assert place.outcomes() == [("answered", "")]


@pytest.mark.models
def test_with_too_little_memory_a_turn_fails_or_the_run_ends_but_nothing_hangs(
    place: Place,
) -> None:
    with daemon(place, REAL, *NO_CALL) as running:
        running.until_ready()
        pid = running.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (virtual_bytes(pid) + ROOM_MB * 2**20, before[1]))
        place.play(DATA / "zh-water.flac")
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(MEANWHILE_S)  # whatever comes of it: an answer, a fault, an end
        if running.process.poll() is None:
            resource.prlimit(pid, resource.RLIMIT_AS, before)
            place.play(DATA / "zh-water.flac")
            running.wait_for("decision    verbatim")
            assert running.end(signal.SIGTERM).code in ENDED
    assert {outcome for outcome, _ in place.outcomes()} <= {outcome.value for outcome in Outcome}


def virtual_bytes(pid: int) -> int:
    """Return the address space of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
