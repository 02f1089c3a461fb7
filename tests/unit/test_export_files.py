"""Files of an export are whole or not there."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm.export import ExportError
from llm.export.files import check_room, sha256_of, write_json, write_text


@contextmanager
def nearly_full() -> Iterator[None]:
    """No file gets larger than 1 kB meanwhile; not even the one that this test run writes to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path: Path):
    path = tmp_path / "card.json"
    full = pytest.raises(ExportError, match=r"disk of .* is full: card\.json was not written")
    with nearly_full(), full:
        write_json(path, {"old": True})
        write_text(path, "x" * 5000)
    assert path.read_text() == '{\n  "old": true\n}\n'
    assert [each.name for each in tmp_path.iterdir()] == ["card.json"]


def test_too_little_room_is_told_before_the_work_begins(tmp_path: Path):
    with pytest.raises(ExportError, match="too little room") as caught:
        check_room(tmp_path / "not" / "there", 1 << 60)
    assert "--out" in caught.value.fix


def test_a_place_that_is_no_folder_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match=r"cannot be written"):
        write_text(tmp_path / "file" / "card.json", "x")


def test_a_flipped_byte_changes_the_hash(tmp_path: Path):
    path = tmp_path / "model.gguf"
    path.write_bytes(bytes(3_000_000))
    before = sha256_of(path)
    content = bytearray(path.read_bytes())
    content[2_000_000] ^= 1
    path.write_bytes(content)
    assert sha256_of(path) != before
