"""Whom a text is about: of what age, and whether of an animal.

A question about a child of seven is not answered by what is said of newborns, however alike the
words are; one about a dog not by a dose for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from llm.knowledge import Entry
from llm.numbers import NUMBER, value
from llm.verify import names_dose
from llm.wording import clean

Ages = tuple[float, float]
"""From and to, in years."""

_OLDEST_YEARS = 120.0
_YEARS_PER = {"岁": 1, "周岁": 1, "year": 1, "月": 1 / 12, "month": 1 / 12, "周": 1 / 52,
              "week": 1 / 52, "天": 1 / 365, "day": 1 / 365}  # fmt: skip
_UNIT = r"(?:周?岁|个?半?月|周|天|years?|months?|weeks?|days?)"
_BABY = r"(?=大|的?(?:小?婴儿|小?宝宝|孩子|小孩|娃|女儿|儿子|孙|奶娃))"
_BIRTH = r"出生|birth"
_RANGE = re.compile(
    rf"(?P<low>{NUMBER}|{_BIRTH})\s*(?P<low_unit>{_UNIT})?(?: old)?\s*(?:到|至|-|–|~|to|through)\s*"
    rf"(?P<high>{NUMBER})\s*(?P<high_unit>{_UNIT})"
)
_NAMED = re.compile(rf"\bage[sd]?\s+(?P<low>{NUMBER})(?:\s*(?:to|-|–)\s*(?P<high>{NUMBER}))?")
_SINGLE = re.compile(
    rf"(?P<before>不满|不到|未满|小于|超过|over |under |below |above )?"
    rf"(?:(?P<number>{NUMBER}|半)(?P<half>个半)?(?:多)?(?P<unit>周?岁|(?:个?月|周|天){_BABY})"
    rf"|(?P<english>{NUMBER})[- ](?P<english_unit>year|month|week|day)s?[- ](?:olds?|of age))"
    r"(?P<more>半)? ?(?:及|and |or )?(?P<after>以上|以下|over|older|under|younger)?"
)
_TWO_DIGITS = re.compile(
    r"(?P<tens>[二三四五六七八九]?十)?(?P<low>[一二三四五六七八])(?P<high>[二三四五六七八九])(?=岁)"
)
_WORDS = (
    (re.compile(r"新生儿|刚出生|初生|没满月|\bnewborns?\b"), (0.0, 1 / 12)),
    (re.compile(r"成年?人|大人|\badults?\b|\bgrown-ups?\b"), (18.0, _OLDEST_YEARS)),
    (re.compile(r"小学生|\bprimary school"), (6.0, 12.0)),
    (re.compile(r"初中"), (12.0, 15.0)),
    (re.compile(r"高中"), (15.0, 18.0)),
    (re.compile(r"幼儿园|\bnursery|\bkindergarten|\btoddlers?\b"), (1.0, 6.0)),
)
_AGE_WORD = re.compile(r"岁|\bage[sd]?\b|\bold\b")
_ANIMAL = re.compile(
    r"狗|猫|宠物|牲畜|牲口|家禽|家畜|兔|鸽|(?<!蜗)牛(?![奶肉油])|羊(?![肉奶水])|[鸡鸭鹅猪](?![蛋肉])"
    r"|\b(?:dogs?|cats?|pets?|livestock|cattle|cows?|sheep|goats?|pigs?|horses?|animals?|chickens?|rabbits?)\b"
)


class Audience:
    """Whom the entries are for."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        spans = [
            (number, *span)
            for number, entry in enumerate(entries)
            for span in ages_of(clean(entry.answer))
        ]
        table = np.array(spans, np.float64).reshape(-1, 3)
        self._of_age = table[:, 0].astype(np.int64)
        self._from, self._to = table[:, 1], table[:, 2]
        self._human_dose = np.array(
            [names_dose(e.answer) and not names_animal(clean(e.passage)) for e in entries], bool
        )

    def misses(self, question: str) -> NDArray[np.float32]:
        """Mark the entries for other ages than the question's, and doses if it is of animals."""
        missing = np.zeros(len(self._human_dose), np.float32)
        spans = asked_ages(question)
        if spans:
            fits = np.zeros(len(self._from), bool)
            for low, high in spans:
                fits |= (self._from <= high) & (low <= self._to)
            missing[self._of_age] = 1
            missing[self._of_age[fits]] = 0
        if names_animal(question):
            missing[self._human_dose] = 1
        return missing


def names_animal(text: str) -> bool:
    """Return whether a text (lower case) names an animal that is kept."""
    return bool(_ANIMAL.search(text))


def asked_ages(question: str) -> tuple[Ages, ...]:
    """Return the ages a question (lower case) names; groups only if no age is in numbers."""
    return tuple(_said(question)) or tuple(_groups(question))


def ages_of(answer: str) -> tuple[Ages, ...]:
    """Return the ages an answer (lower case) is for; empty if it is for all.

    Adults, newborns and spans of years tell that only beside a dose: elsewhere "adults wash
    themselves first" and "after two to three years" limit nothing.
    """
    if names_dose(answer):
        return (*_said(answer), *_groups(answer))
    return tuple(_said(answer)) if _AGE_WORD.search(answer) else ()


def _groups(text: str) -> Iterator[Ages]:
    return (span for pattern, span in _WORDS if pattern.search(text))


def _said(text: str) -> Iterator[Ages]:
    text = _TWO_DIGITS.sub(_spelled_out, text)
    for match in _RANGE.finditer(text):
        born = re.match(_BIRTH, match["low"])
        if born or "岁" in match["high_unit"] or "year" in match["high_unit"]:
            low_unit = match["low_unit"] or match["high_unit"]
            low = 0.0 if born else _years(match["low"], low_unit)
            yield low, _years(match["high"], match["high_unit"])
    rest = _RANGE.sub(" ", text)
    for match in _NAMED.finditer(rest):
        low = value(match["low"])
        yield low, value(match["high"]) if match["high"] else low
    yield from (_single(match) for match in _SINGLE.finditer(_NAMED.sub(" ", rest)))


def _spelled_out(match: re.Match[str]) -> str:
    """Return 七八岁 as 7到8岁."""
    tens = value(match["tens"]) if match["tens"] else 0
    return f"{tens + value(match['low']):g}到{tens + value(match['high']):g}"


def _single(match: re.Match[str]) -> Ages:
    unit = match["unit"] or match["english_unit"]
    written = match["number"] or match["english"]
    age = 0.5 * _scale(unit) if written == "半" else _years(written, unit)
    age += 0.5 * _scale(unit) if match["more"] or match["half"] else 0
    around = f"{match['before'] or ''}{match['after'] or ''}"
    if re.search(r"以上|超过|over|above|older", around):
        return age, _OLDEST_YEARS
    if re.search(r"以下|不满|不到|未满|小于|under|below|younger", around):
        return 0.0, age
    return age, age


def _years(written: str, unit: str) -> float:
    return value(written) * _scale(unit)


def _scale(unit: str) -> float:
    return next(years for name, years in _YEARS_PER.items() if name in unit)
