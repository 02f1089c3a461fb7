"""`hean bench all`: every benchmark, one after the other, each in a process of its own.

A process of its own, because memory is told of a whole process, and because one that fails or
crashes must not take the others along. First what is measured in real time, while the processor
is cool; what uses all of it for minutes comes last. Before each one the machine has to be calm.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from voice.bench import ALL, Say, result
from voice.process.machine import Watch

CALM_WAIT_S = 20.0
"""Longest wait for other programs before each benchmark."""
_CALM_LOOK_S = 1.0
HEAN = (sys.executable, "-m", "voice")
_OWN_KEYS = ("bench", "machine", "versions", "figures", "samples")


@dataclass(frozen=True)
class Step:
    """One benchmark with its options."""

    name: str
    options: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    """Further options that make it short."""
    limit_s: float = 1200.0
    """Longest time it may take; after that it counts as failed."""


STEPS = (
    Step("listen", ("--seconds", "15"), ("--seconds", "5")),
    Step("answer", ("--n", "36"), ("--n", "5")),
    Step("ask"),
    Step("kiosk", short=("--n", "10", "--seconds", "5")),
    Step("wake", limit_s=2400),
    Step("asr", ("--n", "60", "--most", "60"), ("--n", "10", "--most", "10")),
    Step("tts", ("--n", "6"), ("--n", "2")),
    Step("llm", ("--n", "6"), ("--n", "2")),
    Step("kb", short=("--largest", "1000")),
    Step("flash", ("--kills", "100"), ("--kills", "10")),
    Step("rival", ("--n", "20"), ("--n", "2")),
    Step("train"),
)


def run_all(
    steps: Sequence[Step],
    common: Sequence[str],
    say: Say,
    limit_s: float = inf,
    program: Sequence[str] = HEAN,
    calm_wait_s: float = CALM_WAIT_S,
) -> dict[str, Any]:
    """Run the benchmarks; return the figures of all and what came of each run.

    `common` are command-line options for all, such as --config. A benchmark that fails is noted
    with its error, and the next one runs; so is what does not fit into `limit_s`. `program` is how
    this command is started.
    """
    watch = Watch()
    end_s = time.monotonic() + limit_s
    figures: dict[str, Any] = {}
    runs: list[dict[str, Any]] = []
    for number, chosen in enumerate(steps, 1):
        say(f"[{number}/{len(steps)}] {chosen.name}")
        _wait_until_calm(min(calm_wait_s, end_s - time.monotonic()), say)
        begin_s = time.monotonic()
        left_s = end_s - begin_s
        step = replace(chosen, limit_s=min(chosen.limit_s, left_s))
        outcome = _run([*program, *common], step) if left_s > 0 else _error("no time was left")
        seconds = round(time.monotonic() - begin_s, 1)
        figures |= _with_samples(step.name, outcome)
        kept = {key: value for key, value in outcome.items() if key not in _OWN_KEYS}
        runs.append({"bench": step.name, "seconds": seconds, **kept})
        problem = kept.get("error", {}).get("message")
        say(f"[{number}/{len(steps)}] {step.name}: {problem or 'done'} ({seconds:.0f} s)")
    warnings = [f"{run['bench']}: {text}" for run in runs for text in run.get("warnings", ())]
    return {**result(ALL, figures, watch), "warnings": warnings, "runs": runs}


def _run(program: Sequence[str], step: Step) -> dict[str, Any]:
    """Run one benchmark; return what it printed, or its error."""
    command = [*program, "bench", step.name, *step.options, "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # so that what it has started itself can be ended, too
    ) as child:
        try:
            out, _ = child.communicate(timeout=step.limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return _error(f"took longer than {step.limit_s:.0f} s")
        except KeyboardInterrupt:
            os.killpg(child.pid, signal.SIGKILL)
            raise
    return _outcome(out, child.returncode)


def _outcome(out: bytes, code: int) -> dict[str, Any]:
    try:
        outcome = json.loads(out)
    except (UnicodeDecodeError, json.JSONDecodeError):
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return _error(f"ended with {how} and no result")
    known = isinstance(outcome, dict) and ("figures" in outcome or "error" in outcome)
    return outcome if known else _error("printed something else than a result")


def _error(message: str) -> dict[str, Any]:
    return {"error": {"code": "bench", "message": message, "fix": ""}}


def _with_samples(name: str, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures under keys that begin with their benchmark, each with its single values."""
    samples = outcome.get("samples", {})
    return {
        f"{name}/{key}": {**figure, "samples": samples[key]} if key in samples else figure
        for key, figure in outcome.get("figures", {}).items()
    }


def _wait_until_calm(longest_s: float, say: Say) -> None:
    """Wait until other programs let the processor be, but not for ever: the figures will tell."""
    end_s = time.monotonic() + longest_s
    told = False
    while time.monotonic() < end_s:
        watch = Watch()
        time.sleep(_CALM_LOOK_S)
        if not watch.warnings():
            return
        if not told:
            say("waiting for other programs to come to rest")
        told = True
