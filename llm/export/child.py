"""Work that a native library may not survive, done in a child process.

llama.cpp ends the process on some damaged files and on foreign instruction sets. The child dies
instead of the program, and here that is an ExportError that names the signal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from llm.export import ExportError


def run_child(
    module: str, task: object, on_line: Callable[[dict[str, Any]], None] | None = None
) -> None:
    """Run `python -m module`, with `task` as JSON on its standard input.

    `on_line` gets each JSON line that the child prints, as it comes. A child that ends with an
    error prints it as its last line on standard error. Raises ExportError.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        with subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            encoding="utf-8",
        ) as child:
            try:
                _talk(child, task, on_line)
            finally:
                child.kill()  # where this process is interrupted; otherwise it has ended
        if child.returncode:
            errors.seek(0)
            raise _failed(child.returncode, errors.read().strip().rpartition("\n")[2])


def _talk(
    child: subprocess.Popen[str], task: object, on_line: Callable[[dict[str, Any]], None] | None
) -> None:
    assert child.stdin is not None and child.stdout is not None
    with suppress(BrokenPipeError), child.stdin as typed:  # it ended: its exit code tells why
        typed.write(json.dumps(task))
    for line in child.stdout:
        if on_line:
            on_line(json.loads(line))
    child.wait()


def _failed(code: int, said: str) -> ExportError:
    if code > 0:
        return ExportError(said or f"a child process ended with code {code}")
    name = signal.Signals(-code).name
    if -code == signal.SIGILL:
        return ExportError(
            "llama-cpp-python was built for another processor (SIGILL)",
            "delete the folder .venv and start ./hean, which builds it for this one",
        )
    if -code == signal.SIGKILL:
        return ExportError(f"a child process was killed ({name}): there is not enough memory")
    return ExportError(f"llama.cpp crashed ({name}): the file is damaged, make it again")
