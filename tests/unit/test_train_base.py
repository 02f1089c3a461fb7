"""The model that is trained: from folders and GGUF files, the same as in llama.cpp, or refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch

from llm.export.huggingface import HfWeights
from llm.export.weights import write_f16
from llm.train import UnusableBase
from llm.train.base import Base
from llm.train.rows import encode
from llm.train.runtime import check_runtime
from tests.tiny_llm import write_adapter, write_random_model, write_scripted_model
from tests.tiny_llm.folders import TEMPLATES, TEXT, write_folder
from tests.tiny_llm.training import load, row

FAMILIES = sorted(TEMPLATES)
LINES = [*TEXT.splitlines(), "1986-04-26 12345 don't  stop\n\n \t end", "😀 émigré №"]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Base, Base]]:
    """Each family as it was loaded from its folder, and from the GGUF file made of it."""
    root = tmp_path_factory.mktemp("bases")
    found = {}
    for family in FAMILIES:
        folder, file = write_folder(root / family, family), root / f"{family}.gguf"
        write_f16(file, HfWeights(folder))
        found[family] = load(folder), load(file)
    return found


def logits(base: Base, text: str) -> torch.Tensor:
    model: Any = base.model
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=torch.tensor([base.tokenize(text)])).logits
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_computes_what_its_folder_computes(
    pairs: dict[str, tuple[Base, Base]], family: str
) -> None:
    folder, file = pairs[family]
    torch.testing.assert_close(logits(file, TEXT), logits(folder, TEXT), rtol=0.02, atol=0.05)
    assert (file.architecture, file.template.source) == (family, folder.template.source)
    assert file.ends == folder.ends


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_is_cut_as_its_folder(pairs: dict[str, tuple[Base, Base]], family: str) -> None:
    folder, file = pairs[family]
    assert [file.tokenize(line) for line in LINES] == [folder.tokenize(line) for line in LINES]
    assert encode(row("碘片？", "不要吃。"), file, 99) == encode(
        row("碘片？", "不要吃。"), folder, 99
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_the_runtime_agrees(pairs: dict[str, tuple[Base, Base]], family: str) -> None:
    _, file = pairs[family]
    check_runtime(file, LINES, 1)
    assert file.is_gguf


def test_another_computation_is_noticed(pairs: dict[str, tuple[Base, Base]]) -> None:
    _, file = pairs["qwen3"]
    model: Any = file.model
    rotary = model.get_decoder().rotary_emb
    before = rotary.inv_freq.clone()
    rotary.inv_freq.copy_(before * 40)  # as if the file's rope base had been misread
    try:
        with pytest.raises(UnusableBase, match="computes something else here than in llama.cpp"):
            check_runtime(file, LINES, 1)
    finally:
        rotary.inv_freq.copy_(before)


def test_another_tokenizer_is_noticed(pairs: dict[str, tuple[Base, Base]]) -> None:
    _, file = pairs["qwen3"]
    qwen = replace(file, tokenizer=pairs["qwen2"][1].tokenizer)
    with pytest.raises(UnusableBase, match="the tokenizer differs from the one that llama.cpp has"):
        check_runtime(qwen, LINES, 1)


def test_the_identity_is_that_of_the_weights(pairs: dict[str, tuple[Base, Base]]) -> None:
    known = {base.identity for pair in pairs.values() for base in pair}
    assert len(known) == 2 * len(FAMILIES)
    assert all(len(identity) == 64 for identity in known)


def edit(key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), key: value}), "utf-8")

    return change


def lose(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])


def forget_template(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text("{}", "utf-8")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (edit("model_type", "minimind"), "family 'minimind'; those that can be trained are llama"),
        (lose("tokenizer.json"), "has no tokenizer.json"),
        (lose("config.json"), "config.json cannot be read"),
        (lose("model.safetensors"), "cannot be loaded"),
        (cut, "cannot be loaded"),
        (forget_template, "has no chat template"),
    ],
)
def test_a_folder_that_would_not_do_is_one_clear_error(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    folder = write_folder(tmp_path / "base")
    damage(folder)
    with pytest.raises(UnusableBase, match=said):
        load(folder)


def test_a_file_that_would_not_do_is_one_clear_error(tmp_path: Path) -> None:
    mute = write_scripted_model(tmp_path / "mute.gguf", template="")
    with pytest.raises(UnusableBase, match="has no chat template"):
        load(mute)
    adapter = write_adapter(tmp_path / "adapter.gguf", "Go in", "side")
    with pytest.raises(UnusableBase, match="is a LoRA adapter"):
        load(adapter)
    whole = write_random_model(tmp_path / "whole.gguf")
    half = tmp_path / "half.gguf"
    half.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(UnusableBase, match="is cut short"):
        load(half)
    with pytest.raises(UnusableBase, match="not a GGUF model"):
        load(Path(__file__))


def test_stretched_positions_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base", "llama")

    class Stretched(HfWeights):
        def describe(self, writer: Any) -> None:
            super().describe(writer)
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)

    write_f16(tmp_path / "stretched.gguf", Stretched(folder))
    with pytest.raises(UnusableBase, match="RoPE scaling"):
        load(tmp_path / "stretched.gguf")
