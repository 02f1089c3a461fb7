"""A training run from rows to a result, with everything that went in and came out written down."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from llm.data import Row
from llm.train import TrainingError, UnusableRows
from llm.train.base import Base, load_base
from llm.train.checkpoint import Checkpoints, State
from llm.train.curve import draw
from llm.train.files import clear_errors
from llm.train.folder import RunFolder
from llm.train.hardware import Hardware
from llm.train.loop import Loop, Rows, Show
from llm.train.method import Trainable, four_bit
from llm.train.packing import Group
from llm.train.rows import check_template, encode, encode_all
from llm.train.settings import Settings
from llm.train.together import leads

_PACKAGES = ("torch", "transformers", "peft", "accelerate", "gguf", "llama-cpp-python")


def load_for(path: Path, settings: Settings, hardware: Hardware) -> Base:
    """Load a base in the type that a method needs. Raises UnusableBase."""
    # Weights that are trained stay in float32: small steps would be lost in bfloat16.
    dtype = settings.dtype if settings.trains_adapter else "float32"
    base = load_base(
        path,
        dtype=getattr(torch, dtype),
        attention=hardware.attention,
        quantization=four_bit(settings, hardware),
    )
    if settings.method != "qlora":  # bitsandbytes has put it where it belongs
        model: Any = base.model
        model.to(hardware.device)
    return base


def encode_rows(train: Sequence[Row], valid: Sequence[Row], base: Base, settings: Settings) -> Rows:
    """Return the rows as tokens. Raises UnusableRows."""
    grouped = _pairs if settings.objective == "dpo" else _singles
    return Rows(grouped(train, base, settings), grouped(valid, base, settings))


def train(
    folder: RunFolder, base: Base, rows: Rows, settings: Settings, hardware: Hardware, show: Show
) -> State:
    """Train, from the newest checkpoint if there is one, and write the result.

    `run.json` must be there; it is kept up to date. Raises TrainingError; then `run.json` says so.
    """
    record = folder.read() if leads() else {}
    record |= {
        "state": "training",
        "settings": asdict(settings),
        "hardware": asdict(hardware),
        "versions": {name: version(name) for name in _PACKAGES},
        "base": {"path": str(base.path), "sha256": base.identity, "family": base.architecture},
        "template_sha256": sha256(base.template.source),
        "tokenizer_sha256": sha256(base.tokenizer.backend_tokenizer.to_str()),
        "tokens": _token_counts(rows),
    }
    with clear_errors(folder.root):
        _write(folder, record)
        try:
            trainable = Trainable(base, settings, hardware)
            state = Loop(trainable, rows, settings, hardware, folder).run(show)
            if leads():
                _finish(folder, trainable, state, record)
        except TrainingError as error:
            _write(folder, {**record, "state": "failed", "reason": str(error)})
            raise
    return state


def _write(folder: RunFolder, record: dict[str, Any]) -> None:
    if leads():
        folder.write(record)


def _finish(
    folder: RunFolder, trainable: Trainable, state: State, record: Mapping[str, Any]
) -> None:
    if not state.best_step:
        raise TrainingError(
            f"nothing was learned: the validation loss never fell below that of the base "
            f"({state.first_valid_loss:.3f}; at the end {state.last_valid_loss:.3f})",
            "look at the data: hean data check; or try another --lr",
        )
    Checkpoints(folder.checkpoints).load_weights(state.best_step, trainable.weights)
    trainable.save(folder.root)
    draw(folder.read_metrics(), folder.root / "loss.png")
    results = {
        "best_step": state.best_step,
        "steps": state.step,
        "valid_loss": {"before": state.first_valid_loss, "after": state.best_loss},
        "seconds": round(state.seconds, 1),
    }
    folder.write({**record, "state": "done", "results": results})


def _singles(rows: Sequence[Row], base: Base, settings: Settings) -> list[Group]:
    return [(row,) for row in encode_all(rows, base, settings.max_tokens, settings.thinking)]


def _pairs(rows: Sequence[Row], base: Base, settings: Settings) -> list[Group]:
    """Return pairs of the last answer and the rejected one."""
    limits = (settings.max_tokens, settings.thinking)
    if missing := [row for row in rows if not row.rejected.strip()]:
        raise UnusableRows(
            f"{missing[0].origin}: no rejected answer ({len(missing)} rows have none); preference "
            "training needs one in each row",
            "add it as `rejected`, or train with --objective sft",
        )
    worse = [
        replace(row, messages=(*row.messages[:-1], replace(row.messages[-1], content=row.rejected)))
        for row in rows
    ]
    check_template(base)
    return [
        (encode(good, base, *limits), encode(bad, base, *limits))
        for good, bad in zip(rows, worse, strict=True)
    ]


def _token_counts(rows: Rows) -> dict[str, int]:
    every = [row for part in (rows.train, rows.valid) for group in part for row in group]
    return {
        "all": sum(len(row.ids) for row in every),
        "trained": sum(len(row.ids) - row.start for row in every),
        "longest_row": max(len(row.ids) for row in every),
    }


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
