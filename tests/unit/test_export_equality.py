"""Every exported file says what the trained model says, or is stopped and named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llm import Message
from llm.export import ExportError
from llm.export.adapter import read_adapter, write_adapter
from llm.export.corpus import LINES, corpus
from llm.export.equality import Yardstick, check_file, check_merge, yardstick
from llm.export.huggingface import HfWeights
from llm.export.names import ARCHITECTURES
from llm.export.probing import Said
from llm.export.quantise import quantise, tensor_mix
from llm.export.reference import Reference
from llm.export.weights import write_f16
from tests.tiny_export import write_folder, write_peft_adapter, write_tokenizer

CANARY = [Message("user", "What to do?")]


def asked(reference: Reference) -> Yardstick:
    texts = [f"Question {n}: what 怎么办 to do {7 * n}? Passage: iodine" for n in range(16)]
    return yardstick(reference, [], [reference.base.tokenize(text) for text in texts], CANARY)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Reference, Yardstick]:
    """A folder with base, rank-stabilised adapter and what both say together."""
    folder = tmp_path_factory.mktemp("tuned")
    base = write_folder(folder / "base", "llama")
    adapter = write_peft_adapter(folder / "peft", base, use_rslora=True)
    weights = HfWeights(base)
    lora = read_adapter(adapter, weights.layout)
    write_f16(folder / "base.gguf", weights)
    write_f16(folder / "merged.gguf", weights, lora.merged)
    write_adapter(folder / "adapter.gguf", lora, folder / "base.gguf", {})
    reference = Reference(base, adapter, 1)
    return folder, reference, asked(reference)


@pytest.mark.parametrize("family", ARCHITECTURES)
def test_a_converted_folder_computes_what_it_did(tmp_path: Path, family: str):
    folder = write_folder(tmp_path / "hf", family, tie_word_embeddings=family == "qwen3")
    write_f16(tmp_path / "f16.gguf", HfWeights(folder))
    found = check_file(tmp_path / "f16.gguf", None, "f16", asked(Reference(folder, None, 1)), 1)
    assert found.mean_kl < 1e-3
    assert found.lines >= LINES


def test_adapter_and_merged_weights_compute_what_was_trained(tuned):
    folder, reference, wanted = tuned
    assert (
        check_file(folder / "base.gguf", folder / "adapter.gguf", "f16", wanted, 1).mean_kl < 1e-3
    )
    assert check_file(folder / "merged.gguf", None, "f16", wanted, 1).mean_kl < 1e-3


def test_the_merged_model_is_compared_and_calibrates_the_quantised_one(tuned):
    folder, _, wanted = tuned
    merged = Reference(folder / "base", folder / "peft", 1)
    check_merge(merged, wanted)
    layout = HfWeights(folder / "base").layout
    importance = merged.importance([[5, 6, 7, 8]], layout)
    assert len(importance) == 14  # seven layers in each of two blocks
    assert all((values >= 0).all() and values.any() for values in importance.values())
    quantise(folder / "merged.gguf", folder / "q8.gguf", "q8_0", 1, importance)
    assert next(iter(tensor_mix(folder / "q8.gguf"))) == "Q8_0"
    assert check_file(folder / "q8.gguf", None, "q8_0", wanted, 1).mean_kl < 0.03


def test_a_lost_scale_is_stopped(tuned, tmp_path: Path):
    """What converters do that do not know rank stabilisation."""
    folder, _, wanted = tuned
    peft = tmp_path / "peft"
    peft.mkdir()
    for path in (folder / "peft").glob("adapter_*"):
        (peft / path.name).write_bytes(path.read_bytes())
    config = json.loads((peft / "adapter_config.json").read_text())
    (peft / "adapter_config.json").write_text(json.dumps({**config, "use_rslora": False}))
    lora = read_adapter(peft, HfWeights(folder / "base").layout)
    write_adapter(tmp_path / "adapter.gguf", lora, folder / "base.gguf", {})
    with pytest.raises(ExportError, match=r"adapter\.gguf computes something else.* mean KL"):
        check_file(folder / "base.gguf", tmp_path / "adapter.gguf", "f16", wanted, 1)


def test_a_tokenizer_that_differs_is_stopped(tuned, tmp_path: Path):
    """Digits one by one, as another family has it: the ids of many lines change."""
    folder, _, wanted = tuned
    other = tmp_path / "base"
    other.mkdir()
    for path in (folder / "base").iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    digits = {"type": "Digits", "individual_digits": True}
    words = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    write_tokenizer(other, {"type": "Sequence", "pretokenizers": [digits, words]})
    write_f16(tmp_path / "f16.gguf", HfWeights(other))
    with pytest.raises(ExportError, match=r"tokenizer of f16\.gguf differs on \d+ of \d+ lines"):
        check_file(tmp_path / "f16.gguf", None, "f16", wanted, 1)


def test_weights_that_differ_are_stopped(tuned, tmp_path: Path):
    folder, _, wanted = tuned

    def without_gate(name, values):
        return values * 0 if "ffn_gate" in name else values

    write_f16(tmp_path / "f16.gguf", HfWeights(folder / "base"), without_gate)
    with pytest.raises(ExportError, match="computes something else than the trained model"):
        check_file(tmp_path / "f16.gguf", None, "f16", wanted, 1)


def test_a_lost_canary_is_stopped_and_told_of_quantised_weights(tuned):
    folder, _, wanted = tuned
    lost = replace(wanted, said=Said((1, 2, 3), "Go inside.", ended=True))
    with pytest.raises(ExportError, match=r"lost the canary sentence: .* instead of “Go inside\.”"):
        check_file(folder / "merged.gguf", None, "f16", lost, 1)
    assert not check_file(folder / "merged.gguf", None, "q8_0", lost, 1).canary_kept


def test_another_vocabulary_is_stopped(tuned):
    folder, _, wanted = tuned
    smaller = replace(wanted, logits=np.zeros((16, 7), np.float32))
    with pytest.raises(ExportError, match="the file has 512 words, the trained model 7"):
        check_file(folder / "merged.gguf", None, "f16", smaller, 1)


def test_the_fixed_lines_hold_what_tokenizers_trip_over():
    lines = corpus(["my own line", "my own line", " "], ["<|im_end|>"])
    assert len(lines) == len(set(lines)) >= LINES
    assert lines[0] == "my own line"
    text = "".join(lines)
    assert all(part in text for part in ("1234567", "\n\n", "碘片", "😀", "<|im_end|>", "\u3000"))
