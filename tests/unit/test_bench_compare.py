"""`hean bench compare`: only what chance cannot explain is called better or worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import hean
from voice.bench import distribution, result, single
from voice.bench.compare import better_direction, compare, fisher


def _spread(middle: float, count: int = 30) -> list[float]:
    return list(middle * np.random.default_rng(count).normal(1, 0.05, count))


def _verdicts(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    changes = compare(result("x", old), result("x", new))["changes"]
    return {change["key"]: change["verdict"] for change in changes}


def test_a_clear_change_is_judged_by_its_direction() -> None:
    slow, fast = _spread(1.0), _spread(0.5)
    old = {"wait_s": distribution(slow), "tokens_per_s": distribution(slow)}
    new = {"wait_s": distribution(fast), "tokens_per_s": distribution(fast)}
    assert _verdicts(old, new) == {"x/wait_s": "better", "x/tokens_per_s": "worse"}
    assert _verdicts(new, old) == {"x/wait_s": "worse", "x/tokens_per_s": "better"}


def test_the_ratio_comes_with_an_interval() -> None:
    old = result("x", {"wait_s": distribution(_spread(1.0))})
    new = result("x", {"wait_s": distribution(_spread(0.5))})
    change = compare(old, new)["changes"][0]
    assert change["ratio"] == pytest.approx(0.5, rel=0.05)
    assert change["low"] < change["ratio"] < change["high"] < 1


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (distribution([1.0, 3.0, 0.2, 5.0, 2]), distribution([1.5, 3, 0.4, 6.0, 3]), "unclear"),
        (distribution([1.0, 1.0, 1.0]), distribution([9.0, 9.0, 9.0]), "unclear"),
        (single(1.0), single(2.0), "unclear"),
        (single(1.0), single(1.02), "same"),
    ],
    ids=["wide spread", "three values", "one value each", "less than a person notices"],
)  # fmt: skip
def test_what_chance_can_explain_is_not_judged(old: Any, new: Any, verdict: str) -> None:
    assert _verdicts({"wait_s": old}, {"wait_s": new}) == {"x/wait_s": verdict}


def test_shares_are_compared_as_counts() -> None:
    old = {"miss_clean": single(0.20, 200), "recall_at_1_typed": single(0.90, 10)}
    new = {"miss_clean": single(0.02, 200), "recall_at_1_typed": single(0.70, 10)}
    verdicts = _verdicts(old, new)
    assert verdicts == {"x/miss_clean": "better", "x/recall_at_1_typed": "unclear"}


def test_the_exact_test_agrees_with_the_lady_tasting_tea() -> None:
    # Fisher, The Design of Experiments, 1935: 3 of 4 cups right; two-sided 34/70.
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher(4, 4, 0, 4) == pytest.approx(2 / 70)
    assert fisher(0, 9, 0, 9) == 1.0


@pytest.mark.parametrize(
    ("key", "direction"),
    [
        ("answer/voice_to_voice_vetted_s", -1),
        ("asr/cer_raw.whisper.clean", -1),
        ("llm/tokens_per_s", 1),
        ("kb/search_ms.1e5", -1),
        ("kb/recall_at_1_heard.strict", 1),
        ("kb/wrong.0.55", -1),
        ("wake/false_per_hour_second_stage.zipformer", -1),
        ("wake/core_fraction.zipformer", -1),
        ("ask/rss_mb", -1),
        ("tts/real_time_factor", -1),
        ("flash/crash_states", 0),
        ("flash/kills", 0),
    ],
)
def test_the_name_of_a_figure_tells_what_is_better(key: str, direction: int) -> None:
    assert better_direction(key) == direction


def _written(folder: Path, name: str, outcome: dict[str, Any]) -> Path:
    path = folder / name
    path.write_text(json.dumps(outcome), encoding="utf-8")
    return path


def test_results_of_one_bench_and_of_all_can_be_compared(tmp_path: Path) -> None:
    one = result("x", {"wait_s": distribution(_spread(1.0))})
    old = _written(tmp_path, "old.json", one)
    every = result("all", {"x/wait_s": distribution(_spread(2.0))})
    new = _written(tmp_path, "new.json", every)
    done = hean("bench", "compare", old, new, "--json")
    assert done.code == 0, done
    assert json.loads(done.out)["worse"] == ["x/wait_s"]
    assert hean("bench", "compare", old, new, "--fail-on-worse").code == 4
    assert hean("bench", "compare", old, old, "--fail-on-worse").code == 0
    shown = hean("bench", "compare", old, new).out
    assert "x/wait_s" in shown
    assert "worse" in shown


def test_another_machine_and_noise_are_told(tmp_path: Path) -> None:
    old = result("x", {"wait_s": single(1.0)})
    new = {**old, "machine": {**old["machine"], "processor": "Abacus"}, "warnings": ["noisy"]}
    doubts = compare(old, new)["doubts"]
    assert [doubt for doubt in doubts if "Abacus" in doubt]
    assert "new: noisy" in doubts


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "no", '{"bench": "x", "figures": 1}', '{"bench": "x", "figures": {"a": 1}}'],
)
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text, encoding="utf-8")
    done = hean("bench", "compare", path, path)
    assert done.code == 66
    assert done.err.startswith(f"hean: {path}")
