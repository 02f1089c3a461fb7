"""Tiny training runs: a few rows, a model of 100,000 weights, seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from llm import Message
from llm.data import Origin, Row
from llm.train import run
from llm.train.attention import GROUPED
from llm.train.base import Base, load_base
from llm.train.checkpoint import State
from llm.train.folder import RunFolder
from llm.train.hardware import Hardware
from llm.train.loop import Progress
from llm.train.settings import Settings

CPU = Hardware("cpu", "float32", GROUPED, True)
"""In float32, so that results can be compared to the last bits."""
QUICK = Settings(learning_rate=5e-3, epochs=3, batch_rows=4, checkpoint_steps=2, rank=4, alpha=8)
SYSTEM = Message("system", "You are an assistant.")
_PAIRS = (
    ("What now?", "Go inside, close the windows and doors."),
    ("碘片什么时候吃？", "碘片要等通知再吃。"),
    ("May I eat it?", "Do not eat food from the open."),
    ("Tell me a joke.", "I have nothing vetted on that."),
)


def row(question: str, answer: str, line: int = 1, **more: str) -> Row:
    messages = (SYSTEM, Message("user", question), Message("assistant", answer))
    return Row(messages, Origin(Path("data.jsonl"), line), **more)


def rows(count: int = 20, rejected: bool = False) -> list[Row]:
    worse = {"rejected": "Yes yes yes."} if rejected else {}
    return [
        row(f"{question} {n}", answer, n, **worse)
        for n in range(count)
        for question, answer in [_PAIRS[n % len(_PAIRS)]]
    ]


def load(path: Path) -> Base:
    return load_base(path, attention=GROUPED)


def nothing(_: Progress) -> None:
    """Show no progress."""


def train(
    folder: Path,
    base: Base | Path,
    settings: Settings = QUICK,
    show: Callable[[Progress], None] = nothing,
    data: list[Row] | None = None,
) -> State:
    """Train on some rows, the last four held out; goes on with what the folder holds."""
    loaded = load(base) if isinstance(base, Path) else base
    data = data or rows(rejected=settings.objective == "dpo")
    encoded = run.encode_rows(data[:-4], data[-4:], loaded, settings)
    files = RunFolder(folder)
    if not files.started:
        files.write({"state": "prepared"})
    return run.train(files, loaded, encoded, settings, CPU, show)


def quick(**changes: object) -> Settings:
    return replace(QUICK, **changes)  # type: ignore[arg-type]
