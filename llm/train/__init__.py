"""Training: from rows of questions and answers to an adapter, or to a model of its own.

Needs the `train` extra (torch, transformers, peft); this module itself does not import it.
"""

from __future__ import annotations


class TrainingError(Exception):
    """Training cannot go on; the message says why, and `fix` what to do."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class UnusableBase(TrainingError):
    """The model cannot be trained, or would be trained wrongly."""


class UnusableRows(TrainingError):
    """The rows cannot be trained on."""
