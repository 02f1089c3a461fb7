from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.commands import hean
from voice import __version__
from voice.bench import distribution, measured, result, single, steady
from voice.process.machine import Watch
from voice.process.memory import resident_mb


def test_a_distribution_has_middle_tail_and_count() -> None:
    assert distribution([1.0]) == {"p50": 1.0, "p95": 1.0, "n": 1, "samples": [1.0]}
    found = distribution([4.0, 1.0, 3.0, 2.0, 5.0])
    assert (found["p50"], found["p95"], found["n"]) == (3.0, 4.8, 5)


def test_a_single_figure_tells_what_it_rests_on() -> None:
    assert single(1.234567, 3) == {"value": 1.2346, "n": 3}


def test_a_result_tells_what_it_depends_on() -> None:
    outcome = json.loads(json.dumps(result("ask", {"rss_mb": single(1.0)})))
    assert list(outcome)[:4] == ["bench", "machine", "versions", "figures"]
    assert outcome["bench"] == "ask"
    assert outcome["machine"]["cores"] >= 1
    assert outcome["machine"]["memory_mb"] > 100
    assert outcome["machine"]["processor"]
    assert outcome["versions"]["hean"] == __version__
    assert outcome["versions"]["numpy"]
    assert outcome["figures"] == {"rss_mb": {"value": 1.0, "n": 1}}
    assert {"load_before", "load_after", "cores_taken_by_others"} <= set(outcome["noise"])


def test_single_values_stand_apart_from_the_figures_that_are_kept_for_years() -> None:
    outcome = result("x", {"wait_s": distribution([1.0, 2.0]), "rss_mb": single(3.0)})
    assert outcome["figures"]["wait_s"] == {"p50": 1.5, "p95": 1.95, "n": 2}
    assert outcome["samples"] == {"wait_s": [1.0, 2.0]}


def _spin(seconds: float) -> None:
    """Keep a core busy for so many seconds of its time."""
    code = f"import time\nwhile time.process_time() < {seconds}: pass"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_this_program_and_its_children_take_is_no_noise() -> None:
    quiet, busy = Watch(), Watch()
    _spin(0.3)
    with subprocess.Popen(
        [sys.executable, "-c", "import time\nwhile time.process_time() < 0.5: pass\ninput()"],
        stdin=subprocess.PIPE,
    ) as other:
        _spin(0.6)
        while_running = busy.seen()
        other.communicate(b"\n")
    # The other one's work counts as that of others until it has ended as a child of this one.
    assert while_running["cores_taken_by_others"] > quiet.seen()["cores_taken_by_others"]


class _Calls:
    """Counts how often something was measured."""

    def __init__(self, *values: float) -> None:
        self.count = 0
        self._values = values

    def __call__(self) -> float:
        self.count += 1
        return self._values[(self.count - 1) % len(self._values)]


def test_the_same_work_is_measured_until_three_results_agree() -> None:
    calm = _Calls(1.0, 1.01, 1.02)
    assert steady(calm) == [1.0, 1.01, 1.02]
    assert calm.count == 3
    disturbed = _Calls(1.0, 3.0, 1.02, 2.0, 1.05)
    assert steady(disturbed) == [1.0, 1.02, 1.05]
    assert disturbed.count == 5


def test_a_machine_that_never_rests_gives_all_it_measured() -> None:
    assert len(steady(_Calls(1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0))) == 7


def test_a_bench_is_measured_at_most_as_often_as_was_asked() -> None:
    said: list[str] = []
    value = _Calls(1.0)
    outcome = measured("x", lambda: {"wait_s": single(value())}, said.append, tries=3)
    assert outcome["figures"] == {"wait_s": {"value": 1.0, "n": 1}}
    assert value.count == min(3, len(said) + 1)
    assert all("noisy" in text for text in said)


def test_the_memory_of_this_process_is_some_megabytes() -> None:
    assert 10 < resident_mb() < 100_000
    assert resident_mb(os.getpid()) == pytest.approx(resident_mb(), rel=0.5)


def test_a_recording_that_is_not_there_is_said_before_measuring() -> None:
    done = hean("bench", "ask", "--wav", "absent.wav")
    assert done.err.splitlines()[0] == "hean: absent.wav: no such file"
    assert (done.code, done.out) == (66, "")
