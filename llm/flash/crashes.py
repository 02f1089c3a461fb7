"""What becomes of the slots if the power is cut: at every write, in every order, again and again.

A scenario (flash a bundle, have it fail, go back, clean up) runs on a `SimulatedDisk`. After each
write all disks that a cut may leave are made; on each of them the recovery runs, which may be cut
in turn. After every recovery `current` must be a whole slot, old or new, and flashing must still
work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from llm.flash import FlashError
from llm.flash.bundle import Bundle, open_bundle, write_bundle
from llm.flash.disk import FILE, LINK
from llm.flash.links import CURRENT
from llm.flash.manifest import BundledFile, Manifest
from llm.flash.policy import Device
from llm.flash.simulated import Nodes, SimulatedDisk, after_cut, copied, fingerprint, without_lost
from llm.flash.slots import Slots

DEVICE = Device(("device",), "1.0", frozenset(), 1e6, "", "2026-01-01")
MAX_BROKEN = 5
"""So many broken slots are proof enough."""
Scenario = Callable[[Slots], None]


@dataclass
class Found:
    """What the cuts of one scenario led to."""

    cuts: int = 0
    """Writes after which the power was cut."""
    states: int = 0
    """Different disks that recovery met."""
    broken: list[str] = field(default_factory=list)
    """What was wrong after a recovery; empty = never anything."""


class Explorer:
    """Follows every cut of a scenario, and every cut of the recoveries from it."""

    def __init__(
        self,
        start: Nodes,
        contents: Mapping[str, Mapping[str, bytes]],
        disk: type[SimulatedDisk] = SimulatedDisk,
    ) -> None:
        """Take the disk before the scenario, and what each slot must hold by identity and path.

        The identity "" stands for no slot: the models of the catalogue.
        """
        self._disk = disk
        self._start = start
        self._contents = contents
        self._seen: set[int] = set()
        self._waiting: list[Nodes] = []
        self.found = Found()

    def run(self, scenario: Scenario, again: Scenario, allowed: set[str]) -> Found:
        """Cut `scenario` everywhere; after each recovery one of `allowed` must be in use, and
        `again` must go through."""
        disk = self._disk(copied(self._start), self._cut)
        scenario(Slots(disk))
        while self._waiting and len(self.found.broken) < MAX_BROKEN:
            nodes = self._waiting.pop()
            disk = self._disk(copied(nodes), self._cut)
            Slots(disk).recover()
            problem = self.problem(disk, allowed)
            if not problem:
                try:
                    again(Slots(SimulatedDisk(copied(disk.nodes))))
                except FlashError as error:
                    problem = f"flashing again fails: {error}"
            if problem:
                self.found.broken.append(problem)
        return self.found

    def problem(self, disk: SimulatedDisk, allowed: set[str]) -> str:
        """Return what is wrong with the slot in use, compared byte by byte; "" = nothing."""
        identity = ""
        if disk.kind(CURRENT) == LINK:
            identity = disk.target(CURRENT).rpartition("/")[2]
        if identity not in allowed:
            return f"{identity[:8] or 'no slot'} is in use"
        for path, content in self._contents[identity].items():
            place = f"store/{identity}/{path}"
            if disk.kind(place) != FILE or disk.open(place).read() != content:
                return f"{path} of {identity[:8]} is not whole"
        return ""

    def _cut(self, disk: SimulatedDisk) -> None:
        self.found.cuts += 1
        for nodes in after_cut(disk.snapshot()):
            mark = hash(fingerprint(nodes))
            if mark not in self._seen:
                self._seen.add(mark)
                self.found.states += 1
                self._waiting.append(without_lost(nodes))


def explore_all(disk: type[SimulatedDisk] = SimulatedDisk) -> Found:
    """Cut all scenarios everywhere. Takes some seconds."""
    total = Found()
    with TemporaryDirectory() as folder:
        old, new = _bundles(Path(folder))
        contents = {b.head.id: _content(b) for b in (old, new)}
        contents[""] = {}
        empty, with_old = SimulatedDisk(), SimulatedDisk()
        flash(Slots(with_old), old)
        with_both = SimulatedDisk(copied(with_old.nodes))
        flash(Slots(with_both), new)

        def again(slots: Slots) -> None:
            with suppress(FlashError):
                slots.fail("cut")
            flash(slots, new)

        for nodes, scenario, allowed in (
            (empty.nodes, lambda slots: flash(slots, new), {"", new.head.id}),
            (with_old.nodes, lambda slots: flash(slots, new), {old.head.id, new.head.id}),
            (with_old.nodes, lambda slots: _flash_in_vain(slots, new), {old.head.id, new.head.id}),
            (with_both.nodes, _go_back_and_clean_up, {old.head.id, new.head.id}),
        ):
            found = Explorer(nodes, contents, disk).run(scenario, again, allowed)
            total.cuts += found.cuts
            total.states += found.states
            total.broken += found.broken
    return total


def flash(slots: Slots, bundle: Bundle) -> None:
    """Do all that a good flash writes; a slot that is in use already is left alone."""
    slot = slots.install(bundle, DEVICE, {}, downgrade=True)
    if slots.current() != slot:
        slots.activate(slot.id)
        slots.begin_start()
        slots.mark_good()


def _flash_in_vain(slots: Slots, bundle: Bundle) -> None:
    slots.activate(slots.install(bundle, DEVICE, {}).id)
    slots.begin_start()
    slots.fail("it answers nonsense")


def _go_back_and_clean_up(slots: Slots) -> None:
    slots.roll_back()
    slots.begin_start()
    slots.mark_good()
    slots.collect()


def small_bundle(folder: Path, version: int, files: Mapping[str, tuple[str, bytes]]) -> Bundle:
    """Write a bundle of files given as role and content by path, signed with a key of its own."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from llm.knowledge.keys import fingerprint

    key = Ed25519PrivateKey.generate()
    sources = {}
    listed = []
    for path, (role, content) in files.items():
        sources[path] = folder / path.replace("/", "-")
        sources[path].write_bytes(content)
        listed.append(BundledFile(path, role, len(content), hashlib.sha256(content).hexdigest()))
    target = folder / f"{version}.hean"
    with target.open("wb") as file:
        write_bundle(file, Manifest("small", version, "2026-01-01", tuple(listed)), sources, key)
    return open_bundle(target, {fingerprint(key.public_key()): ("own", key.public_key())})


def _bundles(folder: Path) -> Iterator[Bundle]:
    for version in (1, 2):
        yield small_bundle(
            folder,
            version,
            {
                "model.gguf": ("model", f"weights {version}".encode()),
                "knowledge/zh/iodine.toml": ("knowledge", f"entry {version}".encode()),
            },
        )


def _content(bundle: Bundle) -> dict[str, bytes]:
    """Return what the slot of a bundle must hold by path."""
    with bundle.open() as source:
        files = {file.path: source.read(file.bytes) for file in bundle.manifest.bundled}
    return {**files, "bundle.head": bundle.head.data}
