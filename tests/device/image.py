"""What the virtual machine boots from: a small Debian, and a disk with this project on it."""

from __future__ import annotations

import compileall
import hashlib
import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cryptography

from llm.flash.bundle import load_private_key, write_bundle
from llm.flash.manifest import BundledFile, Manifest
from llm.knowledge.keys import create_key

TOOLS = ("qemu-system-x86_64", "debootstrap", "mkfs.ext4")
PACKAGES = (
    "python3",
    "python3-cffi-backend",  # for cryptography, which comes with the project: Debian's is too old
    "python3-numpy",  # llm/__init__.py has arrays in its protocols
    "linux-image-amd64",  # the kernel for clouds has no f2fs
    "initramfs-tools",
    "e2fsprogs",
    "f2fs-tools",
    "kmod",
)
_MODULES = "virtio_pci\nvirtio_blk\next4\nf2fs\n"
_SLOW = ("hooks/udev", "scripts/init-top/udev", "scripts/init-bottom/udev")
"""Parts of the initial system that search for devices: half of the start, and these are known."""
_INIT = """\
#!/bin/sh
mount -t devtmpfs dev /dev
mount -o ro /dev/vdb /project
cd /project
exec python3 -u -m tests.device.guest
"""
_ROOT_BYTES, _PROJECT_SPARE_BYTES = 2 << 30, 32 << 20
_ROOT = Path(__file__).parents[2]
_WEIGHTS_BYTES = 50_000
RELEASE = "bookworm"


class ImageError(Exception):
    """An image cannot be made; the message is one line."""


@dataclass(frozen=True)
class System:
    """A Debian that boots."""

    kernel: Path
    initial: Path
    root: Path


def system(cache: Path) -> System:
    """Return the system; made on first use (some minutes, as root, from a Debian mirror).

    Raises ImageError.
    """
    recipe = "\n".join((RELEASE, *PACKAGES, _MODULES, *_SLOW, _INIT))
    folder = cache / hashlib.sha256(recipe.encode()).hexdigest()[:12]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache) as work:
            _make_system(Path(work))
            (Path(work) / "image").rename(folder)
    return System(folder / "vmlinuz", folder / "initrd.img", folder / "root.img")


def _make_system(work: Path) -> None:
    root, image = work / "root", work / "image"
    included = ",".join(PACKAGES)
    run_tool("debootstrap", "--variant=minbase", f"--include={included}", RELEASE, str(root))
    settings = root / "etc/initramfs-tools"
    (settings / "modules").write_text(_MODULES)
    (settings / "conf.d/few-modules").write_text("MODULES=list\n")
    for script in _SLOW:
        (root / "usr/share/initramfs-tools" / script).unlink()
    run_tool("chroot", str(root), "update-initramfs", "-u")
    for folder in ("project", "slots"):
        (root / folder).mkdir()
    (root / "init").write_text(_INIT)
    (root / "init").chmod(0o755)
    image.mkdir()
    for name in ("vmlinuz", "initrd.img"):
        shutil.copyfile(next((root / "boot").glob(f"{name}-*")), image / name)
    for left in ("var/cache/apt", "usr/share/doc", "boot"):
        shutil.rmtree(root / left)
    _pack(root, image / "root.img", _ROOT_BYTES)


def pack_project(work: Path, versions: int) -> Path:
    """Return a disk image with the code under test, a key, and bundles of version 1 and up."""
    tree = work / "project"
    for package in ("llm/flash", "llm/knowledge", "tests/device"):
        (tree / package).mkdir(parents=True)
        for source in (_ROOT / package).glob("*.py"):
            shutil.copyfile(source, tree / package / source.name)
    for package in ("llm", "tests"):
        shutil.copyfile(_ROOT / package / "__init__.py", tree / package / "__init__.py")
    # A wheel for any Python 3 on this processor, in the version that the project runs with.
    shutil.copytree(Path(cryptography.__file__).parent, tree / "cryptography")
    compileall.compile_dir(tree, quiet=1)  # the machine could not keep what it compiles
    _write_bundles(tree, versions, work / "owner")
    size = sum(path.stat().st_size for path in tree.rglob("*")) * 5 // 4 + _PROJECT_SPARE_BYTES
    _pack(tree, work / "project.img", size)
    shutil.rmtree(tree)
    return work / "project.img"


def _write_bundles(tree: Path, versions: int, key: Path) -> None:
    create_key(key)
    for folder in ("bundles", "keys"):
        (tree / folder).mkdir()
    shutil.copyfile(f"{key}.pub", tree / "keys/owner.pub")
    private = load_private_key(key)
    for version in range(1, versions + 1):
        weights = random.Random(version).randbytes(_WEIGHTS_BYTES)
        contents = {"model.gguf": ("model", weights), "entry.toml": ("knowledge", weights[:300])}
        sources, files = {}, []
        for path, (role, content) in contents.items():
            sources[path] = key.with_name(path)
            sources[path].write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            files.append(BundledFile(path, role, len(content), digest))
        with (tree / "bundles" / f"{version}.hean").open("wb") as target:
            manifest = Manifest("small", version, "2026-01-01", tuple(files))
            write_bundle(target, manifest, sources, private)


def _pack(tree: Path, image: Path, size_bytes: int) -> None:
    """Make a file system of a folder, without mounting it."""
    with image.open("wb") as file:
        file.truncate(size_bytes)
    run_tool("mkfs.ext4", "-q", "-d", str(tree), str(image))


def run_tool(*command: str) -> None:
    """Run a command. Raises ImageError."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ImageError(f"{command[0]} failed: {said[-1] if said else done.returncode}")
