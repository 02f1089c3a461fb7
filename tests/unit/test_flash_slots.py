"""Slots: what is used, what was before, trials, going back, and what a device must not take."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm.flash import FlashError
from llm.flash.crashes import DEVICE
from llm.flash.disk import RealDisk
from llm.flash.journal import JOURNAL, MEMORY, TRIES
from llm.flash.simulated import SimulatedDisk
from llm.flash.slots import Slots
from tests.small_bundles import Workshop, device, in_use, slots_in, tree, use, workshop


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return workshop(tmp_path / "shop")


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return slots_in(tmp_path / "flash")


def refused(slots: Slots, shop: Workshop, version: int = 1, on: Any = DEVICE, **fields: Any) -> str:
    """Return the code with which a device refuses a bundle; nothing may have changed."""
    bundle = shop.make(version, **fields)
    before = tree(slots.disk) - {".lock"}
    with pytest.raises(FlashError) as caught:
        slots.install(bundle, on, {})
    assert tree(slots.disk) - {".lock"} == before
    return caught.value.code


def test_a_device_without_slots_uses_the_catalogue(slots: Slots) -> None:
    assert slots.current() is None
    assert slots.begin_start() is None
    assert slots.status().newest == 0


def test_a_flash_is_used_remembered_and_has_a_way_back(slots: Slots, shop: Workshop) -> None:
    use(slots, shop.make(1))
    use(slots, shop.make(2))
    status = slots.status()
    assert (in_use(slots), status.newest, status.journal.state) == (2, 2, "idle")
    assert status.previous and status.previous.manifest.version == 1
    assert status.journal.last.good
    slots.roll_back()
    slots.begin_start()
    slots.mark_good()
    assert in_use(slots) == 1
    assert slots.status().newest == 2


def test_without_a_previous_slot_the_catalogue_is_back(slots: Slots, shop: Workshop) -> None:
    use(slots, shop.make(1))
    slots.roll_back()
    assert slots.current() is None
    with pytest.raises(FlashError, match="no slot to go back"):
        slots.roll_back()


def test_installing_alone_changes_nothing_in_use(slots: Slots, shop: Workshop) -> None:
    use(slots, shop.make(1))
    slots.install(shop.make(2), DEVICE, {})
    assert in_use(slots) == 1
    assert [slot.manifest.version for slot in slots.collect()] == [2]
    assert len(slots.status().slots) == 1


def test_a_slot_that_never_becomes_ready_is_given_up(slots: Slots, shop: Workshop) -> None:
    use(slots, shop.make(1))
    slots.activate(slots.install(shop.make(2), DEVICE, {}).id)
    for _ in range(TRIES):
        assert in_use(slots) == 2
        slots.begin_start()
    slots.begin_start()
    last = slots.status().journal.last
    assert (in_use(slots), last.good, last.version) == (1, False, 2)
    assert "did not become ready" in last.reason
    assert slots.status().newest == 1


def test_a_slot_that_fails_is_given_up_at_once(slots: Slots, shop: Workshop) -> None:
    use(slots, shop.make(1))
    slots.activate(slots.install(shop.make(2), DEVICE, {}).id)
    slots.begin_start()
    slots.fail("it answers nonsense", "2026-01-01T00:00:00Z")
    last = slots.status().journal.last
    assert (in_use(slots), last.reason, last.at) == (
        1,
        "it answers nonsense",
        "2026-01-01T00:00:00Z",
    )
    slots.mark_good()
    assert in_use(slots) == 1


def test_while_one_is_on_trial_no_other_can_be_activated(slots: Slots, shop: Workshop) -> None:
    slots.activate(slots.install(shop.make(1), DEVICE, {}).id)
    other = slots.install(shop.make(2), DEVICE, {})
    with pytest.raises(FlashError, match="still on trial"):
        slots.activate(other.id)


@pytest.mark.parametrize(
    ("code", "on", "fields"),
    [
        ("expired", device(today="2026-06-01"), {"expires": "2026-05-31"}),
        ("device", device(names=("kiosk-2", "aarch64")), {"devices": ("kiosk-1", "x86*")}),
        ("software", device(software="0.1.0"), {"min_software": "0.10"}),
        ("processor", DEVICE, {"cpu_features": ("asimddp",)}),
        ("prompts", device(prompts_sha256="1" * 64), {"prompts_sha256": "2" * 64}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bundle_for_others_is_refused(
    slots: Slots, shop: Workshop, code: str, on: Any, fields: dict[str, Any]
) -> None:
    assert refused(slots, shop, on=on, **fields) == code


def test_a_bundle_for_this_device_is_taken(slots: Slots, shop: Workshop) -> None:
    on = device(names=("kiosk-2", "aarch64"), cpu_features=frozenset({"asimddp"}), software="0.10")
    bundle = shop.make(
        devices=("kiosk-?",), cpu_features=("asimddp",), min_software="0.9", expires="2026-01-01"
    )
    assert slots.install(bundle, on, {}).manifest.version == 1


def test_no_downgrade_unless_it_is_wanted(slots: Slots, shop: Workshop) -> None:
    use(slots, shop.make(5))
    assert refused(slots, shop, 4) == "version"
    old = slots.install(shop.make(4), DEVICE, {}, downgrade=True)
    slots.activate(old.id)
    slots.mark_good()
    assert in_use(slots) == 4
    assert slots.status().newest == 5
    assert refused(slots, shop, 3) == "version"


def test_a_version_counts_only_once_it_is_proven_good(slots: Slots, shop: Workshop) -> None:
    slots.activate(slots.install(shop.make(9), DEVICE, {}).id)
    slots.begin_start()
    slots.fail("it answers nonsense")
    use(slots, shop.make(3))
    assert (in_use(slots), slots.status().newest) == (3, 3)


def test_a_journal_that_turns_up_again_means_nothing(slots: Slots, shop: Workshop) -> None:
    """Replayed: it says that a slot is to be switched to, or that one is on trial."""
    use(slots, shop.make(1))
    slots.activate(slots.install(shop.make(2), DEVICE, {}).id)
    with slots.disk.open(JOURNAL) as file:
        old = file.read()
    slots.mark_good()
    use(slots, shop.make(3))
    root = slots.disk.root  # type: ignore[attr-defined]
    for state in ("trial", "switching", "returning"):
        (root / JOURNAL).write_bytes(old.replace(b'"trial"', f'"{state}"'.encode()))
        slots.recover()
        assert (in_use(slots), slots.status().journal.state) == (3, "idle")


@pytest.mark.parametrize("name", [JOURNAL, MEMORY])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"state": 3}', b"[" * 10_000])
def test_a_damaged_journal_or_memory_leaves_the_slot_in_use(
    slots: Slots, shop: Workshop, name: str, content: bytes
) -> None:
    use(slots, shop.make(1))
    (slots.disk.root / name).write_bytes(content)  # type: ignore[attr-defined]
    slots.recover()
    assert in_use(slots) == 1
    use(slots, shop.make(2))
    assert in_use(slots) == 2


def test_a_journal_with_endless_tries_does_not_try_endlessly(slots: Slots, shop: Workshop) -> None:
    slots.activate(slots.install(shop.make(1), DEVICE, {}).id)
    path = slots.disk.root / JOURNAL  # type: ignore[attr-defined]
    row = json.loads(path.read_text())
    for changes in ({"tries": 10**6}, {"steps": 28}):
        path.write_text(json.dumps(row | changes))
        slots.begin_start()
        assert slots.status().journal.state == "idle"


def blob(slots: Slots) -> Path:
    current = slots.current()
    assert current
    return slots.disk.root / current.folder / "model/m.gguf"  # type: ignore[attr-defined,no-any-return]


def test_a_zeroed_file_is_named_and_the_slot_before_is_back(slots: Slots, shop: Workshop) -> None:
    """What a machine that hung may leave: the right size, all zeros."""
    use(slots, shop.make(1))
    use(slots, shop.make(2))
    path = blob(slots)
    path.write_bytes(bytes(path.stat().st_size))
    assert slots.begin_start() == slots.current()
    assert in_use(slots) == 1
    assert slots.status().journal.last.reason == "it is damaged: model/m.gguf was altered"
    use(slots, shop.make(2))
    assert in_use(slots) == 2


@pytest.mark.parametrize("damage", ["cut", "missing", "head", "dangling"])
def test_whatever_is_damaged_there_is_always_something_to_start(
    slots: Slots, shop: Workshop, damage: str
) -> None:
    use(slots, shop.make(1))
    path = blob(slots)
    if damage == "cut":
        path.write_bytes(b"")
    elif damage == "missing":
        path.unlink()
    elif damage == "head":
        (path.parents[1] / "bundle.head").write_bytes(b"x" * 200)
    else:
        link = slots.disk.root / "slots/current"  # type: ignore[attr-defined]
        link.unlink()
        link.symlink_to("../../elsewhere")
    assert slots.begin_start() is None
    assert not slots.status().journal.last.good


def test_a_small_bundle_builds_on_a_base_that_is_there(slots: Slots, shop: Workshop) -> None:
    use(slots, shop.make(1))
    base = shop.manifest(1).files[0]
    listed = shop.manifest(2).files
    small = replace(base, origin="device")
    bundle = shop.make(2, files=(small, *listed[1:]))
    slot = slots.install(bundle, DEVICE, {})
    files = [blob(slots), slots.disk.root / slot.folder / "model/m.gguf"]  # type: ignore[attr-defined]
    assert files[0].samefile(files[1])
    other = slots_in(shop.folder / "other")
    with pytest.raises(FlashError, match="is not on this device"):
        other.install(bundle, DEVICE, {})
    outside = shop.folder / "base.gguf"
    outside.write_bytes(b"weights#1")
    assert other.install(bundle, DEVICE, {base.sha256: outside}) == slot
    outside.write_bytes(b"weights#X")
    third = slots_in(shop.folder / "third")
    with pytest.raises(FlashError, match="not what was signed"):
        third.install(bundle, DEVICE, {base.sha256: outside})
    assert third.status().slots == ()


def test_too_little_room_is_said_before_anything_is_written(slots: Slots, shop: Workshop) -> None:
    disk = SimulatedDisk()
    disk.capacity_bytes = 1000
    with pytest.raises(FlashError, match="MB are needed") as caught:
        Slots(disk).install(shop.make(1), DEVICE, {})
    assert caught.value.code == "space"
    assert disk.names(".") == []


def test_two_processes_do_not_change_slots_at_once(slots: Slots, shop: Workshop) -> None:
    with slots.disk.locked(), pytest.raises(FlashError, match="another process"):
        disk = RealDisk(slots.disk.root, wait_s=0.0)  # type: ignore[attr-defined]
        Slots(disk).install(shop.make(1), DEVICE, {})
