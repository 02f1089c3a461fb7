"""Flash this machine: verify, install, examine, switch, and wait until it is ready."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llm.flash import FlashError
from llm.flash.bundle import Bundle, open_bundle
from llm.flash.journal import IDLE, TRIAL, Outcome
from llm.flash.policy import check
from llm.flash.slots import Slots
from llm.flash.store import Slot
from voice.active_slot import now, slots_of
from voice.config import Config
from voice.errors import HealthFault
from voice.flash.device import bases, this_device, trusted
from voice.flash.health import examine
from voice.flash.record import record
from voice.flash.trial import daemon_runs, fail

_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True)
class Step:
    """How far a flash is."""

    doing: str
    """sending, verifying, installing, examining, starting."""
    done: int = 0
    total: int = 0
    """In bytes; 0 where that means nothing."""


Progress = Callable[[Step], None]


@dataclass(frozen=True)
class Flashed:
    """What came of it."""

    id: str
    name: str
    version: int
    changed: bool = True
    """False: that slot was in use already, or it was a dry run."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time of each step, and `ready`: from the switch until it answered."""
    health: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return asdict(self)


@dataclass(frozen=True)
class Wish:
    """How a flash is wanted."""

    downgrade: str = ""
    """Why an older version than the newest proven one is wanted; empty = it is not."""
    dry_run: bool = False
    """Check signature, device and payload; change nothing."""
    slot: str = ""
    """The only slot to flash, where a person has agreed to it; empty = whatever the bundle is."""


AS_USUAL = Wish()


def silent(_step: Step) -> None:
    """Show nothing."""


def flash_here(
    config: Config, path: Path, wish: Wish = AS_USUAL, progress: Progress = silent
) -> Flashed:
    """Flash a bundle into this machine; the old model stays in use unless all goes well.

    Raises FlashError: the bundle is refused. HealthFault: the new model was tried and is not kept.
    """
    watch = _Watch(progress)
    slots, device = slots_of(config), this_device(config)
    watch.begin("verifying")
    bundle = open_bundle(path, trusted(config))
    manifest = bundle.manifest
    if wish.slot not in ("", bundle.head.id):
        raise FlashError("altered", f"{path} is no longer the bundle that was chosen", "look again")
    if wish.dry_run:
        check(manifest, device, slots.status().newest, bool(wish.downgrade))
        bundle.verify()
        return Flashed(bundle.head.id, manifest.name, manifest.version, False, watch.seconds)
    slots.recover(now())
    current = slots.current()
    if current and current.id == bundle.head.id and slots.status().journal.state == IDLE:
        return Flashed(current.id, manifest.name, manifest.version, False, watch.seconds)
    slot = _install(config, slots, bundle, wish, watch)
    examined = _examine(config, slots, slot, watch)
    watch.begin("starting", "ready")
    slots.activate(slot.id)
    _await_ready(config, slots, slot)
    watch.end()
    if wish.downgrade:
        record(config, slots.status().journal.last, f"downgrade: {wish.downgrade}")
    return Flashed(slot.id, manifest.name, manifest.version, True, watch.seconds, examined)


def _install(config: Config, slots: Slots, bundle: Bundle, wish: Wish, watch: _Watch) -> Slot:
    watch.begin("installing", total=bundle.manifest.payload_bytes)
    return slots.install(
        bundle,
        this_device(config),
        bases(config),
        downgrade=bool(wish.downgrade),
        counter=watch.count,
    )


def _examine(config: Config, slots: Slots, slot: Slot, watch: _Watch) -> dict[str, float]:
    """Raise HealthFault and delete the slot if it is not well."""
    watch.begin("examining")
    found = examine(config, slot)
    if not found.well:
        manifest = slot.manifest
        reason = "; ".join(found.problems)
        record(config, Outcome(slot.id, manifest.name, manifest.version, False, reason))
        slots.discard(slot.id)
        raise HealthFault(
            f"{manifest.name} version {manifest.version} is not used: {reason}",
            "the model before is still in use; train or make the bundle again",
        )
    return {"tokens_per_s": found.tokens_per_s, "memory_mb": found.memory_mb}


def _await_ready(config: Config, slots: Slots, slot: Slot) -> None:
    """Wait until a daemon, or a process like one, has proven the slot. Raises HealthFault."""
    limit_s = slot.manifest.health.ready_s
    live = daemon_runs(config)
    problem = _await_daemon(slots, limit_s) if live else _start_once(config, limit_s)
    if slots.status().journal.state == TRIAL:
        fail(config, slots, problem or f"it was not ready within {limit_s:g} s")
    outcome = slots.status().journal.last
    if not (outcome.good and outcome.slot == slot.id):
        raise HealthFault(
            f"{outcome.name} version {outcome.version} is not used: {outcome.reason}",
            "the model before is in use again",
        )


def _await_daemon(slots: Slots, limit_s: float) -> str:
    end_s = time.monotonic() + limit_s
    while slots.status().journal.state != IDLE and time.monotonic() < end_s:
        time.sleep(_LOOK_AGAIN_S)
    return ""


def _start_once(config: Config, limit_s: float) -> str:
    """Load and answer as a daemon does, in a process of its own; return what went wrong."""
    from voice.config_file import print_config

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(print_config(config), "utf-8")
        command = [sys.executable, "-m", "voice.flash.start", str(path)]
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=limit_s + 5, check=False
            )
            if done.returncode < 0:
                return f"its start was ended by signal {-done.returncode}"
            return done.stderr.strip().rpartition("\n")[2]
    return ""


class _Watch:
    """Tells progress and keeps the time of each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}
        self._name, self._step, self._began_s = "", Step(""), 0.0

    def begin(self, doing: str, name: str = "", total: int = 0) -> None:
        self.end()
        self._name, self._step = name or doing, Step(doing, 0, total)
        self._began_s = time.monotonic()
        self._progress(self._step)

    def count(self, more: int) -> None:
        step = self._step
        self._step = Step(step.doing, step.done + more, step.total)
        self._progress(self._step)

    def end(self) -> None:
        if self._name:
            self.seconds[self._name] = round(time.monotonic() - self._began_s, 3)
        self._name = ""
