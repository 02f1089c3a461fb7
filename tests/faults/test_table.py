"""docs/faults.md, its translation and this suite tell the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.commands import ROOT

TABLE, TRANSLATION = (ROOT / "docs" / name for name in ("faults.md", "faults.zh-CN.md"))
HERE = Path(__file__).parent


def rows(table: Path) -> list[list[str]]:
    lines = table.read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    return cells[2:]  # below the heading and its rule


def test_each_row_is_complete_and_names_tests_of_this_suite() -> None:
    assert len(rows(TABLE)) > 15
    for row in rows(TABLE):
        assert len(row) == 5, row
        assert all(row), row
        assert re.findall(r"`(test_\w+\.py::test_\w+)`", row[-1]), row


def test_each_test_has_one_row_and_each_row_an_existing_test() -> None:
    named = [name for row in rows(TABLE) for name in re.findall(r"test_\w+\.py::test_\w+", row[-1])]
    existing = [
        f"{path.name}::{name}"
        for path in sorted(HERE.glob("test_*.py"))
        if path.name != Path(__file__).name
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(named) == sorted(existing)


@pytest.mark.parametrize(
    "kept",
    [
        r"`[^`]+`",  # tests, and what is printed
        r"●",
        r"(?<![\w.])\d+(?![\w.])",  # exit codes and bounds
        r"SIG[A-Z]+",
    ],
)
def test_the_translation_has_the_same_rows(kept: str) -> None:
    def found(row: list[str]) -> list[str]:
        return re.findall(kept, " | ".join(row), re.ASCII)

    assert [found(row) for row in rows(TRANSLATION)] == [found(row) for row in rows(TABLE)]


def test_table_and_translation_point_to_each_other() -> None:
    assert f"({TRANSLATION.name})" in TABLE.read_text("utf-8")
    assert f"({TABLE.name})" in TRANSLATION.read_text("utf-8")
