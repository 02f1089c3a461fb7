"""Is what was said in the passages? A second, simple look that shares nothing with the verifier.

`llm.verify` decides what may be spoken, so it cannot count its own misses. This check reads
numbers, names and negations with other rules and asks less: every number with its unit, every name
and every Latin word must stand in the passages, and a clause and the one most like it there must
both be negated or both not.

What it cannot see: claims in everyday words without number, name or negation; a number that the
passage has, said of another thing; a Chinese numeral without a unit (两种办法); who does what to
whom; "may" for "must".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from llm.wording import Wording

_UNITS = {
    "毫希": "msv", "毫西": "msv", "微希": "usv", "微西": "usv", "希": "sv", "西弗": "sv",
    "millisievert": "msv", "microsievert": "usv", "μsv": "usv", "msv": "msv", "usv": "usv",
    "sievert": "sv", "sv": "sv", "毫戈": "mgy", "戈": "gy", "mgy": "mgy", "gray": "gy", "gy": "gy",
    "贝": "bq", "becquerel": "bq", "bq": "bq", "毫克": "mg", "milligram": "mg", "mg": "mg",
    "公斤": "kg", "千克": "kg", "kilo": "kg", "kg": "kg", "克": "g", "gram": "g",
    "公里": "km", "千米": "km", "kilomet": "km", "km": "km", "厘米": "cm", "公分": "cm", "cm": "cm",
    "米": "m", "met": "m", "mile": "mile", "feet": "ft", "foot": "ft",
    "个小时": "h", "小时": "h", "钟头": "h", "个钟头": "h", "hour": "h", "分钟": "min",
    "minute": "min", "秒": "s", "second": "s", "天": "d", "日": "d", "day": "d",
    "周岁": "age", "岁": "age", "year old": "age", "years old": "age", "years of age": "age",
    "星期": "week", "个星期": "week", "周": "week", "week": "week", "个月": "month", "月": "month",
    "month": "month", "年": "year", "year": "year", "%": "%", "percent": "%", "per cent": "%",
    "次": "times", "遍": "times", "倍": "times", "times": "times", "片": "tablet",
    "粒": "tablet", "tablet": "tablet", "pill": "tablet", "级": "level",
    "g": "g", "m": "m", "h": "h", "d": "d",
}  # fmt: skip
"""Beginnings of units, and what they count; "years" and "岁" differ, as they do in doses."""
_UNIT = "|".join(
    re.escape(name) + r"(?![a-z])" * (name in "gmhd")
    for name in sorted(_UNITS, key=len, reverse=True)
)
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS: dict[str, float] = {
    **{word: n for n, word in enumerate(re.findall(r"\w+", _SMALL))},
    **{word: 10 * n for n, word in enumerate(re.findall(r"\w+", _TENS), 2)},
    "hundred": 100,
    "half": 0.5,
}
_HAN_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_WRITTEN = re.compile(
    rf"(?P<digits>\d+(?:\.\d+)?)[\s-]*(?P<unit>{_UNIT})?"
    rf"|(?P<word>[零一二三四五六七八九两〇十百千万]+|半|\b(?:{'|'.join(_NUMBER_WORDS)}))"
    rf"[\s-]*(?P<its>{_UNIT})"
)
_LATIN = re.compile(r"[a-z]{2,}(?:-\d+)?")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w-]+")
_NEGATED = {
    "zh": re.compile(r"[不没勿别无未禁]|避免"),
    "en": re.compile(r"\b(?:not?|never|none|without|avoid|cannot|nor)\b|n't\b|\bun(?:safe|less)"),
}
_CLAUSE = re.compile(r"[，。！？；：,;:!?\n]|\.(?=\s|$)")
_LEAST_LIKE = 0.5
"""Share of its pairs of letters from which a clause is held against the one most like it."""


class SupportCheck:
    """Looks for the claims of texts in passages of one language."""

    def __init__(self, language: str, terms: Iterable[str], synonyms: Mapping[str, str]) -> None:
        """Take the names of the field, and which of them mean the same."""
        self._language = language
        self._wording = Wording(synonyms, ())
        self._terms = {self._wording.canonical(term) for term in terms if len(term) > 1}

    def missing(self, text: str, passages: Iterable[str]) -> tuple[str, ...]:
        """Return what of a text the passages do not hold; nothing = no claim was found wanting."""
        passage = "\n".join(passages)
        new_numbers = sorted(numbers(text) - numbers(passage))
        return (
            *(f"number {value:g} {unit}".strip() for value, unit in new_numbers),
            *(f"name {name}" for name in sorted(self._names(text) - self._names(passage))),
            *(f"negation in {clause}" for clause in self._turned(text, passage)),
        )

    def _names(self, text: str) -> set[str]:
        canonical = self._wording.canonical(text)
        names = {term for term in self._terms if _holds(canonical, term)}
        if self._language == "zh":
            return names | set(_LATIN.findall(canonical))
        return names | {self._wording.canonical(name) for name in _NAME.findall(text)}

    def _turned(self, text: str, passage: str) -> list[str]:
        """Return the clauses that are negated where their like is not, or the other way round."""
        negated = _NEGATED[self._language]
        known = [(pairs, c) for c in _clauses(passage) if (pairs := _pairs(c))]
        turned = []
        for clause in _clauses(text):
            own = _pairs(clause)
            like = max((len(own & pairs) for pairs, _ in known), default=0)
            if not own or like < _LEAST_LIKE * len(own):
                continue
            best = [c for pairs, c in known if len(own & pairs) == like]
            if all(bool(negated.search(clause)) != bool(negated.search(c)) for c in best):
                turned.append(clause)
        return turned


def numbers(text: str) -> set[tuple[float, str]]:
    """Return the numbers of a text with what they count; words for numbers only with a unit."""
    text = unicodedata.normalize("NFKC", text).lower().replace("µ", "μ")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    found = set()
    for match in _WRITTEN.finditer(text):
        unit = match["unit"] or match["its"] or ""
        value = float(match["digits"]) if match["digits"] else _value(match["word"])
        found.add((value, _UNITS.get(unit, "")))
    return found


def _value(word: str) -> float:
    if word == "半":
        return 0.5
    if word in _NUMBER_WORDS:
        return float(_NUMBER_WORDS[word])
    total = digit = 0
    for character in word:
        if character in _HAN_DIGITS:
            digit = 10 * digit + _HAN_DIGITS[character] if digit else _HAN_DIGITS[character]
        else:
            total += (digit or 1) * _HAN_SCALES[character]
            digit = 0
    return float(total + digit)


def _clauses(text: str) -> list[str]:
    return [clause.strip().lower() for clause in _CLAUSE.split(text) if clause.strip()]


def _pairs(clause: str) -> set[str]:
    """Return the pairs of neighbouring letters, without negations: those are compared apart."""
    for negated in _NEGATED.values():
        clause = negated.sub("", clause)
    return {clause[i : i + 2] for i in range(len(clause) - 1)}


def _holds(text: str, term: str) -> bool:
    if not term[0].isascii():
        return term in text
    return bool(re.search(rf"(?<![a-z0-9]){re.escape(term)}(?![a-z0-9])", text))
