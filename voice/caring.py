"""Has somebody look after the machine while the assistant runs, and tells what is wrong with it."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager

from voice.audit.log import AuditLog
from voice.config import Config
from voice.device.care import CLOCK, Care, Caretaker
from voice.errors import AuditError
from voice.events import Bus, CareNeeded

_LOGGER = logging.getLogger(__name__)


def cared(config: Config, bus: Bus) -> AbstractContextManager[None]:
    """Look after the machine while the block runs; begins after the observers of the bus."""

    def changed(care: Care) -> None:
        bus.publish(CareNeeded(0, care.kinds, care.problems))
        if CLOCK in care.kinds:
            _record(config, care.clock)

    return Caretaker(config, changed).working()


def _record(config: Config, problem: str) -> None:
    """Let the audit log say that its times are wrong; where it cannot be written, only log that."""
    try:
        AuditLog(config.audit_file, config.audit).append_clock(problem)
    except AuditError as error:
        _LOGGER.error("%s; %s", error.message, error.fix)
