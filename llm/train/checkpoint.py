"""Checkpoints: after a kill at any moment training goes on as if nothing had happened.

A checkpoint is a folder `checkpoints/step-N` with the trained weights, the optimizer's memory and
the state of the run. It appears by one rename, so that whatever has the name is whole. No pickles.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from llm.files import write_json
from llm.train import TrainingError
from llm.train.files import read_json, replace_folder

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""What AdamW remembers of each weight."""


@dataclass
class State:
    """How far a run is."""

    step: int = 0
    """Steps done."""
    best_step: int = 0
    """Step of the lowest validation loss; 0 = the base itself."""
    best_loss: float = float("inf")
    first_valid_loss: float = float("nan")
    """Validation loss of the base."""
    last_valid_loss: float = float("nan")
    without_gain: int = 0
    """Validations since the best one."""
    first_loss: float = float("nan")
    """Loss of the first batch."""
    smooth_loss: float = float("nan")
    seconds: float = 0.0
    """Time spent training, without the time between a kill and a resume."""


class Checkpoints:
    """The checkpoints of a run: the newest one and the best one are kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(
        self, state: State, weights: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
    ) -> None:
        """Write the checkpoint of `state.step`, then delete those no longer needed."""
        with replace_folder(self._path(state.step)) as fresh:
            save_file(
                {n: w.detach().contiguous() for n, w in weights.items()},
                fresh / "weights.safetensors",
            )
            save_file(_moments(weights, optimizer), fresh / "optimizer.safetensors")
            write_json(fresh / "state.json", asdict(state))
        for step in self.steps():
            if step not in (state.step, state.best_step):
                shutil.rmtree(self._path(step))

    def steps(self) -> list[int]:
        """Return the steps of all whole checkpoints, oldest first."""
        return sorted(int(path.name[5:]) for path in self._folder.glob("step-*"))

    def resume(
        self, weights: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
    ) -> State:
        """Load the newest checkpoint; a new State if there is none."""
        if not (steps := self.steps()):
            return State()
        folder = self._path(steps[-1])
        self.load_weights(steps[-1], weights)
        memory = load_file(folder / "optimizer.safetensors")
        for name, weight in weights.items():
            optimizer.state[weight] = {
                moment: memory[f"{name}.{moment}"].to("cpu" if moment == "step" else weight.device)
                for moment in _MOMENTS
            }
        return State(**read_json(folder / "state.json"))

    def load_weights(self, step: int, weights: Mapping[str, torch.Tensor]) -> None:
        """Put the weights of a checkpoint into the model. Raises TrainingError."""
        saved = load_file(self._path(step) / "weights.safetensors")
        if saved.keys() != weights.keys():
            raise TrainingError(
                f"the checkpoint {self._path(step)} is of another model or method",
                "start a new run",
            )
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(saved[name])

    def _path(self, step: int) -> Path:
        return self._folder / f"step-{step}"


def _moments(
    weights: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{moment}": optimizer.state[weight][moment].contiguous()
        for name, weight in weights.items()
        for moment in _MOMENTS
    }
