import argparse
import json
from pathlib import Path

import pytest

from tests.audit_log import BEGIN, stored, tamper, turn, write_log
from voice.audit.log import AuditLog
from voice.commands.audit import add_parser
from voice.config import AuditConfig, Config
from voice.errors import AuditError, UsageError


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Config()


def hean(config: Config, *words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["audit", *words])
    return int(args.run(args, config))


def test_show_tells_what_was_heard_and_answered(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    write_log(config.audit_file, 9)
    assert hean(config, "show", "--last", "2", "--decision", "refuse") == 0
    said = capsys.readouterr().out
    assert "点片6" in said
    assert "点片9" in said
    assert "点片3" not in said
    assert "run · refuse · answered · none" in said


def test_show_as_json(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(config.audit_file, 3)
    assert hean(config, "show", "--since", "2020-01-04T08:00:00Z", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["heard"], row["hash"]) == (3, "点片3", stored(config.audit_file)[2][2])


def test_show_without_texts(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(config.audit_file, 1, AuditConfig(text=False))
    assert hean(config, "show") == 0
    assert "heard      (3 characters, SHA-256 " in capsys.readouterr().out


def test_show_commands_no_terminal(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    AuditLog(config.audit_file).append(turn(1, "\x1b[2J碘\n片\x9b"))
    assert hean(config, "show") == 0
    assert "heard       [2J碘 片 \n" in capsys.readouterr().out


def test_show_marks_a_changed_row(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(config.audit_file, 2)
    tamper(config.audit_file, ("UPDATE entries SET record = '{\"source\": 5}' WHERE id = 1", ()))
    assert hean(config, "show") == 0
    assert capsys.readouterr().out.startswith(
        "1  ?  5\n    ! changed after it was written\n2  2020-01-0"
    )


def test_nothing_recorded_is_no_error(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert hean(config, "show") == 0
    assert hean(config, "verify") == 0
    said = capsys.readouterr().out
    assert "no turn is recorded" in said
    assert "nothing is recorded in" in said


def test_verify_prints_the_head_to_note(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(config.audit_file, 3)
    head = stored(config.audit_file)[-1][2]
    assert hean(config, "verify") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"head {head}"
    write_log(config.audit_file, 2)
    assert hean(config, "verify", "--head", head[:16].upper()) == 0
    assert "the head noted elsewhere is row 3; 2 came after it" in capsys.readouterr().out


def test_verify_tells_the_row_where_the_chain_breaks(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    write_log(config.audit_file, 5)
    tamper(config.audit_file, ("DELETE FROM entries WHERE id = 3", ()))
    assert hean(config, "verify") == 65
    assert capsys.readouterr().out == "row 3: removed\n"
    assert hean(config, "verify", "--json", "--head", "f" * 64) == 65
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["rows"], said["noted_row"]) == (False, 4, None)
    assert [fault["row"] for fault in said["faults"]] == [0, 3]


def test_export_and_prune(
    config: Config, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_log(config.audit_file, 3)
    assert hean(config, "export", str(tmp_path / "a.jsonl")) == 0
    assert stored(config.audit_file)[-1][2] in capsys.readouterr().out
    assert hean(config, "export", "--csv", "--json", str(tmp_path / "a.csv")) == 0
    assert json.loads(capsys.readouterr().out)["last_row"] == 3

    def pruned(keep_days: int) -> str:
        kept = Config(models=config.models, audit=AuditConfig(keep_days=keep_days))
        assert hean(kept, "prune") == 0
        return capsys.readouterr().out

    assert pruned(0) == "nothing is deleted: audit.keep_days is 0\n"
    assert pruned(36500) == "no row is older than 36500 days\n"
    assert pruned(365) == "deleted all rows up to row 3; row 4 says so\n"
    assert hean(config, "verify") == 0
    assert hean(config, "prune", "--json") == 0
    assert '"row": null' in capsys.readouterr().out


def test_prune_says_what_it_did(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(config.audit_file, 3, AuditConfig(keep_days=5))
    row = log.prune(BEGIN.replace(year=2021))
    assert row is not None
    assert hean(config, "show") == 0
    assert "rows up to 3 deleted by retention" in capsys.readouterr().out
    assert hean(config, "verify") == 0
    assert "rows up to 3 were deleted by retention" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "--last", "0"], "must be 1 or more"),
        (["show", "--since", "yesterday"], "not a date"),
        (["show", "--since", "0001-01-01"], "not a date"),
        (["show", "--decision", "maybe"], "must be one of verbatim"),
        (["verify", "--head", "abc"], "not a hash"),
        (["verify", "--head", "z" * 64], "not a hash"),
    ],
)
def test_a_mistake_is_one_clear_error(config: Config, words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        hean(config, *words)
    assert "\n" not in caught.value.message


def test_a_damaged_file_is_one_clear_error(config: Config, tmp_path: Path) -> None:
    config.audit_file.parent.mkdir()
    config.audit_file.write_bytes(b"no database" * 1000)
    for words in (["show"], ["verify"], ["prune"], ["export", str(tmp_path / "x")]):
        with pytest.raises(AuditError, match="is damaged: file is not a database"):
            hean(config, *words)
    assert not (tmp_path / "x").exists()
