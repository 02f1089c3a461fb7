"""The whole pipeline where there is no network at all: an empty namespace, not even loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands import DATA, command, environment

pytestmark = pytest.mark.models

_AS_ROOT, _AS_ANYBODY = ("unshare", "--net"), ("unshare", "--map-root-user", "--net")
TIMEOUT_S = 240


@pytest.fixture(scope="module")
def cut_off() -> tuple[str, ...]:
    """The command that runs another one without network."""
    if not shutil.which("unshare"):
        pytest.skip("unshare is not installed (apt-get install util-linux)")
    said = ""
    for prefix in (_AS_ROOT, _AS_ANYBODY):
        done = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return prefix
        said = done.stderr.strip()
    pytest.skip(f"no network namespace may be made here: {said}")


def run(cut_off: tuple[str, ...], folder: Path, *words: str | Path) -> str:
    done = subprocess.run(
        [*cut_off, *command(*words)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_namespace_is_empty(cut_off):
    inside = subprocess.run(
        [*cut_off, "cat", "/proc/net/dev", "/proc/net/route"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = [line.split(":")[0].strip() for line in inside.splitlines() if ":" in line]
    assert names == ["lo"]
    # A namespace begins with loopback switched off: nothing can be reached.
    ping = "import socket; socket.create_connection(('127.0.0.1', 9), 2)"
    done = subprocess.run([*cut_off, "python3", "-c", ping], capture_output=True, check=False)
    assert b"unreachable" in done.stderr


def test_a_recorded_question_is_answered_aloud(cut_off, tmp_path):
    said = run(cut_off, tmp_path, "run", "--wav", DATA / "zh-iodine.flac")
    assert "碘片" in said
    assert (tmp_path / "hean-answer.wav").stat().st_size > 50_000


def test_a_written_question_is_answered(cut_off, tmp_path):
    words = ("ask", "--silent", "--json", "--text", "Should I drink tap water?")
    answer = json.loads(run(cut_off, tmp_path, *words).splitlines()[0])
    assert answer["decision"] == "verbatim"
    assert answer["sources"]
