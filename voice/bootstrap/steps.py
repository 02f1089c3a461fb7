"""The steps that make a machine ready, in order."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile

from voice.bootstrap import (
    Place,
    SetupError,
    Stamps,
    cpu_flags,
    locked,
    read_stamps,
    system,
    venv_identity,
    write_stamps,
)
from voice.bootstrap.llama import compile_wheel, find_wheel, plan
from voice.bootstrap.process import run

EXTRAS = ("dev", "train")
"""Optional parts of pyproject.toml; what was installed once stays."""


def prepare(place: Place, wanted: Stamps, *, check_models: bool = False) -> None:
    """Do what is not yet done; with `check_models` do not take the word of the stamp for those.

    Raises SetupError, or SystemExit with the exit code of the command that fetches the models.
    """
    with locked(place):
        stamps = read_stamps(place)
        # A missing stamp of the project means that pip was interrupted: what it left is not
        # trusted, but made anew (from pip's cache).
        sound = stamps.get("venv") == venv_identity(place) and "project" in stamps
        if not sound or not set(stamps["cpu"]) <= cpu_flags():
            stamps = _make_environment(place)
        packages = ("project", *EXTRAS)
        if any(stamps.get(step) != wanted[step] for step in packages if step in wanted):
            stamps = _install_project(place, stamps, wanted)
        if "dev" in wanted:
            system.ensure(place, system.TESTS)
        if "models" in wanted and (check_models or stamps.get("models") != wanted["models"]):
            _fetch_models(place, TEST_MODELS if "dev" in wanted else ())
            if stamps.get("models") != wanted["models"]:
                write_stamps(place, {**stamps, "models": wanted["models"]})


def _make_environment(place: Place) -> Stamps:
    build = plan(place)
    needs = [system.VENV, system.OPENMP, system.PORTAUDIO]
    if not find_wheel(place, build):
        needs.append(system.COMPILER)
    system.ensure(place, needs)
    venv = [sys.executable, "-I", "-m", "venv", "--clear", str(place.venv)]
    run(place, "virtual environment", venv)
    # From 25.1 on pip goes on with a download that broke off.
    run(place, "pip", [*place.python, "-m", "pip", "install", "--upgrade", "pip>=25.1"])
    stamps = {"venv": venv_identity(place), "cpu": list(build.used_flags)}
    write_stamps(place, stamps)
    return stamps


def _install_project(place: Place, stamps: Stamps, wanted: Stamps) -> Stamps:
    build = plan(place)
    wheel = find_wheel(place, build)
    if not wheel:
        system.ensure(place, [system.COMPILER])
        wheel = compile_wheel(place, build)
    extras = [extra for extra in EXTRAS if extra in wanted or extra in stamps]
    before: Stamps = {key: stamps[key] for key in ("venv", "cpu", "models") if key in stamps}
    write_stamps(place, before)
    with tempfile.TemporaryDirectory(dir=place.cache) as copy:
        source = ["-e", str(place.root)]
        if place.read_only:
            source = [copy]
            shutil.copytree(
                place.root, copy, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True
            )
        source[-1] += f"[{','.join(extras)}]" if extras else ""
        pip = [*place.python, "-m", "pip", "install", "--prefer-binary", "--progress-bar=off"]
        try:
            run(place, "Python packages", [*pip, str(wheel), *source])
        except SetupError:
            write_stamps(place, stamps)  # pip ended by itself: what was there before still holds
            raise
    imports = "import llama_cpp, sherpa_onnx, onnxruntime, soundfile"
    run(place, "check of the native libraries", [*place.python, "-c", imports])
    stamps = {**before, **dict.fromkeys(["project", *extras], wanted["project"])}
    write_stamps(place, stamps)
    return stamps


TEST_MODELS = ("smollm2-135m",)
"""Beside the starter models: a small language model that the engines' contract is tested with."""
_COMPLETE = """
import sys
from models.store import Store
from voice.config import Config
store = Store(Config().store)
models = [*store.catalog.profile("starter").values(), *sys.argv[1:]]
raise SystemExit(any(map(store.problem, models)))
"""


def _fetch_models(place: Place, more: tuple[str, ...]) -> None:
    complete = [*place.python, "-c", _COMPLETE, *more]
    if not subprocess.run(complete, stderr=subprocess.DEVNULL, check=False).returncode:
        return
    system.ensure(place, [system.NPM])
    command = [*place.python, "-m", "voice", "models", "fetch", "--profile", "starter", *more]
    # Progress is no part of what the person asked for: standard output stays clean.
    before = signal.signal(signal.SIGINT, lambda *_: None)  # the command itself answers Ctrl-C
    try:
        code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    if code:
        raise SystemExit(code)
