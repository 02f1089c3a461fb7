"""Flashing on this machine: what cuts and kills leave, the speed of verification, the switch."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from llm.flash.bundle import BLOCK_BYTES
from llm.flash.crashes import Found, explore_all, small_bundle
from llm.knowledge.keys import create_key, public_path
from voice.bench import Figures, Say, single
from voice.config import AuditConfig, Config
from voice.engines import NO_MODEL, ModelFiles
from voice.errors import StageError
from voice.flash.here import flash_here
from voice.flash.kills import Kills
from voice.flash.making import Parts, Terms, create

_PAYLOAD_BYTES = 128 << 20
_READINGS = 3


def measure(config: Config, kills: int, say: Say) -> Figures:
    """Measure everything. Raises StageError if anything was ever broken."""
    say("cutting the power of a simulated disk at every write")
    found = explore_all()
    say(f"killing a process {kills} times while it flashes")
    with TemporaryDirectory() as folder:
        killed = kill(kills, Path(folder))
        say("reading a bundle")
        verified, hashed = _reading_speeds(Path(folder))
    broken = [*found.broken, *killed.broken]
    if broken:
        raise StageError(f"{len(broken)} broken slots, the first: {broken[0]}", "report it")
    return {
        **_of_cuts(found),
        "kills": single(killed.kills),
        "kills_old": single(killed.old),
        "kills_new": single(killed.new),
        "broken": single(0, found.states + killed.kills),
        "verify_mb_per_s": single(verified, _READINGS),
        "sha256_mb_per_s": single(hashed, _READINGS),
        "verify_to_sha256": single(verified / hashed, _READINGS),
        **_swap(config, say),
    }


def _of_cuts(found: Found) -> Figures:
    return {"crash_states": single(found.states), "crash_cuts": single(found.cuts)}


def kill(count: int, folder: Path) -> Kills:
    """Kill `count` flashing processes; return what `voice.flash.kills` found."""
    command = [sys.executable, "-m", "voice.flash.kills", str(count), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StageError(done.stderr.strip().rpartition("\n")[2], "report it")
    return Kills(**json.loads(done.stdout))


def _reading_speeds(folder: Path) -> tuple[float, float]:
    """Return the speed of verifying a bundle and of plain SHA-256 over it, in MB/s; best of some.

    Both read from memory, in turn, so that neither the disk nor a neighbour decides.
    """
    content = os.urandom(BLOCK_BYTES) * (_PAYLOAD_BYTES // BLOCK_BYTES)
    bundle = small_bundle(folder, 3, {"model.gguf": ("model", content)})
    megabytes = bundle.path.stat().st_size / 1e6
    verified, hashed = [], []
    for _ in range(_READINGS):
        verified.append(megabytes / _seconds(bundle.verify))
        hashed.append(megabytes / _seconds(lambda: _plain_sha256(bundle.path)))
    return max(verified), max(hashed)


def _plain_sha256(path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)


def _seconds(work: Callable[[], None]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def _swap(config: Config, say: Say) -> Figures:
    """Flash the model of the profile, as one that is on the device, into a place of its own."""
    if config.llm.model == NO_MODEL:
        return {}
    _, files = ModelFiles(config).find("llm", config.llm.model)
    with TemporaryDirectory(dir=config.store.parent) as folder:
        own = _own_place(config, Path(folder))
        key = Path(folder) / "bench"
        create_key(key)
        own.flash_keys.mkdir(parents=True)
        shutil.copy(public_path(key), own.flash_keys)
        say("making a bundle of the language model that is here")
        bundle = Path(folder) / "bench.hean"
        create(bundle, Parts(model=files["model"], base_on_device=True), Terms(), key, own)
        say("flashing it")
        began_s = time.monotonic()
        flashed = flash_here(own, bundle)
        total_s = time.monotonic() - began_s
    steps = {f"{name}_s": single(seconds) for name, seconds in flashed.seconds.items()}
    return {**steps, "flash_total_s": single(total_s)}


def _own_place(config: Config, folder: Path) -> Config:
    """Return the configuration of another device that has the same models."""
    (folder / "models").symlink_to(config.store.resolve())
    return replace(
        config,
        models=replace(config.models, store=str(folder / "models")),
        audit=AuditConfig(enabled=False),
        llm=replace(config.llm, model=""),
    )
