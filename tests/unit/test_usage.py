"""Wrong usage of the command line: what it is, what to do, and help wherever nothing is asked."""

from __future__ import annotations

import json

import pytest

from tests.commands import hean


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
