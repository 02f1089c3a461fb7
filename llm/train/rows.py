"""Turn rows into tokens: what the model reads at run time, and the tokens it is to answer with.

The prompt is rendered by the very template object that answers questions at run time, and cut
into tokens by itself, as there. What the template writes behind a prompt (`<think></think>` in
Qwen3) and behind an answer (its end) is learned together with the answer. Nothing is cut off:
a row without its end teaches a model never to stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from llm import GenerationError, Message
from llm.data import Origin, Row
from llm.template import ChatTemplate
from llm.train import UnusableBase, UnusableRows
from llm.train.base import Base

THINKING = ("keep", "strip")
_SENTINEL = "ANSWER"
_MARKER = re.compile(r"<[^<>\s]{1,40}>")
_MOST_NAMED = 5


@dataclass(frozen=True)
class Encoded:
    """A row as tokens."""

    ids: tuple[int, ...]
    start: int
    """Index of the first token that is trained; all after it are, to the end of the answer."""
    origin: Origin

    @property
    def trained(self) -> tuple[bool, ...]:
        """Return for each token whether the model learns to write it."""
        return tuple(position >= self.start for position in range(len(self.ids)))


def encode(row: Row, base: Base, max_tokens: int, thinking: str = "strip") -> Encoded:
    """Return the tokens of a row, with its chain of thought or (`strip`) without.

    Raises UnusableRows: too long, no answer, refused by the template. Raises UnusableBase: the
    template does not fit the tokenizer, or does not end an answer.
    """
    *before, answer = row.messages
    if answer.role != "assistant" or not answer.content.strip():
        raise UnusableRows(f"{row.origin}: there is no answer to learn, so no token is trained")
    try:
        prompt, lead, end = _frame(base.template, before)
    except GenerationError as error:
        raise UnusableRows(f"{row.origin}: {error}") from error
    if thinking == "keep" and row.thinking.strip():
        thought = base.template.harmless(row.thinking.strip())
        lead = f"<think>\n{thought}\n</think>\n\n"
    asked = base.tokenize(prompt)
    answered = base.continue_text(lead + base.template.harmless(answer.content.strip()))
    ids = (*asked, *answered, _end_token(base, end))
    if len(ids) > max_tokens:
        raise UnusableRows(
            f"{row.origin}: {len(ids)} tokens, and {max_tokens} are allowed; cutting it would cut "
            "the end of its answer",
            "shorten the row, or raise --max-tokens",
        )
    return Encoded(ids, len(asked), row.origin)


def encode_all(
    rows: Iterable[Row], base: Base, max_tokens: int, thinking: str = "strip"
) -> list[Encoded]:
    """Return the tokens of all rows; every answer of a conversation becomes a sequence.

    Raises UnusableRows that names the rows which cannot be used, and UnusableBase.
    """
    check_template(base)
    encoded: list[Encoded] = []
    faults: list[UnusableRows] = []
    for turn in (turn for row in rows for turn in turns(row)):
        try:
            encoded.append(encode(turn, base, max_tokens, thinking))
        except UnusableRows as error:
            faults.append(error)
    if faults:
        named = "\n".join(map(str, faults[:_MOST_NAMED]))
        more = f"\nand {len(faults) - _MOST_NAMED} more" if len(faults) > _MOST_NAMED else ""
        raise UnusableRows(
            f"{len(faults)} rows cannot be trained on:\n{named}{more}",
            faults[0].fix or "hean data check tells all that is wrong with data",
        )
    return encoded


def turns(row: Row) -> list[Row]:
    """Return a row for each answer of the conversation, each ending with that answer."""
    last = len(row.messages) - 1
    return [
        row if n == last else replace(row, messages=row.messages[: n + 1], thinking="", rejected="")
        for n, message in enumerate(row.messages)
        if message.role == "assistant" and n > 0
    ] or [row]


def check_template(base: Base) -> None:
    """Raise UnusableBase if the template is another model's, or leaves answers without end."""
    try:
        prompt, lead, end = _frame(base.template, [Message("user", "Hello")])
    except GenerationError as error:
        raise UnusableBase(str(error)) from error
    for marker in sorted(set(_MARKER.findall(prompt + lead + end))):
        if (count := len(base.continue_text(marker))) != 1:
            raise UnusableBase(
                f"wrong chat template: it writes {marker}, which this model's tokenizer cuts "
                f"into {count} tokens",
                "use the template that belongs to the model",
            )
    _end_token(base, end)


def _frame(template: ChatTemplate, before: Sequence[Message]) -> tuple[str, str, str]:
    """Return the prompt, and what the template writes before and after its answer."""
    prompt = template.render(before)
    whole = template.render([*before, Message("assistant", _SENTINEL)], answer_next=False)
    head, _, end = whole.rpartition(_SENTINEL)
    if not head.startswith(prompt):
        raise UnusableBase(
            "the chat template writes another prompt for a conversation with its answer than "
            "for one that waits for it, so training would teach what is never asked"
        )
    return prompt, head[len(prompt) :], end


def _end_token(base: Base, end: str) -> int:
    tokens = base.continue_text(end)
    if not tokens or tokens[0] not in base.ends:
        raise UnusableBase(
            f"missing end: the chat template writes {end!r} after an answer, which does not begin "
            "with a token that ends one, so the model would learn never to stop",
            "use the template that belongs to the model",
        )
    return tokens[0]
