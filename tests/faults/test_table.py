"""docs/faults.md and this suite tell the same."""

from __future__ import annotations

import re
from pathlib import Path

from tests.commands import ROOT

TABLE = ROOT / "docs" / "faults.md"
HERE = Path(__file__).parent


def rows() -> list[list[str]]:
    lines = TABLE.read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    return cells[2:]  # below the heading and its rule


def test_each_row_is_complete_and_names_tests_of_this_suite() -> None:
    assert len(rows()) > 15
    for row in rows():
        assert len(row) == 5, row
        assert all(row), row
        assert re.findall(r"`(test_\w+\.py::test_\w+)`", row[-1]), row


def test_each_test_has_one_row_and_each_row_an_existing_test() -> None:
    named = [name for row in rows() for name in re.findall(r"test_\w+\.py::test_\w+", row[-1])]
    existing = [
        f"{path.name}::{name}"
        for path in sorted(HERE.glob("test_*.py"))
        if path.name != Path(__file__).name
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(named) == sorted(existing)
