"""The software of a device: a copy of the environment that runs this, which was tried before.

Nothing is downloaded or compiled: the packages that the program needs are copied file by file from
where it runs now into an environment of its own. The copy gets its name in one step, so that a
power cut leaves the old software or the new one; the one before stays until the next one comes.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import voice
from voice.device import Place
from voice.errors import StageError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "hean"
PACKAGES = ("voice", "kws", "asr", "llm", "models")
UNITS = Path("share/hean/systemd")
"""Where the environment keeps the files for systemd."""
_SOURCE = Path(voice.__file__).parents[1]
_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)")
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc")
_PRIVATE = ("/home", "/root", "/tmp", "/run")
_NATIVE = "import llama_cpp, sherpa_onnx, onnxruntime, soundfile, cryptography"


def units() -> Path:
    """Return the folder with the files for systemd: of the checkout, or of the environment."""
    checkout = _SOURCE / "systemd"
    # Not just the folder: beside installed packages one of that name is somebody else's.
    return checkout if (checkout / "hean.service").exists() else Path(sys.prefix) / UNITS


def installed(place: Place) -> str:
    """Return which software a device has, "" if none."""
    link = place.program / "venv"
    return link.readlink().name if link.is_symlink() and link.exists() else ""


def here() -> str:
    """Return a name for the software that runs this: its version, and a hash of what it is made of.

    Raises UsageError if its packages cannot be told.
    """
    parts = [f"{each.name} {each.version}" for each in _distributions()]
    for path in sorted(_sources()):
        parts.append(f"{path.relative_to(_SOURCE)} {_hash(path)}")
    return f"{voice.__version__}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:12]}"


def runs_from(place: Place) -> bool:
    """Tell whether this is the software of the device itself."""
    return Path(sys.prefix).resolve().is_relative_to(place.program.resolve())


def copy(place: Place) -> None:
    """Put the software that runs this in its place.

    Raises UsageError if the Python here is of no use there, StageError if the copy does not run.
    """
    python = _python(place)
    name, before = here(), installed(place)
    target = place.program / "versions" / name
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    _run([str(python), "-I", "-m", "venv", "--without-pip", str(target)])
    for script in (target / "bin").glob("[Aa]ctivate*"):
        script.unlink()  # they name the folder, and nobody works in there
    site = next((target / "lib").glob("python*/site-packages"))
    for distribution in _distributions():
        _copy_distribution(distribution, site)
    for package in PACKAGES:
        shutil.copytree(_SOURCE / package, site / package, ignore=_NOT_COPIED, dirs_exist_ok=True)
    shutil.copytree(units(), target / UNITS)
    compileall.compile_dir(site, quiet=2, stripdir=str(place.root) if not place.live else None)
    if place.live:
        _run([str(target / "bin/python"), "-I", "-c", f"{_NATIVE}; import voice.cli"])
    _use(place, name)
    _forget(place, {name, before})


def remove(place: Place) -> None:
    """Delete the software."""
    shutil.rmtree(place.program)


def _use(place: Place, name: str) -> None:
    os.sync()
    fresh = place.program / "venv.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(f"versions/{name}")
    fresh.replace(place.program / "venv")
    os.sync()


def _forget(place: Place, kept: set[str]) -> None:
    for folder in (place.program / "versions").iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder)


def _python(place: Place) -> Path:
    """Return the interpreter of the system. Raises UsageError if a service could not use it."""
    path = Path(os.path.realpath(sys.executable))
    if str(path).startswith(_PRIVATE):
        raise UsageError(
            f"this Python, {path}, is in a private folder that a service cannot use",
            "set it up with the Python of the system: /usr/bin/python3 ./hean setup",
        )
    if not (place.root / path.relative_to("/")).exists():
        raise UsageError(f"{place.root} has no {path}", "it must be the same Debian as this one")
    return path


def _distributions() -> list[metadata.Distribution]:
    """Return the packages that the program needs, as installed here. Raises UsageError."""
    found: dict[str, metadata.Distribution] = {}
    waiting = list(_read_requirements(_own_requirements()))
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            distribution = metadata.distribution(wanted[0])
        except metadata.PackageNotFoundError:
            continue  # for another system or Python; what is really missing shows at the trial
        found[_plain(wanted[0])] = distribution
        waiting += _read_requirements(distribution.requires or (), wanted[1])
    return [found[name] for name in sorted(found)]


def _own_requirements() -> list[str]:
    """Return what the program needs: by its checkout, or by its wheel. Raises UsageError."""
    project = _SOURCE / "pyproject.toml"
    try:
        if project.exists():
            table = tomllib.loads(project.read_text("utf-8"))
            return list(table["project"]["dependencies"])
        return metadata.requires(NAME) or []
    except metadata.PackageNotFoundError:
        raise UsageError("the program is not installed here", "./hean setup") from None


def _read_requirements(
    texts: Iterable[str], extras: frozenset[str] = frozenset()
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield name and wanted extras of each requirement that holds with these extras."""
    for text in texts:
        match = _REQUIREMENT.match(text)
        if not match:
            continue
        name, wanted, marker = match.groups()
        of_extra = _EXTRA.search(marker or "")
        if not of_extra or of_extra.group(1) in extras:
            yield name, frozenset(word.strip() for word in (wanted or "").split(",") if word)


def _copy_distribution(distribution: metadata.Distribution, site: Path) -> None:
    for file in distribution.files or ():
        if ".." in file.parts or file.is_absolute() or file.suffix == ".pyc":
            continue  # commands, which nobody calls, and what is made anew
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(str(distribution.locate_file(file)), target)


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in (_SOURCE / package).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                yield path
    yield from (path for path in units().iterdir() if path.is_file())


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(name: str) -> str:
    """Return a name as package names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"code {done.returncode}"]
        raise StageError(f"{Path(command[0]).name} failed: {said[-1]}")
