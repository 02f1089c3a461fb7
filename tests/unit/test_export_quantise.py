"""Quantising: whole files only, and the true mix of types told."""

import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from llm import GenerationError
from llm.export import ExportError
from llm.export.child import run_child
from llm.export.names import Layout
from llm.export.quantise import mix_text, quantise, tensor_mix
from llm.export.weights import GgufWeights, write_f16
from tests.tiny_llm import BLOCKS, EMBEDDING, write_random_model


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write_f16(folder / "f16.gguf", GgufWeights(write_random_model(folder / "f32.gguf")))
    return folder / "f16.gguf"


def test_f16_keeps_weights_tokenizer_and_template(whole: Path):
    before, after = GgufWeights(whole.with_name("f32.gguf")), GgufWeights(whole)
    assert before.shapes == after.shapes
    for name in before.shapes:
        np.testing.assert_allclose(after.load(name), before.load(name), rtol=1e-3, atol=1e-6)
    assert set(tensor_mix(whole)) == {"F16", "F32"}


def test_the_true_mix_of_a_q4_k_m_is_told(tmp_path: Path, whole: Path):
    inputs = {f"blk.{n}.attn_q.weight": np.ones(EMBEDDING, np.float32) for n in range(BLOCKS)}
    quantise(whole, tmp_path / "q.gguf", "q4_k_m", 1, inputs)
    mix = tensor_mix(tmp_path / "q.gguf")
    # Rows of 64 are no multiple of 256: nothing in this "Q4_K_M" is Q4_K.
    assert "Q4_K" not in mix
    assert next(iter(mix)) in ("Q5_0", "Q8_0")
    assert mix_text({"Q5_0": 3, "F32": 1}) == "Q5_0 75.0 %, F32 25.0 %"


def test_a_truncated_source_is_named(tmp_path: Path, whole: Path):
    (tmp_path / "cut.gguf").write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(GenerationError, match=r"cut\.gguf is cut short"):
        quantise(tmp_path / "cut.gguf", tmp_path / "q.gguf", "q8_0", 1)
    with pytest.raises(GenerationError, match=r"cut\.gguf is cut short"):
        GgufWeights(tmp_path / "cut.gguf")


def test_what_llama_cpp_refuses_leaves_no_file(tmp_path: Path, whole: Path):
    quantise(whole, tmp_path / "q8.gguf", "q8_0", 1)
    with pytest.raises(ExportError, match="could not quantise"):
        quantise(tmp_path / "q8.gguf", tmp_path / "q4.gguf", "q4_k_m", 1)  # quantised twice
    assert [path.name for path in tmp_path.iterdir()] == ["q8.gguf"]


def test_a_disk_that_fills_up_while_quantising_leaves_no_file(tmp_path: Path, whole: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(ExportError):
            quantise(whole, tmp_path / "q.gguf", "q8_0", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_type_is_refused(tmp_path: Path, whole: Path):
    with pytest.raises(ExportError, match="unknown quantisation 'q3'"):
        quantise(whole, tmp_path / "q.gguf", "q3", 1)


def test_weights_that_fp16_cannot_hold_are_refused(tmp_path: Path, whole: Path):
    def diverged(_name, values):
        return values * np.float32(1e6)

    with pytest.raises(ExportError, match="which a 16-bit float cannot hold"):
        write_f16(tmp_path / "f16.gguf", GgufWeights(whole), diverged)
    assert list(tmp_path.iterdir()) == []


def test_a_family_that_is_not_known_is_refused():
    with pytest.raises(ExportError, match="architecture mamba cannot be exported"):
        Layout.from_metadata({}, "mamba")


def test_a_child_that_dies_is_named_by_its_signal():
    with pytest.raises(ExportError, match="killed"):
        run_child("tests.dying_child", {"signal": signal.SIGKILL})
    with pytest.raises(ExportError, match=r"crashed \(SIGABRT\)"):
        run_child("tests.dying_child", {"signal": signal.SIGABRT})
