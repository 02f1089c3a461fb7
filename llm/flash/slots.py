"""The slots of a device: what is used, what was before, and every change between them.

Every change may be cut off at any point; `recover`, called first by everybody, finishes or undoes
it. Raises FlashError in clear words also where the disk is full or cannot be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from llm.flash import FlashError
from llm.flash.bundle import Bundle, Counter, uncounted
from llm.flash.disk import NOTHING, Disk
from llm.flash.journal import (
    BY_HAND,
    IDLE,
    MAX_STEPS,
    RETURNING,
    SWITCHING,
    TRIAL,
    TRIES,
    Journal,
    Memory,
    Outcome,
    read_journal,
    read_memory,
    write_journal,
    write_memory,
)
from llm.flash.links import CURRENT, PREVIOUS, cut, lead, linked
from llm.flash.policy import Device, check
from llm.flash.store import (
    Bases,
    Slot,
    all_slots,
    clear_staging,
    discard,
    fault,
    install,
    read_slot,
)


@dataclass(frozen=True)
class Status:
    """What a device has."""

    current: Slot | None
    """None: the models of the catalogue are used."""
    previous: Slot | None
    journal: Journal
    newest: int
    """Newest version that was proven good."""
    slots: tuple[Slot, ...]


class Slots:
    """The slots in one folder. Several processes may use them."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def status(self) -> Status:
        """Return what is there; nothing is changed."""
        disk = self.disk
        return Status(
            self.current(),
            self._slot_of(PREVIOUS),
            read_journal(disk),
            read_memory(disk).version,
            tuple(all_slots(disk)),
        )

    def current(self) -> Slot | None:
        """Return the slot in use; None = the models of the catalogue. Nothing is changed."""
        return self._slot_of(CURRENT)

    def recover(self, at: str = "") -> Journal:
        """Finish or undo what was interrupted, and see to it that `current` is whole.

        Safe to be cut off and called again. `at` is the time for the record, ISO 8601.
        """
        with self._changing():
            return self._recover(at)

    def install(
        self,
        bundle: Bundle,
        device: Device,
        bases: Bases,
        *,
        downgrade: bool = False,
        counter: Counter = uncounted,
    ) -> Slot:
        """Put a bundle into the store, verified; what is used does not change.

        `downgrade` takes also a version older than the newest that was proven good here.
        """
        with self._changing():
            self._recover("")
            check(bundle.manifest, device, read_memory(self.disk).version, downgrade)
            return install(self.disk, bundle, bases, counter)

    def activate(self, identity: str) -> None:
        """Switch to a slot of the store, on trial: `begin_start` and `mark_good` must follow."""
        with self._changing():
            journal = self._recover("")
            if journal.state != IDLE:
                raise FlashError(
                    "busy", "another slot is still on trial", "start hean, or hean slots rollback"
                )
            if not read_slot(self.disk, identity):
                raise FlashError("slot", f"there is no slot {identity[:16]}", "hean slots status")
            self._begin_switch(journal, identity)

    def begin_start(self, at: str = "") -> Slot | None:
        """Return the slot to start with, None = the models of the catalogue.

        A slot on trial loses one of its tries before it is started, so that a start that ends the
        machine counts too; without tries left, the slot before is back.
        """
        with self._changing():
            journal = self._recover(at, quick=False)
            if journal.state == TRIAL:
                if journal.tries < 1 or journal.steps >= MAX_STEPS:
                    self._go_back(journal, "it did not become ready in any of its starts", at)
                else:
                    write_journal(self.disk, journal.step(tries=journal.tries - 1))
            return self.current()

    def mark_good(self, at: str = "") -> None:
        """The slot on trial works: remember its version, and the slot before as the previous one.

        Does nothing if none is on trial.
        """
        with self._changing():
            journal = read_journal(self.disk)
            if journal.state != TRIAL or linked(self.disk, CURRENT) != journal.slot:
                return
            slot = read_slot(self.disk, journal.slot)
            version = slot.manifest.version if slot else 0
            if journal.before and journal.before != journal.slot:
                lead(self.disk, PREVIOUS, journal.before)
            outcome = _outcome(slot, journal, at)
            newest = max(read_memory(self.disk).version, version)
            # In this order: a trial that the memory calls finished is over, wherever it is cut.
            write_journal(self.disk, replace(journal, last=outcome))
            write_memory(self.disk, Memory(newest, journal.generation))
            write_journal(self.disk, Journal(generation=journal.generation, last=outcome))

    def fail(self, reason: str, at: str = "") -> None:
        """The slot on trial does not work: go back to the one before. Nothing if none is."""
        with self._changing():
            journal = self._recover(at)
            if journal.state == TRIAL:
                self._go_back(journal, reason, at)

    def roll_back(self) -> None:
        """Let go of a trial, or switch to the previous slot, which is then on trial.

        Without a previous slot the models of the catalogue are used again.
        """
        with self._changing():
            journal = self._recover("")
            if journal.state == TRIAL:
                self._go_back(journal, BY_HAND, "")
                return
            previous, current = linked(self.disk, PREVIOUS), linked(self.disk, CURRENT)
            if read_slot(self.disk, previous):
                self._begin_switch(journal, previous)
            elif current:
                change = replace(journal, generation=journal.generation + 1, slot=current)
                self._go_back(change, BY_HAND, "")
            else:
                raise FlashError("slot", "there is no slot to go back from", "hean slots status")

    def collect(self) -> list[Slot]:
        """Delete the slots that nobody needs: neither current, previous nor part of a change.

        A file that a process still has open stays readable to it.
        """
        with self._changing():
            journal = self._recover("")
            kept = {linked(self.disk, CURRENT), linked(self.disk, PREVIOUS)}
            kept |= {journal.slot, journal.before}
            gone = [slot for slot in all_slots(self.disk) if slot.id not in kept]
            for slot in gone:
                discard(self.disk, slot.id)
            return gone

    def discard(self, identity: str) -> None:
        """Delete a slot that is not used, for example one that failed its checks."""
        with self._changing():
            journal = self._recover("")
            used = (linked(self.disk, CURRENT), linked(self.disk, PREVIOUS), journal.slot)
            if identity not in used and read_slot(self.disk, identity):
                discard(self.disk, identity)

    def _recover(self, at: str, quick: bool = True) -> Journal:
        clear_staging(self.disk)
        journal = read_journal(self.disk)
        quick = quick and journal.state == IDLE  # what was interrupted is read as a whole
        if journal.state == SWITCHING:
            journal = self._switch(journal)
        elif journal.state == RETURNING:
            journal = self._return(journal, at)
        if journal.state == TRIAL and linked(self.disk, CURRENT) != journal.slot:
            journal = self._go_back(journal, "another slot is in use", at)
        if self.disk.kind(CURRENT) != NOTHING:
            damage = self._problem_of(linked(self.disk, CURRENT), quick)
            if damage:
                journal = self._leave_damaged(journal, damage, at)
        return journal

    def _begin_switch(self, journal: Journal, identity: str) -> None:
        generation, before = journal.generation + 1, linked(self.disk, CURRENT)
        change = Journal(SWITCHING, generation, identity, before, last=journal.last)
        if self._switch(change).state != TRIAL:
            reason = read_journal(self.disk).last.reason
            raise FlashError("altered", f"slot {identity[:16]}: {reason}", "flash it again")

    def _switch(self, journal: Journal) -> Journal:
        """Make the slot of the journal the current one; begin or go on."""
        problem = self._problem_of(journal.slot)
        if problem:
            return self._go_back(journal, problem, "")
        write_journal(self.disk, journal)
        lead(self.disk, CURRENT, journal.slot)
        journal = journal.step(state=TRIAL, tries=TRIES)
        write_journal(self.disk, journal)
        return journal

    def _go_back(self, journal: Journal, reason: str, at: str) -> Journal:
        journal = journal.step(state=RETURNING, reason=reason)
        write_journal(self.disk, journal)
        return self._return(journal, at)

    def _return(self, journal: Journal, at: str) -> Journal:
        """Make the slot before the current one; begin or go on."""
        self._use(journal.before)
        outcome = _outcome(read_slot(self.disk, journal.slot), journal, at)
        write_journal(self.disk, replace(journal, last=outcome))
        memory = read_memory(self.disk)
        write_memory(self.disk, replace(memory, generation=journal.generation))
        journal = Journal(generation=journal.generation, last=outcome)
        write_journal(self.disk, journal)
        return journal

    def _use(self, identity: str) -> None:
        if identity and read_slot(self.disk, identity):
            lead(self.disk, CURRENT, identity)
        else:
            cut(self.disk, CURRENT)

    def _problem_of(self, identity: str, quick: bool = False) -> str:
        slot = read_slot(self.disk, identity)
        return fault(self.disk, slot, quick) if slot else "its manifest is missing or was altered"

    def _leave_damaged(self, journal: Journal, damage: str, at: str) -> Journal:
        """The slot in use is damaged: use the one before or the previous one, if that is whole."""
        broken = linked(self.disk, CURRENT)
        for identity in (journal.before, linked(self.disk, PREVIOUS)):
            if identity and identity != broken and not self._problem_of(identity):
                break
        else:
            identity = ""
        generation = max(journal.generation, read_memory(self.disk).generation + 1)
        journal = replace(journal, generation=generation, slot=broken, before=identity)
        return self._go_back(journal, f"it is damaged: {damage}", at)

    def _slot_of(self, link: str) -> Slot | None:
        return read_slot(self.disk, linked(self.disk, link))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            with self.disk.locked():
                yield
        except OSError as error:
            raise FlashError(
                "disk",
                f"the slots cannot be changed: {error.strerror or error}",
                "free some space, or make the folder of the slots writable; nothing is lost",
            ) from error


def _outcome(slot: Slot | None, journal: Journal, at: str) -> Outcome:
    name, version = (slot.manifest.name, slot.manifest.version) if slot else ("", 0)
    good = journal.state == TRIAL
    return Outcome(journal.slot, name, version, good, "" if good else journal.reason, at)
