"""`hean bench answer` and `hean bench listen` on the virtual sound card: all figures are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import hean, hean_process

pytestmark = [pytest.mark.models, pytest.mark.slow]

SMALL = ("--json", "--tries", "1", "--set", "llm.model=none")


def test_answer_times_each_stage(tmp_path: Path) -> None:
    measured = hean_process(tmp_path, "bench", "answer", "--n", "2", *SMALL, timeout_s=300)
    assert measured.code == 0, measured
    outcome = json.loads(measured.out)
    assert outcome["bench"] == "answer"
    figures = outcome["figures"]
    stages = ("endpoint", "asr", "decide", "first_sound", "output", "wake_word")
    keys = {"wake_to_earcon_s", "first_sound_unwarmed_s", *(f"stage_{name}_s" for name in stages)}
    assert keys <= set(figures)
    assert any(key.startswith("voice_to_voice_") for key in figures)
    assert all(0 <= figure["p50"] <= figure["p95"] for figure in figures.values())


def test_listen_tells_what_silence_noise_and_talk_cost(tmp_path: Path) -> None:
    measured = hean_process(tmp_path, "bench", "listen", "--seconds", "2", *SMALL, timeout_s=300)
    assert measured.code == 0, measured
    figures = json.loads(measured.out)["figures"]
    parts = ("", ".noise", ".conversation")
    assert set(figures) == {f"idle_core_fraction{part}" for part in parts}
    assert all(0 < figure["value"] < 8 for figure in figures.values())


@pytest.mark.parametrize("words", [("answer", "--n", "0"), ("listen", "--seconds", "9999")])
def test_a_senseless_number_is_refused(words: tuple[str, ...]) -> None:
    refused = hean("bench", *words)
    assert refused.code == 2
    assert "give a number from 1 to" in refused.err
