"""Flashing onto a real file system that becomes full or read-only: some of the positions.

All of them: `python -m tests.device.failing_disks`.
"""

from __future__ import annotations

import pytest

from tests.device.failing_disks import FULL, CarelessDisk, Laboratory, explore, missing

EACH = 12


@pytest.fixture(autouse=True)
def possible() -> None:
    if absent := missing("ext4"):
        pytest.skip(f"no file system of our own: {absent}")


def test_the_old_slot_or_the_new_one_is_whole_whatever_write_fails(capsys):
    found = explore("ext4", EACH, print)
    assert found.broken == []
    assert sum(found.positions.values()) >= 12
    assert set(found.outcomes) == {"old", "new"}
    assert found.lines["disk"]
    print(capsys.readouterr().out)


def test_a_disk_that_hides_its_failures_is_found_out(tmp_path):
    laboratory = Laboratory(tmp_path, "ext4", CarelessDisk)
    last = laboratory.positions()[FULL]
    for position in range(last, last - 16, -1):  # the last writes are those of the memory
        laboratory.try_at(FULL, position)
        if laboratory.found.broken:
            break
    assert laboratory.found.broken
