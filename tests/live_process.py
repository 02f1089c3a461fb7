"""A command that runs beside the test: what it has said so far, and what is awaited of it."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO

from tests.commands import Result, command, environment


class LiveProcess:
    """A running command. Its lines are read while they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._new = threading.Condition()
        self._lines: dict[str, list[str]] = {"out": [], "err": []}
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream))
            for name, stream in (("out", process.stdout), ("err", process.stderr))
            if stream
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: IO[str]) -> None:
        for line in stream:
            with self._new:
                self._lines[name].append(line.rstrip("\n"))
                self._new.notify_all()

    def said(self, label: str, name: str = "out") -> list[str]:
        """Return the lines so far that begin with a label."""
        with self._new:
            return [line for line in self._lines[name] if line.startswith(label)]

    def wait_for(self, label: str, name: str = "out", count: int = 1, seconds: float = 90) -> str:
        """Return the line number `count` that begins with a label, as soon as it is there."""
        end = time.monotonic() + seconds
        while len(found := self.said(label, name)) < count:
            with self._new:
                self._new.wait(0.2)
            over = self.process.poll() is not None and not any(r.is_alive() for r in self._readers)
            if over or time.monotonic() > end:
                raise AssertionError(f"no line number {count} with {label!r}: {self._lines}")
        return found[count - 1]

    def wait_until(self, done: Callable[[], bool], seconds: float = 90) -> None:
        """Wait until something is so, while the command runs."""
        end = time.monotonic() + seconds
        while not done():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"it never came: {self._lines}")
            time.sleep(0.05)

    def end(self, with_signal: signal.Signals | None = None, seconds: float = 60) -> Result:
        """Return its output once it has ended, by itself or by a signal."""
        if with_signal:
            self.process.send_signal(with_signal)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"after {seconds:g} s it still runs:\n{self._stacks()}") from error
        self._read_all()
        return Result(code, "\n".join(self._lines["out"]), "\n".join(self._lines["err"]))

    def _read_all(self) -> None:
        for reader in self._readers:
            reader.join(10)

    def _stacks(self) -> str:
        """Return what it has said, and at last where each of its threads is."""
        self.process.send_signal(signal.SIGABRT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self._read_all()
        return "\n".join([*self.said("", "out"), *self.said("", "err")])


@contextmanager
def started(
    words: Sequence[str | Path | bytes], folder: Path | None = None, **variables: str
) -> Iterator[LiveProcess]:
    """Run a program; it does not outlive the block. `variables` are added to its environment."""
    with subprocess.Popen(
        words,
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        live = LiveProcess(process)
        try:
            yield live
        finally:
            process.kill()
            live.end()


def running(
    folder: Path, *words: str | Path, **variables: str
) -> AbstractContextManager[LiveProcess]:
    """Run a command in `folder`; it does not outlive the block."""
    return started(command(*words), folder, **variables)
