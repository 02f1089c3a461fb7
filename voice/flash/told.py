"""What came of the last flash, kept until a person has seen it: across restarts and power cuts."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path

from llm.files import write_whole
from llm.flash.journal import Outcome
from voice.active_slot import now
from voice.config import Config

_LOGGER = logging.getLogger(__name__)


def tell(config: Config, outcome: Outcome) -> None:
    """Keep a failure until `seen`; a success makes an older failure old news."""
    if outcome.good:
        seen(config)
        return
    outcome = outcome if outcome.at else replace(outcome, at=now())
    try:
        write_whole(_file(config), json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
    except OSError as error:  # it stands in the log and in the audit, too
        _LOGGER.error("%s: %s", _file(config), error.strerror)


def unseen(config: Config) -> Outcome | None:
    """Return the failure that nobody has seen yet, None if there is none."""
    try:
        row = json.loads(_file(config).read_text("utf-8"))
        return Outcome(**row)
    except (OSError, ValueError, TypeError):
        return None


def seen(config: Config) -> None:
    """Forget the failure: somebody has seen it."""
    try:
        _file(config).unlink(missing_ok=True)
    except OSError as error:
        _LOGGER.error("%s: %s", _file(config), error.strerror)


def _file(config: Config) -> Path:
    return config.flash_folder / "told.json"
