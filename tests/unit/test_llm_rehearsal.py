"""A library that crashes on a model crashes in a child process, once, and says what to do."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from llm import GenerationError, LlmConfig, Message, Sampling
from llm.llama_cpp import LlamaCppModel
from tests.tiny_llm import ANSWER, write_adapter, write_scripted_model

SHORT = Sampling(max_tokens=8)
CONFIG = LlmConfig(threads=1)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scripted_model(tmp_path_factory.mktemp("llm") / "scripted.gguf")


def python_that(action: str, folder: Path) -> str:
    """Return an interpreter that only performs `action`."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\n{action}\n")
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("kill -ILL $$", "built for another processor"),
        ("kill -KILL $$", "not enough memory"),
        ("kill -SEGV $$", "llama.cpp crashed"),
        ("echo a reason >&2; exit 1", "^a reason$"),
        ("exit 1", "does not run"),
    ],
)
def test_a_crash_stays_in_the_child(
    scripted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, said: str
) -> None:
    monkeypatch.setattr(sys, "executable", python_that(action, tmp_path))
    with pytest.raises(GenerationError, match=said):
        LlamaCppModel({"model": scripted}, CONFIG, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_what_went_well_once_is_not_tried_again(
    scripted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.gguf"
    shutil.copy(scripted, path)
    cache = tmp_path / "cache"
    LlamaCppModel({"model": path}, CONFIG, cache).close()
    monkeypatch.setattr(sys, "executable", python_that("echo tried >&2; exit 1", tmp_path))
    LlamaCppModel({"model": path}, CONFIG, cache).close()
    os.utime(path, (1, 1))  # another file now
    with pytest.raises(GenerationError, match="tried"):
        LlamaCppModel({"model": path}, CONFIG, cache)


def test_the_child_tells_what_is_wrong(scripted: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "b.gguf", ANSWER[0], ANSWER[1], columns=32)
    with pytest.raises(GenerationError, match="does not fit the model") as caught:
        LlamaCppModel({"model": scripted, "adapter": adapter}, CONFIG, tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written_only_costs_time(scripted: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = LlamaCppModel({"model": scripted}, CONFIG, tmp_path / "file" / "cache")
    assert "".join(model.generate([Message("user", "?")], SHORT)).startswith("Go inside")
    model.close()
