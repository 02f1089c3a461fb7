"""`hean bench llm`: how quickly the language model reads a prompt and writes an answer.

Prompts are those of real answers: the rules, a vetted passage, a question. What is the same in all
(the rules) is evaluated once, as a running assistant does; `first_token_s` is the wait after that.
For `first_token_s.cold` and `prompt_tokens_per_s` the model is made to forget everything first.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from llm import LanguageModel, Message, Sampling
from llm.compose import prefix, prompt
from llm.knowledge import Entry
from voice.bench import Figures, Say, distribution, single, steady
from voice.config import Config
from voice.engines import knowledge_of, load_model
from voice.errors import UsageError
from voice.process.memory import resident_mb

SEED = 3
ANSWER_TOKENS = 48
_OTHER = {"zh": "今天天气怎么样？", "en": "What is the weather like?"}
"""Has no beginning in common with a prompt, so that nothing of it stays known."""


def measure(config: Config, count: int, say: Say) -> Figures:
    """Ask for `count` answers; return tokens a second and waits. Raises UsageError."""
    model = load_model(config)
    if model is None:
        raise UsageError("llm.model is none: there is nothing to measure", "--set llm.model=")
    entries = _choose(knowledge_of(config).speakable, count)
    values: dict[str, list[float]] = defaultdict(list)
    for number, entry in enumerate(entries, 1):
        say(f"answer {number} of {count}: {entry.id}")
        for key, value in _ask(model, entry):
            values[key].append(value)
    figures: Figures = {key: distribution(found) for key, found in values.items()}
    figures["rss_mb"] = single(resident_mb())
    model.close()
    return figures


def _choose(entries: Sequence[Entry], count: int) -> list[Entry]:
    """Return entries with details, half of them Chinese, in an order that is always the same."""
    chosen: list[Entry] = []
    for language, share in (("zh", count - count // 2), ("en", count // 2)):
        own = [e for e in entries if e.language == language and e.details]
        chosen += random.Random(SEED).sample(own, min(share, len(own)))
    return chosen


def _ask(model: LanguageModel, entry: Entry) -> list[tuple[str, float]]:
    messages = prompt(entry.ask[0], entry.passage, entry.language)
    cold_s = steady(lambda: _first_token_s(model, messages, lambda: _forget(model, entry.language)))
    tokens = model.stats.evaluated_tokens
    warm_s = steady(lambda: _first_token_s(model, messages, lambda: _warm(model, entry.language)))
    per_s = steady(lambda: 1 / _writing_s(model, messages))
    figures = [("first_token_s.cold", _middle(cold_s)), ("first_token_s", _middle(warm_s))]
    if tokens:  # servers do not always tell
        figures.append(("prompt_tokens_per_s", tokens / _middle(cold_s)))
    return [*figures, ("tokens_per_s", _middle(per_s))]


def _first_token_s(
    model: LanguageModel, messages: list[Message], prepare: Callable[[], None]
) -> float:
    prepare()
    for _ in model.generate(messages, Sampling(max_tokens=1)):
        pass
    return model.stats.first_token_s


def _forget(model: LanguageModel, language: str) -> None:
    model.prefill([Message("user", _OTHER[language])])


def _warm(model: LanguageModel, language: str) -> None:
    _forget(model, language)
    model.prefill(prefix(language))


def _writing_s(model: LanguageModel, messages: list[Message]) -> float:
    """Return the seconds for each token after the first."""
    for _ in model.generate(messages, Sampling(max_tokens=ANSWER_TOKENS)):
        pass
    stats = model.stats
    written = max(1, stats.generated_tokens - 1)
    return max(stats.total_s - stats.first_token_s, 1e-6) / written


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
