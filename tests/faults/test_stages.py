"""Stages that fail, crash and hang in the running daemon."""

from __future__ import annotations

import signal
from contextlib import suppress

import pytest

from tests.faults.lab import ENDED, SCRIPTED, Daemon, Place, daemon, has_earcon

SAID = {"ears": 0.2, "search": 0.2, "model": 0.6, "voice": 0.2}
"""How loud the question is for which a stage is needed."""
HANGS = {
    "ears": "speech recognition hangs",
    "search": "the search or the language model hangs",
    "model": "the search or the language model hangs",
    "voice": "speech synthesis hangs",
}
ALARM = 0.3
IDLE = "state       idle"
HEARD = "heard       警报响了"
TRIES = 4


def say_until_heard(place: Place, running: Daemon) -> None:
    """Ask until it is heard: where the processor is not free, the sound server loses sound."""
    before = len(running.said(HEARD))
    for _ in range(TRIES):
        place.say(ALARM)
        with suppress(AssertionError):
            running.wait_for(HEARD, count=before + 1, seconds=60)
            return
    raise AssertionError(f"not heard in {TRIES} tries: {running.said('')}")


@pytest.mark.parametrize("fault", ["native", "memory"])
def test_a_stage_that_fails_costs_one_turn(place: Place, fault: str) -> None:
    idle = 0
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        for count, (stage, level) in enumerate(SAID.items(), 1):
            place.orders.write_text(f"{stage} {fault}")
            with place.server.record(place.root / f"{stage}.wav"):
                place.say(level)
                running.wait_for("            failed", count=count)
                idle += stage in ("model", "voice")  # the others fail before anything is asked
                say_until_heard(place, running)
            idle += 1
            running.wait_for(IDLE, count=idle)
        result = running.end(signal.SIGTERM)
    assert result.code in ENDED, result
    answered, failed = ("answered", ""), ("failed", "stage")
    # A question whose sound has a gap may be heard as two, of which the second one is answered.
    outcomes = [outcome for outcome in place.outcomes() if outcome[0] != "cancelled"]
    assert outcomes == [*[answered] * 2, *[failed, answered] * 2]
    assert has_earcon(place.root / "ears.wav", "error")


def test_a_stage_that_hangs_is_told_and_the_program_begins_anew(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        for stage, level in SAID.items():
            place.orders.write_text(f"{stage} hang")
            with place.server.record(place.root / f"{stage}.wav"):
                place.say(level)
                running.until_ready_again()
            assert has_earcon(place.root / f"{stage}.wav", "error"), stage
            assert f"hean: {HANGS[stage]}; beginning anew" in running.said("hean: ", "err")
        place.say(ALARM)
        running.wait_for("answer      先进屋。")
        result = running.end(signal.SIGTERM)
    assert result.code in ENDED, result
    assert [outcome for outcome, _ in place.outcomes()][:2] == ["failed", "failed"]


def test_a_stage_that_hangs_does_not_hold_the_end_up(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        place.orders.write_text("voice hang")
        place.say(ALARM)
        running.wait_for("answer      先进屋。")
        result = running.end(signal.SIGTERM)
    assert result.code in (70, 130), result
    assert [outcome for outcome, _ in place.outcomes()] == ["failed"]


def test_a_fault_of_the_program_is_told_and_it_begins_anew(place: Place) -> None:
    with daemon(place, SCRIPTED) as running:
        running.until_ready()
        place.orders.write_text("search bug")
        place.say(ALARM)
        running.until_ready_again()
        assert "hean: the transcriber has crashed; beginning anew" in running.said("hean: ", "err")
        place.say(ALARM)
        running.wait_for("answer      先进屋。")
        assert running.end(signal.SIGTERM).code in ENDED
    assert place.outcomes()[-1][0] in ("answered", "cancelled")
