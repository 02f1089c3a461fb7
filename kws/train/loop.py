"""The training loop: it can be killed at any moment and goes on from its last checkpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kws import Samples
from kws.train import WakeTrainingError
from kws.train import checkpoint as checkpoints
from kws.train.augment import Augmenter, Strength
from kws.train.batches import Batch, Mixer, Recording
from kws.train.curve import draw
from kws.train.loss import ctc_loss, flat_start_loss, transducer_loss
from kws.train.model import contexts, forget
from kws.train.settings import Settings
from kws.train.shape import Shape

METRICS, CURVE = "metrics.jsonl", "loss.png"

_REPORT_STEPS = 20
_DEV_BATCHES = 4
_DEV_SEED_STEP = 1 << 40
"""Steps of no training: the held-out examples are always the same."""


@dataclass(frozen=True)
class Material:
    """What is trained on, what is held out, and noises besides those that are made."""

    train: Sequence[Recording]
    dev: Sequence[Recording]
    tokens: Sequence[str]
    """The token table."""
    noises: Sequence[Samples] = ()


@dataclass(frozen=True)
class Progress:
    """How far training is; losses are of a token."""

    step: int
    done: float
    """Share of the time."""
    loss: float
    ctc: float
    shuffled: float
    """With the audio of another example: if it is as low as `loss`, nothing is heard."""
    dev: float
    """Held out; not a number before the first checkpoint."""
    seconds_left: float


Show = Callable[[Progress], None]


class Loop:
    """Trains from the newest checkpoint in the folder `run` until the time is over.

    Raises WakeTrainingError: nothing to train on, a loss that is not a number, a full disk.
    """

    def __init__(
        self,
        material: Material,
        run: Path,
        settings: Settings,
        shape: Shape = Shape(),  # noqa: B008 - a frozen value
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not material.train or not material.dev:
            raise WakeTrainingError(
                f"{len(material.train)} clips to train on and {len(material.dev)} held out: "
                "too few; make the corpus first"
            )
        self._settings, self._run, self._clock = settings, run, clock
        with _writing(run):
            run.mkdir(parents=True, exist_ok=True)
        found = checkpoints.checkpoints(run)
        self._state = (
            checkpoints.load(found[-1])
            if found
            else checkpoints.fresh(material.tokens, shape, settings.seed)
        )
        if self._state.tokens != tuple(material.tokens):
            raise WakeTrainingError(
                f"{found[-1]} has other tokens than the corpus; start a new folder"
            )
        self._model = self._state.model()
        self._model.load_state_dict(self._state.weights)
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(), betas=(0.9, 0.98), weight_decay=settings.weight_decay
        )
        if self._state.optimizer:
            self._optimizer.load_state_dict(self._state.optimizer)
        self._mixers = _mixers(material, settings)
        with _writing(run):
            self._metrics = _read_metrics(run / METRICS, self._state.step)
        self._dev = float("nan")

    def train(self, show: Show) -> checkpoints.Checkpoint:
        """Train until the time is over; return the last checkpoint."""
        torch.set_num_threads(self._settings.threads)
        state, saved_s = self._state, self._state.seconds
        with _writing(self._run):
            while self._done() < 1:
                begin = self._clock()
                self._step(show)
                state.seconds += self._clock() - begin
                if state.seconds - saved_s > 60 * self._settings.checkpoint_minutes:
                    self._save()
                    saved_s = state.seconds
            self._save()
        return state

    def _done(self) -> float:
        return self._state.seconds / (60 * self._settings.minutes)

    def _step(self, show: Show) -> None:
        state, settings = self._state, self._settings
        state.step += 1
        torch.manual_seed(settings.seed * 1_000_003 + state.step)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate_at(self._done())
        batch = self._mixers[0].batch(state.step)
        self._model.train()
        losses = self._losses(batch)
        total = losses["loss"] + settings.ctc_weight * losses["ctc"]
        total = total + settings.flat_start_weight_at(self._done()) * losses["flat"]
        self._optimizer.zero_grad()
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._model.parameters(), settings.clip_norm)
        if not torch.isfinite(norm):
            raise WakeTrainingError(f"the gradient of step {state.step} is no number; start again")
        self._optimizer.step()
        self._average()
        if state.step % _REPORT_STEPS == 0:
            self._report({key: value.item() for key, value in losses.items()}, float(norm), show)

    def _losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the losses of a token; `shuffled` has no gradient."""
        heard, ctc, now = self._model(batch.features)
        context = contexts(batch.targets)
        if self._model.training:
            context = forget(context, self._settings.forgotten_share)
        text = self._model.predictor(context)
        count = batch.lengths[1].sum()
        arguments = text, batch.targets, batch.lengths
        with torch.no_grad():
            shuffled = transducer_loss(heard.roll(1, 0), *arguments).sum() / count
        return {
            "loss": transducer_loss(heard, *arguments).sum() / count,
            "ctc": ctc_loss(ctc, batch.targets, batch.lengths).sum() / count,
            "flat": flat_start_loss(now, batch.now),
            "shuffled": shuffled,
        }

    def _average(self) -> None:
        """Move the average so that it spans the last part of the run so far."""
        share = 1 / max(1.0, self._settings.average_share * self._state.step)
        average = self._state.average
        for name, weight in self._model.state_dict().items():
            average[name].lerp_(weight, share)  # none of them asks for a gradient

    def _report(self, losses: dict[str, float], norm: float, show: Show) -> None:
        state = self._state
        row = {"step": state.step, "seconds": state.seconds, "norm": norm, **losses}
        self._log(row)
        left = max(0.0, 60 * self._settings.minutes - state.seconds)
        kept = (losses["loss"], losses["ctc"], losses["shuffled"])
        show(Progress(state.step, self._done(), *kept, self._dev, left))

    def _log(self, row: dict[str, float]) -> None:
        rounded = {key: round(value, 5) for key, value in row.items()}
        self._metrics.append(rounded)
        with (self._run / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")

    def _save(self) -> None:
        state = self._state
        state.weights = {n: w.clone() for n, w in self._model.state_dict().items()}
        state.optimizer = self._optimizer.state_dict()
        checkpoints.save(state, self._run)
        self._dev = self._held_out()
        self._log({"step": state.step, "seconds": state.seconds, "dev": self._dev})
        draw(self._metrics, self._run / CURVE)

    def _held_out(self) -> float:
        """Return the loss of a token of the averaged weights on what is held out."""
        self._model.load_state_dict(self._state.average)
        self._model.eval()
        batches = (self._mixers[1].batch(_DEV_SEED_STEP + n) for n in range(_DEV_BATCHES))
        with torch.no_grad():
            losses = [self._losses(batch)["loss"].item() for batch in batches]
        self._model.load_state_dict(self._state.weights)
        return float(np.mean(losses))


@contextmanager
def _writing(run: Path) -> Iterator[None]:
    """Tell a full disk, or a folder that cannot be written, as WakeTrainingError."""
    try:
        yield
    except OSError as error:
        raise WakeTrainingError(
            f"{error.filename or run} cannot be written: {error.strerror}; the last checkpoint is "
            "whole: make room and resume"
        ) from error


def _mixers(material: Material, settings: Settings) -> tuple[Mixer, Mixer]:
    augmenter = Augmenter(Strength(), np.random.default_rng(settings.seed), material.noises)
    made = (
        Mixer(recordings, augmenter, settings.seed, settings.batch_s)
        for recordings in (material.train, material.dev)
    )
    train, dev = made
    return train, dev


def _read_metrics(path: Path, step: int) -> list[dict[str, Any]]:
    """Return what was logged up to a step, and cut off what came after it."""
    rows: list[dict[str, Any]] = []
    if path.exists():
        whole = path.read_text(encoding="utf-8").split("\n")[:-1]
        rows = [row for row in map(json.loads, whole) if row["step"] <= step]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return rows
