"""The rest of an answer in a language model's words, held against its passage while it is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from llm import GenerationError, LanguageModel, Sampling
from llm.compose import compose, prompt
from llm.knowledge import LANGUAGES
from llm.knowledge.suspicion import suspicions
from llm.knowledge.vocabulary import Vocabulary
from llm.verify import Verifier, names_dose
from llm.wording import clean, sentences

JOIN = {"zh": "", "en": " "}
"""What stands between two sentences."""
_MARKS = " 。.!?;,:"


@dataclass(frozen=True)
class Begun:
    """An answer that has begun."""

    question: str
    language: str
    passage: str
    """All that may be said."""
    text: str
    """What has been said: the passage's own first sentence."""


class Completer:
    """Goes on with answers; used by one thread at a time."""

    def __init__(self, vocabulary: Vocabulary, sampling: Sampling, timeout_s: float) -> None:
        self._verifiers = {lang: Verifier(lang, vocabulary) for lang in LANGUAGES}
        self._sampling = sampling
        self._timeout_s = timeout_s

    def complete(self, model: LanguageModel, begun: Begun, cancelled: Callable[[], bool]) -> str:
        """Return the whole answer; empty if the model failed, or had ended no sentence in time.

        It ends with the first clause that the passage does not support: the rest would be waited
        for in vain.
        """
        end_s = time.monotonic() + self._timeout_s
        composing = compose(
            model,
            prompt(begun.question, begun.passage, begun.language, begun.text),
            self._sampling,
            lambda: cancelled() or time.monotonic() > end_s,
        )
        whole = ""
        try:
            with closing(composing):
                for more in composing:
                    whole = _joined(begun, more)
                    if whole and self.problems(whole, begun):
                        break
        except GenerationError:
            return ""
        return whole

    def problems(self, whole: str, begun: Begun) -> tuple[str, ...]:
        """Return what in a whole answer the passage does not support."""
        return self._verifiers[begun.language].problems(whole, begun.passage)


def _joined(begun: Begun, more: str) -> str:
    """Return what was said and what is new in what follows; empty if nothing is.

    A server that cannot go on with an answer begins it anew, and small models repeat themselves.
    """
    whole = begun.text
    for sentence in sentences(more):
        if clean(sentence).rstrip(_MARKS) not in clean(whole):
            whole = JOIN[begun.language].join((whole, sentence))
    return whole if whole != begun.text else ""


def is_composable(passage: str) -> bool:
    """Return whether a model may put a passage in its own words.

    Doses are read out as written. So are passages that seem to instruct an assistant: a model may
    obey, and its words would be found in the passage.
    """
    return not names_dose(passage) and not suspicions(passage)
