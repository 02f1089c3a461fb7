"""Every field of every row changed, rows removed, moved and put in: found, with the row."""

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.audit_log import BEGIN, copy_log, rewritten, stored, tamper, turn, write_log
from voice.audit.chain import GENESIS, Fault
from voice.audit.log import AuditLog
from voice.config import AuditConfig

TURNS = 9
FIELDS = (*turn(1).fields(), "id", "previous")
Change = tuple[str, tuple[object, ...]]


@pytest.fixture(scope="module", params=["whole", "pruned"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows 1 to 9; or rows 4 to 10, the last of which says that three were deleted."""
    path = tmp_path_factory.mktemp("audit") / "audit.db"
    written = write_log(path, TURNS, AuditConfig(keep_days=5))
    if request.param == "pruned":
        assert written.prune(BEGIN.replace(day=10)) is not None
    return path


@pytest.fixture
def copy(log: Path, tmp_path: Path) -> Path:
    return copy_log(log, tmp_path)


def faults(path: Path, noted: str = "") -> tuple[Fault, ...]:
    return AuditLog(path).verify(noted).faults


def other(value: Any) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, dict):
        return {**value, "other": 1}
    if isinstance(value, list):
        return value[:-1] if value else ["other"]
    if isinstance(value, int | float):
        return value + 1
    return f"{value or ''}。"


def each_row(path: Path) -> Iterator[tuple[int, str, str]]:
    rows = stored(path)
    assert len(rows) >= 6
    yield from rows


def test_an_untouched_log_is_whole(log: Path) -> None:
    assert faults(log) == ()


@pytest.mark.parametrize("field", FIELDS)
def test_a_changed_field_is_found_in_every_row(log: Path, copy: Path, field: str) -> None:
    for number, record, _ in each_row(log):
        if field not in json.loads(record):
            continue
        changed, _ = rewritten(record, {field: other(json.loads(record)[field])})
        tamper(copy, ("UPDATE entries SET record = ? WHERE id = ?", (changed, number)))
        assert Fault(number, "changed after it was written") in faults(copy)
        tamper(copy, ("UPDATE entries SET record = ? WHERE id = ?", (record, number)))
    assert faults(copy) == ()


@pytest.mark.parametrize("field", FIELDS)
def test_a_change_with_a_fitting_hash_is_found_too(log: Path, copy: Path, field: str) -> None:
    statement = "UPDATE entries SET record = ?, hash = ? WHERE id = ?"
    for number, record, old_hash in each_row(log):
        if field not in json.loads(record):
            continue
        changes = {field: other(json.loads(record)[field])}
        tamper(copy, (statement, (*rewritten(record, changes), number)))
        assert number in {fault.row for fault in faults(copy)}
        tamper(copy, (statement, (record, old_hash, number)))
    assert faults(copy) == ()


@pytest.mark.parametrize(
    "value", [None, "", "0" * 64, b"\xff", b"blob", 7, '{"id":1}', "[]", "NaN", "\ud7ff"]
)
@pytest.mark.parametrize("column", ["record", "hash"])
def test_any_value_in_a_column_is_found(log: Path, copy: Path, column: str, value: Any) -> None:
    for number, record, old_hash in each_row(log):
        tamper(
            copy, *loosened(), (f"UPDATE entries SET {column} = ? WHERE id = ?", (value, number))
        )
        assert number in {fault.row for fault in faults(copy)}
        old = {"record": record, "hash": old_hash}[column]
        tamper(copy, (f"UPDATE entries SET {column} = ? WHERE id = ?", (old, number)))
    assert faults(copy) == ()


def loosened() -> tuple[Change, ...]:
    """Return what takes the rules off the columns."""
    return (
        ("DROP VIEW IF EXISTS turns", ()),
        ("ALTER TABLE entries RENAME TO old", ()),
        ("CREATE TABLE entries (id INTEGER PRIMARY KEY, record, hash)", ()),
        ("INSERT INTO entries SELECT * FROM old", ()),
        ("DROP TABLE old", ()),
    )


def test_every_removed_span_is_found(log: Path, tmp_path: Path) -> None:
    numbers = [number for number, _, _ in each_row(log)]
    for first, last in combinations([*numbers, numbers[-1] + 1], 2):
        copy = copy_log(log, tmp_path)
        tamper(copy, ("DELETE FROM entries WHERE id >= ? AND id < ?", (first, last)))
        found = faults(copy)
        pruning_lost = first <= numbers[-1] < last and numbers[0] > 1
        assert found[0].row == (1 if pruning_lost else first)
        assert found[0].problem.startswith("removed")


def test_every_two_rows_exchanged_are_found(log: Path, tmp_path: Path) -> None:
    statement = "UPDATE entries SET record = ?, hash = ? WHERE id = ?"
    for one, two in combinations(each_row(log), 2):
        copy = copy_log(log, tmp_path)
        tamper(copy, (statement, (*two[1:], one[0])), (statement, (*one[1:], two[0])))
        assert {one[0], two[0]} <= {fault.row for fault in faults(copy)}


def test_a_row_put_in_anywhere_is_found(log: Path, tmp_path: Path) -> None:
    numbers = [number for number, _, _ in each_row(log)]
    for number in range(numbers[0] - 2, numbers[-1] + 3):
        copy = copy_log(log, tmp_path)
        move_up = ("UPDATE entries SET id = -id - 1 WHERE id >= ?", (number,))
        settle = ("UPDATE entries SET id = -id WHERE id <= -? - 1", (number,))
        _, record, _ = stored(copy)[0]
        forged = rewritten(record, {"id": number, "answer": "forged"})
        insert = ("INSERT INTO entries VALUES (?, ?, ?)", (number, *forged))
        tamper(copy, *((move_up, settle) if number in numbers else ()), insert)
        assert faults(copy)[0].row in (number - 1, number, number + 1)


def test_a_forged_row_that_continues_the_end_is_found(log: Path, copy: Path) -> None:
    last, record, last_hash = stored(log)[-1]
    forged = rewritten(record, {"id": last + 1, "previous": last_hash, "kind": "turn"})
    tamper(copy, ("INSERT INTO entries VALUES (?, ?, ?)", (last + 1, *forged)))
    (fault,) = faults(copy)
    assert fault == Fault(last + 1, f"put in behind row {last}, the newest one noted")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM head", "note of the newest row was removed"),
        (f"UPDATE head SET hash = '{GENESIS}'", "another hash is noted"),
        ("UPDATE head SET id = id + 1", "removed"),
        ("UPDATE head SET id = id - 1", "put in behind"),
    ],
)
def test_a_changed_note_of_the_newest_row_is_found(copy: Path, statement: str, said: str) -> None:
    tamper(copy, (statement, ()))
    (fault,) = faults(copy)
    assert said in fault.problem


def test_the_end_cut_off_together_with_its_note_is_found_by_a_head_noted_elsewhere(
    log: Path, copy: Path
) -> None:
    rows = stored(log)
    noted, (number, _, new_end) = rows[-1][2], rows[-3]
    tamper(
        copy,
        ("DELETE FROM entries WHERE id > ?", (number,)),
        ("UPDATE head SET id = ?, hash = ?", (number, new_end)),
    )
    if rows[0][0] == 1:
        assert faults(copy) == ()  # honest: the file alone cannot tell
    assert faults(copy, noted)[0].row == 0
    assert faults(log, noted) == ()


def test_a_whole_new_chain_is_found_by_a_head_noted_elsewhere(log: Path, tmp_path: Path) -> None:
    noted = stored(log)[-1][2]
    forged = write_log(tmp_path / "forged.db", TURNS + 2, AuditConfig(text=False))
    assert forged.verify().faults == ()
    (fault,) = forged.verify(noted).faults
    assert "the head noted elsewhere is not in this log" in fault.problem


def test_a_noted_head_is_found_again_when_the_log_has_grown(copy: Path) -> None:
    noted = [digest for _, _, digest in stored(copy)]
    AuditLog(copy).append(turn(20))
    for number, digest in zip((row[0] for row in stored(copy)), noted, strict=False):
        report = AuditLog(copy).verify(digest[:16])
        assert (report.faults, report.noted_row) == ((), number)


def test_more_faults_than_anybody_reads_are_cut(tmp_path: Path) -> None:
    log = write_log(tmp_path / "audit.db", 120)
    tamper(log.path, ("UPDATE entries SET record = record || ' '", ()))
    found = log.verify().faults
    assert len(found) == 100
    assert found[0] == Fault(1, "changed after it was written")
