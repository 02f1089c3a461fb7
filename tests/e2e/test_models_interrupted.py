"""Real processes, really killed: at any moment, each model is whole or not there."""

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from models import ModelStoreError
from models.catalog import Catalog, Download, File, Source
from models.store import Store
from tests.file_server import FileServer, file_server
from tests.small_models import catalog, model, sha256, tarball

OLD, NEW = b"old" * 30_000, random.Random(1).randbytes(200_000)  # the same in each process
BIG = random.Random(2).randbytes(4_000_000)
MEMBERS = {"top/a": NEW[:150_000], "top/tokens.txt": b"a 0\n"}

# Fetches model "m". Killed by itself at the given file operation, if the number is not negative.
CHILD = """
import itertools, os, signal, sys
from pathlib import Path
from models.store import Store
from tests.e2e.test_models_interrupted import new_catalog

store = Store(Path(sys.argv[1]), new_catalog(sys.argv[2]))
number, root = itertools.count(), sys.argv[1]

def hook(event, arguments):
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"):
        if root in str(arguments) and next(number) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
store.fetch(["m"])
"""

# Fetches the big model, and kills itself when half of it is there.
HALFWAY = """
import os, signal, sys
from pathlib import Path
from models.store import Store
from tests.e2e.test_models_interrupted import BIG, big_catalog

def die(step):
    if step.done > len(BIG) / 2:
        os.kill(os.getpid(), signal.SIGKILL)

Store(Path(sys.argv[1]), big_catalog(sys.argv[2])).fetch(["m"], die)
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as running:
        running.files = {"old": OLD, "a.tar.bz2": tarball(MEMBERS), "b": NEW[150_000:], "big": BIG}
        yield running


def old_catalog(base: str) -> Catalog:
    download = Download("url", f"{base}old", save="model.onnx")
    return catalog(model("m", {"model": File("model.onnx")}, Source((download,))))


def new_catalog(base: str) -> Catalog:
    take = {"a.bin": "top/a", "tokens.txt": "top/tokens.txt"}
    downloads = (
        Download("url", f"{base}a.tar.bz2", take=take),
        Download("url", f"{base}b", len(NEW) - 150_000, sha256(NEW[150_000:]), save="b.bin"),
    )
    files = {
        name: File(path) for name, path in zip("abt", ("a.bin", "b.bin", "tokens.txt"), strict=True)
    }
    return catalog(model("m", files, Source(downloads), revision=2))


def big_catalog(base: str) -> Catalog:
    download = Download("url", f"{base}big", len(BIG), sha256(BIG), save="b")
    return catalog(model("m", {"b": File("b")}, Source((download,))))


def child(root: Path, base: str, kill_at: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(root), base, str(kill_at)])


def is_new(store: Store) -> bool:
    paths = store.resolve("m")
    return paths["a"].read_bytes() + paths["b"].read_bytes() == NEW and store.verify() == []


def is_old(root: Path, base: str) -> bool:
    try:
        return Store(root, old_catalog(base)).resolve("m")["model"].read_bytes() == OLD
    except ModelStoreError:
        return False


def test_killed_at_any_file_operation(server: FileServer, tmp_path: Path) -> None:
    base, before = server.address(""), tmp_path / "before"
    Store(before, old_catalog(base)).fetch(["m"])
    states = []
    for kill_at in count():
        root = tmp_path / str(kill_at)
        shutil.copytree(before, root, copy_function=shutil.copy2)
        with child(root, base, kill_at) as process:
            ended = process.wait()
        store = Store(root, new_catalog(base))
        problem = store.problem("m")
        old = is_old(root, base)
        assert old or problem in ("", "model m is not installed"), (kill_at, problem)
        states.append("old" if old else "new" if not problem else "none")
        store.fetch(["m"])
        assert is_new(store), kill_at
        assert [*root.glob(".staging/*"), *root.glob(".downloads/*")] == []
        shutil.rmtree(root)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert kill_at > 20
    assert states == sorted(states, key=["old", "none", "new"].index)


def test_a_killed_download_goes_on_where_it_stopped(server: FileServer, tmp_path: Path) -> None:
    base, part = server.address(""), tmp_path / ".downloads" / "m" / "big.part"
    command = [sys.executable, "-c", HALFWAY, str(tmp_path), base]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    have = part.stat().st_size
    assert 0 < have < len(BIG)
    server.ranges.clear()
    store = Store(tmp_path, big_catalog(base))
    store.fetch(["m"])
    assert server.ranges == [f"bytes={have}-"]
    assert store.resolve("m")["b"].read_bytes() == BIG


def test_two_processes_fetch_once(server: FileServer, tmp_path: Path) -> None:
    base = server.address("")
    with child(tmp_path, base, -1) as one, child(tmp_path, base, -1) as other:
        assert (one.wait(), other.wait()) == (0, 0)
    assert is_new(Store(tmp_path, new_catalog(base)))
    assert len(server.ranges) == 2
