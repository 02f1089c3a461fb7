"""Retention without anybody asking for it: when a run begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.audit_log import BEGIN, tamper, turn, write_log
from voice.audit.log import AuditLog
from voice.audit.record import Asked, Versions, utc_now
from voice.config import AuditConfig, Config
from voice.recorder import AuditObserver


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Config()


def begin_run(config: Config) -> list[str]:
    AuditObserver(config, Versions("k" * 64, "", ""))
    return [str(row.fields.get("kind", "turn")) for row in AuditLog(config.audit_file).rows()]


def with_a_turn_of_today(log: AuditLog) -> None:
    log.append(replace(turn(1), asked=Asked("run", "今天", utc_now())))


def asked_every_100_days(log: AuditLog, begin: datetime, days: int) -> None:
    """Write a turn every hundred days, the last one up to a hundred days before the end."""
    for day in range(0, days, 100):
        log.append(replace(turn(1), asked=Asked("run", "还在吗", begin + timedelta(days=day))))


def test_old_rows_go_when_a_run_begins(config: Config) -> None:
    log = AuditLog(config.audit_file)
    asked_every_100_days(log, utc_now() - timedelta(days=800), 801)
    assert begin_run(config) == [*["turn"] * 4, "prune"]
    assert begin_run(config) == [*["turn"] * 4, "prune"]
    assert log.verify().faults == ()


def test_a_turn_by_a_wrong_clock_does_not_end_all_rows_before_it(config: Config) -> None:
    log = write_log(config.audit_file, 3)  # by a clock that was right, or by one without battery
    with_a_turn_of_today(log)
    assert begin_run(config) == ["turn"] * 4


def test_rows_from_before_a_jump_go_once_the_clock_has_gone_on_for_long(config: Config) -> None:
    log = write_log(config.audit_file, 3)
    asked_every_100_days(log, utc_now() - timedelta(days=400), 401)
    assert begin_run(config) == [*["turn"] * 4, "prune"]


def test_a_clock_that_jumped_ahead_does_not_empty_the_log(config: Config) -> None:
    write_log(config.audit_file, 3)
    assert begin_run(config) == ["turn"] * 3


def test_a_question_by_command_deletes_nothing(config: Config) -> None:
    with_a_turn_of_today(write_log(config.audit_file, 1))
    AuditObserver(config, Versions("k" * 64, "", ""), "mic")
    assert len(list(AuditLog(config.audit_file).rows())) == 2


def test_a_broken_log_is_left_as_it_is_and_the_run_begins(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    asked_every_100_days(AuditLog(config.audit_file), utc_now() - timedelta(days=400), 401)
    tamper(config.audit_file, ("UPDATE entries SET hash = 'x' WHERE id = 2", ()))
    assert len(begin_run(config)) == 5
    assert "is broken; nothing was deleted" in caplog.text


def test_an_owner_who_keeps_everything_loses_nothing(config: Config) -> None:
    with_a_turn_of_today(write_log(config.audit_file, 2))
    assert len(begin_run(replace(config, audit=AuditConfig(keep_days=0)))) == 3
    assert (utc_now() - BEGIN).days > AuditConfig().keep_days
