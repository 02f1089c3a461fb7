"""From a training run straight onto a device."""

from __future__ import annotations

from pathlib import Path

from llm.flash.bundle import load_private_key
from voice.config import Config
from voice.flash.here import AS_USUAL, Flashed
from voice.flash.making import Terms, create, parts_of_run
from voice.flash.ssh import Link
from voice.flash.targets import flash


def check_key(key: Path) -> None:
    """Read the key now rather than when a training is over. Raises FlashError."""
    load_private_key(key)


def flash_run(config: Config, run: Path, key: Path, to: str) -> Flashed:
    """Bundle what a run has made, and flash it to `to`; the bundle stays beside the export.

    Raises FlashError, HealthFault, LinkFault, UsageError.
    """
    bundle = run / "export" / f"{run.name}.hean"
    create(bundle, parts_of_run(run), Terms(name=run.name), key, config)
    return flash(config, bundle, Link(to), AS_USUAL)
