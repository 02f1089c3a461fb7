"""The log by itself: what is stored, selected, pruned, migrated, and refused."""

import json
import math
import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from llm.answer import Answer
from llm.knowledge import Entry
from llm.retrieve import Hit
from tests.audit_log import BEGIN, stored, tamper, turn, write_log
from voice import __version__
from voice.audit.chain import GENESIS, Head, digest, next_row
from voice.audit.database import writing
from voice.audit.log import AuditLog, Selection
from voice.audit.record import MAX_TEXT_CHARS, Asked, TurnRecord, Versions, record_of
from voice.config import AuditConfig, Config
from voice.errors import AuditError
from voice.events import Outcome


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.db"


def fields(log: AuditLog) -> list[dict[str, object]]:
    return [dict(row.fields) for row in log.rows()]


# what is stored


def test_a_turn_is_stored_with_all_its_fields(path: Path) -> None:
    log = AuditLog(path)
    assert log.append(turn(1)) == 1
    (row,) = fields(log)
    assert row == {
        "id": 1,
        "kind": "turn",
        "previous": GENESIS,
        "started_at": "2020-01-02T08:00:00.000Z",
        "source": "run",
        "wake_word": "你好核安",
        "wake_score": 0.9,
        "heard": "点片1",
        "understood": "碘片1",
        "language": "zh",
        "decision": "verbatim",
        "reason": "the entry matches",
        "passages": [
            {"id": "zh.iodine.when", "score": 0.91},
            {"id": "zh.iodine.dose", "score": 0.5},
        ],
        "facts": ["F001", "F002"],
        "answer": "听到通知再吃。",
        "problems": ["“10” is not in the passage"],
        "model": "qwen",
        "model_id": "m" * 64,
        "knowledge": "k" * 64,
        "seconds": {"asr": 0.2, "decide": 0.01},
        "outcome": "answered",
        "error_code": "none",
        "software": "0.1.0",
    }


def test_the_record_of_an_answer_says_what_it_rests_on() -> None:
    entry = Entry("zh.iodine.when", "zh", "iodine", ("碘片什么时候吃",), "听到通知再吃。")
    answer = Answer(
        "碘片什么时候吃", "zh", "verbatim", "听到通知再吃。", ("F001",), (), (Hit(entry, 0.9),)
    )
    record = record_of(answer, Asked("wav", "点片什么时候吃"), Versions(knowledge="k"), {"asr": 1})
    assert (record.understood, record.answer) == ("碘片什么时候吃", "听到通知再吃。")
    assert record.passages == (("zh.iodine.when", 0.9),)
    assert record.fields()["seconds"] == {"asr": 1}
    assert record.fields()["software"] == __version__
    assert record.outcome is Outcome.ANSWERED


def test_a_turn_that_failed_needs_no_answer(path: Path) -> None:
    log = AuditLog(path)
    log.append(TurnRecord(Asked("mic"), Outcome.FAILED, error_code="device"))
    (row,) = fields(log)
    assert (row["outcome"], row["error_code"], row["wake_score"]) == ("failed", "device", None)


def test_the_hash_is_that_of_the_stored_text(path: Path) -> None:
    write_log(path, 3)
    previous = GENESIS
    for _, record, noted in stored(path):
        assert json.loads(record)["previous"] == previous
        assert (previous := digest(record)) == noted


def test_the_canonical_form_never_changes() -> None:
    """Logs of years hang on these bytes."""
    row = next_row(Head(1, "aa"), {"kind": "turn", "heard": "碘\n", "wake_score": None, "n": 0.5})
    assert row.record == (
        '{"heard":"碘\\n","id":2,"kind":"turn","n":0.5,"previous":"aa","wake_score":null}'
    )
    assert row.hash == "74dbb412b842dd3c12047184e000cb657743c4d396c5694144083da82dfcff22"


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_none_is_stored_as_none(path: Path, number: float) -> None:
    log = AuditLog(path)
    log.append(replace(turn(1), seconds={"asr": number}))
    assert fields(log)[0]["seconds"] == {"asr": None}


def test_text_that_is_no_unicode_is_stored(path: Path) -> None:
    log = AuditLog(path)
    log.append(turn(1, "\udcff碘\0片"))
    assert fields(log)[0]["heard"] == "?碘\0片"
    assert log.verify().faults == ()


def test_an_endless_text_is_cut(path: Path) -> None:
    log = AuditLog(path)
    log.append(turn(1, "长" * 10_000))
    assert fields(log)[0]["heard"] == "长" * MAX_TEXT_CHARS + "… (10000 characters)"


def test_without_texts_only_their_fingerprints_are_stored(path: Path) -> None:
    log = write_log(path, 2, AuditConfig(text=False))
    row = fields(log)[0]
    for name in ("heard", "understood", "answer", "reason"):
        assert set(row[name]) == {"chars", "sha256"}  # type: ignore[call-overload]
    assert row["answer"] == {"chars": 7, "sha256": digest("听到通知再吃。")}
    assert log.verify().faults == ()
    content = path.read_bytes()
    for text in ("点片", "碘片", "听到", "in the passage", "matches"):
        assert text.encode() not in content


