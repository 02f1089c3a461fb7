"""Checkpoints of a run: whole or not there, and only tensors and plain values in them."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kws.train import WakeTrainingError
from kws.train.model import Transducer
from kws.train.shape import Shape

_KEPT = 3
_FOLDER = "checkpoints"


@dataclass
class Checkpoint:
    """A run after `step` steps."""

    tokens: tuple[str, ...]
    """The token table of the model."""
    shape: dict[str, Any]
    """Of the encoder: the fields of Shape."""
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    """The weights averaged over the last part of the run: what is exported."""
    optimizer: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0
    """Time spent training, without the time between a kill and a resume."""

    def model(self) -> Transducer:
        """Return the model with the averaged weights, ready to be used."""
        model = Transducer(len(self.tokens), Shape(**self.shape))
        model.load_state_dict(self.average)
        model.eval()
        return model


def save(checkpoint: Checkpoint, run: Path) -> Path:
    """Write a checkpoint into the folder of a run and delete those no longer needed.

    Raises OSError if the disk is full or the folder cannot be written.
    """
    folder = run / _FOLDER
    path = folder / f"step-{checkpoint.step:06d}.pt"
    partial = folder / ".partial"
    folder.mkdir(parents=True, exist_ok=True)
    whole = io.BytesIO()  # torch would tell a full disk as a failed check of its own
    torch.save(vars(checkpoint), whole)
    with partial.open("wb") as file:
        file.write(whole.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    for old in checkpoints(run)[:-_KEPT]:
        old.unlink()
    return path


def checkpoints(run: Path) -> Sequence[Path]:
    """Return the checkpoints of a run, the oldest first."""
    return sorted((run / _FOLDER).glob("step-*.pt"))


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises WakeTrainingError if it is damaged or of another version.
    """
    try:
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except (
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        raise WakeTrainingError(
            f"{path} is no checkpoint of wake word training: {error}"
        ) from error


def fresh(tokens: Sequence[str], shape: Shape, seed: int) -> Checkpoint:
    """Return the beginning of a run."""
    torch.manual_seed(seed)
    weights = Transducer(len(tokens), shape).state_dict()
    average = {name: weight.clone() for name, weight in weights.items()}
    return Checkpoint(tuple(tokens), asdict(shape), weights, average)
