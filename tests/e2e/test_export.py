"""`hean export` on a run of a tiny model: files, card and Modelfile, or a plain no."""

import json
from pathlib import Path

import pytest

from llm.export.files import sha256_of
from llm.export.huggingface import HfWeights
from llm.export.quantise import quantise
from llm.export.weights import write_f16
from llm.gguf import read_gguf
from tests.commands import Result, hean
from tests.tiny_export import write_folder, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a quantised GGUF, as the catalogue has them."""
    folder = tmp_path_factory.mktemp("run")
    write_f16(folder / "f16.gguf", HfWeights(write_folder(folder / "hf", "qwen2")))
    quantise(folder / "f16.gguf", folder / "base.gguf", "q4_k_m", 1)
    return write_run(folder / "run", folder / "base.gguf")


@pytest.fixture(scope="module")
def exported(run: Path) -> Result:
    return hean("export", run, "--to", "adapter,q8_0", "--compare", "--rows", "4", "--json")


def test_the_adapter_and_a_merged_model_are_made_and_proved(run: Path, exported: Result):
    assert exported.code == 0
    files = json.loads(exported.out)["files"]
    assert [file["kind"] for file in files] == ["adapter", "q8_0"]
    for file in files:
        path = Path(file["path"])
        assert path.parent == run / "export"
        assert file["sha256"] == sha256_of(path)
        assert file["likeness"]["lines"] >= 1000
        assert file["likeness"]["mean_kl"] < 0.03
    header = read_gguf(run / "export" / "adapter.gguf")
    assert header.metadata["hean.base.sha256"] == sha256_of(run.parent / "base.gguf")
    assert not list((run / "export").glob(".*"))
    assert not (run / "export" / "model-F16.gguf").exists()  # only needed on the way


def test_the_card_tells_where_it_comes_from(run: Path, exported: Result):
    card = json.loads((run / "export" / "card.json").read_text())
    assert card["base"]["path"] == "base.gguf"
    assert card["base"]["sha256"] == sha256_of(run.parent / "base.gguf")
    assert card["seed"] == 7
    assert card["versions"]["llama-cpp-python"]
    assert card["canary"]["answered"]
    assert [file["name"] for file in card["files"]] == ["adapter.gguf", "model-Q8_0.gguf"]
    assert str(run.parent) not in json.dumps(card)
    assert "ADAPTER ./adapter.gguf" in (run / "export" / "Modelfile").read_text()


def test_every_form_is_measured_on_the_same_rows(run: Path, exported: Result):
    variants = json.loads(exported.out)["variants"]
    assert [v["name"] for v in variants] == ["base", "base + adapter", "merged Q8_0"]
    assert [v["figures"]["n"] for v in variants] == [4, 4, 4]
    assert variants[0]["verdict"] == ""
    assert all(v["verdict"] in ("pass", "no proven gain", "worse") for v in variants[1:])
    assert json.loads((run / "export" / "variants.json").read_text()) == variants
    assert "merged Q8_0" in (run / "export" / "variants.html").read_text()


def test_no_merged_form_is_kept_where_none_passes_the_gate(run: Path, tmp_path: Path):
    # Random changes make nothing better, so the gate lets none through.
    words = ("--to", "smallest", "--rows", "4", "--no-imatrix", "--out", tmp_path)
    found = hean("export", run, *words)
    assert found.code == 65
    assert "no merged form passes the gate" in found.err
    assert f"use the adapter: hean export {run}" in found.err
    told = " ".join(found.err.split())  # the progress display wraps lines
    assert all(f"{kind}: " in told for kind in ("Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16"))
    assert list(tmp_path.iterdir()) == []


def test_a_base_with_a_flipped_byte_is_refused(run: Path, tmp_path: Path):
    content = bytearray((run.parent / "base.gguf").read_bytes())
    content[-100] ^= 1
    other = tmp_path / "other.gguf"
    other.write_bytes(content)
    found = hean("export", run, "--base", other, "--out", tmp_path / "out")
    assert found.code == 65
    assert "is not the base of this run: SHA-256" in found.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere"], 66, "is no run: it has no run.json"),
        (["RUN", "--to", "q3"], 2, "unknown kind 'q3'"),
        (["RUN", "--to", "smallest,q8_0"], 2, "unknown kind 'smallest'"),
        (["RUN", "--rows", "0"], 2, "--rows is 0"),
        (["RUN", "--base", "nowhere.gguf"], 65, "the base nowhere.gguf is not there"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(run: Path, words, code: int, said: str):
    found = hean("export", *(run if word == "RUN" else word for word in words))
    assert found.code == code
    assert said in found.err
    assert "Traceback" not in found.err


def test_a_run_that_is_not_finished_is_not_exported(tmp_path: Path):
    (tmp_path / "run.json").write_text('{"state": "training"}')
    found = hean("export", tmp_path)
    assert found.code == 65
    assert "is not finished: training" in found.err
    assert f"hean train --resume {tmp_path}" in found.err
