"""LoRA adapters of peft as GGUF: every scale kept, what cannot be kept refused, the base bound."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from llm import GenerationError, LlmConfig
from llm.export import ExportError
from llm.export.adapter import check_base, read_adapter, write_adapter
from llm.export.probing import probe
from llm.export.quantise import tensor_mix
from llm.export.weights import GgufWeights, write_f16
from llm.gguf import read_gguf
from llm.llama_cpp import LlamaCppModel
from tests.tiny_llm import EMBEDDING, FEED_FORWARD, write_random_model

RANK = 4
DOWN, Q = "model.layers.0.mlp.down_proj", "model.layers.1.self_attn.q_proj"
INPUTS = {DOWN: FEED_FORWARD, Q: EMBEDDING}
PROMPTS = [[40 + n, 41, 42 + 3 * n, 43] for n in range(8)]


def write_peft(path: Path, ranks: dict[str, int] | None = None, **config) -> Path:
    path.mkdir()
    random = np.random.default_rng(2)
    tensors = {}
    for module, inputs in INPUTS.items():
        rank = (ranks or {}).get(module, RANK)
        name = f"base_model.model.{module}"
        tensors[f"{name}.lora_A.weight"] = random.standard_normal((rank, inputs), np.float32)
        tensors[f"{name}.lora_B.weight"] = random.standard_normal((EMBEDDING, rank), np.float32)
    save_file(tensors, path / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": RANK, "lora_alpha": 2, "bias": "none", **config}
    (path / "adapter_config.json").write_text(json.dumps(settings))
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("base") / "base.gguf")


def change_of(adapter: Path, base: Path, name: str) -> np.ndarray:
    """What an adapter adds to a weight, before its scale."""
    a, b = read_adapter(adapter, GgufWeights(base).layout).pairs[name]
    return b @ a


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({}, 2 / 4),
        ({"use_rslora": True}, 2 / np.sqrt(4)),
        ({"alpha_pattern": {"down_proj": 12}}, 12 / 4),
        ({"alpha_pattern": {"layers.1.*": 12}}, 2 / 4),
        ({"rank_pattern": {"down_proj": 8}}, 2 / 8),
        ({"use_rslora": True, "rank_pattern": {"down_proj": 8}}, 2 / np.sqrt(8)),
    ],
)
def test_every_scale_of_peft_is_folded_in(tmp_path: Path, base: Path, config, scale: float):
    ranks = {DOWN: 8} if "rank_pattern" in config else None
    plain = write_peft(tmp_path / "plain", ranks, lora_alpha=8 if ranks else RANK)
    scaled = write_peft(tmp_path / "scaled", ranks, **config)
    name = "blk.0.ffn_down.weight"
    expected = scale * change_of(plain, base, name)
    np.testing.assert_allclose(change_of(scaled, base, name), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", [{}, {"use_rslora": True}], ids=["plain", "rank-stabilised"])
def test_the_engine_computes_what_merging_gives(tmp_path: Path, base: Path, config):
    weights = GgufWeights(base)
    lora = read_adapter(write_peft(tmp_path / "peft", {DOWN: 8}, **config), weights.layout)
    write_adapter(tmp_path / "adapter.gguf", lora, base, {"general.name": "test"})
    write_f16(tmp_path / "merged.gguf", weights, lora.merged)
    laid_over = probe(base, tmp_path / "adapter.gguf", [], PROMPTS, []).logits
    merged = probe(tmp_path / "merged.gguf", None, [], PROMPTS, []).logits
    alone = probe(base, None, [], PROMPTS, []).logits
    np.testing.assert_allclose(laid_over, merged, atol=0.06)
    assert np.abs(laid_over - alone).max() > 0.5  # it does change something
    assert set(tensor_mix(tmp_path / "adapter.gguf")) == {"F16"}


def test_a_change_beyond_half_precision_is_refused(tmp_path: Path, base: Path):
    lora = read_adapter(write_peft(tmp_path / "peft", lora_alpha=1e6), GgufWeights(base).layout)
    with pytest.raises(ExportError, match="too large for half precision"):
        write_adapter(tmp_path / "adapter.gguf", lora, base, {})
    assert list(tmp_path.glob("*.gguf")) == []


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias=all"),
        ({"lora_bias": True}, "lora_bias"),
        ({"peft_type": "IA3"}, "IA3"),
    ],
)
def test_what_a_gguf_adapter_cannot_hold_is_refused_by_name(tmp_path, base, config, named):
    with pytest.raises(ExportError, match=named):
        read_adapter(write_peft(tmp_path / "peft", **config), GgufWeights(base).layout)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, base: Path):
    path = write_peft(tmp_path / "peft")
    save_file(
        {f"base_model.model.{Q}.lora_A.weight": np.full((4, EMBEDDING), np.nan, np.float32)},
        path / "adapter_model.safetensors",
    )
    with pytest.raises(ExportError, match="is not a number: the training diverged"):
        read_adapter(path, GgufWeights(base).layout)


def test_a_truncated_adapter_is_named(tmp_path: Path, base: Path):
    path = write_peft(tmp_path / "peft")
    file = path / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ExportError, match=r"adapter_model\.safetensors is damaged.*cut short"):
        read_adapter(path, GgufWeights(base).layout)


def test_an_adapter_of_another_shape_is_refused(tmp_path: Path, base: Path):
    lora = read_adapter(write_peft(tmp_path / "peft"), GgufWeights(base).layout)
    lora.pairs["blk.0.ffn_up.weight"] = lora.pairs["blk.0.ffn_down.weight"]  # type: ignore[index]
    with pytest.raises(ExportError, match=r"ffn_up\.weight has the shape .* another base"):
        write_adapter(tmp_path / "adapter.gguf", lora, base, {})
    assert not (tmp_path / "adapter.gguf").exists()


def test_the_wrong_base_of_the_same_shape_is_refused(tmp_path: Path, base: Path):
    lora = read_adapter(write_peft(tmp_path / "peft"), GgufWeights(base).layout)
    adapter = tmp_path / "adapter.gguf"
    write_adapter(adapter, lora, base, {})
    other = write_random_model(tmp_path / "other.gguf", seed=2)
    assert read_gguf(other).tensors == read_gguf(base).tensors
    with pytest.raises(ExportError, match="made for another base"):
        check_base(adapter, other)
    with pytest.raises(GenerationError, match="made for another base than other"):
        LlamaCppModel({"model": other}, LlmConfig(adapter=str(adapter)))
    check_base(adapter, base)
    LlamaCppModel({"model": base}, LlmConfig(adapter=str(adapter))).close()
