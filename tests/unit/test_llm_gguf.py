"""A model file is checked before the native library sees it."""

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest

from llm import GenerationError
from llm.gguf import _BLOCKS, read_gguf
from tests.tiny_llm import ANSWER, CHATML, write_adapter, write_scripted_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scripted_model(tmp_path_factory.mktemp("llm") / "tiny.gguf")


def test_the_header_is_read(model: Path) -> None:
    header = read_gguf(model)
    assert header.architecture == "llama"
    assert not header.is_adapter
    assert header.metadata["tokenizer.chat_template"] == CHATML
    assert header.tensors["output_norm.weight"] == (64,)


def test_the_sizes_of_all_types_are_those_of_the_reference() -> None:
    reference = {int(kind): sizes for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: sizes for kind, sizes in reference.items() if kind in _BLOCKS} == _BLOCKS


def test_an_adapter_is_known_as_one(tmp_path: Path) -> None:
    assert read_gguf(write_adapter(tmp_path / "lora.gguf", ANSWER[0], ANSWER[-1])).is_adapter


def test_any_cut_is_found(model: Path, tmp_path: Path) -> None:
    content = model.read_bytes()
    cut = tmp_path / "cut.gguf"
    lengths = [0, 1, 3, 4, 7, 8, 23, 24, 100, *range(200, len(content), 7919), len(content) - 1]
    for length in lengths:
        cut.write_bytes(content[:length])
        with pytest.raises(GenerationError, match="cut short|is empty|not a GGUF"):
            read_gguf(cut)


def test_the_bytes_that_are_missing_are_told(model: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.read_bytes()[:-1])
    size = model.stat().st_size
    with pytest.raises(
        GenerationError, match=f"has {size - 1:,} bytes of {size:,}; fetch it again"
    ):
        read_gguf(cut)


def test_a_damaged_header_is_one_clear_error(model: Path, tmp_path: Path) -> None:
    """Every byte of the first kilobyte set to every kind of extreme: no other exception."""
    content = bytearray(model.read_bytes())
    damaged = tmp_path / "damaged.gguf"
    outcomes = set()
    for at in range(4, 1024, 17):
        for value in (0, 0x7F, 0xFF):
            changed = bytearray(content)
            changed[at] = value
            damaged.write_bytes(changed)
            try:
                read_gguf(damaged)
                outcomes.add("read")
            except GenerationError as error:
                assert "\n" not in str(error)
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip file", b"<html>not found</html>", b"GGU"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(content)
    with pytest.raises(GenerationError, match="is not a GGUF model file"):
        read_gguf(other)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=r"absent\.gguf cannot be read: No such file"):
        read_gguf(tmp_path / "absent.gguf")
    with pytest.raises(GenerationError, match="cannot be read"):
        read_gguf(tmp_path)


def test_other_versions_are_refused(tmp_path: Path) -> None:
    old = tmp_path / "old.gguf"
    old.write_bytes(b"GGUF" + struct.pack("<IQQ", 1, 0, 0))
    with pytest.raises(GenerationError, match="GGUF version 1; versions 2 and 3"):
        read_gguf(old)


def test_lists_of_all_kinds_are_read(tmp_path: Path) -> None:
    path = tmp_path / "lists.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("numbers", [1, 2, 3])
    writer.add_array("words", ["一", "two"])
    writer.add_bool("yes", True)
    writer.add_float32("half", 0.5)
    writer.add_tensor("t", np.zeros((4, 8), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header = read_gguf(path)
    assert header.metadata["numbers"] == [1, 2, 3]
    assert header.metadata["words"] == ["一", "two"]
    assert header.metadata["yes"] is True
    assert header.metadata["half"] == 0.5
    assert header.tensors == {"t": (8, 4)}
