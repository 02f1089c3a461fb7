"""Programs that the daemon started, and that die: natively, or killed for want of memory."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.faults.lab import ENDED, REAL, SCRIPTED, Daemon, Place, daemon

ALARM = 0.3
READER, REHEARSAL = b"grep\0--line-buffered", b"llm.rehearsal"


def child(running: Daemon, words: bytes) -> int:
    """Wait for a child process with these words on its command line; return its number."""
    found: list[int] = []

    def look() -> bool:
        pid = running.process.pid
        for task in Path(f"/proc/{pid}/task").iterdir():
            for number in map(int, (task / "children").read_text().split()):
                if words in Path(f"/proc/{number}/cmdline").read_bytes():
                    found.append(number)
        return bool(found)

    running.wait_until(look)
    return found[0]


def test_the_reader_of_what_libraries_print_may_die(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        os.kill(child(running, READER), signal.SIGSEGV)
        place.say(ALARM)
        running.wait_for("answer      先进屋。")
        running.wait_for("state       idle")
        place.orders.write_text("search bug")
        place.say(ALARM)
        running.until_ready_again()
        place.say(ALARM)
        running.wait_for("answer      先进屋。", count=2)
        assert running.end(signal.SIGTERM).code in ENDED
    assert place.outcomes()[0] == ("answered", "")


@pytest.mark.models
def test_a_language_model_that_crashes_llama_cpp_is_told_at_the_start(place: Place) -> None:
    with daemon(place, REAL, "--set", "llm.model=qwen2.5-coder-0.5b") as running:
        os.kill(child(running, REHEARSAL), signal.SIGSEGV)
        result = running.end()
    assert result.code == 70, result
    told, *_ = [line for line in result.err.splitlines() if line.startswith("hean: ")]
    assert "llama.cpp crashed while it tried" in told
    assert "(SIGSEGV): fetch the model again" in told
    assert "Traceback" not in result.err
