"""One model asked everything by the engine of run time, in a child process.

A child, because a new file may end the process that loads it, and because memory is told of a
whole process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llm import GenerationError, LlmConfig, Message, Sampling
from llm.evaluate import Case, Measured, Reply
from llm.evaluate.probes import questions, sentences
from llm.export.child import run_child

MAX_TOKENS = 120
"""Longest answer: the default of llm.max_answer_tokens."""
_GENERAL_TOKENS = 24
Progress = Callable[[int, int], None]
"""Called with the number of cases done and of all."""


@dataclass(frozen=True)
class Subject:
    """A model to be measured."""

    name: str
    model: Path
    adapter: Path | None = None
    threads: int = 2
    context_tokens: int = LlmConfig.context_tokens


def measure(subject: Subject, cases: Sequence[Case], progress: Progress) -> Measured:
    """Ask one model all cases and probes, greedily, as it is asked at run time.

    Raises ExportError: the model does not load, or ends its process.
    """
    replies: dict[str, Reply] = {}
    summary: dict[str, Any] = {}

    def take(line: dict[str, Any]) -> None:
        if "id" in line:
            replies[line["id"]] = Reply(line["text"], line["outcome"], line["loss"])
            progress(len(replies), len(cases))
        elif "tokens_per_s" in line:
            summary.update(line)

    task = {
        "model": str(subject.model),
        "adapter": str(subject.adapter or ""),
        "threads": subject.threads,
        "context_tokens": subject.context_tokens,
        "cases": [asdict(case) for case in cases],
    }
    run_child(__name__, task, take)
    files = [subject.model, *([subject.adapter] if subject.adapter else [])]
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    losses, general = summary.pop("probe_losses"), summary.pop("general")
    return Measured(
        subject.name, replies, tuple(losses), tuple(general), size_mb=size_mb, **summary
    )


def _perform(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Ask everything in this process; yield a line for each reply and one for the rest."""
    from llm.llama_cpp import LlamaCppModel

    config = LlmConfig(
        threads=task["threads"], context_tokens=task["context_tokens"], adapter=task["adapter"]
    )
    model = LlamaCppModel({"model": Path(task["model"])}, config)
    clock = _Clock()
    for row in task["cases"]:
        asked = [Message(**message) for message in row["asked"]]
        try:
            text = "".join(model.generate(asked, Sampling(max_tokens=MAX_TOKENS)))
            outcome = model.stats.outcome
            clock.count(model)
            found = model.score([*asked, Message("assistant", row["reference"])])
        except GenerationError as error:
            # Only one that does not fit its context is left out; anything else is the model's end.
            if model.count_tokens(asked) + MAX_TOKENS > model.context_tokens:
                continue
            raise GenerationError(f"{row['id']}: {error}") from error
        yield {"id": row["id"], "text": text, "outcome": outcome, "loss": _loss(found)}
    memory_mb = clock.memory_mb or _peak_mb()
    yield {
        "tokens_per_s": clock.tokens_per_s,
        "prompt_tokens_per_s": clock.prompt_tokens_per_s,
        "memory_mb": memory_mb,
        "probe_losses": [_loss(model.score_text(text)) for text in sentences()],
        "general": [_short_answer(model, each.asked) for each in questions()],
    }


def _short_answer(model: Any, asked: str) -> str:
    return "".join(model.generate([Message("user", asked)], Sampling(max_tokens=_GENERAL_TOKENS)))


def _loss(log_probabilities: Sequence[float]) -> float:
    return -sum(log_probabilities) / max(1, len(log_probabilities))


class _Clock:
    """Adds up the figures of generations."""

    def __init__(self) -> None:
        self._prompt_tokens = self._tokens = 0
        self._prompt_s = self._answer_s = 0.0
        self.memory_mb = 0.0

    def count(self, model: Any) -> None:
        stats = model.stats
        if not self.memory_mb:
            # Now, because scoring takes memory that answering does not.
            self.memory_mb = _peak_mb()
        self._prompt_tokens += stats.evaluated_tokens
        self._prompt_s += stats.first_token_s
        self._tokens += max(0, stats.generated_tokens - 1)
        self._answer_s += stats.total_s - stats.first_token_s

    @property
    def tokens_per_s(self) -> float:
        return self._tokens / self._answer_s if self._answer_s else 0.0

    @property
    def prompt_tokens_per_s(self) -> float:
        return self._prompt_tokens / self._prompt_s if self._prompt_s else 0.0


def _peak_mb() -> float:
    """Return the most memory that this process held so far."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    try:
        for line in _perform(json.load(sys.stdin)):
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
    except GenerationError as error:
        sys.exit(str(error))
