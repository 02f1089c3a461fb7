"""A disk that is full or may not be written, and what is corrupt on it: the real daemon."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from pathlib import Path

import pytest

from models.store import Store
from tests.commands import DATA, ROOT
from tests.faults.lab import ENDED, REAL, Place, daemon
from voice.config import Config

pytestmark = pytest.mark.models

NO_CALL = ("--set", "dialog.wake_word=false", "--set", "dialog.follow_up_s=0")
IDLE = "state       idle"
AS_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Even for root, the modes of files then count."""


def test_on_a_full_disk_it_answers_and_says_what_is_not_recorded(place: Place) -> None:
    with daemon(place, REAL, *NO_CALL) as running:
        running.until_ready()
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE)
        limit = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (0, limit[1]))
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE, count=2)
        assert running.said("the audit log ", "err")
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, limit)
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE, count=3)
        result = running.end(signal.SIGTERM)
    assert result.code in ENDED, result
    assert result.out.count("decision    verbatim") == 3
    assert place.outcomes() == [("answered", "")] * 2


def test_on_a_disk_that_may_not_be_written_it_answers(place: Place) -> None:
    for folder in (place.state, place.cache / "hean"):
        folder.chmod(0o555)
    with daemon(place, REAL, *NO_CALL, "--set", "tts.cache_mb=50", prefix=AS_USER) as running:
        running.until_ready()
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE)
        result = running.end(signal.SIGTERM)
    assert result.code in ENDED, result
    assert "decision    verbatim" in result.out
    assert "the audit log " in result.err
    assert "Traceback" not in result.err
    assert list(place.state.iterdir()) == []


def test_a_wrong_configuration_ends_the_start(place: Place) -> None:
    config = place.root / "hean.toml"
    config.write_text('[audio]\nvolume = "loud')
    with daemon(place, REAL, "--config", str(config)) as running:
        result = running.end()
    assert (result.code, result.out) == (78, "")
    assert len(result.err.splitlines()) == 2


def test_a_damaged_knowledge_base_ends_the_start(place: Place) -> None:
    folder = place.root / "knowledge"
    folder.mkdir()
    (folder / "iodine.toml").write_bytes(b"\xff\x00 = not knowledge")
    with daemon(place, REAL, "--set", f"knowledge.folder={folder}") as running:
        result = running.end()
    assert (result.code, result.out) == (65, "")
    assert "Traceback" not in result.err


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_damaged_model_ends_the_start_with_the_command_that_mends_it(
    place: Place, damage: str
) -> None:
    store = own_store(place.root)
    encoder = next((store / "whisper-base").glob("*encoder*"))
    whole = encoder.resolve()
    encoder.unlink()
    if damage == "cut":
        encoder.write_bytes(whole.read_bytes()[:100_000])
    with daemon(place, REAL, "--set", f"models.store={store}") as running:
        result = running.end()
    assert result.code == 65, result
    assert "hean models fetch" in result.err
    assert "Traceback" not in result.err


def test_a_damaged_audit_log_costs_the_rows_not_the_answers(place: Place) -> None:
    place.audit.path.parent.mkdir()
    place.audit.path.write_bytes(os.urandom(20_000))
    with daemon(place, REAL, *NO_CALL) as running:
        running.until_ready()
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE)
        place.audit.path.rename(place.root / "for-inspection.db")
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE, count=2)
        result = running.end(signal.SIGTERM)
    assert result.code in ENDED, result
    assert "move it away for inspection" in result.err
    assert place.outcomes() == [("answered", "")]


def test_what_is_damaged_while_it_runs_is_not_needed_any_more(place: Place) -> None:
    store, knowledge = own_store(place.root), place.root / "knowledge"
    shutil.copytree(ROOT / "llm" / "knowledge", knowledge)
    config = place.root / "hean.toml"
    config.write_text(f"[models]\nstore = '{store}'\n[knowledge]\nfolder = '{knowledge}'\n")
    with daemon(place, REAL, *NO_CALL, "--config", str(config)) as running:
        running.until_ready()
        for file in (config, *store.rglob("*.onnx"), *knowledge.rglob("*.toml")):
            file.unlink()
            file.write_bytes(b"damaged")
        place.play(DATA / "zh-water.flac")
        running.wait_for(IDLE)
        result = running.end(signal.SIGTERM)
    assert result.code in ENDED, result
    assert place.outcomes() == [("answered", "")]


def own_store(root: Path) -> Path:
    """Return a copy of the store of the models, of links."""
    real, own = Store(Config().store).root, root / "data" / "models"
    for path in real.rglob("*"):
        copy = own / path.relative_to(real)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif path.parent != real:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path)
    return own
