"""Which slot is in use, as a configuration: the one place where slots meet settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from kws.words import WakeWord, load_words
from llm.flash.disk import RealDisk
from llm.flash.journal import TRIAL
from llm.flash.manifest import ADAPTER, KNOWLEDGE, MODEL, WAKE_WORDS
from llm.flash.slots import Slots
from llm.flash.store import Slot, read_slot
from llm.knowledge import SHIPPED
from models.store import Store
from voice.config import Config

GGUF = ".gguf"
_KNOWLEDGE_FOLDER = "knowledge"


def slots_of(config: Config) -> Slots:
    """Return the slots of this device."""
    return Slots(RealDisk(config.flash_folder))


def with_current_slot(config: Config) -> Config:
    """Return the configuration with what the slot in use brings; settings of the owner win."""
    slot = slots_of(config).current()
    return with_slot(config, slot) if slot else config


def with_slot(config: Config, slot: Slot) -> Config:
    """Return the configuration with the model and knowledge of a slot where it names none."""
    folder = config.flash_folder / slot.folder
    llm, knowledge = config.llm, config.knowledge
    if not (llm.model or llm.adapter or llm.server_url):
        llm = replace(
            llm, model=_path_of(slot, folder, MODEL), adapter=_path_of(slot, folder, ADAPTER)
        )
    if not knowledge.folder and slot.manifest.of_role(KNOWLEDGE):
        knowledge = replace(knowledge, folder=str(folder / _KNOWLEDGE_FOLDER))
    return replace(config, llm=llm, knowledge=knowledge)


def flashed_hashes(config: Config) -> dict[str, str]:
    """Return the SHA-256 of each file of the slot in use, by its path, as it was signed."""
    slot = slots_of(config).current()
    if slot is None:
        return {}
    folder = config.flash_folder / slot.folder
    return {str(folder / file.path): file.sha256 for file in slot.manifest.files}


def without_trial(config: Config) -> Config:
    """Return the configuration with what was in use before the slot on trial, if one is."""
    slots = slots_of(config)
    journal = slots.status().journal
    if journal.state != TRIAL:
        return config
    before = read_slot(slots.disk, journal.before)
    config = with_slot(config, before) if before else config
    # What is still open would be filled in by the slot on trial.
    llm, knowledge = config.llm, config.knowledge
    if not (llm.model or llm.adapter or llm.server_url):
        profile = Store(config.store).catalog.profile(config.models.profile)
        llm = replace(llm, model=profile["llm"])
    if not knowledge.folder:
        knowledge = replace(knowledge, folder=str(SHIPPED))
    return replace(config, llm=llm, knowledge=knowledge)


def wake_words_of(config: Config) -> Path:
    """Return the file of the wake words to read: the owner's own, else those of the slot in use."""
    slot = slots_of(config).current()
    if slot and not config.wake_file.exists() and slot.manifest.of_role(WAKE_WORDS):
        return Path(_path_of(slot, config.flash_folder / slot.folder, WAKE_WORDS))
    return config.wake_file


def enabled_words(config: Config) -> list[WakeWord]:
    """Return the wake words that are listened for. Raises WakeWordError."""
    return [word for word in load_words(wake_words_of(config)) if word.enabled]


def now() -> str:
    """Return the time for records, ISO 8601 in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _path_of(slot: Slot, folder: Path, role: str) -> str:
    """Return the path of the file of a role, "" if the slot has none."""
    return next((str(folder / file.path) for file in slot.manifest.of_role(role)), "")
