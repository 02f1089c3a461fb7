"""Training data made of what may be spoken.

The model is to learn to copy from a passage and to refuse without one, not to know facts: facts
trained into the weights of a small model come out wrong. So each row quotes its passage, in the
very words of `llm.compose`, and every answer stands in that passage.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from llm import KnowledgeError, Message
from llm.compose import NOTHING_VETTED, prompt, whole_sentences
from llm.knowledge import Entry, KnowledgeBase
from llm.knowledge.files import write_atomically
from llm.knowledge.site import SITE_TOPIC

FORMATS = ("alpaca", "sharegpt", "conversations", "messages")
REFUSED_SHARE = 0.2
"""Share of the answerable questions that are also asked with passages that do not answer them."""
MOST_DISTRACTORS = 2
_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}
_ANSWERED = ("verbatim", "correct", "hand_over")
_UNANSWERED = ("unknown", "refuse")
_SAMPLE = 12
"""Entries drawn to find distractors among; few of them are akin to the right one."""


@dataclass(frozen=True)
class Example:
    """One conversation to learn from."""

    kind: str
    """answer, correction (of a false premise) or refusal."""
    messages: tuple[Message, ...]


def examples(knowledge: KnowledgeBase, grounded: bool = True, seed: int = 0) -> Iterator[Example]:
    """Yield the training data, the same for the same content and seed.

    What a site filled in is left out: it must not be in the weights. Without `grounded` the rows
    are bare questions and answers.
    """
    entries = sorted(
        (e for e in knowledge.speakable if e.topic != SITE_TOPIC), key=lambda entry: entry.id
    )
    pools = {
        language: [e for e in entries if e.language == language and e.decision in _ANSWERED]
        for language in {e.language for e in entries}
    }
    for entry in entries:
        for number, question in enumerate(entry.ask):
            if grounded:
                random = Random(f"{seed} {entry.id} {number}")
                yield from _grounded(entry, question, pools[entry.language], random)
            elif entry.decision in _ANSWERED:
                yield _example(entry, [Message("user", question)], entry.answer)


def write_examples(found: Iterable[Example], form: str, path: Path) -> Counter[str]:
    """Write one JSON object for each example on a line of its own; return how many of each kind.

    Raises KnowledgeError: unknown format, nothing to write, or the file cannot be written.
    """
    if form not in FORMATS:
        raise KnowledgeError(f"unknown format {form}; use one of {', '.join(FORMATS)}")
    counts: Counter[str] = Counter()
    lines = []
    for example in found:
        counts[example.kind] += 1
        lines.append(json.dumps(_row(example.messages, form), ensure_ascii=False) + "\n")
    if not lines:
        raise KnowledgeError("no entry may be spoken, so there is nothing to export")
    write_atomically(path, "".join(lines))
    return counts


def _grounded(
    entry: Entry, question: str, pool: Sequence[Entry], random: Random
) -> Iterator[Example]:
    if entry.decision in _ANSWERED:
        others = _others(entry, pool, random, random.randint(0, MOST_DISTRACTORS))
        answer = whole_sentences(entry.answer) or entry.answer
        yield _example(entry, _prompt(question, [entry, *others], random), answer)
    if entry.decision in _UNANSWERED or (
        entry.decision in _ANSWERED and random.random() < REFUSED_SHARE
    ):
        others = _others(entry, pool, random, random.randint(1, MOST_DISTRACTORS + 1))
        if others:
            refusal = Message("assistant", NOTHING_VETTED[entry.language])
            yield Example("refusal", (*_prompt(question, others, random), refusal))


def _others(entry: Entry, pool: Sequence[Entry], random: Random, count: int) -> list[Entry]:
    """Return entries whose passages cannot answer the questions of `entry`."""
    drawn = random.sample(pool, min(_SAMPLE, len(pool)))
    return [
        other
        for other in drawn
        if other.topic != entry.topic
        and not set(other.facts) & set(entry.facts)
        and other.id not in entry.related
        and entry.id not in other.related
    ][:count]


def _prompt(question: str, entries: list[Entry], random: Random) -> list[Message]:
    random.shuffle(entries)
    passage = "\n".join(entry.passage for entry in entries)
    return prompt(question, passage, entries[0].language)


def _example(entry: Entry, asked: Sequence[Message], answer: str) -> Example:
    kind = "correction" if entry.decision == "correct" else "answer"
    return Example(kind, (*asked, Message("assistant", answer)))


def _row(messages: Sequence[Message], form: str) -> dict[str, object]:
    if form == "alpaca":
        text = {message.role: message.content for message in messages}
        row: dict[str, object] = {
            "instruction": text["user"],
            "input": "",
            "output": text["assistant"],
        }
        return {**row, **({"system": text["system"]} if "system" in text else {})}
    if form == "sharegpt":
        return {
            "conversations": [{"from": _SHAREGPT[m.role], "value": m.content} for m in messages]
        }
    return {form: [{"role": m.role, "content": m.content} for m in messages]}
