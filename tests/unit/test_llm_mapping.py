"""Mapped files keep in memory only what is used."""

import mmap
import os
from pathlib import Path

import pytest

from llm.mapping import release_mapping

SIZE = 4 << 20
CONTENT = os.urandom(1 << 12) * (SIZE >> 12)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT)
    return path


def resident_kb(path):
    """Return how much of a file's mapping is in memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    for line in lines:
        if line.endswith(str(path)):
            return next(int(row.split()[1]) for row in lines if row.startswith("Rss:"))
    raise AssertionError("the file is not mapped")


def test_what_was_mapped_is_let_go_and_comes_back(path):
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert content[:] == CONTENT
        assert resident_kb(path) == SIZE >> 10
        release_mapping(path)
        assert resident_kb(path) == 0
        assert content[:] == CONTENT


def test_a_mapping_that_may_be_written_to_is_left_alone(path):
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as content:
        content[:4] = b"mine"
        release_mapping(path)
        assert content[:4] == b"mine"


def test_a_file_that_is_not_mapped_is_no_matter(path):
    release_mapping(path)
    assert path.read_bytes() == CONTENT
