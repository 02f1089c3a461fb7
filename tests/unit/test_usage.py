"""Wrong usage of the command line: what it is, what to do, and help wherever nothing is asked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.commands import command, environment, hean


@pytest.mark.parametrize("words", [(), ("kb",), ("wake",)], ids=str)
def test_a_command_alone_shows_what_it_can_do(words: tuple[str, ...]) -> None:
    result = hean(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err == hean(*words, "--help").out


@pytest.mark.parametrize("words", [(), ("ask",), ("kb", "search")], ids=str)
def test_help_is_a_command_too(words: tuple[str, ...]) -> None:
    assert hean("help", *words) == hean(*words, "--help")


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        (("asks",), "'asks' is no command; did you mean ask?", "hean --help"),
        (("kb", "serch"), "'serch' is no command; did you mean search?", "hean kb --help"),
        (("banana",), "'banana' is no command", "hean --help"),
        (("ask",), "one of the arguments --wav --text --mic is required", "hean ask --help"),
        (("ask", "--text", "a", "--mic"), "argument --mic: not allowed with", "hean ask --help"),
        (("run", "--loud"), "unrecognized arguments: --loud", "hean run --help"),
        (("kb", "list", "all"), "unrecognized arguments: all", "hean kb list --help"),
        (("audit", "show", "--last", "x"), "argument --last: ", "hean audit show --help"),
        (("config", "--set"), "argument --set: expected one argument", "hean --help"),
    ],
    ids=str,
)
def test_wrong_usage_is_two_lines(words: tuple[str, ...], what: str, fix: str) -> None:
    result = hean(*words)
    assert (result.code, result.out) == (2, "")
    told, advice = result.err.splitlines()
    assert told.startswith(f"hean: {what}")
    assert advice == f"      `{fix}` shows examples"


def test_wrong_usage_is_an_object_for_scripts() -> None:
    result = hean("ask", "--json")
    assert (result.code, result.err) == (2, "")
    assert json.loads(result.out)["error"]["code"] == "usage"


@pytest.mark.parametrize("words", [("config",), ("config", "--json"), ("kb", "list")], ids=str)
def test_output_for_which_there_is_no_room_is_told(words: tuple[str, ...], tmp_path: Path) -> None:
    with open("/dev/full", "wb") as out:
        done = subprocess.run(
            command(*words), cwd=tmp_path, env=environment(), stdout=out, stderr=subprocess.PIPE
        )
    told, advice = done.stderr.decode().splitlines()
    assert done.returncode == 66
    assert told == "hean: the output cannot be written: No space left on device"
    assert advice == "      free some space on that disk"


@pytest.mark.parametrize("closed", ["1", "2"], ids=["stdout", "stderr"])
def test_output_that_is_closed_is_no_fault(closed: str, tmp_path: Path) -> None:
    words = ["sh", "-c", f'exec "$@" {closed}>&-', "sh", *command("config")]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_text_that_is_no_unicode_is_searched_for() -> None:
    result = hean("kb", "search", "碘片\udcff")
    assert (result.code, result.err) == (0, "")
    assert "iodine" in result.out
