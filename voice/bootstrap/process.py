"""Long commands behind one line of progress, with a plain reason when they fail."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator

from voice.bootstrap import Place, SetupError

_CAUSES = {  # pattern in the output of a failed command: what it means
    r"No space left on device": "the disk is full: make room",
    r"name resolution|[Rr]esolve host|Could not resolve|unreachable|No route to host|timed out"
    r"|Connection refused|Failed to establish": "the network cannot be reached: connect it",
}
_STEP = r"\[\d+/\d+\]|(?:Collecting|Downloading|Unpacking|Setting up) [\w.+-]+"


class Progress:
    """One line that tells what is being done, for how long and how far it is."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._start_s = time.monotonic()
        self._printed_s = 0
        self._terminal = sys.stderr.isatty()
        self.show("...", every_s=0)

    def show(self, note: str, every_s: int = 60) -> None:
        """Renew the line; where there is no terminal, print one every `every_s` seconds."""
        passed_s = int(time.monotonic() - self._start_s)
        text = f"hean: {self._title}  {passed_s // 60}:{passed_s % 60:02}  {note}"
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{text[:width]}", end="", file=sys.stderr, flush=True)
        elif passed_s - self._printed_s >= every_s:
            self._printed_s = passed_s
            print(text, file=sys.stderr, flush=True)

    def end(self, note: str) -> None:
        """Finish the line."""
        self.show(note, every_s=0)
        if self._terminal:
            print(file=sys.stderr)


def run(
    place: Place, title: str, command: Iterable[str], *, keep_lock: bool = True, **env: str
) -> None:
    """Run a command behind one line of progress; all that it writes goes to setup.log.

    Raises SetupError. With `keep_lock` false the command does not inherit the lock: for those
    that may start services.
    """
    progress, note = Progress(title), ""
    tail: deque[str] = deque(maxlen=200)
    with open(place.cache / "setup.log", "a", encoding="utf-8") as log:
        print("\n$", *command, file=log, flush=True)
        with subprocess.Popen(
            [*command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
            close_fds=not keep_lock,
        ) as process:
            try:
                for line in _lines(process):
                    if line:
                        print(line, file=log)
                        tail.append(line)
                    note = note_of(line) or note
                    progress.show(note)
            finally:
                process.terminate()  # does nothing if it has ended
    progress.end("failed" if process.returncode else "done")
    if process.returncode:
        raise SetupError(f"{title}: {cause(tail, process.returncode)} (all it wrote: {log.name})")


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield the lines that a command writes, and "" in each second without any."""
    assert process.stdout
    pipe, rest = process.stdout.fileno(), b""
    while True:
        if not select.select([pipe], [], [], 1)[0]:
            yield ""
            continue
        data = os.read(pipe, 65_536)
        if not data:
            break
        *full, rest = (rest + data).split(b"\n")
        yield from (line.decode(errors="replace").rstrip() for line in full)
    yield rest.decode(errors="replace").rstrip()
    process.wait()


def note_of(line: str) -> str:
    """Return how far a command is: the step of the compilation, or the package it names."""
    step = re.search(_STEP, line)
    return step.group() if step else ""


def cause(tail: Iterable[str], code: int) -> str:
    """Return why a command failed, from the last lines it wrote."""
    lines = list(tail)
    for pattern, meaning in _CAUSES.items():
        if any(re.search(pattern, line) for line in lines):
            return f"{meaning} and start again"
    errors = [line for line in lines if re.search(r"\b(error|E):", line, re.IGNORECASE)]
    return (errors or lines or [f"it ended with code {code}"])[-1].strip()
