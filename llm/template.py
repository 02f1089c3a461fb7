"""The chat template: how a conversation becomes the text that a model was trained on.

Training and answering use the same object, so that both see the same tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from llm import GenerationError, Message
from llm.gguf import Gguf

if TYPE_CHECKING:
    import jinja2

ROLES = ("system", "user", "assistant")
_CONTROL, _USER_DEFINED = 3, 4
"""Kinds of token in tokenizer.ggml.token_type."""


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja template with the markers of its model."""

    source: str
    """The template as the model file carries it."""
    bos: str = ""
    """Text of the token that begins a sequence."""
    eos: str = ""
    """Text of the token that ends one."""
    markers: frozenset[str] = frozenset()
    """Texts such as <|im_start|> that become control tokens; never taken from a message."""

    @classmethod
    def from_gguf(cls, gguf: Gguf) -> ChatTemplate:
        """Take template and markers from a model file.

        Raises GenerationError: the file carries none, so it is no model for conversations.
        """
        source = gguf.metadata.get("tokenizer.chat_template")
        if not isinstance(source, str) or not source.strip():
            raise GenerationError(
                f"{gguf.path} has no chat template: choose an instruction-tuned model"
            )
        tokens = gguf.metadata.get("tokenizer.ggml.tokens", [])
        kinds = gguf.metadata.get("tokenizer.ggml.token_type", [])
        markers = frozenset(
            token
            for token, kind in zip(tokens, kinds, strict=False)
            # Some models declare the markers of their own template as ordinary added words.
            if kind == _CONTROL or (kind == _USER_DEFINED and "<" in token and token in source)
        )

        def text_of(key: str) -> str:
            number = gguf.metadata.get(f"tokenizer.ggml.{key}", -1)
            return str(tokens[number]) if 0 <= number < len(tokens) else ""

        return cls(source, text_of("bos_token_id"), text_of("eos_token_id"), markers)

    def render(self, messages: Sequence[Message], answer_next: bool = True) -> str:
        """Return the conversation as text.

        `answer_next` adds the opening of the answer; if the last message is the assistant's, it is
        how that answer begins. Markers inside a message are broken up: what a person says or a
        document holds must not be able to open a system message.
        Raises GenerationError: no message, an empty question, an unknown role, a broken template.
        """
        import jinja2

        if not messages or not messages[-1].content.strip():
            raise GenerationError("there is no text to answer: the conversation is empty")
        if unknown := sorted({m.role for m in messages} - set(ROLES)):
            raise GenerationError(f"unknown role {unknown[0]!r}; use one of {', '.join(ROLES)}")
        if answer_next and messages[-1].role == "assistant":
            return self.render(messages[:-1]) + self.harmless(messages[-1].content)
        try:
            return self._compiled.render(
                messages=[{"role": m.role, "content": self.harmless(m.content)} for m in messages],
                bos_token=self.bos,
                eos_token=self.eos,
                add_generation_prompt=answer_next,
            )
        except (jinja2.TemplateError, TypeError, ValueError) as error:
            raise GenerationError(f"the model's chat template fails: {error}") from error

    def tokens(
        self,
        messages: Sequence[Message],
        tokenize: Callable[[str], list[int]],
        answer_next: bool = True,
    ) -> list[int]:
        """Return the conversation as token ids; `tokenize` must know the markers."""
        return tokenize(self.render(messages, answer_next))

    def harmless(self, text: str) -> str:
        """Return the text with a space inside each marker, which makes it ordinary words."""
        if not self.markers:
            return text
        return self._marker_pattern.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)

    @cached_property
    def _marker_pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.markers, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)))

    @cached_property
    def _compiled(self) -> jinja2.Template:
        import jinja2
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        # Sandboxed, because the template is code that came with a downloaded file. Block trimming
        # and loop controls are what chat templates are written for.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        try:
            return environment.from_string(self.source)
        except jinja2.TemplateError as error:
            raise GenerationError(f"the model's chat template is broken: {error}") from error


def _refuse(reason: str) -> NoReturn:
    """Let a template refuse a conversation, as templates expect to be able to."""
    raise GenerationError(f"the model's chat template refuses the conversation: {reason}")
