"""A short answer by the language model, from one vetted passage and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable

from llm import LanguageModel, Message, Sampling

_RULES = {
    "zh": (
        "你是核与辐射应急助手。只用“资料”里的话回答问题，一到两句，先说该做什么。"
        "数字、单位、“不要”“可以”照原文写。资料里没有的不要说。"
    ),
    "en": (
        "You are an assistant for nuclear and radiological emergencies. Answer the question only "
        "with what the passage says, in one or two sentences, first what to do. Copy numbers, "
        "units and words like not, must and may. Say nothing that the passage does not say."
    ),
}
_QUESTION = {
    "zh": "资料：{passage}\n问题：{question}",
    "en": "Passage: {passage}\nQuestion: {question}",
}
_SENTENCE_END = re.compile(r"[。！？]|[.!?](?=\s|$)")
_MAX_SENTENCES = 2
_MAX_CHARS = 400


def prefix(language: str) -> list[Message]:
    """Return the fixed beginning of every prompt, to be evaluated ahead of time."""
    return [Message("system", _RULES[language])]


def compose(
    model: LanguageModel,
    question: str,
    passage: str,
    language: str,
    sampling: Sampling,
    cancelled: Callable[[], bool] = lambda: False,
) -> str:
    """Return at most two sentences; empty if cancelled before the first one ended.

    The question is quoted as data: what it says about rules has no effect on verification.
    Raises GenerationError.
    """
    content = _QUESTION[language].format(passage=passage, question=question)
    text = ""
    for piece in model.generate([*prefix(language), Message("user", content)], sampling, cancelled):
        text += piece
        if len(_ends(text)) > _MAX_SENTENCES - 1 and text.rstrip()[-1:] in "。！？.!?":
            break
        if len(text) > _MAX_CHARS:
            break
    return _whole_sentences(text)


def _ends(text: str) -> list[int]:
    return [match.end() for match in _SENTENCE_END.finditer(text)]


def _whole_sentences(text: str) -> str:
    """Return the first two sentences; what was cut off in the middle is not spoken."""
    ends = _ends(text)[:_MAX_SENTENCES]
    return text[: ends[-1]].strip() if ends else ""
