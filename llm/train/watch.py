"""Watch a run and stop it when it cannot become anything."""

from __future__ import annotations

import math

from llm.train import TrainingError
from llm.train.checkpoint import State
from llm.train.packing import Pack

_SMOOTHING = 0.7
_WORSE_BY, _AND_BY = 1.25, 0.25
"""A smoothed loss above 1.25 times that of the base plus 0.25: no run recovers from there, and the
scatter of batches of 8 rows stays far below."""

_LEAST_GAIN = 1e-3
"""Share of the best validation loss; less is rounding and no gain."""


def check_finite(value: float, what: str, pack: Pack, step: int) -> None:
    """Raise TrainingError if a value of a step is not a number."""
    if not math.isfinite(value):
        rows = ", ".join(sorted(set(pack.origins))[:5])
        raise TrainingError(
            f"the {what} of step {step} is {value} (rows {rows}): the weights up to the last "
            "checkpoint are sound, those of now are not saved",
            "use a lower --lr; if it happens at once, the base or these rows are damaged",
        )


def check_converging(state: State, loss: float, learning_rate: float) -> None:
    """Take note of a step's loss. Raises TrainingError if the run diverges.

    Measured against the base: its loss on the validation rows or on the first batch, whichever is
    higher, for batches differ.
    """
    if math.isnan(state.first_loss):
        state.first_loss = state.smooth_loss = loss
    state.smooth_loss = _SMOOTHING * state.smooth_loss + (1 - _SMOOTHING) * loss
    first = max(state.first_loss, state.first_valid_loss)
    if state.smooth_loss > first * _WORSE_BY + _AND_BY:
        raise TrainingError(
            f"training diverges: the loss rose from {first:.2f} to {state.smooth_loss:.2f} at step "
            f"{state.step} with a learning rate of {learning_rate:g}",
            f"try --lr {learning_rate / 10:.1g}",
        )


def note_validation(state: State, loss: float) -> bool:
    """Take note of a validation loss; return whether it is the best so far."""
    state.last_valid_loss = loss
    if math.isnan(state.first_valid_loss):
        state.first_valid_loss = loss
        state.best_loss = loss
        return False
    if loss < state.best_loss * (1 - _LEAST_GAIN):
        state.best_loss, state.best_step, state.without_gain = loss, state.step, 0
        return True
    state.without_gain += 1
    return False
