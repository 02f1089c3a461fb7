"""Takes a new slot while the assistant runs: no restart, and no turn is lost.

The new model is loaded beside the old one, waits until nobody speaks or is answered, and then
takes its place. If it does not load, the slot before is back in use and the old model goes on.

Whoever asks gets the new model: a person, and programs through the same `SharedAnswerer`. No slot
brings ears or a voice, so these, and what is lent of them, stay. What else is made of a slot counts
from the next start: wake words, the words of the field that hearing is repaired by, the topics on
the screen, and which answers are synthesised ahead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from llm.answer import Answerer
from llm.flash import FlashError
from llm.flash.journal import TRIAL
from llm.flash.store import Slot
from llm.knowledge import KnowledgeBase
from voice.active_slot import now, slots_of
from voice.config import Config
from voice.engines import knowledge_of, load_answerer
from voice.errors import HeanError, translated
from voice.flash.trial import announced, fail, prove
from voice.lending.shared_answerer import SharedAnswerer
from voice.process.threads import Background

_LOGGER = logging.getLogger(__name__)
LOOK_AGAIN_S = 1.0
_PATIENCE = 0.5
"""Share of the time to become ready for which a pause of the conversation is waited for."""
Taken = Callable[[KnowledgeBase, Answerer], None]


class SlotWatcher(Background):
    """Gives the assistant the model of the slot in use whenever that changes."""

    def __init__(
        self, config: Config, shared: SharedAnswerer, idle: Callable[[], bool], taken: Taken
    ) -> None:
        """Take what tells that nobody is being answered, and who wants to know of a new model."""
        super().__init__("slots")
        self._config = config
        self._slots = slots_of(config)
        self._shared = shared
        self._idle = idle
        self._taken = taken
        self._used = self._identity(self._slots.current())

    def _work(self) -> None:
        while not self._ended.wait(LOOK_AGAIN_S):
            current = self._slots.current()
            if self._identity(current) != self._used:
                try:
                    self._take(current)
                except FlashError as error:  # the disk: say so, and go on with the old model
                    _LOGGER.error("%s; %s", error, error.fix)

    def _take(self, slot: Slot | None) -> None:
        """Load the slot in use and let it answer."""
        self._used = self._identity(slot)
        on_trial = self._slots.status().journal.state == TRIAL
        ready_s = slot.manifest.health.ready_s if slot else 60.0
        end_s = time.monotonic() + ready_s * _PATIENCE
        if on_trial:
            self._slots.begin_start(now())
        try:
            with translated():
                knowledge = knowledge_of(self._config)
                fresh = load_answerer(self._config, knowledge)
                fresh.prefill("zh")
        except HeanError as error:
            if on_trial:
                fail(self._config, self._slots, error.message)
            self._used = self._identity(self._slots.current())
            return
        while not self._idle() and time.monotonic() < end_s and not self._ended.is_set():
            time.sleep(0.05)
        self._shared.exchange(fresh).close()
        self._taken(knowledge, fresh)
        if on_trial:
            prove(self._config, self._slots)

    @staticmethod
    def _identity(slot: Slot | None) -> str:
        return slot.id if slot else ""


@contextmanager
def watching(
    config: Config, shared: SharedAnswerer, idle: Callable[[], bool], taken: Taken
) -> Iterator[None]:
    """Take new slots while the block runs, where their folder can be written."""
    with announced(config) as possible:
        watcher = SlotWatcher(config, shared, idle, taken) if possible else None
        with watcher.working() if watcher else nullcontext():
            yield
