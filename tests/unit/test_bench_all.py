"""`hean bench all`: one after the other, and a failure costs only its own figures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import hean
from voice.bench.all import STEPS, Step, run_all
from voice.bench.compare import figures_of
from voice.cli import build_parser

PROGRAM = """
import json, os, subprocess, sys
name = sys.argv[sys.argv.index("bench") + 1]
if name == "crashes":
    os.abort()
if name == "hangs":
    subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
if name == "babbles":
    print("hello")
if name == "refuses":
    print(json.dumps({"error": {"code": "model", "message": "no model", "fix": ""}}))
    sys.exit(65)
if name == "works":
    figure = {"p50": 1.0, "p95": 2.0, "n": 2}
    print(json.dumps({
        "bench": name, "machine": {}, "versions": {}, "figures": {"wait_s": figure},
        "samples": {"wait_s": [1.0, 2.0]}, "noise": {"load_before": 0.5},
        "warnings": ["noisy"], "words": sys.argv[1:],
    }))
"""


def _run(tmp_path: Path, *steps: Step, limit_s: float = 60.0) -> tuple[dict[str, Any], list[str]]:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    said: list[str] = []
    program = (sys.executable, str(script))
    return run_all(steps, ("--set", "a.b=1"), said.append, limit_s, program, 0.0), said


def test_figures_of_all_have_the_name_of_their_bench_before_them(tmp_path: Path) -> None:
    outcome, said = _run(tmp_path, Step("works", ("--n", "3"), ("--n", "1")))
    assert outcome["bench"] == "all"
    assert outcome["figures"] == {"works/wait_s": {"p50": 1.0, "p95": 2.0, "n": 2}}
    assert outcome["samples"] == {"works/wait_s": [1.0, 2.0]}
    assert outcome["warnings"] == ["works: noisy"]
    assert outcome["runs"][0]["noise"] == {"load_before": 0.5}
    assert [figure.key for figure in figures_of(outcome)] == ["works/wait_s"]
    assert "[1/1] works" in said


def test_options_reach_the_bench(tmp_path: Path) -> None:
    outcome, _ = _run(tmp_path, Step("works", ("--n", "3")))
    words = ["--set", "a.b=1", "bench", "works", "--n", "3", "--json"]
    assert outcome["runs"][0]["words"] == words


def test_what_does_not_fit_into_the_time_is_left_and_told(tmp_path: Path) -> None:
    outcome, _ = _run(tmp_path, Step("hangs"), Step("works"), limit_s=1.0)
    problems = [run["error"]["message"] for run in outcome["runs"]]
    assert problems == ["took longer than 1 s", "no time was left"]
    assert outcome["figures"] == {}


def test_what_fails_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    failing = (Step("crashes"), Step("hangs", limit_s=1.0), Step("babbles"), Step("refuses"))
    outcome, said = _run(tmp_path, *failing, Step("works"))
    problems = [run.get("error", {}).get("message") for run in outcome["runs"]]
    assert problems == [
        "ended with signal 6 and no result",
        "took longer than 1 s",
        "ended with exit code 0 and no result",
        "no model",
        None,
    ]
    assert list(outcome["figures"]) == ["works/wait_s"]
    assert any("no model" in text for text in said)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_is_a_bench_that_takes_its_options(step: Step) -> None:
    words = ["bench", step.name, *step.options, *step.short, "--json"]
    assert build_parser().parse_args(words).json


@pytest.mark.parametrize(
    "words",
    [("--only", "speed"), ("--minutes", "0"), ("--skip", ",".join(step.name for step in STEPS))],
)
def test_a_choice_that_makes_no_sense_is_refused(words: tuple[str, ...]) -> None:
    assert hean("bench", "all", *words).code == 2
