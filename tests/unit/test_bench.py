from __future__ import annotations

import json
import os

import pytest

from tests.commands import hean
from voice import __version__
from voice.bench import distribution, resident_mb, result, single


def test_a_distribution_has_middle_tail_and_count() -> None:
    assert distribution([1.0]) == {"p50": 1.0, "p95": 1.0, "n": 1}
    assert distribution([4.0, 1.0, 3.0, 2.0, 5.0]) == {"p50": 3.0, "p95": 4.8, "n": 5}


def test_a_single_figure_tells_what_it_rests_on() -> None:
    assert single(1.234567, 3) == {"value": 1.2346, "n": 3}


def test_a_result_tells_what_it_depends_on() -> None:
    outcome = json.loads(json.dumps(result("ask", {"rss_mb": single(1.0)})))
    assert list(outcome) == ["bench", "machine", "versions", "figures"]
    assert outcome["bench"] == "ask"
    assert outcome["machine"]["cores"] >= 1
    assert outcome["machine"]["memory_mb"] > 100
    assert outcome["machine"]["processor"]
    assert outcome["versions"]["hean"] == __version__
    assert outcome["versions"]["numpy"]
    assert outcome["figures"] == {"rss_mb": {"value": 1.0, "n": 1}}


def test_the_memory_of_this_process_is_some_megabytes() -> None:
    assert 10 < resident_mb() < 100_000
    assert resident_mb(os.getpid()) == pytest.approx(resident_mb(), rel=0.5)


def test_a_recording_that_is_not_there_is_said_before_measuring() -> None:
    done = hean("bench", "ask", "--wav", "absent.wav")
    assert done.err.splitlines()[0] == "hean: absent.wav: no such file"
    assert (done.code, done.out) == (66, "")