def test_personal_data_is_masked_where_the_owner_asks_for_it(path: Path) -> None:
    said = "我叫张三，电话13800138000"
    record = replace(turn(1, said), understood=said, answer="请打12345。")
    AuditLog(path).append(record)
    AuditLog(path, AuditConfig(mask_personal=True)).append(record)
    plain, masked = fields(AuditLog(path))
    assert plain["heard"] == plain["understood"] == said
    assert masked["heard"] == masked["understood"] == "我叫[name]，电话[phone]"
    assert masked["answer"] == "请打12345。"


def test_an_owner_who_wants_no_audit_gets_none(path: Path) -> None:
    assert AuditLog(path, AuditConfig(enabled=False)).append(turn(1)) is None
    assert not path.parent.exists()


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        write_log(path, 1)
        with writing(path):
            names = sorted(path.parent.iterdir())
            modes = {stat.S_IMODE(name.stat().st_mode) for name in names}
    finally:
        os.umask(old)
    assert [name.name for name in names] == ["audit.db", "audit.db-shm", "audit.db-wal"]
    assert modes == {0o600}


def test_between_turns_the_log_is_one_file(path: Path) -> None:
    write_log(path, 2)
    assert [name.name for name in path.parent.iterdir()] == ["audit.db"]


def test_a_power_cut_is_provided_for(path: Path) -> None:
    with writing(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_it_lies_with_the_state_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Config().audit_file == tmp_path / "hean" / "audit.db"


# what is selected


def test_the_newest_rows_that_fit_are_selected(path: Path) -> None:
    log = write_log(path, 9)

    def ids(selection: Selection) -> list[int]:
        return [row.id for row in log.select(selection)]

    assert ids(Selection(last=3)) == [7, 8, 9]
    assert ids(Selection(decision="refuse")) == [3, 6, 9]
    assert ids(Selection(last=2, decision="refuse")) == [6, 9]
    assert ids(Selection(since=BEGIN + timedelta(days=8))) == [8, 9]
    assert ids(Selection(since=BEGIN + timedelta(days=10))) == []


def test_a_log_that_is_not_there_is_an_empty_one(path: Path) -> None:
    log = AuditLog(path)
    assert list(log.rows()) == log.select(Selection()) == []
    assert log.verify().faults == ()
    assert log.verify("a" * 16).faults != ()
    assert log.prune() is None
    assert not path.exists()


# what is deleted


def test_pruning_keeps_the_rest_a_chain(path: Path) -> None:
    log = write_log(path, 9, AuditConfig(keep_days=5))
    noted = stored(path)[4][2]
    row = log.prune(BEGIN + timedelta(days=11))
    assert row is not None
    assert (row.id, row.fields["pruned_through"], row.fields["pruned_hash"]) == (10, 5, noted)
    assert [row.id for row in log.rows()] == [6, 7, 8, 9, 10]
    report = log.verify()
    assert (report.faults, report.pruned.id, report.rows) == ((), 5, 5)
    assert log.verify(noted).noted_row == 5
    assert log.prune(BEGIN + timedelta(days=11)) is None
    assert log.append(turn(12)) == 11


def test_pruning_again_and_again_keeps_one_checkpoint(path: Path) -> None:
    log = write_log(path, 3, AuditConfig(keep_days=2))
    for day in range(4, 12):
        log.append(turn(day))
        assert log.prune(BEGIN + timedelta(days=day)) is not None
        assert log.verify().faults == ()
    assert log.prune(BEGIN + timedelta(days=100)) is not None
    assert [row.fields["kind"] for row in log.rows()] == ["prune"]
    assert log.verify().faults == ()


def test_pruned_texts_are_gone_from_the_disk(path: Path) -> None:
    log = AuditLog(path, AuditConfig(keep_days=1))
    log.append(turn(1, "只说一次的话"))
    assert "只说一次的话".encode() in path.read_bytes()
    assert log.prune(BEGIN + timedelta(days=9)) is not None
    assert "只说一次的话".encode() not in path.read_bytes()


def test_a_clock_that_was_wrong_for_a_while_deletes_nothing_young(path: Path) -> None:
    log = AuditLog(path, AuditConfig(keep_days=5))
    for day in (1, 20, 2, 21):  # a device without a battery for its clock starts in the past
        log.append(turn(day))
    assert log.prune(BEGIN + timedelta(days=22)) is not None
    assert [row.id for row in log.rows()] == [2, 3, 4, 5]


def test_nothing_is_deleted_for_an_owner_who_keeps_everything(path: Path) -> None:
    log = write_log(path, 2, AuditConfig(keep_days=0))
    assert log.prune(BEGIN + timedelta(days=9999)) is None
    assert len(fields(log)) == 2


def test_the_proof_of_tampering_is_not_deleted(path: Path) -> None:
    log = write_log(path, 5, AuditConfig(keep_days=1))
    tamper(path, ("UPDATE entries SET record = 'x' WHERE id = 2", ()))
    with pytest.raises(AuditError, match="broken; nothing was deleted"):
        log.prune(BEGIN + timedelta(days=99))
    assert len(stored(path)) == 5


@pytest.mark.parametrize("statement", ["UPDATE entries SET hash = 'x'", "DELETE FROM entries"])
def test_an_accident_with_another_tool_is_stopped(path: Path, statement: str) -> None:
    log = write_log(path, 2)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)
    assert log.verify().faults == ()
