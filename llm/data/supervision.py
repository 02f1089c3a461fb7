"""Which tokens of a conversation are trained: those of the answers, and the end of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llm import Message
from llm.template import ChatTemplate

Tokenize = Callable[[str], list[int]]
IsEnd = Callable[[int], bool]


@dataclass(frozen=True)
class Supervised:
    """A conversation as tokens."""

    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    """Of the same length: whether the model is to learn to say this token."""
    closed: bool
    """Whether every answer ends in a token that ends the generation; a model that never sees one
    goes on talking for ever."""

    def cut(self, max_tokens: int) -> Supervised:
        """Return what is left of it in so many tokens; a cut answer has lost its end."""
        if len(self.ids) <= max_tokens:
            return self
        return Supervised(self.ids[:max_tokens], self.trained[:max_tokens], closed=False)


def supervise(
    messages: Sequence[Message], template: ChatTemplate, tokenize: Tokenize, is_end: IsEnd
) -> Supervised:
    """Return the tokens of a whole conversation, and which of them are trained.

    The text is that of run time: the opening of an answer ("<|im_start|>assistant") belongs to the
    prompt; trained is what the model has to say after it, up to and with the end token.
    Raises GenerationError: the template fails or refuses the conversation.
    """
    ids = tokenize(template.render(messages, answer_next=False))
    trained = [False] * len(ids)
    closed = True
    for number, message in enumerate(messages):
        if message.role != "assistant":
            continue
        asked = tokenize(template.render(messages[:number], answer_next=True))
        said = tokenize(template.render(messages[: number + 1], answer_next=False))
        # A template may write earlier answers otherwise than the last one (Qwen3 leaves out what
        # was thought); then these places do not exist in the whole, and only the last is trained.
        if number != len(messages) - 1 and said != ids[: len(said)]:
            continue
        begin = _common_length(asked, said)
        end = _end(said, begin, is_end)
        closed = closed and end > begin and is_end(said[end - 1])
        trained[begin:end] = [True] * (end - begin)
    return Supervised(tuple(ids), tuple(trained), closed)


def _end(ids: Sequence[int], begin: int, is_end: IsEnd) -> int:
    """Return where the answer ends: after its last end token, or with the text if it has none."""
    ends = [place for place in range(begin, len(ids)) if is_end(ids[place])]
    return ends[-1] + 1 if ends else len(ids)


def _common_length(a: Sequence[int], b: Sequence[int]) -> int:
    shorter = min(len(a), len(b))
    return next((i for i in range(shorter) if a[i] != b[i]), shorter)
