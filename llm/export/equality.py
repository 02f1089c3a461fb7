"""Is the exported file the model that was trained? Tokens, logits and a sentence, compared.

Every stage of an export has gone wrong unnoticed somewhere: another pre-tokenizer, a lost scale,
permuted heads, norms off by one. Each shows here as a number, and a number past its bound stops the
export. The bounds of unquantised weights are tight (rounding alone); those of quantised ones allow
what quantisation does and still catch a wrong scale, which costs several nats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llm import Message
from llm.export import ExportError
from llm.export.corpus import LINES, corpus
from llm.export.probing import Probed, Said, probe
from llm.export.reference import Reference

PROMPTS = 32
PROMPT_TOKENS = 64
"""Last tokens of a row that make a prompt: enough to use every weight, few enough to be quick."""
LARGEST_KL: Mapping[str, float] = {
    "f16": 0.005,
    "q8_0": 0.03,
    "q6_k": 0.06,
    "q5_k_m": 0.15,
    "q4_k_m": 0.5,
}
"""Mean Kullback-Leibler divergence in nats from the trained model, by type of the file."""


@dataclass(frozen=True)
class Yardstick:
    """What every file of an export is compared with."""

    lines: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    prompts: tuple[tuple[int, ...], ...]
    logits: NDArray[np.float32]
    canary: tuple[Message, ...]
    said: Said
    """What the trained model says to the canary, word for word."""


@dataclass(frozen=True)
class Likeness:
    """How like the trained model a file is."""

    lines: int
    prompts: int
    mean_kl: float
    agreement: float
    """Share of the prompts after which both choose the same token."""
    canary_kept: bool
    """Whether it says the canary sentence word for word, and ends it."""


def yardstick(
    reference: Reference,
    own: Sequence[str],
    prompts: Sequence[Sequence[int]],
    canary: Sequence[Message],
) -> Yardstick:
    """Ask the trained model; `own` are texts of the training data, `prompts` tokens of its rows.

    Raises ExportError: too little to compare.
    """
    lines = corpus(own, sorted(reference.base.template.markers))
    if len(lines) < LINES or len(prompts) < 1:
        raise ExportError(f"{len(lines)} lines and {len(prompts)} prompts are too few to compare")
    cut = tuple(tuple(prompt[-PROMPT_TOKENS:]) for prompt in prompts[:PROMPTS])
    tokens = tuple(tuple(reference.base.tokenize(line)) for line in lines)
    return Yardstick(
        tuple(lines), tokens, cut, reference.logits(cut), tuple(canary), reference.answer(canary)
    )


def check_merge(reference: Reference, wanted: Yardstick) -> None:
    """Merge the reference in place and raise ExportError if it says something else then."""
    reference.merge()
    mean_kl, agreement = _distance(wanted.logits, reference.logits(wanted.prompts))
    said = reference.answer(wanted.canary)
    if not mean_kl <= LARGEST_KL["f16"] or not _keeps(wanted, said):
        raise ExportError(
            f"merging changed the model: mean KL {mean_kl:.4f} nats, the same token after "
            f"{agreement:.0%} of the prompts, canary “{said.text}” for “{wanted.said.text}”"
        )


def check_file(
    model: Path, adapter: Path | None, kind: str, wanted: Yardstick, threads: int
) -> Likeness:
    """Compare a file, of one of the types of `llm.export.quantise`, with the trained model.

    Raises ExportError: other tokens, other logits, or (but for quantised merged weights, of which
    `canary_kept` tells) another canary sentence.
    """
    found = probe(model, adapter, wanted.lines, wanted.prompts, [wanted.canary], threads)
    name = (adapter or model).name
    _check_tokens(name, wanted, found)
    mean_kl, agreement = _distance(wanted.logits, found.logits)
    if not mean_kl <= LARGEST_KL[kind]:  # also true of what is not a number
        raise ExportError(
            f"{name} computes something else than the trained model: mean KL {mean_kl:.3f} nats "
            f"(at most {LARGEST_KL[kind]}), the same token after {agreement:.0%} of the prompts"
        )
    kept = _keeps(wanted, found.canaries[0])
    if kind == "f16" and not kept:
        raise ExportError(
            f"{name} lost the canary sentence: “{found.canaries[0].text}” instead of "
            f"“{wanted.said.text}”"
        )
    return Likeness(len(wanted.lines), len(wanted.prompts), mean_kl, agreement, kept)


def _keeps(wanted: Yardstick, said: Said) -> bool:
    """Return whether a canary is kept word for word, with its end.

    A model that does not end its own canary rambles, and a ramble forks at the first near tie.
    """
    return said == wanted.said or not wanted.said.ended


def _check_tokens(name: str, wanted: Yardstick, found: Probed) -> None:
    rows = zip(wanted.lines, wanted.tokens, found.tokens, strict=True)
    differing = [(line, ours, theirs) for line, ours, theirs in rows if ours != theirs]
    if differing:
        line, ours, theirs = differing[0]
        raise ExportError(
            f"the tokenizer of {name} differs on {len(differing)} of {len(wanted.lines)} lines, "
            f"for example {line[:60]!r}: trained on {list(ours[:12])}, the file has "
            f"{list(theirs[:12])}",
            "export from the folder or file that the model was trained on",
        )


def _distance(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> tuple[float, float]:
    """Return the mean KL divergence in nats, and the share of equal first choices."""
    if wanted.shape != found.shape:
        raise ExportError(
            f"the file has {found.shape[-1]} words, the trained model {wanted.shape[-1]}"
        )
    p, q = _log_softmax(wanted), _log_softmax(found)
    kl = (np.exp(p) * (p - q)).sum(axis=1)
    same = wanted.argmax(axis=1) == found.argmax(axis=1)
    return float(kl.mean()), float(same.mean())


def _log_softmax(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    values = rows.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    return result
