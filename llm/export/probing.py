"""What a GGUF computes, asked in a child process: tokens, logits and a greedy answer."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm import GenerationError, LlmConfig, Message
from llm.export.child import run_child
from llm.gguf import read_gguf
from llm.llama_cpp import check_adapter
from llm.llama_native import BATCH_TOKENS, NativeModel, NativeSettings
from llm.template import ChatTemplate

CANARY_TOKENS = 80
_CONTEXT_TOKENS = LlmConfig.context_tokens


@dataclass(frozen=True)
class Said:
    """A greedy answer."""

    tokens: tuple[int, ...]
    text: str = field(compare=False)
    """For people: decoders differ in how they show a broken character."""
    ended: bool
    """Whether it ended by itself."""


@dataclass(frozen=True)
class Probed:
    """What a file computes."""

    tokens: tuple[tuple[int, ...], ...]
    """Of each line."""
    logits: NDArray[np.float32]
    """Of what follows each prompt, shape (prompts, words of the vocabulary)."""
    canaries: tuple[Said, ...]


def probe(
    model: Path,
    adapter: Path | None,
    lines: Sequence[str],
    prompts: Sequence[Sequence[int]],
    canaries: Sequence[Sequence[Message]],
    threads: int = 2,
) -> Probed:
    """Ask a file. Raises ExportError: it does not load, or ends its process."""
    answers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "logits.npy"
        task = {
            "model": str(model),
            "adapter": str(adapter or ""),
            "lines": list(lines),
            "prompts": [list(prompt) for prompt in prompts],
            "canaries": [[vars(m) for m in canary] for canary in canaries],
            "threads": threads,
            "out": str(out),
        }
        run_child(__name__, task, answers.update)
        logits = np.load(out, allow_pickle=False)
    said = tuple(Said(tuple(e.pop("tokens")), **e) for e in answers["canaries"])
    return Probed(tuple(map(tuple, answers["tokens"])), logits, said)


def _perform(task: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a file in this process. Raises GenerationError."""
    path, adapter = Path(task["model"]), Path(task["adapter"]) if task["adapter"] else None
    header = read_gguf(path)
    if adapter:
        check_adapter(read_gguf(adapter), header)
    template = ChatTemplate.from_gguf(header)
    native = NativeModel(path, NativeSettings(task["threads"], _CONTEXT_TOKENS, adapter))
    asked = ([Message(**message) for message in canary] for canary in task["canaries"])
    canaries = [_greedy(native, template.tokens(each, native.tokenize)) for each in asked]
    rows = [_next(native, prompt, 0) for prompt in task["prompts"]]
    np.save(task["out"], np.asarray(rows, np.float32), allow_pickle=False)
    return {"tokens": [native.tokenize(line) for line in task["lines"]], "canaries": canaries}


def _greedy(native: NativeModel, tokens: list[int]) -> dict[str, Any]:
    """Return the most likely answer, as `Said` without the cleaning that speech wants."""
    said: list[int] = []
    row, position = _next(native, tokens, 0), len(tokens)
    while len(said) < CANARY_TOKENS and not native.is_end(token := int(row.argmax())):
        said.append(token)
        row, position = _next(native, [token], position), position + 1
    text = b"".join(map(native.piece, said)).decode("utf-8", errors="replace")
    return {"tokens": said, "text": text, "ended": len(said) < CANARY_TOKENS}


def _next(native: NativeModel, tokens: list[int], position: int) -> NDArray[np.float32]:
    """Return the scores of what follows; position 0 begins anew."""
    native.forget_from(position)
    for start in range(0, len(tokens), BATCH_TOKENS):
        native.evaluate(tokens[start : start + BATCH_TOKENS], position + start)
    row: NDArray[np.float32] = native.logits()[0]
    return row


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(_perform(json.load(sys.stdin))) + "\n")
    except GenerationError as error:
        sys.exit(str(error))
