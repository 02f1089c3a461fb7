"""`hean bench kiosk` with the real answers: the figures are all there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import hean_process

pytestmark = [pytest.mark.models, pytest.mark.slow]


def test_what_a_screen_and_a_program_wait_for_is_measured(tmp_path: Path) -> None:
    words = ("--n", "3", "--seconds", "1", "--tries", "1", "--json", "--set", "llm.model=none")
    outcome = hean_process(tmp_path, "bench", "kiosk", *words, timeout_s=300)
    assert outcome.code == 0, outcome
    figures = json.loads(outcome.out)["figures"]
    times = {"partial_to_client_ms", "answer_bare_ms", "api_added_ms"}
    times |= {"heard_bare_ms", "api_added_heard_ms"}
    shares = {"core_fraction", "idle_clients_core_fraction", "level_clients_core_fraction"}
    assert times | shares <= set(figures)
    assert all(figures[key]["n"] == 3 for key in times)
    assert all(0 <= figures[key]["value"] < 2 for key in shares)
    missing = "not measured: " in outcome.err
    assert ("partial_to_painted_ms" in figures) is not missing
