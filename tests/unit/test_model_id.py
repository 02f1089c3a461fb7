"""The audit log tells by hash which language model has answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llm import LlmConfig
from models.manifest import Kept, Manifest, write_manifest
from tests.small_bundles import sha256, use, workshop
from voice.active_slot import slots_of
from voice.config import Config, ModelsConfig
from voice.engines import NO_MODEL, model_id_of

MODEL, ADAPTER = b"a model", b"an adapter"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(models=ModelsConfig(store=str(tmp_path / "models")))


def in_slot(config: Config, folder: Path, files: dict[str, tuple[str, bytes]]) -> None:
    use(slots_of(config), workshop(folder, files).make(1))


def test_a_model_of_the_catalogue_has_the_hash_that_it_was_installed_with(config: Config) -> None:
    name = "qwen2.5-coder-0.5b"
    folder = config.store / name
    folder.mkdir(parents=True)
    write_manifest(folder, Manifest(name, 0, {"model": Kept("m.gguf", 1, "a" * 64, 0)}))
    assert model_id_of(config) == "a" * 64


def test_a_flashed_model_has_the_hash_that_it_was_signed_with(
    config: Config, tmp_path: Path
) -> None:
    in_slot(config, tmp_path / "b", {"model/m.gguf": ("model", MODEL)})
    assert model_id_of(config) == sha256(MODEL + b"#1")


def test_a_flashed_adapter_counts_too(config: Config, tmp_path: Path) -> None:
    files = {"model/m.gguf": ("model", MODEL), "model/a.gguf": ("adapter", ADAPTER)}
    in_slot(config, tmp_path / "b", files)
    assert model_id_of(config) == f"{sha256(MODEL + b'#1')}+{sha256(ADAPTER + b'#1')}"


@pytest.mark.parametrize(
    "llm",
    [
        LlmConfig(model=NO_MODEL),
        LlmConfig(model="/a/model/of/the/owner.gguf"),
        LlmConfig(server_url="http://127.0.0.1:8080/v1"),
        LlmConfig(),  # not installed
    ],
)
def test_what_nobody_here_has_hashed_has_none(config: Config, llm: LlmConfig) -> None:
    assert model_id_of(replace(config, llm=llm)) == ""
