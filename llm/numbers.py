"""Numbers and units as people write and say them: 100 mSv, 一百毫希沃特, two days, 3至18岁.

Every quantity is brought to one spelling, so that an answer can be compared with its passage.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000}
_BIG_SCALES = {"万": 10_000, "亿": 100_000_000}

_SMALL_WORDS = {
    word: value
    for value, word in enumerate(
        re.findall(
            r"\w+",
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen",
        )
    )
}
_TENS_WORDS = {
    word: 10 * value
    for value, word in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2
    )
}
_SCALE_WORDS = {"hundred": 100, "thousand": 1000, "million": 1_000_000}

_HAN_NUMBER = r"[零〇一二两三四五六七八九十百千万亿]+(?:点[零〇一二三四五六七八九]+)?"
_WORD = "|".join((*_SMALL_WORDS, *_TENS_WORDS, *_SCALE_WORDS))
_WORD_NUMBER = rf"(?:{_WORD})(?:(?:[\s-]+(?:and\s+)?)(?:{_WORD}))*"
_ARABIC = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
NUMBER = rf"(?:{_ARABIC})(?:\s*[万亿])?|{_HAN_NUMBER}|\b(?:{_WORD_NUMBER})\b"

_UNITS = {
    "mSv": ("毫希沃特", "毫西弗", "毫希", "millisieverts", "millisievert", "msv"),
    "µSv": ("微希沃特", "微西弗", "微希", "microsieverts", "microsievert", "µsv", "μsv", "usv"),
    "Sv": ("希沃特", "西弗", "sieverts", "sievert", "sv"),
    "mGy": ("毫戈瑞", "毫戈", "milligrays", "milligray", "mgy"),
    "Gy": ("戈瑞", "grays", "gray", "gy"),
    "Bq": ("贝克勒尔", "贝可勒尔", "贝克", "贝可", "becquerels", "becquerel", "bq"),
    "mg": ("毫克", "milligrams", "milligram", "mg"),
    "kg": ("千克", "公斤", "kilograms", "kilogram", "kilos", "kilo", "kg"),
    "g": ("克", "grams", "gram", "g"),
    "km": ("千米", "公里", "kilometres", "kilometers", "kilometre", "kilometer", "km"),
    "cm": ("厘米", "公分", "centimetres", "centimeters", "centimetre", "centimeter", "cm"),
    "m": ("米", "metres", "meters", "metre", "meter", "m"),
    "mile": ("英里", "miles", "mile"),
    "ft": ("英尺", "feet", "foot", "ft"),
    "lb": ("磅", "pounds", "pound", "lbs", "lb"),
    "h": ("个小时", "小时", "个钟头", "钟头", "hours", "hour", "hrs", "h"),
    "min": ("分钟", "minutes", "minute", "mins", "min"),
    "s": ("秒钟", "秒", "seconds", "second", "s"),
    "d": ("天", "日", "days", "day", "d"),
    "week": ("个星期", "星期", "周", "个礼拜", "礼拜", "weeks", "week"),
    "month": ("个月", "月", "months", "month"),
    "age": ("周岁", "岁", "years old", "years of age", "year-old", "year old", "year-olds"),
    "year": ("年", "years", "year"),
    "%": ("%", "percent", "per cent"),
    "times": ("次", "遍", "倍", "times", "fold", "-fold"),
    "tablet": ("片", "粒", "tablets", "tablet", "pills", "pill"),
    "level": ("级", "级别", "levels"),
}
_UNIT_NAMES = {name: unit for unit, names in _UNITS.items() for name in names}
_UNIT = "|".join(re.escape(n) for n in sorted(_UNIT_NAMES, key=len, reverse=True))
_AFTER_UNIT = r"(?![a-z])"
_RANGE = r"\s*(?:-|–|—|~|～|至|到|to|and)\s*"
_QUANTITY = re.compile(
    rf"(?P<first>{NUMBER})(?:\s*-?(?P<first_unit>{_UNIT}){_AFTER_UNIT})?"
    rf"(?:{_RANGE}(?P<second>{NUMBER}))?"
    rf"(?:\s*-?(?P<unit>{_UNIT}){_AFTER_UNIT})?"
)
_PERCENT_BEFORE = re.compile(rf"百分之({NUMBER})")
_LEVEL_BEFORE = re.compile(rf"\blevels?\s+({NUMBER})")
_TENTHS = re.compile(r"([一二三四五六七八九])成")
_IDIOMS = re.compile(
    r"一(?:定|般|旦|起|样|直|些|切|点|下|律|并|次性|层|家|边|侧|体)|万一|万能|统一|唯一|进一步|十分|七嘴八舌|千万"
)
_EN_IDIOMS = re.compile(r"\b(?:no one|one another|one of|each one|any ?one|some ?one|every ?one)\b")


@dataclass(frozen=True, order=True)
class Quantity:
    """A number or a range with its unit; `unit` is empty for a bare number."""

    low: float
    high: float
    unit: str = ""

    def __str__(self) -> str:
        span = f"{self.low:g}" if self.low == self.high else f"{self.low:g}-{self.high:g}"
        return f"{span} {self.unit}".strip()


def quantities(text: str) -> list[Quantity]:
    """Return every number of a text with its unit, in order."""
    text = _EN_IDIOMS.sub(" ", _IDIOMS.sub(" ", _one_form(text)))
    return [q for match in _QUANTITY.finditer(text) for q in _read(match)]


def pieces(text: str) -> Iterator[str | Quantity]:
    """Yield a text in order: its quantities, and what stands between them."""
    text = _EN_IDIOMS.sub(" ", _IDIOMS.sub(" ", _one_form(text)))
    at = 0
    for match in _QUANTITY.finditer(text):
        yield text[at : match.start()]
        yield from _read(match)
        at = match.end()
    yield text[at:]


def without_quantities(text: str) -> str:
    """Return a text without its numbers and their units."""
    return _QUANTITY.sub(" ", _one_form(text))


def _one_form(text: str) -> str:
    """Return the text with 百分之五十, 五成 and level five as 50%, 50% and 5级."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = _PERCENT_BEFORE.sub(lambda m: f"{value(m[1]):g}%", text)
    text = _LEVEL_BEFORE.sub(lambda m: f"{value(m[1]):g}级", text)
    return _TENTHS.sub(lambda m: f"{10 * _DIGITS[m[1]]}%", text)


