"""Rehearsal against forgetting: the base answers everyday questions, and is trained on that too.

A model that sees a few hundred passages and nothing else soon answers everything with a passage, or
with the refusal that it was taught. What it could do before is kept by training on it beside the
new; where the old data is not there, the model's own answers stand in for it (A. Robins,
Catastrophic forgetting, rehearsal and pseudorehearsal, Connection Science 7, 1995; for language
models J. Huang et al., Self-synthesized rehearsal, arXiv 2403.01244). What it does for the 0.5B
model of the catalogue: docs/training.

A model that thinks aloud before it answers ends too late, and nothing of it is kept.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm import Message
from llm.data import Origin, Row
from llm.language import detect_language

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from llm.train.base import Base

GENERAL = "general"
"""Kind of the rows."""
MAX_TOKENS = 48
"""Longest answer; one that does not end by itself is not kept."""
_FILE = Path(__file__).with_name("rehearsal.toml")
_SENTENCE_END = re.compile(r"[。！？.!?]")
_AT_ONCE = 16
"""Questions answered side by side: reading the weights is what takes the time, once for all."""


@dataclass(frozen=True)
class Prompt:
    """An everyday question, with words of which one must be in the answer; none = any will do."""

    asked: str
    accepted: tuple[str, ...] = ()

    def is_answered(self, text: str) -> bool:
        """Return whether a text answers it: nothing wrong is to be learned again."""
        if self.accepted:
            return any(word in text.lower() for word in self.accepted)
        said = [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]
        repeats = len(said) > len(set(said)) or self.asked in text
        return not repeats and detect_language(text) == detect_language(self.asked)


@cache
def prompts() -> tuple[Prompt, ...]:
    """Return the questions, Chinese and English in turns."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(Prompt(row["asked"], tuple(row.get("accepted", ()))) for row in table["prompts"])


def rehearse(base: Base, count: int) -> list[Row]:
    """Let the base answer the first `count` questions; return those it answered, as rows.

    Greedy, without system message. The base must not have an adapter yet.
    """
    asked = prompts()[:count]
    answers = (
        text for n in range(0, count, _AT_ONCE) for text in _answers(base, asked[n : n + _AT_ONCE])
    )
    return [
        Row(_turn(prompt.asked, text), Origin(_FILE, number, number), GENERAL)
        for number, (prompt, text) in enumerate(zip(asked, answers, strict=True), 1)
        if text and prompt.is_answered(text)
    ]


def _turn(asked: str, answer: str) -> tuple[Message, Message]:
    return Message("user", asked), Message("assistant", answer)


def _answers(base: Base, asked: Sequence[Prompt]) -> Iterator[str]:
    """Yield an answer to each question; empty = it did not end, or holds markers."""
    if not asked:
        return
    read = [base.tokenize(base.template.render([Message("user", each.asked)])) for each in asked]
    for written in _written(base, read):
        end = next((n for n, token in enumerate(written) if base.is_end(token)), None)
        text = base.tokenizer.decode(written[:end]).strip() if end is not None else ""
        yield text if base.template.harmless(text) == text else ""


def _written(base: Base, read: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the tokens that the base writes after each text, its end and filling among them."""
    import torch
    from transformers import GenerationConfig

    model: Any = base.model
    device = model.get_input_embeddings().weight.device
    longest, filling = max(map(len, read)), min(base.ends)
    ids = torch.tensor([[filling] * (longest - len(row)) + list(row) for row in read])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in read])
    greedy = GenerationConfig(
        do_sample=False,
        max_new_tokens=MAX_TOKENS,
        eos_token_id=sorted(base.ends),
        pad_token_id=filling,
        use_cache=True,
    )
    with torch.inference_mode():
        found = model.generate(ids.to(device), greedy, attention_mask=mask.to(device))
    written: list[list[int]] = found[:, longest:].tolist()
    return written
