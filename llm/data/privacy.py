"""Personal data and details of how facilities are protected: found, and masked on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from llm import Message
from llm.data import Problem, Row
from llm.knowledge.suspicion import suspicions
from llm.masking import find
from llm.wording import sentences

FACILITY = "facility detail"
_FACILITY_REASONS = ("may tell how a facility is protected", "may be a password or another secret")
_FIX = "hean data convert --mask writes [{}] in its place, or take the row out"


class PrivacyCheck:
    """Finds what must not get into weights, which anybody can ask."""

    def see(self, row: Row) -> Iterator[Problem]:
        """Yield where a row holds personal data or details of a facility, but not which."""
        for where, text in row.texts():
            for label, count in Counter(place.label for place in find(text)).items():
                message = f"holds personal data: {count} × {label}"
                fix = _FIX.format(label)
                yield Problem("warning", "personal-data", row.origin, where, message, fix)
            if count := len(_details(text)) if _is_statement(row, where) else 0:
                message = f"may tell how a facility is protected: {count} sentences"
                fix = _FIX.format(FACILITY)
                yield Problem("warning", "facility-detail", row.origin, where, message, fix)

    def finish(self) -> Iterator[Problem]:
        """Yield nothing: rows are judged one by one."""
        yield from ()


def mask_row(row: Row) -> tuple[Row, Counter[str]]:
    """Return the row with everything `PrivacyCheck` finds masked, and how often by label."""
    counts: Counter[str] = Counter()
    messages = []
    for number, message in enumerate(row.messages):
        keep = not _is_statement(row, _place(number))
        messages.append(Message(message.role, _masked(message.content, keep, counts)))
    masked = replace(
        row,
        messages=tuple(messages),
        thinking=_masked(row.thinking, False, counts),
        rejected=_masked(row.rejected, False, counts),
    )
    return masked, counts


def _masked(text: str, keep_details: bool, counts: Counter[str]) -> str:
    for sentence in () if keep_details else _details(text):
        counts[FACILITY] += text.count(sentence)
        text = text.replace(sentence, f"[{FACILITY}]")
    for place in reversed(find(text)):
        counts[place.label] += 1
        text = f"{text[: place.start]}[{place.label}]{text[place.end :]}"
    return text


def _place(number: int) -> str:
    return f"messages[{number}].content"


def _is_statement(row: Row, where: str) -> bool:
    """Return whether a text would be learned: the question of a refusal is asked, not told."""
    return row.kind != "refusal" or where == _place(len(row.messages) - 1)


def _details(text: str) -> list[str]:
    return [sentence for sentence in dict.fromkeys(sentences(text)) if _is_detail(sentence)]


@lru_cache(maxsize=1 << 16)
def _is_detail(sentence: str) -> bool:
    """Return whether a sentence needs a look; remembered, because passages come back."""
    return any(found.reason in _FACILITY_REASONS for found in suspicions(sentence))
