"""Training data made of what may be spoken.

The model is to learn to copy from a passage and to refuse without one, not to know facts: facts
trained into the weights of a small model come out wrong. So each row quotes its passage, in the
very words of `llm.compose`, and every answer stands in that passage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from llm import Message
from llm.compose import NOTHING_VETTED, prompt, whole_sentences
from llm.data import Origin, Row
from llm.knowledge import Entry, KnowledgeBase
from llm.knowledge.site import SITE_TOPIC

REFUSED_SHARE = 0.2
"""Share of the answerable questions that are also asked with passages that do not answer them."""
MOST_DISTRACTORS = 2
_ANSWERED = ("verbatim", "correct", "hand_over")
_UNANSWERED = ("unknown", "refuse")
_SAMPLE = 12
"""Entries drawn to find distractors among; few of them are akin to the right one."""


def knowledge_rows(knowledge: KnowledgeBase, grounded: bool = True, seed: int = 0) -> Iterator[Row]:
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
                yield _answered(entry, [Message("user", question)], entry.answer)


def _grounded(entry: Entry, question: str, pool: Sequence[Entry], random: Random) -> Iterator[Row]:
    if entry.decision in _ANSWERED:
        others = _others(entry, pool, random, random.randint(0, MOST_DISTRACTORS))
        answer = whole_sentences(entry.answer) or entry.answer
        yield _answered(entry, _prompt(question, [entry, *others], random), answer)
    if entry.decision in _UNANSWERED or (
        entry.decision in _ANSWERED and random.random() < REFUSED_SHARE
    ):
        others = _others(entry, pool, random, random.randint(1, MOST_DISTRACTORS + 1))
        if others:
            asked = _prompt(question, others, random)
            yield _row(entry, "refusal", asked, NOTHING_VETTED[entry.language])


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


def _row(entry: Entry, kind: str, asked: Sequence[Message], answer: str) -> Row:
    messages = (*asked, Message("assistant", answer))
    return Row(messages, Origin(Path(f"{entry.language}/{entry.topic}.toml")), kind, entry.id)


def _answered(entry: Entry, asked: Sequence[Message], answer: str) -> Row:
    kind = "correction" if entry.decision == "correct" else "answer"
    return _row(entry, kind, asked, answer)
