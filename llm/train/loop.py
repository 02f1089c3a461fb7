"""The training loop: steps, validation, checkpoints; everything in it can be killed at any time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from random import Random
from typing import Any

import torch

from llm.train import TrainingError
from llm.train.checkpoint import Checkpoints, State
from llm.train.folder import RunFolder
from llm.train.hardware import Hardware
from llm.train.loss import by_row, log_likelihoods, preference, supervised
from llm.train.method import Trainable
from llm.train.packing import Group, Pack, packs
from llm.train.settings import Settings
from llm.train.together import Together, leads
from llm.train.watch import check_converging, check_finite, note_validation


@dataclass(frozen=True)
class Progress:
    """How far training is."""

    step: int
    steps: int
    loss: float
    """Mean over the trained tokens (of pairs: over the pairs) of the last step."""
    valid_loss: float
    tokens_per_s: float
    seconds_left: float


@dataclass(frozen=True)
class Rows:
    """What is trained on and what is held out, as tokens."""

    train: Sequence[Group]
    valid: Sequence[Group]


Show = Callable[[Progress], None]


class Loop:
    """Trains from the newest checkpoint to the end."""

    def __init__(
        self,
        trainable: Trainable,
        rows: Rows,
        settings: Settings,
        hardware: Hardware,
        folder: RunFolder,
    ) -> None:
        if not rows.train or not rows.valid:
            raise TrainingError(
                f"{len(rows.train)} rows to train on and {len(rows.valid)} to validate with",
                "give at least 2 rows; 100 are a beginning",
            )
        self._trainable, self._rows, self._settings = trainable, rows, settings
        self._hardware, self._folder = hardware, folder
        self._together = Together(hardware.device)
        self._steps_per_epoch = math.ceil(len(rows.train) / settings.batch_rows)
        self._steps = self._steps_per_epoch * settings.epochs
        self._optimizer = torch.optim.AdamW(
            trainable.weights.values(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self._checkpoints = Checkpoints(folder.checkpoints)
        self._references: dict[str, float] = {}

    def run(self, show: Show) -> State:
        """Train to the end or to early stopping; return the state, of which `best_step` counts.

        Raises TrainingError: it diverges, a loss is not a number, the disk is full.
        """
        if self._settings.objective == "dpo":
            self._references = self._reference_likelihoods()
        state = self._checkpoints.resume(self._trainable.weights, self._optimizer)
        if leads():
            self._folder.forget_metrics_after(state.step)
        if math.isnan(state.first_valid_loss):
            self._validate(state)
        while state.step < self._steps and state.without_gain < self._settings.patience:
            self._step(state, show)
        self._together.close()
        return state

    def try_step(self) -> tuple[float, int]:
        """Do one step to see what it takes; return seconds and tokens. The weights change."""
        first = self._batch(1)
        self._learn(first[:1], 0)  # the first call of each kernel prepares it
        begin = time.monotonic()
        *_, tokens = self._learn(first, 0)
        return time.monotonic() - begin, tokens

    @property
    def steps(self) -> int:
        """Return how many steps a whole run has."""
        return self._steps

    def _step(self, state: State, show: Show) -> None:
        begin = time.monotonic()
        state.step += 1
        rate = self._learning_rate(state.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        batch = self._batch(state.step)
        loss, norm, tokens = self._learn(batch, state.step)
        check_converging(state, loss, rate)
        took_s = time.monotonic() - begin
        state.seconds += took_s
        if leads():
            row = {"step": state.step, "loss": loss, "learning_rate": rate, "gradient_norm": norm}
            self._folder.add_metrics({**row, "tokens": tokens, "seconds": round(took_s, 3)})
        validates = self._validates_after(state.step)
        if validates:
            self._validate(state)
        if leads() and (validates or state.step % self._settings.checkpoint_steps == 0):
            self._checkpoints.save(state, self._trainable.weights, self._optimizer)
        left_s = (self._steps - state.step) * state.seconds / state.step
        rate_tokens = tokens / took_s
        show(Progress(state.step, self._steps, loss, state.last_valid_loss, rate_tokens, left_s))

    def _learn(self, batch: Sequence[Group], step: int) -> tuple[float, float, int]:
        """Do one step of the optimizer; return loss, length of the gradient, tokens read."""
        weight = self._weight(batch)
        total = 0.0
        self._optimizer.zero_grad(set_to_none=False)
        for weights in self._trainable.weights.values():
            if weights.grad is None:
                weights.grad = torch.zeros_like(weights)
        mine = [pack for number, pack in enumerate(self._packs(batch)) if self._is_mine(number)]
        for pack in mine:
            loss = self._loss(pack)
            check_finite(loss.item(), "loss", pack, step)
            (loss / weight).backward()
            total += loss.item()
        gradients = [w.grad for w in self._trainable.weights.values() if w.grad is not None]
        self._together.add_up(gradients)
        (total,) = self._together.total(total)
        norm = float(
            torch.nn.utils.clip_grad_norm_(
                self._trainable.weights.values(), self._settings.clip_norm
            )
        )
        check_finite(norm, "gradient", next(self._packs(batch)), step)
        self._optimizer.step()
        return total / weight, norm, sum(len(row.ids) for group in batch for row in group)

    def _validate(self, state: State) -> None:
        groups = self._rows.valid
        total = 0.0
        with torch.no_grad():
            for number, pack in enumerate(self._packs(groups)):
                if self._is_mine(number):
                    total += self._loss(pack).item()
        (total,) = self._together.total(total)
        loss = total / self._weight(groups)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the validation loss is {loss} after step {state.step}",
                "the base or the validation rows are damaged" if not state.step else "lower --lr",
            )
        note_validation(state, loss)
        if leads():
            self._folder.add_metrics({"step": state.step, "valid_loss": loss})

    def _loss(self, pack: Pack) -> torch.Tensor:
        likelihoods = self._likelihoods(pack)
        if self._settings.objective == "sft":
            return supervised(likelihoods)
        known = [self._references[key] for key in pack.keys]
        reference = torch.tensor(known, device=likelihoods.device)
        return preference(likelihoods, pack, reference, self._settings.beta)

    def _likelihoods(self, pack: Pack) -> torch.Tensor:
        model: Any = self._trainable.base.model
        kind = self._hardware.device.partition(":")[0]
        mixed = not self._settings.trains_adapter and self._settings.dtype == "bfloat16"
        with torch.autocast(kind, torch.bfloat16) if mixed else nullcontext():
            return log_likelihoods(model, pack, self._hardware.shares_beginnings)

    def _reference_likelihoods(self) -> dict[str, float]:
        """Return what the base thinks of each answer; kept, for later there is no base any more."""
        if known := self._folder.read_references():
            return known
        found: dict[str, float] = {}
        with torch.no_grad():
            for pack in self._packs([*self._rows.train, *self._rows.valid]):
                values = by_row(self._likelihoods(pack), pack).tolist()
                found.update(zip(pack.keys, values, strict=True))
        if leads():
            self._folder.write_references(found)
        return found

    def _packs(self, groups: Sequence[Group]) -> Iterator[Pack]:
        return packs(groups, self._settings.pack_tokens, self._hardware.shares_beginnings)

    def _is_mine(self, number: int) -> bool:
        return number % self._together.count == self._together.rank

    def _weight(self, groups: Sequence[Group]) -> int:
        """Return what a loss is divided by: trained tokens, or pairs."""
        if self._settings.objective == "dpo":
            return len(groups)
        return sum(len(row.ids) - row.start for group in groups for row in group)

    def _batch(self, step: int) -> list[Group]:
        """Return the rows of a step, which follow from the seed alone."""
        epoch, place = divmod(step - 1, self._steps_per_epoch)
        order = list(range(len(self._rows.train)))
        Random(f"{self._settings.seed} {epoch}").shuffle(order)
        size = self._settings.batch_rows
        return [self._rows.train[n] for n in order[place * size : (place + 1) * size]]

    def _learning_rate(self, step: int) -> float:
        warmup = max(1, round(self._settings.warmup_share * self._steps))
        if step <= warmup:
            return self._settings.learning_rate * step / warmup
        done = (step - warmup) / max(1, self._steps - warmup)
        low = self._settings.final_share
        share = low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done))
        return self._settings.learning_rate * share

    def _validates_after(self, step: int) -> bool:
        every = math.ceil(self._steps_per_epoch / self._settings.validations_per_epoch)
        return step % every == 0 or step == self._steps