def _read(match: re.Match[str]) -> Iterator[Quantity]:
    first = value(match["first"])
    unit = _UNIT_NAMES.get(match["unit"] or "", "")
    first_unit = _UNIT_NAMES.get(match["first_unit"] or "", "")
    if match["second"] is None:
        yield Quantity(first, first, first_unit or unit)
        return
    second = value(match["second"])
    if first_unit and unit and first_unit != unit:
        yield Quantity(first, first, first_unit)
        yield Quantity(second, second, unit)
    else:
        yield Quantity(min(first, second), max(first, second), unit or first_unit)


def value(written: str) -> float:
    """Return the value of a number as `NUMBER` finds it: 12, 1,000, 十二 or twelve."""
    written = written.strip()
    if written[0].isascii() and written[0].isdigit():
        scale = _BIG_SCALES.get(written[-1], 1)
        return float(written.rstrip("万亿 ").replace(",", "")) * scale
    if written[0].isascii():
        return _word_value(written)
    whole, _, decimals = written.partition("点")
    fraction = float("0." + "".join(str(_DIGITS[c]) for c in decimals)) if decimals else 0.0
    return _han_value(whole) + fraction


def _han_value(written: str) -> float:
    """Read 一百二十 as 120 and 一二三四五 as 12345."""
    if len(written) > 1 and all(c in _DIGITS for c in written):
        return float("".join(str(_DIGITS[c]) for c in written))
    total = section = digit = 0
    for character in written:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _SCALES:
            section += (digit or 1) * _SCALES[character]
            digit = 0
        else:
            total += (section + digit or 1) * _BIG_SCALES[character]
            section = digit = 0
    return float(total + section + digit)


def _word_value(written: str) -> float:
    total = section = 0
    for word in re.findall(r"[a-z]+", written):
        if word in _SMALL_WORDS:
            section += _SMALL_WORDS[word]
        elif word in _TENS_WORDS:
            section += _TENS_WORDS[word]
        elif word == "hundred":
            section = (section or 1) * 100
        elif word in _SCALE_WORDS:
            total += (section or 1) * _SCALE_WORDS[word]
            section = 0
    return float(total + section)
