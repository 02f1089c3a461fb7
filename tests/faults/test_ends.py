"""Signals at random moments of starting, listening, deciding and speaking."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import numpy as np
import pytest

from asr import RATE_HZ
from tests.commands import Result
from tests.faults.lab import COMMON, ENDED, SCRIPTED, WAIT_S, Daemon, Place, daemon
from tests.live_process import started
from voice.audio.wavfile import write_wav

LONGEST_S = 9.0
"""Loading, two questions and the answers to them."""
ENDINGS = {
    signal.SIGTERM: (*ENDED, -signal.SIGTERM),  # by the signal itself before anything was set up
    signal.SIGINT: (*ENDED, -signal.SIGINT),
    signal.SIGKILL: (-signal.SIGKILL,),
}


@pytest.mark.parametrize("number", ENDINGS, ids=lambda number: number.name)
def test_a_signal_at_any_moment_leaves_a_whole_audit(
    place: Place, number: signal.Signals, rounds: int
) -> None:
    moments = random.Random(number)
    recorded = 0
    for _ in range(rounds):
        with daemon(place, SCRIPTED) as running, talk(place):
            time.sleep(moments.uniform(0.1, LONGEST_S))
            result = running.end(number)
        assert result.code in ENDINGS[number] or in_python_itself(result), result
        assert result.code != 130 or "Traceback" not in result.err, result
        outcomes = place.outcomes()  # verified
        assert {outcome for outcome, _ in outcomes} <= {"answered", "cancelled"}
        assert len(outcomes) >= recorded
        recorded = len(outcomes)
    with daemon(place, SCRIPTED) as running:
        answers(running, place)
    assert place.outcomes()[-1] == ("answered", "")


def test_a_signal_that_comes_when_a_lock_was_just_taken_ends_it(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        place.orders.write_text("taken end")
        assert running.end().code == 130
        assert not place.orders.exists()


@pytest.mark.models
@pytest.mark.parametrize("words", [("ask", "--mic"), ("wake", "test", "--mic")], ids=" ".join)
def test_ctrl_c_when_a_lock_was_just_taken_ends_what_listens_once(
    place: Place, words: tuple[str, ...]
) -> None:
    place.orders.write_text("taken interrupt")
    with started((*SCRIPTED, *words, *COMMON), place.root, **place.variables()) as running:
        result = running.end(seconds=WAIT_S)
    assert result.code == 130, result
    assert result.err.splitlines()[-1] == "hean: interrupted"
    assert not place.orders.exists()


def test_what_hangs_at_the_end_does_not_hold_it_up(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        place.say(0.3)
        running.wait_for("state       idle")
        place.orders.write_text("closing hang")
        result = running.end(signal.SIGTERM)
    assert result.code == 1, result
    assert "in close" in result.err  # the stacks
    assert place.outcomes() == [("answered", "")]


def in_python_itself(result: Result) -> bool:
    """Tell whether Ctrl-C came while the interpreter set itself up: then it ends with 1."""
    return result.code == 1 and "KeyboardInterrupt" in result.err and "voice" not in result.err


def answers(running: Daemon, place: Place) -> None:
    """Let it answer a question, and end."""
    running.until_ready()
    place.say(0.3)
    running.wait_for("state       idle")
    assert running.end(signal.SIGTERM).code in ENDED


def talk(place: Place) -> subprocess.Popen[bytes]:
    """Ask the first question again and again, and do not wait."""
    question = [np.full(RATE_HZ // 2, 0.2), np.zeros(2 * RATE_HZ)]
    wav = place.root / "talk.wav"
    write_wav(wav, np.concatenate(question * 4).astype(np.float32), RATE_HZ)
    return place.server.play(wav)
