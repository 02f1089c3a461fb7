"""Flashing onto a real file system that becomes full or read-only: some of the positions.

All of them: `python -m tests.device.failing_disks`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.commands import ROOT
from tests.device.failing_disks import missing

EACH = 12


@pytest.fixture(autouse=True)
def possible() -> None:
    if absent := missing("ext4"):
        pytest.skip(f"no file system of our own: {absent}")


def found(*options: str) -> tuple[int, Any]:
    command = [sys.executable, "-m", "tests.device.failing_disks", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_old_slot_or_the_new_one_is_whole_whatever_write_fails():
    code, outcome = found("--every", str(EACH))
    assert outcome["broken"] == []
    assert code == 0
    assert sum(outcome["positions"].values()) >= 12
    assert set(outcome["outcomes"]) == {"old", "new"}
    assert outcome["lines"]["disk"]
    print(outcome)


def test_a_program_that_ignores_failed_writes_is_found_out():
    code, outcome = found("--careless")
    assert code == 1
    assert outcome["broken"]
