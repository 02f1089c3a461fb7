"""Did training make the model better, and did it harm anything? The gate before a model is used.

cases.py       held-out rows to be asked, a fair share of every kind and language
probes.py      general sentences and questions: what must not be forgotten
measuring.py   one model asked everything, by the engine of run time, in a child process
judging.py     what an answer is worth: refused, corrected, supported, ended, repeated
statistics.py  paired bootstrap
verdict.py     before and after side by side, and the verdict with its reasons
gate.py        all of that for two models, told as one object
variants.py    the same for every form a model can be exported in
harness.py     tasks of lm-evaluation-harness, where it is installed
"""

from __future__ import annotations

from dataclasses import dataclass

from llm import Message

ANSWER, CORRECTION, REFUSAL = "answer", "correction", "refusal"


@dataclass(frozen=True)
class Case:
    """A held-out row: what is asked, and what should be said."""

    id: str
    """Where the row stands."""
    kind: str
    """answer, correction, refusal, or nothing if the data does not tell."""
    language: str
    asked: tuple[Message, ...]
    reference: str
    passage: str = ""
    """The text that the answer may rest on; nothing if the row has none."""


@dataclass(frozen=True)
class Reply:
    """What a model said to a case."""

    text: str
    outcome: str
    """end, or length where it did not stop of its own accord."""
    loss: float
    """Mean negative log probability of the reference, its end included, in nats per token."""


@dataclass(frozen=True)
class Measured:
    """One model, asked everything."""

    name: str
    replies: dict[str, Reply]
    """By id of the case; cases that do not fit the context are left out."""
    probe_losses: tuple[float, ...]
    """Loss of each general sentence, in nats per token."""
    general: tuple[str, ...]
    """Answers to the general questions."""
    tokens_per_s: float
    prompt_tokens_per_s: float
    memory_mb: float
    """Most memory the process held while answering."""
    size_mb: float
    """Size of the files."""
