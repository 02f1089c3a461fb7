"""What is told before training: presets by size, memory, and what the processor can do."""

from dataclasses import replace
from pathlib import Path

import pytest

from llm.train import TrainingError, UnusableBase
from llm.train.estimate import Shape, available_mb, needed_mb, shape_of
from llm.train.hardware import bf16_is_quicker, cores
from llm.train.settings import Settings, preset
from tests.tiny_llm import write_random_model
from tests.tiny_llm.folders import write_folder
from tests.tiny_llm.training import load

QWEN = Shape(630_167_424, 24, 896, 4864, 151_936)
"""Qwen2.5-0.5B as its GGUF file has it, with a head of its own."""


def test_the_rate_falls_with_the_size_and_with_what_is_trained() -> None:
    rates = [preset(size).learning_rate for size in (135_000_000, 500_000_000, 3_000_000_000)]
    assert rates == sorted(rates, reverse=True)
    assert preset(500_000_000, "full").learning_rate < rates[1]
    assert preset(500_000_000, objective="dpo").learning_rate < rates[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "dora"}, "unknown method 'dora'"),
        ({"objective": "grpo"}, "unknown objective"),
        ({"rank": 0}, "rank is 0"),
        ({"learning_rate": 0.0}, "learning rate is 0.0"),
        ({"max_tokens": 3}, "max tokens is 3"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        Settings(**changes)


def test_memory_of_the_real_model_is_foretold() -> None:
    half = replace(preset(QWEN.parameters), dtype="bfloat16")
    assert 2_500 < needed_mb(QWEN, half) < 6_000
    assert needed_mb(QWEN, replace(half, dtype="float32")) > 1.5 * needed_mb(QWEN, half)
    assert needed_mb(QWEN, preset(QWEN.parameters, "full")) > 10_000


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_sizes_come_from_the_headers(tmp_path: Path, kind: str) -> None:
    if kind == "folder":
        path = write_folder(tmp_path / "base", "qwen2")
    else:
        path = write_random_model(tmp_path / "base.gguf")
    model = load(path).model
    shape = shape_of(path)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    config = model.config
    assert (shape.layers, shape.hidden) == (config.num_hidden_layers, config.hidden_size)
    assert (shape.inner, shape.words) == (config.intermediate_size, config.vocab_size)


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", "utf-8")
    with pytest.raises(UnusableBase, match="has no weights"):
        shape_of(tmp_path)


def test_free_memory_is_read(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:  100 kB\nMemAvailable:    2000000 kB\n", "utf-8")
    assert available_mb(file) == pytest.approx(2048)
    assert available_mb(tmp_path / "none") == float("inf")


def test_half_precision_is_not_tried_where_the_processor_lacks_it(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("flags : fpu avx2 avx512f\n", "utf-8")
    assert not bf16_is_quicker(file)


def test_processes_of_one_run_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = cores()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000")
    assert (alone >= 1, cores()) == (True, 1)
