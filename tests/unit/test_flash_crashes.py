"""The power is cut at every write, in every order: the slot in use is always whole, old or new."""

import errno
import itertools
from pathlib import Path

import pytest

from llm.flash import FlashError
from llm.flash.crashes import DEVICE, explore_all, flash
from llm.flash.disk import FILE, FOLDER, RealDisk
from llm.flash.simulated import SimulatedDisk, after_cut, copied
from llm.flash.slots import Slots
from tests.small_bundles import in_use, slots_in, tree, use, workshop

MIN_STATES = 1000


def test_every_cut_leaves_a_whole_slot(capsys: pytest.CaptureFixture[str]) -> None:
    found = explore_all()
    with capsys.disabled():
        print(f" {found.states} states after {found.cuts} cuts", end="")
    assert found.broken == []
    assert found.states >= MIN_STATES


def _forgets(file: str) -> type[SimulatedDisk]:
    """Return disks that forget to sync what has this in its path."""

    class Forgetful(SimulatedDisk):
        def sync(self, path: str) -> None:
            if file not in path:
                super().sync(path)

    return Forgetful


@pytest.mark.parametrize("file", ["model.gguf", "bundle.head"])
def test_the_simulation_finds_a_forgotten_sync(file: str) -> None:
    """Without one of the syncs some cut must break something, or the simulation sees nothing."""
    try:
        broken = explore_all(_forgets(file)).broken
    except OverflowError as error:
        broken = [str(error)]  # so much is uncertain that it cannot all be tried
    assert broken


def test_what_was_synced_is_certain_and_nothing_else() -> None:
    states: list[set[str]] = []
    disk = SimulatedDisk()
    disk.create("a")
    disk.append("a", b"1234")
    contents = {
        SimulatedDisk(nodes).open("a").read() if "a" in tree(SimulatedDisk(nodes)) else None
        for nodes in after_cut(disk.snapshot())
    }
    assert {None, b"", b"12", b"34", b"1234", b"1\0", b"1\x0034"} <= contents
    disk.sync("a")
    disk.sync(".")
    disk.rename("a", "b")
    for nodes in after_cut(disk.snapshot()):
        after = SimulatedDisk(nodes)
        states.append(tree(after))
        assert all(after.open(name).read() == b"1234" for name in tree(after))
    assert sorted(map(sorted, states)) == [[], ["a"], ["a", "b"], ["b"]]


class Failing(SimulatedDisk):
    """A disk on which one write, and all after it, fail."""

    def fail_at(self, write: int, number: int) -> None:
        self.writes_left, self.errno, self.failed = write, number, False

    def __getattribute__(self, name: str) -> object:
        if name in WRITES:
            self.writes_left -= 1
            if self.writes_left < 0:
                self.failed = True
                raise OSError(self.errno, "no more")
        return super().__getattribute__(name)


WRITES = ("make_folder", "create", "append", "symlink", "rename", "remove", "sync", "link")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_at_every_write(tmp_path: Path, number: int) -> None:
    make = workshop(tmp_path / "shop").make
    old, new = make(1), make(2)
    before = SimulatedDisk()
    use(Slots(before), old)
    for write in itertools.count():
        failing = Failing(copied(before.nodes))
        failing.fail_at(write, number)
        try:
            flash(Slots(failing), new)
        except FlashError as error:
            assert (error.code, "\n" in str(error)) == ("disk", False)
        if not failing.failed:
            break
        slots = Slots(SimulatedDisk(copied(failing.nodes)))
        assert slots.recover().state in ("idle", "trial")
        assert in_use(slots) in (1, 2)
        slots.fail("the disk failed")
        flash(slots, new)
        assert in_use(slots) == 2
    assert write > 30


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "flash").write_text("a file is in the way")
    with pytest.raises(FlashError) as caught:
        slots_in(tmp_path / "flash").install(workshop(tmp_path / "shop").make(1), DEVICE, {})
    assert caught.value.code == "disk"


def test_both_disks_do_the_same(tmp_path: Path) -> None:
    bundle = workshop(tmp_path / "shop").make(1)
    real, simulated = RealDisk(tmp_path / "flash"), SimulatedDisk()
    for disk in (real, simulated):
        slots = Slots(disk)
        flash(slots, bundle)
        slots.collect()
    assert tree(real) - {".lock"} == tree(simulated)
    for path in tree(simulated):
        assert real.kind(path) == simulated.kind(path)
        if simulated.kind(path) == FILE:
            with real.open(path) as file:
                assert file.read() == simulated.open(path).read()
        elif simulated.kind(path) != FOLDER:
            assert real.target(path) == simulated.target(path)
