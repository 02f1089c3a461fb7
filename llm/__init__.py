"""Answers: knowledge, retrieval, decision, composition, verification, language models.

A library: text in, small frozen values out. No threads, no files it was not given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Shape (n, dimensions)."""

Files = Mapping[str, Path]
"""The files of one model by role: model, adapter, ..."""


class GenerationError(Exception):
    """A language model cannot be loaded or has failed."""


class KnowledgeError(Exception):
    """The knowledge base is wrong; the message names file, entry and field."""


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: str
    """system, user or assistant."""
    content: str


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. The default is greedy: an emergency is no time for variety."""

    max_tokens: int = 160
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 40
    repeat_penalty: float = 1.05
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class GenerationStats:
    """Figures of one generation; zeros where a server does not tell."""

    prompt_tokens: int = 0
    evaluated_tokens: int = 0
    """Prompt tokens that had to be evaluated; the others were still known from before."""
    generated_tokens: int = 0
    first_token_s: float = 0.0
    """From the call to the first token, in seconds."""
    total_s: float = 0.0
    outcome: str = ""
    """end (of the model's own accord), stop (a stop string), length or cancelled."""


@dataclass(frozen=True)
class LlmConfig:
    """Language model."""

    model: str = ""
    """Model from the catalogue, or the path of a GGUF file; empty = the one that was flashed, else
    that of the profile; none = vetted texts only."""
    server_url: str = ""
    """OpenAI-compatible server to use instead, for example http://127.0.0.1:8080/v1."""
    server_model: str = ""
    """Name of the model on that server; empty = the first it lists."""
    encoder: str = ""
    """Sentence encoder from the catalogue for retrieval; empty = the one that is built in."""
    adapter: str = ""
    """Path of a LoRA adapter (GGUF) laid over the model; empty = none."""
    threads: int = 2
    """CPU threads of the language model."""
    context_tokens: int = 2048
    """Longest prompt and answer together, in tokens."""
    max_answer_tokens: int = 120
    """Longest composed answer in tokens."""
    timeout_s: float = 20.0
    """Seconds after which an answer goes on as vetted instead of as composed; aloud, that is at
    the latest when its first sentence has been heard."""

    def __post_init__(self) -> None:
        for key, low, high in (
            ("threads", 1, 64),
            ("context_tokens", 512, 131_072),
            ("max_answer_tokens", 8, 1024),
            ("timeout_s", 0.5, 600),
        ):
            value = getattr(self, key)
            if not low <= value <= high:
                raise ValueError(f"llm.{key} is {value}; it must be from {low} to {high}")


class LanguageModel(Protocol):
    """A language model that answers a conversation piece by piece. One caller at a time."""

    name: str
    stats: GenerationStats
    """Figures of the last generation."""

    def generate(
        self,
        messages: list[Message],
        sampling: Sampling,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[str]:
        """Yield the answer in pieces; stop soon after `cancelled()` turns true,
        also while the prompt is still being processed.

        If the last message is the assistant's, the answer begins so, and what follows is yielded;
        a server that cannot go on with an answer begins it anew.
        Raises GenerationError.
        """
        ...

    def prefill(
        self, messages: list[Message], cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Evaluate the beginning of a prompt ahead of time, so that it is quick later.

        Raises GenerationError.
        """
        ...

    def close(self) -> None:
        """Free the native memory."""
        ...


class SentenceEncoder(Protocol):
    """Turns sentences of any of its languages into comparable vectors."""

    name: str

    def encode(self, texts: list[str]) -> Vectors:
        """Return unit vectors, float32, shape (len(texts), dimensions)."""
        ...
