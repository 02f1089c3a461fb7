"""A device of tiny models: flash, refuse, fall back, and swap while it answers."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llm.flash.bundle import load_private_key, open_bundle, write_bundle
from llm.knowledge.keys import create_key, public_path
from tests.commands import hean
from tests.small_bundles import sha256
from tests.tiny_llm import ANSWER, write_adapter, write_random_model, write_scripted_model
from voice.active_slot import slots_of, with_current_slot
from voice.audit.log import AuditLog
from voice.config import AuditConfig, Config, ModelsConfig
from voice.engines import knowledge_of, load_answerer
from voice.errors import HealthFault
from voice.flash.device import trusted
from voice.flash.here import flash_here
from voice.flash.live import watching
from voice.flash.making import Parts, Terms, create
from voice.flash.trial import load_on_trial
from voice.lending.shared_answerer import SharedAnswerer

KILLS = 40
"""In the tests; `hean bench flash` kills 200."""


class Device:
    """A machine with its own folder, and bundles for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = Config(
            models=ModelsConfig(store=str(folder / "models")),
            audit=AuditConfig(),
        )
        self.key = folder / "owner"
        create_key(self.key)
        self.config.flash_keys.mkdir(parents=True)
        (self.config.flash_keys / "owner.pub").write_bytes(public_path(self.key).read_bytes())
        self.model = write_scripted_model(folder / "m.gguf")

    def bundle(self, version: int, parts: Parts, signed_with: Path | None = None) -> Path:
        target = self.folder / f"{version}.hean"
        create(target, parts, Terms(version=version), signed_with or self.key, self.config)
        return target

    def create(self, version: int, *words: str | Path) -> None:
        target = self.folder / f"{version}.hean"
        named = ("bundle", "create", target, "--key", self.key, "--version", str(version))
        code, made = self.hean(*named, *words)
        assert (code, made) == (
            0,
            {
                "file": str(target),
                "bytes": target.stat().st_size,
                "version": version,
                "name": "hean",
            },
        )

    @property
    def version(self) -> int:
        current = slots_of(self.config).current()
        return current.manifest.version if current else 0

    def hean(self, *words: str | Path) -> tuple[int, object]:
        done = hean("--set", f"models.store={self.config.store}", *words, "--json")
        return done.code, json.loads(done.out)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    folder = tmp_path_factory.mktemp("device")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        made = Device(folder)
        adapter = write_adapter(folder / "a.gguf", ANSWER[0], ANSWER[2])
        made.create(1, "--model", made.model)
        made.create(2, "--model", made.model, "--adapter", adapter, "--base-on-device")
        return made


def test_flash_status_and_an_adapter_over_the_base_that_is_there(device: Device) -> None:
    code, done = device.hean("flash", device.folder / "1.hean", "--to", ".", "--dry-run")
    assert (code, device.version) == (0, 0)
    code, done = device.hean("flash", device.folder / "1.hean", "--to", ".")
    assert (code, device.version) == (0, 1), done
    stick = device.folder / "stick"
    stick.mkdir()
    small = device.folder / "2.hean"
    assert small.stat().st_size < 10_000 < device.model.stat().st_size
    assert device.hean("flash", small, "--to", stick)[0] == 0
    assert device.hean("flash", "--from", stick)[0] == 0
    code, status = device.hean("slots", "status")
    assert isinstance(status, dict)
    assert (status["current"]["version"], status["previous"]["version"]) == (2, 1)
    used = with_current_slot(device.config)
    assert used.llm.model.endswith("m.gguf")
    assert used.llm.adapter.endswith("a.gguf")
    assert device.hean("slots", "verify") == (0, {"checked": [*_ids(device)], "faults": {}})
    code, refused = device.hean("flash", device.folder / "1.hean", "--to", ".")
    assert (code, device.version) == (65, 2)
    assert "is older than version 2" in str(refused)


def _ids(device: Device) -> list[str]:
    return [slot.id for slot in slots_of(device.config).status().slots]


def test_a_model_that_answers_otherwise_than_was_signed_is_not_used(device: Device) -> None:
    """As if the runtime of the device computed something else than where the bundle was made."""
    before = device.version
    other = write_random_model(device.folder / "m2.gguf")
    bundle = device.folder / "3.hean"
    _sign_other(device, bundle, other)
    with pytest.raises(HealthFault, match="not what was signed"):
        flash_here(device.config, bundle)
    assert device.version == before
    assert all(slot.manifest.version != 3 for slot in slots_of(device.config).status().slots)
    newest = [*AuditLog(device.config.audit_file, device.config.audit).rows()][-1].fields
    assert (newest["kind"], newest["good"]) == ("flash", False)
    assert "not what was signed" in newest["reason"]


def _sign_other(device: Device, target: Path, other: Path) -> None:
    """Write a bundle whose health section is that of another model."""
    manifest = open_bundle(device.folder / "1.hean", trusted(device.config)).manifest
    content = other.read_bytes()
    file = replace(manifest.files[0], bytes=len(content), sha256=sha256(content))
    with target.open("wb") as out:
        write_bundle(
            out,
            replace(manifest, version=3, files=(file,)),
            {file.path: other},
            load_private_key(device.key),
        )


def test_a_slot_that_does_not_load_at_the_start_is_left_for_the_one_before(device: Device) -> None:
    slots = slots_of(device.config)
    before = device.version
    other = next(slot for slot in slots.status().slots if slot.manifest.version != before)
    slots.activate(other.id)
    tried: list[int] = []

    def load(_: Config) -> int:
        tried.append(device.version)
        if device.version != before:
            raise HealthFault("it does not load", "")
        return device.version

    assert load_on_trial(device.config, load) == before
    assert tried == [other.manifest.version, before]
    assert slots.status().journal.last.reason == "it does not load"


def test_a_running_assistant_takes_a_new_slot_without_losing_a_turn(device: Device) -> None:
    slots = slots_of(device.config)
    before = device.version
    knowledge = knowledge_of(device.config)
    shared = SharedAnswerer(load_answerer(device.config, knowledge))
    talking, answers, taken = threading.Event(), [], threading.Event()
    talking.set()

    def ask(until: Callable[[], bool]) -> None:
        while not until():
            answers.append(shared.answer("碘片什么时候吃", "zh").decision)
            time.sleep(0.05)

    with watching(device.config, shared, lambda: not talking.is_set(), lambda *_: taken.set()):
        other = next(slot for slot in slots.status().slots if slot.manifest.version != before)
        slots.activate(other.id)
        ask(lambda: len(answers) >= 5)
        talking.clear()
        ask(lambda: taken.is_set() and slots.status().journal.state == "idle")
    assert device.version == other.manifest.version
    assert slots.status().journal.last.good
    assert set(answers) == {"verbatim"}
    shared.exchange(load_answerer(device.config, knowledge)).close()


def test_killed_at_any_moment_a_whole_slot_is_in_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "voice.flash.kills", str(KILLS), str(tmp_path)]
    done = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    with capsys.disabled():
        print(f" {done}", end="")
    assert done["broken"] == []
    assert done["kills"] == done["old"] + done["new"] == KILLS
    assert done["old"] > 0
