"""Training: from rows of questions and answers to an adapter, or to a model of its own.

Needs the `train` extra (torch, transformers, peft); this module itself does not import it.

    base.py            the model that is trained: a Hugging Face folder or a GGUF file, by
    gguf_model.py      its weights, dequantised, and
    gguf_tokenizer.py  its tokenizer
    runtime.py         does llama.cpp compute the same?
    rows.py            rows to tokens
    rehearsal.py       what the base could do before, kept
    packing.py         several rows as one tree of tokens
    attention.py       attention over a pack on a CPU
    lora.py            LoRA layers that are quick on a CPU
    loss.py            from a pack to the loss
    method.py          what is trained, and how it is saved
    settings.py        presets with the reason for each number
    hardware.py        what this machine has
    estimate.py        what a run will take
    loop.py            steps, validation, checkpoints
    watch.py           what stops a run
    checkpoint.py      what a killed run goes on from
    together.py        several processes that train one model
    folder.py          the folder of a run, written by
    files.py           writes that are whole or not there
    curve.py           the loss as a picture
    run.py             a run from rows to a result
"""

from __future__ import annotations


class TrainingError(Exception):
    """Training cannot go on; the message says why, and `fix` what to do."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class UnusableBase(TrainingError):
    """The model cannot be trained, or would be trained wrongly."""


class UnusableRun(TrainingError):
    """The folder is no run that could be gone on with or used."""


class UnusableRows(TrainingError):
    """The rows cannot be trained on."""
