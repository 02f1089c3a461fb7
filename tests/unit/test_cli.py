from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.commands import command, environment, hean
from voice import __version__, cli
from voice.cli import COMMANDS, report
from voice.config import Config
from voice.errors import HeanError, InputError


@pytest.mark.parametrize(
    "words",
    [
        ("--set", "tts.speed=0.9", "config", "--json"),
        ("config", "--set", "tts.speed=0.9", "--json"),
        ("config", "--json", "--set", "tts.speed=0.9"),
        ("config", "--json", "--set=tts.speed=0.9"),
        ("config", "--set", "tts.speed=2", "--json", "--set", "tts.speed=0.9"),
    ],
)
def test_common_options_may_stand_anywhere(words: tuple[str, ...]) -> None:
    result = hean(*words)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["tts"]["speed"] == 0.9


def test_a_file_and_settings_are_laid_over_each_other(tmp_path: Path) -> None:
    path = tmp_path / "hean.toml"
    path.write_text("[tts]\nspeed = 0.8\nthreads = 1\n", encoding="utf-8")
    result = hean("config", "--config", path, "--json", "--set", "tts.speed=0.9")
    tts = json.loads(result.out)["tts"]
    assert (tts["speed"], tts["threads"]) == (0.9, 1)


def test_every_command_helps() -> None:
    for name in COMMANDS:
        result = hean(name, "--help")
        assert result.code == 0
        assert result.out.startswith(f"usage: hean {name}")
        assert name in hean("--help").out


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """All commands that do something."""
    below = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for group in below:
        for each in group.choices.values():
            yield from leaves(each)
    if not below:
        yield parser


def test_every_command_shows_examples_or_tells_where() -> None:
    commands = list(leaves(cli.build_parser()))
    assert len(commands) > 50
    assert [c.prog for c in commands if "examples" not in (c.epilog or "")] == []


def test_the_version_is_told() -> None:
    assert hean("--version").out == f"hean {__version__}\n"


@pytest.mark.parametrize("fix", ["", "do this"])
def test_an_error_is_two_lines_for_people(capsys: pytest.CaptureFixture[str], fix: str) -> None:
    report(InputError("a \x1b[31mb\nc", fix))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == "hean: a  [31mb c"
    assert lines[1:] == ([f"      {fix}"] if fix else [])


def test_an_error_is_an_object_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    report(InputError("坏\n了", "do this"), as_json=True)
    out, err = capsys.readouterr()
    error = {"code": "input", "message": "坏\n了", "fix": "do this"}
    assert json.loads(out) == {"error": error}
    assert len(out.splitlines()) == 1
    assert err == ""


def test_every_kind_of_error_has_its_own_code() -> None:
    kinds = HeanError.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.exit_code in (2, 65, 66, 70, 74, 75, 78, 79) for kind in kinds)


def test_a_reader_that_goes_is_no_accident(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("kb", "list"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")


def test_a_line_that_breaks_elsewhere_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_args: argparse.Namespace, _config: Config) -> int:
        raise BrokenPipeError

    def add_parser(subparsers: Any) -> None:
        subparsers.add_parser("breaks").set_defaults(run=run)

    module = ModuleType("voice.commands.breaks")
    vars(module)["add_parser"] = add_parser
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(cli, "COMMANDS", ("breaks",))
    with pytest.raises(BrokenPipeError):
        cli.main(["breaks"])


def test_a_microphone_in_the_browser_is_no_microphone_here() -> None:
    result = hean("ask", "--mic", "--set", "audio.device=browser")
    assert (result.code, result.out) == (2, "")
    assert "the page of `hean run`" in result.err
    assert "audio.device=system" in result.err


@pytest.mark.parametrize("option", [("--silent",), ("--out", "answers")], ids=str)
def test_a_question_by_microphone_is_answered_aloud(option: tuple[str, ...]) -> None:
    result = hean("ask", "--mic", *option)
    assert (result.code, result.out) == (2, "")
    assert "with --mic the answer is spoken" in result.err


def test_names_that_are_no_unicode_can_be_printed(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.toml")
    result = hean("ask", "--json", "--config", tmp_path / name, "--text", "a")
    assert result.code == 78
    assert json.loads(result.out)["error"]["message"].startswith(str(tmp_path / name))


def test_starting_loads_no_heavy_library() -> None:
    heavy = {"onnxruntime", "sherpa_onnx", "llama_cpp", "sounddevice", "soundfile", "opencc"}
    script = "import sys; from voice.cli import build_parser; build_parser(); print(*sys.modules)"
    start = [sys.executable, "-c", script]
    done = subprocess.run(start, env=environment(), capture_output=True, text=True, check=True)
    assert "voice.commands.ask" in done.stdout.split()
    assert not heavy & set(done.stdout.split())
