"""Try a model once in a child process, because a native library can end the process.

A library that was built for another processor dies of an illegal instruction at the first
evaluation: no exception, no message, and under systemd a restart without end. The child dies
instead; here that is a GenerationError. A stamp in the cache folder remembers what went well.
"""

from __future__ import annotations

import hashlib
import os
import platform
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from llm import GenerationError, Sampling
from llm.llama_native import BATCH_TOKENS, NativeModel, NativeSettings, library

TIMEOUT_S = 180.0
"""Long enough for a slow disk to read a model of some gigabytes."""


def rehearse(model: Path, adapter: Path | None, cache: Path) -> None:
    """Load and run the model in a child process, unless a stamp says that this went well before.

    Raises GenerationError: the child ended badly.
    """
    stamp = cache / f"llama-cpp-{_fingerprint(model, adapter)}.ok"
    if stamp.exists():
        return
    command = [sys.executable, "-m", __name__, str(model), *([str(adapter)] if adapter else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        child = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GenerationError(f"trying {model} in a child process failed: {error}") from error
    if child.returncode < 0:
        raise GenerationError(_died(model, -child.returncode))
    if child.returncode > 0:
        raise GenerationError(child.stderr.strip().rpartition("\n")[2] or f"{model} does not run")
    with suppress(OSError):  # without a stamp the next start tries again, which is only slower
        cache.mkdir(parents=True, exist_ok=True)
        stamp.write_text(f"{model}\n", encoding="utf-8")


def _died(model: Path, number: int) -> str:
    name = signal.Signals(number).name
    if number == signal.SIGILL:
        return (
            "llama-cpp-python was built for another processor (SIGILL): "
            "delete the folder .venv and start ./hean, which builds it for this one"
        )
    if number == signal.SIGKILL:
        return f"trying {model} was killed (SIGKILL): there is not enough memory for this model"
    return f"llama.cpp crashed while it tried {model} ({name}): fetch the model again"


def _fingerprint(model: Path, adapter: Path | None) -> str:
    """Return what the outcome depends on: library, model, adapter, processor."""
    binaries = sorted((Path(library().__file__).parent / "lib").glob("*"))
    parts = [platform.machine(), _processor()]
    for path in (model, adapter, *binaries):
        if path is not None:
            status = path.stat()
            parts.append(f"{path.resolve()} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _processor() -> str:
    """Return the instruction sets of this processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), "")


def _perform(model: Path, adapter: Path | None) -> None:
    """Evaluate a full batch and a single token: they take different paths through the library."""
    native = NativeModel(model, NativeSettings(1, 4 * BATCH_TOKENS, adapter))
    try:
        tokens = (native.tokenize("What to do in an emergency?") * BATCH_TOKENS)[:BATCH_TOKENS]
        native.evaluate(tokens, 0)
        with native.chooser(Sampling()) as chooser:
            native.evaluate([chooser.next()], len(tokens))
            chooser.next()
    finally:
        native.close()


if __name__ == "__main__":
    try:
        _perform(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    except GenerationError as error:
        sys.exit(str(error))
