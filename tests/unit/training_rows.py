"""Rows for tests of training data."""

from __future__ import annotations

from pathlib import Path

from llm import Message
from llm.compose import NOTHING_VETTED, prompt
from llm.data import Origin, Row

_PLACES = ("操场", "河边", "车站", "菜市场", "学校", "医院", "山脚", "码头", "广场", "桥头")
_THINGS = ("水", "粮食", "口罩", "手电", "收音机", "毛毯", "药箱", "雨衣", "地图", "哨子")


def pair(number: int) -> tuple[str, str]:
    """Return a question and the answer that belongs to it alone."""
    place, thing = _PLACES[number % 10], _THINGS[number // 10 % 10]
    return (
        f"第{number}号通知说{place}发{thing}吗？",
        f"{place}今天发{thing}，一共{number}份，请排队。",
    )


def row(question: str, answer: str, line: int = 1, **fields: str) -> Row:
    """Return a row of one turn."""
    messages = (Message("user", question), Message("assistant", answer))
    return Row(messages, Origin(Path("a.jsonl"), line, line), **fields)


def rows(count: int) -> list[Row]:
    """Return rows that are all different and right."""
    return [row(*pair(n), line=n + 1) for n in range(count)]


def grounded(number: int, refuse: bool = False) -> Row:
    """Return a row that quotes its passage, or the passage of another and a refusal."""
    question, answer = pair(number)
    _, other = pair(number + 50)
    messages = prompt(question, other if refuse else answer, "zh")
    said = Message("assistant", NOTHING_VETTED["zh"] if refuse else answer)
    kind = "refusal" if refuse else "answer"
    origin = Origin(Path("a.jsonl"), number + 1, number + 1)
    return Row((*messages, said), origin, kind, f"zh.place.{number}")
