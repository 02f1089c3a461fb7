"""Commands of `hean` as a shell sees them: what they print, and their exit code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voice.cli import main

DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).parents[1]
PRIVATE = ("--set", "audit.enabled=false", "--set", "tts.cache_mb=0")
"""Settings that leave nothing behind on the machine of the tester."""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON lines of its output."""
        return [json.loads(line) for line in self.out.splitlines()]


def hean(*words: str | Path, typed: bytes = b"") -> Result:
    """Run a command in this process; `typed` is its standard input."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    real, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(typed), "utf-8")
    try:
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main([*PRIVATE, *map(str, words)])
            except SystemExit as end:  # argparse: help, or wrong usage
                code = int(end.code or 0)
    finally:
        sys.stdin = real
    return Result(code, _text(out), _text(err))


def command(*words: str | Path | bytes) -> list[str | Path | bytes]:
    """Return the command line of a process of its own."""
    return [sys.executable, "-m", "voice", *PRIVATE, *words]


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of such a process: the checkout importable, no sound server, and its
    stacks told if it is ended by a native fault or SIGABRT."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE", "XDG_RUNTIME"))}
    told = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
    return {**kept, "PYTHONPATH": str(ROOT), **told, **changes}


def hean_process(folder: Path, *words: str | Path | bytes, timeout_s: float = 120) -> Result:
    """Run a command in a process of its own, with `folder` as its working directory."""
    done = subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
