"""Models that are not downloaded: made on the machine, or in the box."""

from dataclasses import replace
from pathlib import Path

import pytest

from models import ModelStoreError
from models.boxing import put_in_box
from models.catalog import Catalog, Download, File, Model, Source, load_catalog
from models.importing import install_made
from models.store import Store
from tests.small_models import catalog, model, sha256


def made() -> Model:
    return replace(load_catalog().model("kws-own"), id="own")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", catalog(made()))


def write(folder: Path, **contents: str) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    for role, content in contents.items():
        (folder / f"{role}.bin").write_text(content, encoding="utf-8")
    return {role: folder / f"{role}.bin" for role in contents}


def test_a_model_that_is_made_here_is_not_fetched(store: Store) -> None:
    with pytest.raises(ModelStoreError, match="own is made here") as caught:
        store.fetch(["own"])
    assert caught.value.fix == "hean wake train"
    assert "not installed" in store.problem("own")


def test_it_is_installed_whatever_files_it_has(store: Store, tmp_path: Path) -> None:
    install_made(store, "own", write(tmp_path / "run", encoder="e", lexicon="l"))
    found = store.resolve("own")
    assert {role: path.read_text() for role, path in found.items()} == {
        "encoder": "e",
        "lexicon": "l",
    }
    assert store.verify() == []


def test_a_newer_one_takes_its_place(store: Store, tmp_path: Path) -> None:
    install_made(store, "own", write(tmp_path / "run", encoder="old", lexicon="l"))
    install_made(store, "own", write(tmp_path / "other", encoder="new"))
    assert [path.read_text() for path in store.resolve("own").values()] == ["new"]


def test_one_that_was_altered_is_told_with_the_command_that_makes_it(
    store: Store, tmp_path: Path
) -> None:
    install_made(store, "own", write(tmp_path / "run", encoder="e"))
    (store.folder("own") / "encoder.bin").write_text("altered", encoding="utf-8")
    with pytest.raises(ModelStoreError) as caught:
        store.resolve("own")
    assert caught.value.fix == "hean wake train"


def test_a_model_has_sources_or_a_command_not_both(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sources are wrong"):
        replace(made(), made_by="")
    with pytest.raises(ValueError, match="sources are wrong"):
        replace(made(), sources=(Source((Download("url", "x", save="a"),)),))


@pytest.fixture
def boxed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A model whose file comes with the program."""
    (tmp_path / "box" / "tiny").mkdir(parents=True)
    (tmp_path / "box" / "tiny" / "model.onnx").write_bytes(b"weights")
    monkeypatch.setattr("models.sources.BOX", tmp_path / "box")
    download = Download("box", "tiny/model.onnx", 7, sha256(b"weights"), save="model.onnx")
    return catalog(model("m", {"model": File("model.onnx")}, Source((download,))))


def test_a_model_in_the_box_needs_no_network(boxed: Catalog, tmp_path: Path) -> None:
    store = Store(tmp_path / "store", boxed)
    assert store.fetch(["m"]) == ["m"]
    assert store.resolve("m")["model"].read_bytes() == b"weights"


def test_a_model_is_put_in_the_box_with_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = tmp_path / "box"
    files = write(tmp_path / "run", model="weights", report="{}")
    facts = {"stage": '"vad"', "engine": '"silero"', "languages": '["zh"]', "licence": '"MIT"'}
    for _ in range(2):  # the second time in the place of the first
        put_in_box("tiny", {**facts, "memory_mb": "1", "speed": '"fast"'}, files, ["p"], box)
    shipped = tmp_path / "catalog.toml"
    shipped.write_text("[profiles.p]\n", encoding="utf-8")
    catalog = load_catalog(shipped, box)
    assert catalog.profile("p") == {"vad": "tiny"}
    monkeypatch.setattr("models.sources.BOX", box)
    store = Store(tmp_path / "store", catalog)
    store.fetch(["tiny"])
    assert store.resolve("tiny")["model"].read_text() == "weights"


def test_a_file_of_the_box_that_was_altered_is_refused(boxed: Catalog, tmp_path: Path) -> None:
    (tmp_path / "box" / "tiny" / "model.onnx").write_bytes(b"weighty")
    with pytest.raises(ModelStoreError, match="not the file it should be"):
        Store(tmp_path / "store", boxed).fetch(["m"])
