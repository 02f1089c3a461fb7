"""A short answer by the language model, from one vetted passage and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator

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
NOTHING_VETTED = {
    "zh": "这个我没有审核过的资料，请听当地应急广播，或问当地政府；人有危险拨120、119或110。",
    "en": "I have nothing vetted on that; ask your local emergency broadcast or authority, "
    "and in danger call the emergency number (in China 120, 119 or 110).",
}
"""Said where no passage answers the question."""
_SENTENCE_END = re.compile(r"[。！？]|[.!?](?=\s|$)")
_CLAUSE_END = re.compile(r"[，。；：！？]|[,;:.!?](?=\s)")
_MAX_SENTENCES = 2
_MAX_CHARS = 400


def prefix(language: str) -> list[Message]:
    """Return the fixed beginning of every prompt, to be evaluated ahead of time."""
    return [Message("system", _RULES[language])]


def prompt(question: str, passage: str, language: str, begun: str = "") -> list[Message]:
    """Return the whole prompt; training data is made of the same text.

    `begun` is how the answer begins, if that has been said already.
    """
    content = _QUESTION[language].format(passage=passage, question=question)
    begins = [Message("assistant", begun)] if begun else []
    return [*prefix(language), Message("user", content), *begins]


def quoted_passage(content: str) -> str:
    """Return the passage in what `prompt` made for the user; nothing if it is another text."""
    return passage_and_question(content)[0]


def passage_and_question(content: str) -> tuple[str, str]:
    """Take the user's message of a `prompt` apart; of any other text, the passage is empty."""
    for form in _QUESTION.values():
        opening, between = form.removesuffix("{question}").split("{passage}")
        if content.startswith(opening) and between in content:
            passage, _, question = content.removeprefix(opening).rpartition(between)
            return passage, question
    return "", content


def compose(
    model: LanguageModel,
    messages: list[Message],
    sampling: Sampling,
    cancelled: Callable[[], bool],
) -> Generator[str, None, None]:
    """Answer a `prompt`. Yield the text up to the end of each clause, so that it can be given up
    early; at last all of it: at most two sentences, empty if cancelled before the first one ended.

    The question is quoted as data: what it says about rules has no effect on verification.
    Raises GenerationError.
    """
    text, told = "", 0
    for piece in model.generate(messages, sampling, cancelled):
        text += piece
        end = max((match.end() for match in _CLAUSE_END.finditer(text, told)), default=told)
        if end > told:
            told = end
            yield text[:end]
        if len(_ends(text)) > _MAX_SENTENCES - 1 and text.rstrip()[-1:] in "。！？.!?":
            break
        if len(text) > _MAX_CHARS:
            break
    yield whole_sentences(text)


def _ends(text: str) -> list[int]:
    return [match.end() for match in _SENTENCE_END.finditer(text)]


def opening(text: str) -> str:
    """Return the first sentence of a text; all of it if it has no end."""
    return text[: (_ends(text) or [len(text)])[0]]


def whole_sentences(text: str) -> str:
    """Return the first two sentences; what was cut off in the middle is not spoken."""
    ends = _ends(text)[:_MAX_SENTENCES]
    return text[: ends[-1]].strip() if ends else ""
