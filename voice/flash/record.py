"""What came of each flash: in the audit log, in the same chain as the turns, and on the screen."""

from __future__ import annotations

import logging

from llm.flash.journal import Outcome
from voice.audit.log import AuditLog
from voice.config import Config
from voice.errors import AuditError
from voice.flash.told import tell

_LOGGER = logging.getLogger(__name__)


def record(config: Config, outcome: Outcome, note: str = "") -> None:
    """Append what came of a flash; a log that cannot be written costs the row, not the flash.

    A failure is also told on the screen until somebody has seen it.
    """
    tell(config, outcome)
    try:
        AuditLog(config.audit_file, config.audit).append_flash(
            {
                "slot": outcome.slot,
                "name": outcome.name,
                "version": outcome.version,
                "good": outcome.good,
                "reason": outcome.reason,
                "note": note,
            }
        )
    except AuditError as error:
        _LOGGER.error("%s; %s", error.message, error.fix)
