"""The file of the log: older and newer versions, damage, places that refuse it, exports."""

import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit_log import tamper, turn, write_log
from voice.audit.chain import GENESIS, Head, digest, next_row
from voice.audit.database import MIGRATIONS, writing
from voice.audit.export import FORMATS, export
from voice.audit.log import AuditLog, Selection
from voice.errors import AuditError, InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.db"


# older and newer files

VERSION_1 = """
CREATE TABLE entries (id INTEGER PRIMARY KEY, record TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL,
                   hash TEXT NOT NULL, pruned_through INTEGER NOT NULL);
CREATE TRIGGER no_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER no_removal BEFORE DELETE ON entries
    WHEN OLD.id > (SELECT pruned_through FROM head)
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: hean audit prune'); END;
PRAGMA user_version = 1;
"""


def test_a_log_of_version_1_goes_on(path: Path) -> None:
    path.parent.mkdir()
    row = next_row(
        Head(), {"kind": "turn", "started_at": "2025-01-01T00:00:00.000Z", "heard": "碘"}
    )
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
        connection.execute("INSERT INTO entries VALUES (?, ?, ?)", (1, row.record, row.hash))
        connection.execute("INSERT INTO head VALUES (1, 1, ?, 0)", (row.hash,))
        connection.commit()
    log = AuditLog(path)
    assert (log.verify().rows, log.verify().faults) == (1, ())
    assert log.append(turn(2)) == 2
    assert log.verify().faults == ()
    assert log.verify(row.hash).noted_row == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        seen = connection.execute("SELECT id, heard, outcome FROM turns").fetchall()
    assert seen == [(1, "碘", None), (2, "点片2", "answered")]


def test_other_tools_see_a_column_for_each_field(path: Path) -> None:
    write_log(path, 1)
    with closing(sqlite3.connect(path)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(turns)")]
    assert set(turn(1).fields()) | {"id", "hash"} == set(columns)


def test_a_log_of_a_newer_version_is_left_alone(path: Path) -> None:
    log = write_log(path, 1)
    tamper(path, ("PRAGMA user_version = 99", ()))
    for use in (log.verify, lambda: log.append(turn(2)), lambda: log.select(Selection())):
        with pytest.raises(AuditError, match="newer version"):
            use()


# files that are none


def spoil_header(path: Path) -> None:
    path.write_bytes(b"not a database at all, but long enough to look at" * 100)


def cut_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def cut_within_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5000)


def zero_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(4096))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def drop_table(path: Path) -> None:
    tamper(path, ("DROP VIEW turns", ()), ("DROP TABLE entries", ()))


@pytest.mark.parametrize(
    "damage", [spoil_header, cut_a_page, cut_within_a_page, zero_a_page, empty, drop_table]
)
def test_a_damaged_file_is_one_clear_line(path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    log = write_log(path, 60)
    damage(path)
    with pytest.raises(AuditError) as caught:
        log.verify()
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.fix
    assert caught.value.exit_code == 65


def test_nothing_is_appended_to_a_file_that_is_none(path: Path) -> None:
    log = write_log(path, 1)
    spoil_header(path)
    content = path.read_bytes()
    with pytest.raises(AuditError, match="damaged"):
        log.append(turn(2))
    assert path.read_bytes() == content


def test_without_the_note_of_the_newest_row_nothing_is_appended(path: Path) -> None:
    log = write_log(path, 1)
    tamper(path, ("DELETE FROM head", ()))
    with pytest.raises(AuditError, match="note of its newest row"):
        log.append(turn(2))


def test_a_place_where_no_file_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "audit.db", tmp_path / "file" / "deeper" / "audit.db"):
        with pytest.raises(AuditError, match="cannot be opened: (Not a dir|File exists)"):
            AuditLog(place).append(turn(1))
    (tmp_path / "folder").mkdir()
    for use in (
        AuditLog(tmp_path / "folder").verify,
        lambda: AuditLog(tmp_path / "folder").append(turn(1)),
    ):
        with pytest.raises(AuditError, match="cannot be opened"):
            use()


def test_a_log_held_by_somebody_else_is_one_clear_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write_log(path, 1)
    monkeypatch.setattr("voice.audit.database.BUSY_TIMEOUT_S", 0.05)
    with writing(path):
        assert [row.id for row in log.rows()] == [1]  # reading goes on
        with pytest.raises(AuditError, match="in use by another process"):
            log.append(turn(2))
    assert log.append(turn(2)) == 2


def test_a_log_moved_away_begins_anew(path: Path) -> None:
    log = write_log(path, 2)
    path.rename(path.with_name("old.db"))
    assert log.append(turn(3)) == 1
    assert log.verify().faults == AuditLog(path.with_name("old.db")).verify().faults == ()


# exports


def test_exported_lines_can_be_verified_with_nothing_but_a_hash_function(
    path: Path, tmp_path: Path
) -> None:
    log = write_log(path, 5)
    file = tmp_path / "audit.jsonl"
    head = export(log.rows(), file, "jsonl")
    previous = GENESIS
    for line in file.read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["previous"] == previous
        previous = digest(line)
    assert head == Head(5, previous)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_spreadsheet_runs_no_question(path: Path, tmp_path: Path) -> None:
    log = AuditLog(path)
    log.append(turn(1, "=HYPERLINK(0)"))
    log.append(turn(2, '多行\n"引号",逗号'))
    file = tmp_path / "audit.csv"
    assert export(log.rows(), file, "csv").id == 2
    content = file.read_text(encoding="utf-8")
    assert content.startswith("\ufeffid,kind,started_at")
    assert ",'=HYPERLINK(0)," in content
    assert ',"多行\n""引号"",逗号",' in content


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_never_overwrites(path: Path, tmp_path: Path, name: str) -> None:
    log = write_log(path, 1)
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(InputError, match="exists already"):
        export(log.rows(), tmp_path / "kept", name)
    with pytest.raises(InputError, match="No such file"):
        export(log.rows(), tmp_path / "absent" / "file", name)
    assert (tmp_path / "kept").read_text() == "kept"
