"""`hean bench day` in its short form, with the real models: a minute of audio."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import hean_process

pytestmark = [pytest.mark.models, pytest.mark.slow]


def test_a_minute_of_listening_loses_and_leaves_nothing(tmp_path: Path) -> None:
    words = ("bench", "day", "--hours", "0.017", "--json", "--set", "llm.model=none")
    done = hean_process(tmp_path, *words, "--set", "audit.enabled=true", timeout_s=600)
    assert done.code == 0, done
    outcome = json.loads(done.out)
    assert outcome["bench"] == "day"
    figures = {key: figure["value"] for key, figure in outcome["figures"].items()}
    assert figures["calls"] >= 1
    assert figures["missed_calls"] == figures["false_wakes"] == 0
    assert figures["turns_answered"] >= 1
    assert figures["audit_rows"] >= figures["turns_answered"]
    nothing = ("dropped_blocks", "turns_left_open", "turns_closed_twice", "turns_failed",
               "stage_failures", "audit_faults")  # fmt: skip
    assert [figures[key] for key in nothing] == [0] * len(nothing)
    assert outcome["problems"] == []
