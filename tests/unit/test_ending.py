"""Ends that are asked for by a signal; each in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.commands import ROOT, environment
from voice.errors import EXIT_INTERRUPTED
from voice.process.ending import Ending

BEGIN = """
import signal, threading, time
from contextlib import closing
from voice.process import ending
ended = threading.Event()
"""
STARTS = "with closing(ending.Ending()):\n    print('ready', flush=True)\n    time.sleep(60)"
RUNS = """
with closing(ending.Ending()) as end:
    with end.by({by}):
        print("ready", flush=True)
        {does}
print("not reached")
"""
WAITS = "ended.wait(60); print('ended in order', flush=True)"


@contextmanager
def program(text: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that is ready."""
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN + text],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def left(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return its exit code and what it said meanwhile."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_where_nothing_is_to_be_ended_the_process_just_ends(number: signal.Signals) -> None:
    with program(STARTS) as process:
        process.send_signal(number)
        assert left(process) == (EXIT_INTERRUPTED, "", "hean: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_runs_is_ended_in_order_and_then_the_process(number: signal.Signals) -> None:
    with program(RUNS.format(by="ended.set", does=WAITS)) as process:
        process.send_signal(number)
        code, out, err = left(process)
    assert (code, out) == (EXIT_INTERRUPTED, "ended in order\n")
    assert err.splitlines()[-1] == "KeyboardInterrupt"


def test_the_end_comes_before_whatever_came_of_it() -> None:
    with program(RUNS.format(by="ended.set", does="ended.wait(); raise ValueError")) as process:
        process.send_signal(signal.SIGTERM)
        code, out, err = left(process)
    assert (code, out) == (EXIT_INTERRUPTED, "")
    assert err.splitlines()[-1] == "KeyboardInterrupt"


def test_two_signals_at_once_are_one_wish() -> None:
    slow = "lambda: (time.sleep(1.5), ended.set())"
    with program(RUNS.format(by=slow, does=WAITS)) as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert left(process)[:2] == (EXIT_INTERRUPTED, "ended in order\n")


def test_who_asks_again_waits_for_nothing() -> None:
    told = "lambda: print('asked', flush=True)"
    with program(RUNS.format(by=told, does="threading.Event().wait()")) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)  # within a second: the same wish
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.2)
        process.send_signal(signal.SIGINT)
        assert left(process) == (EXIT_INTERRUPTED, "", "hean: interrupted\n")


def test_nobody_to_tell_it_to_does_not_hold_the_end_up() -> None:
    with program("import os\nos.close(2)\n" + STARTS) as process:
        process.send_signal(signal.SIGTERM)
        assert left(process) == (EXIT_INTERRUPTED, "", "")


@pytest.mark.parametrize("by", ["threading.Event().wait", "ended.set"])
def test_what_hangs_is_told_and_left(by: str) -> None:
    hangs = "ending.BOUND_S = 1.0\n" + RUNS.format(by=by, does="threading.Event().wait()")
    with program(hangs) as process:
        process.send_signal(signal.SIGTERM)
        code, out, err = left(process)
    assert (code, out) == (1, "")
    assert "in wait" in err


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    ignores = "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    with program(ignores + RUNS.format(by="ended.set", does=WAITS)) as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert left(process)[1] == "ended in order\n"


def test_without_a_signal_all_is_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with closing(Ending()) as ending, ending.by(lambda: pytest.fail("nobody asked for it")):
        assert signal.getsignal(signal.SIGTERM) is not before[0]
    assert not ending.asked
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert signal.set_wakeup_fd(-1) == -1
    assert "ending" not in [thread.name for thread in threading.enumerate()]
