import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from models import ModelStoreError
from models.disk import clear_errors
from models.download import download
from models.progress import uncounted
from tests.file_server import FileServer, file_server

CONTENT = os.urandom(1_000_000)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as running:
        running.files["a.bin"] = CONTENT
        yield running


def fetch(server: FileServer, target: Path) -> None:
    download(server.address("a.bin"), target, uncounted, Event())


def test_a_file_arrives_whole(server: FileServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    target = tmp_path / "a.bin"
    download(server.address("a.bin"), target, lambda *step: seen.append(step), Event())
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_broken_connection_is_continued(server: FileServer, tmp_path: Path) -> None:
    server.cut_after = [300_000, 200_000]
    fetch(server, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=300000-", "bytes=500000-"]


def test_an_interrupted_download_is_continued_by_the_next(
    server: FileServer, tmp_path: Path
) -> None:
    target, cancel = tmp_path / "a.bin", Event()
    download(server.address("a.bin"), target, lambda *_: cancel.set(), cancel)
    have = (tmp_path / "a.bin.part").stat().st_size
    assert 0 < have < len(CONTENT)
    fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.ranges[-1] == f"bytes={have}-"


def test_a_file_that_changed_meanwhile_is_begun_again(server: FileServer, tmp_path: Path) -> None:
    cancel = Event()
    download(server.address("a.bin"), tmp_path / "a.bin", lambda *_: cancel.set(), cancel)
    server.files["a.bin"] = CONTENT[::-1]
    fetch(server, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT[::-1]


def test_a_part_that_is_too_long_is_begun_again(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    fetch(server, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.status = [503]
    fetch(server, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_missing_file_is_told_at_once(server: FileServer, tmp_path: Path) -> None:
    del server.files["a.bin"]
    with pytest.raises(ModelStoreError, match="the server answers 404"):
        fetch(server, tmp_path / "a.bin")
    assert len(server.ranges) == 1


def test_no_network_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.download._FIRST_WAIT_S", 0.01)
    with file_server() as server:
        address = server.address("a.bin")
    with pytest.raises(ModelStoreError, match="no connection") as caught:
        download(address, tmp_path / "a.bin", uncounted, Event())
    assert "hean models import" in caught.value.fix


def test_a_full_disk_is_told(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").symlink_to("/dev/full")  # every write to it finds the disk full
    with (
        pytest.raises(ModelStoreError, match="is full") as caught,
        clear_errors(tmp_path, "hean models fetch"),
    ):
        fetch(server, tmp_path / "a.bin")
    assert "free some space" in caught.value.fix
