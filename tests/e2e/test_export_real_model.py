"""An adapter for the language model of the catalogue: `hean ask` answers with it."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from llm.export.adapter import read_adapter, write_adapter
from llm.export.weights import GgufWeights
from models.store import Store
from tests.commands import hean
from voice.config import Config

pytestmark = pytest.mark.models

MODULE = "base_model.model.model.layers.3.mlp.down_proj"


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of rank 2 for the very file that devices run, as peft writes it."""
    folder = tmp_path_factory.mktemp("peft")
    base = Store(Config().store).resolve("qwen2.5-coder-0.5b")["model"]
    weights = GgufWeights(base)
    outputs, inputs = weights.shapes["blk.3.ffn_down.weight"]
    random = np.random.default_rng(1)
    tensors = {
        f"{MODULE}.lora_A.weight": random.standard_normal((2, inputs), np.float32),
        f"{MODULE}.lora_B.weight": np.full((outputs, 2), 1e-5, np.float32),
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    path = folder / "adapter.gguf"
    write_adapter(path, read_adapter(folder, weights.layout), base, {})
    return path


def test_an_answer_is_composed_with_the_adapter(adapter: Path):
    settings = ("--set", f"llm.adapter={adapter}", "--set", "llm.timeout_s=300")
    found = hean("ask", "--text", "存折房产证要不要带", "--json", "--silent", *settings)
    assert found.code == 0
    row = found.rows[0]
    assert "compose" in row["seconds"]  # the model was asked, whatever became of its words
    assert row["answer"]


def test_another_model_of_the_catalogue_refuses_it(adapter: Path):
    settings = ("--set", f"llm.adapter={adapter}", "--set", "llm.model=smollm2-135m")
    found = hean("ask", "--text", "存折房产证要不要带", "--silent", *settings)
    assert found.code == 70
    assert "is for a qwen2 model" in found.err
