"""Compare what is trained with what runs: the tokens and the logits of a GGUF base in llama.cpp.

A wrong head size, rope base or pre-tokenizer raises no error anywhere; training goes well, and the
adapter is useless on the device. So both are asked the same before the first step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from llm import GenerationError
from llm.llama_native import BATCH_TOKENS, NativeModel, NativeSettings
from llm.train import UnusableBase

if TYPE_CHECKING:
    from llm.train.base import Base

_MOST_DIFFERENCE = 0.25
"""Of the logits, relative to their spread. Measured on sound files: 0.03 (Q4_K_M of 0.5B) and
0.05 (Q4_1 of 135M), because llama.cpp rounds activations to 8 bits; wrong ones: 0.6 and more."""
_CONTEXT_TOKENS = 512


def check_runtime(base: Base, texts: Iterable[str], threads: int) -> None:
    """Raise UnusableBase if llama.cpp cuts a text otherwise, or computes something else.

    Does nothing for a base that is no GGUF file: its export is compared in the same way.
    """
    if not base.is_gguf:
        return
    try:
        native = NativeModel(base.path, NativeSettings(threads, _CONTEXT_TOKENS))
        try:
            longest = _same_tokens(base, texts, native)
            _same_logits(base, longest[:BATCH_TOKENS], native)
        finally:
            native.close()
    except GenerationError as error:
        raise UnusableBase(str(error)) from error


def _same_tokens(base: Base, texts: Iterable[str], native: NativeModel) -> list[int]:
    longest: list[int] = []
    for text in texts:
        tokens = base.tokenize(text)
        if tokens != native.tokenize(text):
            raise UnusableBase(
                f"the tokenizer differs from the one that llama.cpp has: {text[:60]!r} is cut "
                "into other tokens",
                "train on the Hugging Face folder of the model instead",
            )
        longest = max(longest, tokens, key=len)
    return longest


def _same_logits(base: Base, tokens: list[int], native: NativeModel) -> None:
    import torch

    native.evaluate(tokens, 0)
    wanted = native.logits()[0]
    model: Any = base.model
    device = model.get_input_embeddings().weight.device
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([tokens], device=device)).logits[0, -1]
    found = logits.float().cpu().numpy()[: len(wanted)]
    difference = float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted - wanted.mean()))
    if not difference < _MOST_DIFFERENCE:
        raise UnusableBase(
            f"{base.path} computes something else here than in llama.cpp (difference "
            f"{difference:.2f}, at most {_MOST_DIFFERENCE}): an adapter of it would not fit",
            "train on the Hugging Face folder of the model instead",
        )
