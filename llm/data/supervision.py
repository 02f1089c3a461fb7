"""Which tokens of a conversation are trained: those of the answers, and the end of each.

The same rule as in training: the prompt is what run time sends, cut into tokens by itself; what
follows it, up to and with the token that ends the answer, is what the model learns to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from llm import GenerationError, Message
from llm.data import Problem, Row
from llm.template import ChatTemplate

_SENTINEL = "ANSWER"
_SHORTEN = "shorten the row, or raise --max-tokens"


class Tokens(Protocol):
    """What cuts a text into the tokens of a model."""

    @property
    def template(self) -> ChatTemplate:
        """Return the template that run time uses."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of a whole prompt; markers become control tokens."""
        ...

    def continue_text(self, text: str) -> list[int]:
        """Return the tokens of a text that stands after another."""
        ...

    def is_end(self, token: int) -> bool:
        """Return whether the model ends its answer with this token."""
        ...


@dataclass(frozen=True)
class Supervised:
    """A conversation as tokens, up to one of its answers."""

    ids: tuple[int, ...]
    start: int
    """Index of the first token that is trained; all after it are."""
    closed: bool
    """Whether the answer ends in a token that ends the generation; a model that never sees one
    goes on talking for ever."""


def supervise(row: Row, tokens: Tokens, thinking: bool = False) -> Supervised:
    """Return the tokens of a row; its chain of thought is left out unless `thinking`.

    Raises GenerationError: the template fails, refuses the conversation, or changes its prompt.
    """
    *before, answer = row.messages
    prompt = tokens.template.render(before)
    whole = tokens.template.render([*before, Message("assistant", _SENTINEL)], answer_next=False)
    head, _, end = whole.rpartition(_SENTINEL)
    if not head.startswith(prompt):
        raise GenerationError("the template writes another prompt where the answer is known")
    asked = tokens.tokenize(prompt)
    lead = head[len(prompt) :]  # what the model writes first: in Qwen3 an empty thought
    if thinking and row.thinking.strip():
        lead = f"<think>\n{tokens.template.harmless(row.thinking.strip())}\n</think>\n\n"
    said = lead + tokens.template.harmless(answer.content.strip())
    ending = tokens.continue_text(end)[:1]
    closed = bool(ending) and tokens.is_end(ending[0])
    return Supervised((*asked, *tokens.continue_text(said), *ending), len(asked), closed)


def sequences(row: Row) -> list[Row]:
    """Return a row for each answer of the conversation, each ending with that answer."""
    ends = [n for n, m in enumerate(row.messages, 1) if m.role == "assistant"]
    # Chain of thought and rejected answer belong to the last one.
    earlier = [replace(row, messages=row.messages[:n], thinking="", rejected="") for n in ends[:-1]]
    return [*earlier, row]


class TokenCheck:
    """Finds rows that lose what is trained: no trained token, or no end within the limit."""

    def __init__(self, tokens: Tokens, max_tokens: int = 0) -> None:
        """Check against a limit of tokens; 0 = none."""
        self._tokens = tokens
        self._max_tokens = max_tokens
        self.longest = 0

    def see(self, row: Row) -> Iterator[Problem]:
        """Yield what is wrong with a row."""
        for sequence in sequences(row):
            where = f"messages[{len(sequence.messages) - 1}].content"
            for code, message, fix in self._faults(sequence):
                yield Problem("error", code, row.origin, where, message, fix)

    def finish(self) -> Iterator[Problem]:
        """Yield nothing: rows are judged one by one."""
        yield from ()

    def _faults(self, row: Row) -> Iterator[tuple[str, str, str]]:
        try:
            found = supervise(row, self._tokens)
        except GenerationError as error:
            yield "template", str(error), "change the row, or take another base"
            return
        length = len(found.ids)
        self.longest = max(self.longest, length)
        if not found.closed:
            yield (
                "no-end",
                "the template writes no token that ends the answer",
                "use the template that belongs to the model",
            )
        if self._max_tokens and found.start >= self._max_tokens:
            message = f"no token is trained: the prompt takes {found.start} of {self._max_tokens}"
            yield "no-trained-tokens", message, _SHORTEN
        elif self._max_tokens and length > self._max_tokens:
            message = f"the end of the answer is cut: {length} tokens of {self._max_tokens}"
            yield "cut-end", message, _SHORTEN
