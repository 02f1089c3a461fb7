import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from models import ModelStoreError
from models.archive import is_archive, take, unpack
from tests.small_models import tarball


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes]) -> Path:
    path.write_bytes(tarball(members))
    return path


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_members_are_taken_by_name_and_joined(tmp_path: Path, pack) -> None:
    first = pack(tmp_path / "first", {"x/part": b"one ", "x/other": b"no"})
    second = pack(tmp_path / "second", {"y/part": b"two"})
    target = tmp_path / "whole"
    take(first, {"x/part": target})
    take(second, {"y/part": target})
    assert target.read_bytes() == b"one two"


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_missing_member_is_told(tmp_path: Path, pack) -> None:
    archive = pack(tmp_path / "archive", {"a": b"", "b": b""})
    with pytest.raises(ModelStoreError, match="archive holds no c$"):
        take(archive, {"a": tmp_path / "1", "c": tmp_path / "2"})


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_truncated_archive_is_told(tmp_path: Path, pack) -> None:
    archive = pack(tmp_path / "archive", {"a": bytes(range(256)) * 4000})
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(ModelStoreError, match="archive"):
        take(archive, {"a": tmp_path / "a.out"})


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil"])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, pack, name: str) -> None:
    archive = pack(tmp_path / "archive", {"fine": b"1", name: b"2"})
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ModelStoreError, match="unsafe path"):
        unpack(archive, folder)
    assert not (tmp_path / "evil").exists()


def test_links_are_left_out(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("empty"))
    path = tmp_path / "a.tar.gz"
    path.write_bytes(buffer.getvalue())
    folder = tmp_path / "folder"
    folder.mkdir()
    unpack(path, folder)
    assert [path.name for path in folder.iterdir()] == ["empty"]


@pytest.mark.parametrize("size", [1 << 50, 1 << 62])
def test_an_archive_larger_than_the_disk_is_refused(tmp_path: Path, size: int) -> None:
    info = tarfile.TarInfo("huge")
    info.size = size
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf() + bytes(10240))
    with pytest.raises(ModelStoreError, match="too little room|cut short|damaged"):
        unpack(path, tmp_path)


def test_other_files_are_no_archives(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(256)) * 8)
    assert not is_archive(path)
