"""Small audit logs for tests, and the means of somebody who tampers with them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from voice.audit.chain import digest
from voice.audit.log import AuditLog
from voice.audit.record import Asked, TurnRecord, Versions
from voice.config import AuditConfig
from voice.events import Outcome

BEGIN = datetime(2020, 1, 1, 8, tzinfo=timezone.utc)


def turn(number: int, heard: str = "") -> TurnRecord:
    """Return one turn a day, each with all fields filled."""
    return TurnRecord(
        Asked("run", heard or f"点片{number}", BEGIN + timedelta(days=number), "你好核安", 0.9),
        Outcome.ANSWERED,
        Versions("k" * 64, "qwen", "m" * 64, "0.1.0"),
        understood=f"碘片{number}",
        language="zh",
        decision="refuse" if number % 3 == 0 else "verbatim",
        reason="the entry matches",
        passages=(("zh.iodine.when", 0.91), ("zh.iodine.dose", 0.5)),
        facts=("F001", "F002"),
        answer="听到通知再吃。",
        problems=("“10” is not in the passage",),
        seconds={"asr": 0.2, "decide": 0.01},
        error_code="none",
    )


def write_log(path: Path, turns: int, config: AuditConfig = AuditConfig()) -> AuditLog:  # noqa: B008
    log = AuditLog(path, config)
    for number in range(1, turns + 1):
        log.append(turn(number))
    return log


def copy_log(path: Path, folder: Path) -> Path:
    """Return a copy; between operations one file is the whole log."""
    assert not path.with_name(path.name + "-wal").exists()
    return Path(shutil.copyfile(path, folder / "copy.db"))


def tamper(path: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Change the file with another tool, without the triggers that stop accidents."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")  # hundreds of changes, none worth a wait
        for trigger in ("no_change", "no_removal"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement, values in statements:
            connection.execute(statement, values)


def stored(path: Path) -> list[tuple[int, str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT id, record, hash FROM entries ORDER BY id").fetchall()


def rewritten(record: str, changes: Mapping[str, Any]) -> tuple[str, str]:
    """Return a changed record, canonical, with the hash that fits it."""
    fields = {**json.loads(record), **changes}
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text, digest(text)
