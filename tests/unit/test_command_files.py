"""Files named on the command line that cannot be used: one line on why, one on what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from voice.commands.files import read_json, read_questions, read_text, write_text
from voice.errors import InputError, cause

FIX = "make it with: hean eval answers --json > FILE"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"\x00\xff")
    (tmp_path / "cut").write_text('{"a": 1')
    (tmp_path / "deep").write_text("[" * 100_000)
    (tmp_path / "empty").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "No such file or directory"),
        ("folder", "Is a directory"),
        ("bytes", "it is no text in UTF-8"),
        ("cut", "Expecting ',' delimiter"),
        ("deep", "recursion"),
        ("empty", "Expecting value"),
    ],
)
def test_what_cannot_be_read_is_told_once(files: Path, name: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        read_json(files / name, FIX)
    assert caught.value.message.startswith(f"{files / name} cannot be read: ")
    assert why in caught.value.message
    assert caught.value.message.count(name) == 1
    assert caught.value.fix == FIX


@pytest.mark.parametrize(
    ("name", "why"), [("absent", "cannot be read"), ("empty", "no questions"), ("cut", "line 1")]
)
def test_questions_that_are_none_are_told_with_where_their_form_stands(
    files: Path, name: str, why: str
) -> None:
    with pytest.raises(InputError, match=why) as caught:
        read_questions(files / name)
    assert "--help" in caught.value.fix


def test_what_cannot_be_written_is_told(files: Path) -> None:
    with pytest.raises(InputError, match="folder cannot be written: Is a directory"):
        write_text(files / "folder", "page")


def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbf\xe6\xa0\xb8")
    assert read_text(tmp_path / "marked") == "核"


def test_an_error_without_a_number_says_itself() -> None:
    assert cause(OSError("the cable is out")) == "the cable is out"
