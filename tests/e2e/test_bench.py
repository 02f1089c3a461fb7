"""`hean bench ask` with the real models: the figures are all there and in their units."""

from __future__ import annotations

import json

import pytest

from tests.commands import DATA, Result, hean_process

pytestmark = [pytest.mark.models, pytest.mark.slow]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Measured in a process of its own: the memory of this one tells nothing."""
    recordings = [DATA / "zh-joke.flac", DATA / "en-water.flac"]
    words = (
        "bench",
        "ask",
        "--json",
        "--tries",
        "1",
        "--set",
        "llm.model=none",
        "--wav",
        *recordings,
    )
    return hean_process(tmp_path_factory.mktemp("bench"), *words, timeout_s=300)


def test_one_object_has_the_figures_that_are_kept_for_years(measured: Result) -> None:
    assert measured.code == 0, measured
    outcome = json.loads(measured.out)
    assert outcome["bench"] == "ask"
    figures = outcome["figures"]
    stages = ("vad", "asr", "repair", "decide", "first_sound")
    waits = {"end_to_first_sample_s", "end_to_first_sample_other_s"}
    assert {"cold_start_s", "rss_mb", *waits, *(f"stage_{name}_s" for name in stages)} <= set(
        figures
    )
    assert all(figures[key]["n"] == 1 for key in waits)
    assert figures["cold_start_s"]["n"] == 3
    assert figures["stage_asr_s"]["n"] == 2
    assert all(figure.get("p50", 0) >= 0 for figure in figures.values())
    assert 100 < figures["rss_mb"]["value"] < 4000


def test_progress_is_told_beside_the_object(measured: Result) -> None:
    lines = measured.err.splitlines()
    assert lines[0] == "cold start 1 of 3"
    assert "question 2 of 2: en-water.flac" in lines  # on a busy machine one on noise follows
