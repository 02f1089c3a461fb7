"""`hean wake train` with few points of its curve and little noise; all else is as a person has it.

A process of its own, so that it can be killed: python -m tests.quick_wake_training wake train ...
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from kws.train import operating
from tests.commands import PRIVATE
from tests.live_process import LiveProcess, started
from voice.cli import main
from voice.wake_training import choice


def training(store: Path, *words: str | Path) -> AbstractContextManager[LiveProcess]:
    """Run the command; it does not outlive the block."""
    options = (*PRIVATE, "--set", f"models.store={store}")
    return started([sys.executable, "-m", __name__, *options, "wake", "train", *map(str, words)])


def makers(parent: int) -> list[int]:
    """Return the processes that make speech for another one."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return [child for child in map(int, children) if b"spawn_main" in _command_of(child)]


def alive(process: int) -> bool:
    return b"spawn_main" in _command_of(process)


def _command_of(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()  # nothing of one that has ended
    except OSError:
        return b""


if __name__ == "__main__":
    operating.THRESHOLDS = (0.2, 0.6)
    choice.BOOSTS = (0.4,)
    choice._NOISE_S = 10.0
    sys.exit(main())
