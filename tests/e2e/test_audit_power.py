"""Real processes, really killed, cut off, or out of room: no committed row is ever lost."""

import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit_log import turn, write_log
from voice.audit.log import AuditLog
from voice.errors import AuditError

KILLS = 30
ROOT = Path(__file__).parents[2]

# Appends rows and prints the number of each when it is on the disk.
WRITER = """
import sys
from pathlib import Path
from tests.audit_log import turn
from voice.audit.log import AuditLog

log = AuditLog(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    print(log.append(turn(number)), flush=True)
"""


def writer(path: Path, rows: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(rows)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def numbers(text: str) -> list[int]:
    """Return the whole lines as numbers."""
    return [int(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.slow
def test_two_processes_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    with writer(path, 200) as one, writer(path, 200) as two:
        written = [numbers(process.communicate()[0]) for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0)
    assert sorted(written[0] + written[1]) == list(range(1, 401))
    assert all(ids == sorted(ids) for ids in written)
    report = AuditLog(path).verify()
    assert (report.rows, report.newest.id, report.faults) == (400, 400, ())


@pytest.mark.slow
def test_killed_at_any_moment_no_committed_row_is_lost(tmp_path: Path) -> None:
    path, moments, committed = tmp_path / "audit.db", random.Random(4), set[int]()
    for _ in range(KILLS):
        with writer(path, 10_000) as process:
            assert process.stdout is not None
            first = process.stdout.readline()  # it has begun to write
            time.sleep(moments.uniform(0, 0.15))
            process.kill()
            committed |= set(numbers(first + process.stdout.read()))
        assert process.returncode == -signal.SIGKILL
        report = AuditLog(path).verify()
        assert report.faults == ()
        assert committed <= set(range(1, report.rows + 1))
    assert len(committed) >= KILLS


@pytest.mark.slow
def test_killed_while_it_is_made_the_log_is_whole_or_begins_anew(tmp_path: Path) -> None:
    moments = random.Random(5)
    for number in range(10):
        path = tmp_path / f"{number}.db"
        with writer(path, 10_000) as process:
            while not path.exists():
                assert process.poll() is None
            time.sleep(moments.uniform(0, 0.02))
            process.kill()
        assert AuditLog(path).append(turn(1)) is not None
        assert AuditLog(path).verify().faults == ()


def test_a_journal_cut_at_any_byte_leaves_a_whole_chain(tmp_path: Path) -> None:
    """What a power cut may leave: the last writes of the journal are torn off or were garbage."""
    path = tmp_path / "audit.db"
    log = write_log(path, 3)
    with closing(sqlite3.connect(path)) as holds_the_journal:
        holds_the_journal.execute("SELECT count(*) FROM entries").fetchall()
        for number in range(4, 9):
            log.append(turn(number))
        database, journal = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    seen, cuts = set(), random.Random(6)
    for length in [0, len(journal), *(cuts.randrange(len(journal)) for _ in range(60))]:
        torn = tmp_path / "torn.db"
        torn.write_bytes(database)
        Path(f"{torn}-shm").unlink(missing_ok=True)
        Path(f"{torn}-wal").write_bytes(journal[:length] + cuts.randbytes(min(length, 500)))
        report = AuditLog(torn).verify()
        assert report.faults == ()
        assert report.rows == report.newest.id
        seen.add(report.rows)
        assert AuditLog(torn).append(turn(9)) == report.rows + 1
    assert {3, 8} <= seen <= set(range(3, 9))


def test_a_full_disk_loses_nothing_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    log = write_log(path, 20)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        with pytest.raises(AuditError) as caught:
            for number in range(200):
                log.append(turn(number))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert "\n" not in caught.value.message
    assert "disk" in caught.value.message
    report = log.verify()
    assert (report.rows >= 20, report.faults) == (True, ())
    assert log.append(turn(21)) == report.rows + 1


# Checks a log and appends to it, as a user who may not write it.
READER = """
import os, sys, urllib.parse  # all imports while Python's own files can still be read
from pathlib import Path
from tests.audit_log import turn
from voice.audit.log import AuditLog
from voice.errors import AuditError

if os.geteuid() == 0:
    os.setuid(65534)
log = AuditLog(Path(sys.argv[1]))
for use in (lambda: log.verify().faults, lambda: log.append(turn(1))):
    try:
        print(use())
    except AuditError as error:
        print(error.message)
"""


def as_reader(path: Path, file_mode: int, folder_mode: int) -> list[str]:
    """Return what a reader is told while the log has these modes."""
    path.chmod(file_mode)
    path.parent.chmod(folder_mode)
    try:
        done = subprocess.run(
            [sys.executable, "-c", READER, str(path)], cwd=ROOT, capture_output=True, text=True
        )
    finally:
        path.parent.chmod(0o700)
        path.chmod(0o600)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_place_that_may_not_be_written_can_be_verified_and_is_one_clear_line() -> None:
    with tempfile.TemporaryDirectory() as name:  # tmp_path is closed to other users
        path = Path(name) / "audit.db"
        write_log(path, 1)
        said = f"the audit log {path} cannot be"
        assert as_reader(path, 0o444, 0o555) == ["()", f"{said} written"]
        assert as_reader(path, 0o000, 0o555) == [f"{said} opened"] * 2
        assert as_reader(path, 0o444, 0o000) == [f"{said} opened: Permission denied"] * 2
