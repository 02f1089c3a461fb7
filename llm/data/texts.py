"""What can be seen wrong in a single row: broken characters, markers, unfinished or odd answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llm.data import Origin, Problem, Row
from llm.data.similarity import asked, normal

_MARKER = re.compile(
    r"<\|[a-z_]{2,30}\|>|<(?:start|end)_of_turn>|</?s>|\[/?INST\]|<</?SYS>>|</?think>|<eos>|<bos>"
)
_ROLE_LINE = re.compile(
    r"^\s*(?:###\s*)?(?:user|assistant|system|human|gpt|instruction|response|用户|助手|系统)\s*[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LOST = re.compile(r"\ufffd|锟斤拷|烫烫烫|屯屯屯")
_MISREAD = re.compile(r"[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u0178\u2013-\u2122]")
"""How UTF-8 looks where it was read as Latin-1 or Windows-1252: two of these in a row are no
word of any language."""
_UNFINISHED = re.compile(r"[，、,;；:：（(]$|\b(?:and|or|the|of|to)$")
_INTERROGATIVE = re.compile(
    r"什么|怎么|怎样|如何|多少|哪|吗|呢|为何|谁|几|能不能|是否|要不要"
    r"|^(?:who|what|when|where|why|how|which|is|are|can|could|do|does|did|should|may|will)\b",
    re.IGNORECASE,
)
_LONGEST_QUESTION = 200
_SWAP = "if user and assistant are swapped, swap them back"
_FEWEST_SWAPPED, _MOST_SWAPPED = 3, 0.2


class TextCheck:
    """Looks at the characters of every message."""

    def see(self, row: Row) -> Iterator[Problem]:
        """Yield what is wrong with the texts of a row."""
        asking = {
            f"messages[{n}].content" for n, m in enumerate(row.messages) if m.role != "assistant"
        }
        for where, text in row.texts():
            for code, hard, message in _faults(text, where not in asking):
                level = "error" if hard else "warning"
                yield Problem(level, code, row.origin, where, message, _FIXES[code])
        answer = normal(row.answer)
        where = f"messages[{len(row.messages) - 1}].content"
        if answer and answer == normal(asked(row)):
            message = "the answer is the question"
            yield Problem("error", "echo", row.origin, where, message, _FIXES["echo"])
        if row.rejected and answer == normal(row.rejected):
            message = "the rejected answer is the chosen one"
            yield Problem("error", "echo", row.origin, "rejected", message, _FIXES["echo"])

    def finish(self) -> Iterator[Problem]:
        """Yield nothing: rows are judged one by one."""
        yield from ()


_FIXES = {
    "encoding": "save the file again as UTF-8 from its source",
    "misread": "save the file again as UTF-8 from its source",
    "control-character": "take it out",
    "marker": "take it out: the template writes the markers",
    "role-in-text": "make a message of its own of each turn",
    "unfinished": "write the answer to its end",
    "echo": "write the answer",
}


def _faults(text: str, answer: bool) -> Iterator[tuple[str, bool, str]]:
    """Yield code, whether it forbids training, and message."""
    if _SURROGATE.search(text) or _LOST.search(text):
        yield "encoding", True, "holds broken characters"
    elif len(_MISREAD.findall(text)) >= 2:
        yield "misread", True, "looks like UTF-8 that was read as something else"
    if found := _CONTROL.search(text):
        yield "control-character", answer, f"holds the control character U+{ord(found[0]):04X}"
    if found := _MARKER.search(text):
        yield "marker", answer, f"holds the marker {found[0]}"
    if found := _ROLE_LINE.search(text):
        yield "role-in-text", answer, f"holds the turn “{found[0].strip()}” as text"
    if answer and _UNFINISHED.search(text.rstrip()):
        yield "unfinished", False, "the answer breaks off"


class RoleCheck:
    """Finds questions and answers that have changed places, by what they look like."""

    def __init__(self) -> None:
        self._rows = 0
        self._swapped: list[Origin] = []

    def see(self, row: Row) -> Iterator[Problem]:
        """Yield that the answer of a row looks like a question to its question."""
        self._rows += 1
        question, answer = asked(row), row.answer
        if is_question(answer) and not is_question(question) and len(question) > len(answer):
            self._swapped.append(row.origin)
            message = "the answer looks like a question, and the question does not"
            yield Problem("warning", "maybe-swapped", row.origin, "", message, _SWAP)

    def finish(self) -> Iterator[Problem]:
        """Yield that too many rows look swapped."""
        count = len(self._swapped)
        if count >= max(_FEWEST_SWAPPED, _MOST_SWAPPED * self._rows):
            message = (
                f"in {count} of {self._rows} rows the roles look swapped: the answers ask; "
                "the first is here"
            )
            origin = self._swapped[0]
            yield Problem("error", "swapped-roles", origin, "", message, _SWAP, whole=True)


def is_question(text: str) -> bool:
    """Return whether a text reads like a question."""
    text = text.strip()
    if len(text) > _LONGEST_QUESTION:
        return False
    return text.endswith(("?", "？")) or bool(_INTERROGATIVE.search(text) and len(text) < 60)
