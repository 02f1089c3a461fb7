"""Tasks of lm-evaluation-harness (C-Eval, CMMLU, ...) by the engine of run time.

The harness is not needed otherwise and fetches its questions from the network, so it is used only
where its owner has installed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from llm.evaluate.measuring import Subject
from llm.export import ExportError
from llm.llama_native import BATCH_TOKENS, NativeModel, NativeSettings


def evaluate(subject: Subject, tasks: Sequence[str], limit: int | None = None) -> dict[str, Any]:
    """Return the figures of each task. Raises ExportError: not installed, or unknown task."""
    try:
        harness = import_module("lm_eval")
        interface = import_module("lm_eval.api.model")
    except ImportError as error:
        raise ExportError(
            f"tasks need lm-evaluation-harness: {error}",
            "pip install lm-eval, or leave out --tasks",
        ) from error
    settings = NativeSettings(subject.threads, subject.context_tokens, subject.adapter)
    native = NativeModel(subject.model, settings)
    try:
        model = _adapted(interface.LM, native, subject.context_tokens)
        found = harness.simple_evaluate(model=model, tasks=list(tasks), limit=limit)
    except (KeyError, ValueError) as error:
        raise ExportError(f"the harness refuses {', '.join(tasks)}: {error}") from error
    finally:
        native.close()
    return dict(found["results"])


def log_likelihood(
    native: NativeModel, context: str, continuation: str, most_tokens: int
) -> tuple[float, bool]:
    """Return the log probability of a text that follows another, and whether it is the likeliest.

    Of what is longer than `most_tokens` the beginning is left out, as the harness does.
    """
    known, whole = native.tokenize(context), native.tokenize(context + continuation)
    begin = max(1, min(len(known), len(whole) - 1))
    cut = max(0, len(whole) - most_tokens)
    tokens, begin = whole[cut:], max(1, begin - cut)
    native.forget_from(0)
    total, greedy = 0.0, True
    for start in range(0, len(tokens) - 1, BATCH_TOKENS):
        part = tokens[start : min(start + BATCH_TOKENS, len(tokens) - 1)]
        native.evaluate(part, start, every=True)
        for place, row in enumerate(native.logits(len(part)).astype(np.float64), start + 1):
            if place >= begin:
                shifted = row - row.max()
                total += float(shifted[tokens[place]] - np.log(np.exp(shifted).sum()))
                greedy = greedy and int(row.argmax()) == tokens[place]
    return total, greedy


def _adapted(interface: Any, native: NativeModel, most_tokens: int) -> Any:
    """Return the model as the harness wants it: a subclass of its own class."""

    def each(_self: Any, requests: Sequence[Any], **_options: Any) -> list[tuple[float, bool]]:
        pairs = (request.args for request in requests)
        return [log_likelihood(native, pair[0], pair[1], most_tokens) for pair in pairs]

    def rolling(_self: Any, requests: Sequence[Any], **_options: Any) -> list[float]:
        return [log_likelihood(native, "", request.args[0], most_tokens)[0] for request in requests]

    def until(_self: Any, _requests: Sequence[Any], **_options: Any) -> list[str]:
        raise ValueError("tasks that generate text are measured by the gate itself")

    methods: dict[str, Any] = {
        "loglikelihood": each,
        "loglikelihood_rolling": rolling,
        "generate_until": until,
    }
    return type("EngineModel", (interface,), methods)()
