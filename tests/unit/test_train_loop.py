"""Training: it learns, goes on after a kill as if nothing had happened, and stops what is wrong."""

import json
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from llm.data import Origin
from llm.train import TrainingError, UnusableRows
from llm.train.attention import GROUPED
from llm.train.base import load_base
from llm.train.checkpoint import State
from llm.train.folder import RunFolder
from llm.train.loop import Progress
from llm.train.watch import check_converging
from tests.tiny_llm.folders import write_folder
from tests.tiny_llm.training import load, quick, row, rows, train


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("base") / "model")


def untimed(folder: Path) -> list[dict[str, Any]]:
    found = RunFolder(folder).read_metrics()
    return [{k: v for k, v in metrics.items() if k != "seconds"} for metrics in found]


def test_it_learns_and_writes_everything_down(tmp_path: Path, base: Path) -> None:
    seen: list[Progress] = []
    state = train(tmp_path, base, show=seen.append)
    assert state.best_loss < state.first_valid_loss - 0.3
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"run.json", "adapter", "metrics.jsonl", "loss.png", "checkpoints"}
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert record["state"] == "done"
    assert record["results"]["best_step"] == state.best_step
    assert record["base"]["sha256"] == load(base).identity
    assert record["settings"]["seed"] == 0
    assert [progress.step for progress in seen] == list(range(1, 13))
    assert seen[-1].seconds_left == 0
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_the_adapter_that_is_kept_is_the_best_one(tmp_path: Path, base: Path) -> None:
    from peft import PeftModel

    from llm.train.loss import log_likelihoods
    from llm.train.packing import pack
    from llm.train.rows import encode_all

    state = train(tmp_path, base)
    fresh = load(base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT's own, of transformers 5
        PeftModel.from_pretrained(fresh.model, str(tmp_path / "adapter"))
    valid = pack(encode_all(rows()[-4:], fresh, 2048))
    with torch.no_grad():
        loss = -log_likelihoods(fresh.model, valid).mean().item()
    assert loss == pytest.approx(state.best_loss, rel=1e-4)


class Killed(Exception):
    """Power was cut."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    train(folder, base)
    return folder


@pytest.mark.parametrize("at", [1, 2, 5, 11])
def test_killed_at_any_step_it_goes_on_bit_by_bit(
    tmp_path: Path, base: Path, whole: Path, at: int
) -> None:
    def cut(progress: Progress) -> None:
        if progress.step == at:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path, base, show=cut)
    train(tmp_path, base)
    at_once, resumed = (
        (folder / "adapter" / "adapter_model.safetensors").read_bytes()
        for folder in (whole, tmp_path)
    )
    assert at_once == resumed
    assert untimed(whole) == untimed(tmp_path)


def test_half_a_checkpoint_counts_as_none(tmp_path: Path, base: Path) -> None:
    def cut(progress: Progress) -> None:
        if progress.step == 5:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path, base, show=cut)
    partial = tmp_path / "checkpoints" / ".step-6.partial"
    partial.mkdir()
    (partial / "weights.safetensors").write_bytes(b"half")
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text(metrics.read_text("utf-8") + '{"step": 6, "lo', "utf-8")
    train(tmp_path, base)
    assert [m["step"] for m in untimed(tmp_path) if "loss" in m] == list(range(1, 13))
    assert not partial.exists()


def test_the_same_seed_gives_the_same_and_another_does_not(tmp_path: Path, base: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(tmp_path / name, base, quick(seed=seed, epochs=1))
    first, again, other = (untimed(tmp_path / name) for name in "abc")
    assert first == again
    assert first != other


def test_it_ends_when_validation_gains_nothing_more(tmp_path: Path, base: Path) -> None:
    # Answers that the validation rows contradict: learning them makes validation worse.
    data = [*rows(16), *(each for each in rows(20, rejected=True)[16:])]
    state = train(tmp_path, base, quick(epochs=60, patience=2, learning_rate=2e-2), data=data)
    assert state.step < 60 * 4
    assert state.without_gain == 2
    assert state.best_step < state.step


def test_a_learning_rate_that_diverges_is_named(tmp_path: Path, base: Path) -> None:
    with pytest.raises(TrainingError, match="training diverges: the loss rose from 7") as caught:
        train(tmp_path, base, quick(method="full", learning_rate=1.0))
    assert caught.value.fix == "try --lr 0.1"
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert record["state"] == "failed"
    assert "diverges" in record["reason"]
    assert not (tmp_path / "adapter").exists()


@pytest.mark.parametrize(
    ("losses", "diverges"),
    [
        ([2.3, 1.7, 0.2, 0.1, 1.1, 0.1, 0.3], False),  # the first steps of a real run
        ([0.1, 1.1, 0.1, 1.4, 0.9, 0.2, 1.0], False),  # batches with and without refusals
        ([1.4, 1.5, 2.9, 4.0, 6.2, 7.5, 7.4], True),
        ([1.4, 0.9, 0.5, 0.4, 9.5, 10.2, 10.1], True),
    ],
)
def test_scattered_batches_are_no_divergence(losses: list[float], diverges: bool) -> None:
    state = State(first_valid_loss=1.5)
    with pytest.raises(TrainingError) if diverges else nullcontext():
        for state.step, loss in enumerate(losses, 1):
            check_converging(state, loss, 1e-4)
    assert state.step < len(losses) or not diverges


def test_a_value_that_is_no_number_is_named_with_its_rows(tmp_path: Path) -> None:
    # A family whose embeddings are no output: one bad token is not bad everywhere
    broken = load(write_folder(tmp_path / "base", "llama"))
    model: Any = broken.model
    data = [row("Only here: xyz", "Go inside.", 77), *rows()]
    (token, *_) = broken.continue_text("xyz")
    assert token not in {t for r in rows() for m in r.messages for t in broken.tokenize(m.content)}
    model.get_input_embeddings().weight.data[token] = float("nan")
    with pytest.raises(TrainingError, match=r"the loss of step \d is nan \(rows .*data.jsonl:77"):
        train(tmp_path / "run", broken, data=data)
    assert not (tmp_path / "run" / "adapter").exists()


def test_a_base_of_damaged_weights_is_named(tmp_path: Path, base: Path) -> None:
    broken = load(base)
    model: Any = broken.model
    model.get_decoder().norm.weight.data[3] = float("inf")
    with pytest.raises(TrainingError, match="validation loss is nan after step 0"):
        train(tmp_path, broken)


def test_nothing_learned_is_no_success(tmp_path: Path, base: Path) -> None:
    with pytest.raises(TrainingError, match="nothing was learned: the validation loss never fell"):
        train(tmp_path, base, quick(learning_rate=1e-8, epochs=1))
    assert not (tmp_path / "adapter").exists()


@pytest.mark.parametrize("method", ["full", "freeze"])
def test_whole_models_come_out_as_folders(tmp_path: Path, base: Path, method: str) -> None:
    settings = quick(method=method, learning_rate=2e-3, freeze_keep=1, weight_decay=0.01)
    state = train(tmp_path, base, settings)
    assert state.best_loss < state.first_valid_loss - 0.3
    made, before = load(tmp_path / "model"), load(base)
    assert made.template == before.template
    assert (made.adds_bos, made.ends) == (before.adds_bos, before.ends)
    changed = {
        name
        for (name, new), old in zip(
            made.model.named_parameters(), before.model.parameters(), strict=True
        )
        if not torch.equal(new, old)
    }
    assert any("layers.1." in name for name in changed)
    assert any("layers.0." in name for name in changed) is (method == "full")


def test_pairs_teach_a_preference(tmp_path: Path, base: Path) -> None:
    state = train(tmp_path, base, quick(objective="dpo", learning_rate=1e-3))
    assert state.first_valid_loss == pytest.approx(0.6931, abs=1e-3)  # ln 2: no preference yet
    assert state.best_loss < 0.6


def test_pairs_go_on_from_files_of_another_name(tmp_path: Path, base: Path) -> None:
    def cut(progress: Progress) -> None:
        if progress.step == 5:
            raise Killed

    settings = quick(objective="dpo", learning_rate=1e-3)
    pairs = rows(rejected=True)
    whole = train(tmp_path / "whole", base, settings)
    with pytest.raises(Killed):
        train(tmp_path / "cut", base, settings, cut)
    moved = [replace(pair, origin=Origin(tmp_path / "train.jsonl", 9)) for pair in pairs]
    assert train(tmp_path / "cut", base, settings, data=moved).best_loss == whole.best_loss


def test_pairs_need_a_worse_answer(tmp_path: Path, base: Path) -> None:
    with pytest.raises(UnusableRows, match=r"data.jsonl:0: no rejected answer \(16 rows"):
        train(tmp_path, base, quick(objective="dpo"), data=rows())


def test_bfloat16_learns_as_float32_does(tmp_path: Path, base: Path) -> None:
    exact = train(tmp_path / "float32", base)
    half = load_base(base, dtype=torch.bfloat16, attention=GROUPED)
    rough = train(tmp_path / "bfloat16", half, quick(dtype="bfloat16"))
    assert rough.best_loss == pytest.approx(exact.best_loss, abs=0.1)


def test_a_checkpoint_of_another_method_is_refused(tmp_path: Path, base: Path) -> None:
    def cut(progress: Progress) -> None:
        if progress.step == 5:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path, base, show=cut)
    with pytest.raises(TrainingError, match="is of another model or method"):
        train(tmp_path, base, quick(method="full"))
